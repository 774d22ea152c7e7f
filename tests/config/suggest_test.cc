#include "config/suggest.h"

#include <gtest/gtest.h>

namespace culvert::config {
namespace {

TEST(DidYouMean, Table) {
  const std::string_view names[] = {"version", "local_addrs", "remote_addrs", "dpd_delay", "mtu"};
  struct Case {
    std::string_view text, expect;
  };
  const Case cases[] = {
      {"versoin", "; did you mean \"version\"?"},
      {"Version", "; did you mean \"version\"?"},
      {"local_addr", "; did you mean \"local_addrs\"?"},
      {"remote_adresses", "; did you mean \"remote_addrs\"?"},
      {"dpddelay", "; did you mean \"dpd_delay\"?"},
      {"mut", "; did you mean \"mtu\"?"},
      {"xyz", ""},
      {"", ""},
      {"entirely_else", ""},
  };
  for (auto& c : cases) EXPECT_EQ(DidYouMean(c.text, names), c.expect) << c.text;
  EXPECT_EQ(DidYouMean(std::string(100000, 'v'), names), "");
}

}  // namespace
}  // namespace culvert::config
