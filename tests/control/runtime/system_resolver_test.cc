#include "control/runtime/system_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace culvert::control {
namespace {

TEST(SystemResolver, KnowsThisHostAndSaysWhyItDoesNotKnowAnother) {
  SystemResolver resolver;
  EXPECT_THAT(resolver.Resolve("localhost").addresses, testing::Contains(*IpAddress::Parse("127.0.0.1")));
  // RFC 6761 6.4: a name that never is.
  const auto nowhere = resolver.Resolve("nowhere.invalid");
  EXPECT_TRUE(nowhere.addresses.empty());
  EXPECT_FALSE(nowhere.why.empty());
}

}  // namespace
}  // namespace culvert::control
