#include <gtest/gtest.h>

#include "control/ike/core.h"
#include "control/ike/counters.h"
#include "control/ike/wire/v1/message.h"
#include "tests/support/fake_spis.h"
#include "tests/support/seeded_random.h"

// A build without IKEv1 (`meson configure -Dikev1=false`): nothing of it is linked here.
namespace culvert::ike {
namespace {

class WithoutIkev1 : public testing::Test {
 protected:
  WithoutIkev1() {
    config::Connection c{.name = "old", .version = 1, .remote_addrs = {"192.0.2.2"}};
    c.children.push_back({.name = "net"});
    control_.connections.push_back(c);
    core_.Handle(ConfigChanged{}, Time{}, actions_);
  }

  config::Control control_;
  SeededRandom random_{1};
  FakeSpis spis_{2};
  Core core_{control_, random_, spis_};
  Actions actions_;
};

TEST_F(WithoutIkev1, DropsItsMessagesInSilence) {
  const v1::Payload offer = v1::SaPayload{};
  DatagramIn d{{*IpAddress::Parse("192.0.2.1"), 500}, {*IpAddress::Parse("192.0.2.2"), 500}, false, {}};
  d.data = v1::EncodeMessage({.cookie_i = 7}, {&offer, 1});
  core_.Handle(std::move(d), Time{}, actions_);
  EXPECT_TRUE(actions_.empty());
  EXPECT_EQ(core_.counters()[Count::kOldVersion], 1u);
}

TEST_F(WithoutIkev1, SaysSoToAnOperator) {
  core_.Handle(Initiate{.request = 3, .ike = "old", .child = "net"}, Time{}, actions_);
  ASSERT_EQ(actions_.size(), 1u);
  const auto& reply = std::get<Reply>(actions_[0]);
  EXPECT_FALSE(reply.ok);
  EXPECT_EQ(reply.error, "this build does not speak IKEv1");
}

}  // namespace
}  // namespace culvert::ike
