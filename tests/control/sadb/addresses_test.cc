#include <algorithm>

#include "tests/control/sadb/sadb_fixture.h"

namespace culvert::sadb {
namespace {

// MOBIKE lives on it; link-local ones are nobody's to go to.
TEST_F(SadbTest, KnowsOwnAddressesAndWhatBecameOfThem) {
  const IpPrefix conf{IpAddress::V4(192, 0, 2, 1), 24}, more{IpAddress::V4(192, 0, 2, 3), 24};
  dataplane->gateway.addresses = {{"wan", conf}, {"wan", {*IpAddress::Parse("fe80::1"), 64}}};
  Sync();
  EXPECT_EQ(own_addresses, (std::vector<std::vector<IpAddress>>{{conf.address}}));
  std::vector<channel::Status> answers;
  auto note = [&answers](channel::Status s) { answers.push_back(s); };
  control->Add({"wan", more}, note);
  Run();
  control->Add({"wan", more}, note);
  control->Remove({"wan", conf}, note);
  control->Remove({"wan", more}, note);
  Run();
  using enum channel::Status;
  EXPECT_EQ(answers, (std::vector{kOk, kExists, kNotFound, kOk}));
}

// Nothing moves because a dataplane that has come back does not know yet what it is to have.
TEST_F(SadbTest, OwnAddressesOutliveTheDataplane) {
  const IpPrefix conf{IpAddress::V4(192, 0, 2, 1), 24}, more{IpAddress::V4(192, 0, 2, 3), 24};
  dataplane->gateway.addresses = {{"wan", conf}};
  Sync();
  control->Add({"wan", more});
  Run();
  own_addresses.clear();
  dataplane.reset();
  StartDataplane();
  dataplane->gateway.addresses = {{"wan", conf}};
  Run(seconds(2));
  ASSERT_TRUE(control->synced());
  ASSERT_FALSE(own_addresses.empty());
  for (const auto& own : own_addresses) EXPECT_TRUE(std::ranges::contains(own, more.address));
  EXPECT_TRUE(dataplane->gateway.addresses.contains({"wan", more}));
  auto status = channel::Status::kBusy;
  control->Remove({"wan", more}, [&status](channel::Status s) { status = s; });
  Run();
  EXPECT_EQ(status, channel::Status::kOk);
}

}  // namespace
}  // namespace culvert::sadb
