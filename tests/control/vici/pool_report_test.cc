#include <gtest/gtest.h>

#include "control/vici/pool_report.h"

namespace culvert::control {
namespace {

config::Pool MakePool(const std::string& name, const std::string& range) {
  config::Pool pool;
  pool.name = name;
  pool.addrs = IpRange::Parse(range);
  return pool;
}

pools::Lease Take(pools::LeaseTable& table, const std::string& pool, const std::string& who) {
  auto lease = table.Acquire(std::vector{pool}, {.key = who, .shown = who, .wanted = {}, .peer = {}});
  EXPECT_TRUE(lease) << who;
  return lease ? *std::move(lease) : pools::Lease();
}

TEST(ViciPools, SaysWhatSwanctlReads) {
  pools::LeaseTable table;
  table.Reload(std::vector{MakePool("a", "10.3.0.1-10.3.0.9"), MakePool("b", "10.4.0.1-10.4.0.2")});
  auto one = Take(table, "a", "one"), two = Take(table, "a", "two");
  one.Release();
  const vici::Section plain = DescribePools(table, "", false);
  ASSERT_TRUE(plain.Child("a") && plain.Child("b"));
  const vici::Section& a = *plain.Child("a");
  EXPECT_EQ(a.Get("base"), "10.3.0.1");
  EXPECT_EQ(a.Get("size"), "9");
  EXPECT_EQ(a.Get("online"), "1");
  EXPECT_EQ(a.Get("offline"), "1");
  EXPECT_EQ(a.Get("fresh"), "2");
  EXPECT_EQ(a.Child("leases"), nullptr);

  const vici::Section full = DescribePools(table, "a", true);
  EXPECT_EQ(full.Child("b"), nullptr);
  const vici::Section* leases = full.Child("a")->Child("leases");
  ASSERT_TRUE(leases && leases->Child("0") && leases->Child("1"));
  EXPECT_EQ(leases->Child("0")->Get("address"), "10.3.0.1");
  EXPECT_EQ(leases->Child("0")->Get("identity"), "one");
  EXPECT_EQ(leases->Child("0")->Get("status"), "offline");
  EXPECT_EQ(leases->Child("1")->Get("status"), "online");
  EXPECT_TRUE(DescribePools(table, "nobody", true).items().empty());
}

// libvici closes the connection on a record above 512 KiB.
TEST(ViciPools, ManyLeasesFitInOneRecord) {
  for (const std::string& suffix : {std::string(), std::string(400, 'x')}) {
    pools::LeaseTable table;
    table.Reload(std::vector{MakePool("a", "10.3.0.0-10.3.255.255"), MakePool("b", "10.4.0.0-10.4.0.255")});
    std::vector<pools::Lease> held;
    for (int i = 0; i < 20'000; ++i) held.push_back(Take(table, "a", std::to_string(i) + suffix));
    held.push_back(Take(table, "b", "last"));
    const vici::Section answer = DescribePools(table, "", true);
    EXPECT_EQ(answer.Child("a")->Get("online"), "20000");
    EXPECT_EQ(answer.Child("b")->Get("online"), "1");
    const size_t size = vici::EncodeRecord({vici::PacketType::kCommandResponse, "", answer}).size();
    EXPECT_LT(size, vici::kMaxBody);
    EXPECT_GT(size, vici::kMaxBody / 2);
  }
}

}  // namespace
}  // namespace culvert::control
