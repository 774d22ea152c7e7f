#include "control/pools/lease_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>

namespace culvert::pools {
namespace {

IpAddress A(const std::string& text) { return *IpAddress::Parse(text); }
const IpAddress kAny4 = IpAddress::Any(Family::kV4), kAny6 = IpAddress::Any(Family::kV6);

config::Pool MakePool(const std::string& name, const std::string& range) {
  config::Pool pool;
  pool.name = name;
  if (!range.empty()) pool.addrs = *IpRange::Parse(range);
  return pool;
}

class LeaseTableTest : public testing::Test {
 protected:
  void Load(std::vector<config::Pool> pools) { table.Reload(pools); }
  // The address, or the refusal in words.
  std::string Take(const std::string& who, const IpAddress& wanted = kAny4, const std::string& from = "192.0.2.1",
                   std::vector<std::string> names = {"p"}) {
    auto lease = table.Acquire(names, {.key = who, .shown = who, .wanted = wanted, .peer = A(from)});
    if (!lease) return std::string(Name(lease.error()));
    std::string address = lease->address().ToString();
    held.emplace(address, std::move(*lease));
    return address;
  }
  void Give(const std::string& address) {
    auto it = held.find(address);
    ASSERT_NE(it, held.end()) << address;
    held.erase(it);
  }
  PoolView View(size_t i = 0) { return table.Pools().at(i); }

  LeaseTable table;
  std::multimap<std::string, Lease> held;
};

constexpr const char* kExhausted = "every address is leased";

TEST_F(LeaseTableTest, AnIdentityFindsItsAddressAgain) {
  Load({MakePool("p", "10.3.0.1-10.3.0.3")});
  EXPECT_EQ(Take("a"), "10.3.0.1");
  EXPECT_EQ(Take("b"), "10.3.0.2");
  Give("10.3.0.1");
  EXPECT_EQ(Take("c"), "10.3.0.3");
  EXPECT_EQ(Take("a"), "10.3.0.1");
  EXPECT_EQ(View().counters.returned, 1u);
  EXPECT_EQ(View().counters.fresh, 3u);
}

TEST_F(LeaseTableTest, TheLongestOfflineGoesToOthersOnlyWhenNothingIsFresh) {
  Load({MakePool("p", "10.3.0.1-10.3.0.3")});
  for (const char* who : {"a", "b", "c"}) Take(who);
  Give("10.3.0.2");
  Give("10.3.0.1");
  EXPECT_EQ(Take("d"), "10.3.0.2");
  EXPECT_EQ(Take("e"), "10.3.0.1");
  EXPECT_EQ(Take("f"), kExhausted);
  Give("10.3.0.3");
  EXPECT_EQ(Take("a"), "10.3.0.3");   // its own went to another
  EXPECT_EQ(View().counters.reused, 3u);
  EXPECT_EQ(View().counters.refused, 1u);
  EXPECT_EQ(View().online, 3u);
  EXPECT_EQ(View().offline, 0u);
}

TEST_F(LeaseTableTest, AnAddressAskedForByNumber) {
  Load({MakePool("p", "10.3.0.1-10.3.0.9")});
  EXPECT_EQ(Take("a", A("10.3.0.2")), "10.3.0.2");
  EXPECT_EQ(Take("b"), "10.3.0.1");
  EXPECT_EQ(Take("c"), "10.3.0.3");                          // .2 is passed over
  EXPECT_EQ(Take("d", A("10.3.0.2")), "10.3.0.4");           // another's
  Give("10.3.0.2");
  EXPECT_EQ(Take("e", A("10.3.0.2")), "10.3.0.5");           // kept for another
  EXPECT_EQ(Take("a", A("10.3.0.2")), "10.3.0.2");
  EXPECT_EQ(Take("f", A("10.9.0.1")), "10.3.0.6");           // nobody's to give
}

TEST_F(LeaseTableTest, OneIdentityOnSeveralDevices) {
  Load({MakePool("p", "10.3.0.1-10.3.0.9")});
  EXPECT_EQ(Take("a", kAny4, "192.0.2.1"), "10.3.0.1");
  EXPECT_EQ(Take("a", kAny4, "192.0.2.2"), "10.3.0.2");
  EXPECT_EQ(Take("a", A("10.3.0.1"), "192.0.2.2"), "10.3.0.3");  // from elsewhere: the other device has it
  EXPECT_EQ(Take("b", A("10.3.0.1"), "192.0.2.1"), "10.3.0.4");
  // Authenticating again, while the older SA is still there.
  EXPECT_EQ(Take("a", A("10.3.0.1"), "192.0.2.1"), "10.3.0.1");
  EXPECT_EQ(View().counters.shared, 1u);
  EXPECT_EQ(View().online, 4u);
  Give("10.3.0.1");
  EXPECT_EQ(View().online, 4u);
  Give("10.3.0.1");
  EXPECT_EQ(View().online, 3u);
  EXPECT_EQ(View().offline, 1u);
}

TEST_F(LeaseTableTest, SeveralPools) {
  Load({MakePool("p", "10.3.0.1-10.3.0.2"), MakePool("q", "10.4.0.1-10.4.0.1"), MakePool("six", "2001:db8::1-2001:db8::2"),
        MakePool("attributes", "")});
  const std::vector<std::string> all = {"nobody", "attributes", "six", "p", "q"};
  EXPECT_EQ(Take("a", kAny4, "192.0.2.1", all), "10.3.0.1");
  EXPECT_EQ(Take("b", kAny4, "192.0.2.1", all), "10.3.0.2");
  Give("10.3.0.1");
  EXPECT_EQ(Take("c", kAny4, "192.0.2.1", all), "10.4.0.1");   // fresh in the second before used in the first
  EXPECT_EQ(Take("d", kAny4, "192.0.2.1", all), "10.3.0.1");
  EXPECT_EQ(Take("e", kAny4, "192.0.2.1", all), kExhausted);
  EXPECT_EQ(Take("a", kAny6, "192.0.2.1", all), "2001:db8::1");
  EXPECT_EQ(Take("a", kAny6, "192.0.2.1", {"p"}), "no pool has addresses of that family");
  EXPECT_EQ(Take("a", kAny4, "192.0.2.1", {"nobody"}), "no pool has addresses of that family");
  EXPECT_EQ(table.Pools().size(), 3u);
}

TEST_F(LeaseTableTest, LeasesOutliveAReload) {
  Load({MakePool("p", "10.3.0.1-10.3.0.9")});
  for (const char* who : {"a", "b", "c", "d"}) Take(who);
  Give("10.3.0.2");
  Give("10.3.0.1");
  Give("10.3.0.4");
  // Smaller, under another name, and begun anew: what is leased stays so.
  Load({MakePool("r", "10.3.0.1-10.3.0.2")});
  EXPECT_EQ(View().offline, 2u);
  EXPECT_EQ(View().online, 0u);
  EXPECT_EQ(Take("x", kAny4, "192.0.2.1", {"r"}), "10.3.0.2");   // offline for longest, as before
  EXPECT_EQ(Take("a", kAny4, "192.0.2.1", {"r"}), "10.3.0.1");
  EXPECT_EQ(Take("y", kAny4, "192.0.2.1", {"r"}), kExhausted);
  EXPECT_EQ(View().counters.fresh, 0u);                          // of another name
  // c's 10.3.0.3 is in no pool, but online: once a pool has it again it is c's.
  Load({MakePool("p", "10.3.0.3-10.3.0.4")});
  EXPECT_EQ(View().online, 1u);
  EXPECT_EQ(Take("z", A("10.3.0.3")), "10.3.0.4");               // d's was forgotten
  EXPECT_EQ(Take("z"), kExhausted);
  Give("10.3.0.3");
  EXPECT_EQ(View().offline, 1u);
  // Strays end with their holders.
  Load({});
  Give("10.3.0.4");
  Give("10.3.0.2");
  Load({MakePool("p", "10.3.0.1-10.3.0.4")});
  EXPECT_EQ(View().offline, 0u);
  EXPECT_EQ(View().online, 1u);                                  // a's
}

TEST_F(LeaseTableTest, CountersStayWithTheName) {
  Load({MakePool("p", "10.3.0.1-10.3.0.9")});
  Take("a");
  Load({MakePool("p", "10.3.0.1-10.3.0.99")});
  EXPECT_EQ(View().counters.fresh, 1u);
  EXPECT_EQ(View().size, 99u);
}

TEST_F(LeaseTableTest, Views) {
  Load({MakePool("p", "10.3.0.1-10.3.0.9"), MakePool("six", "2001:db8::-2001:db8:0:1::")});
  Take("a");
  Take("b");
  Give("10.3.0.1");
  EXPECT_EQ(View().name, "p");
  EXPECT_EQ(View().base, A("10.3.0.1"));
  EXPECT_EQ(View().size, 9u);
  EXPECT_EQ(View(1).size, ~uint64_t{0});
  const auto leases = table.Leases("p", 10);
  ASSERT_EQ(leases.size(), 2u);
  EXPECT_EQ(leases[0].identity, "a");
  EXPECT_FALSE(leases[0].online);
  EXPECT_EQ(leases[1].address, A("10.3.0.2"));
  EXPECT_TRUE(leases[1].online);
  EXPECT_EQ(table.Leases("p", 1).size(), 1u);
  EXPECT_TRUE(table.Leases("nobody", 10).empty());
}

TEST_F(LeaseTableTest, AddressesCarryOver) {
  Load({MakePool("p", "10.3.0.254-10.3.1.1"), MakePool("six", "2001:db8::ffff:ffff:ffff:fffe-2001:db8:0:1::2")});
  for (const char* want : {"10.3.0.254", "10.3.0.255", "10.3.1.0", "10.3.1.1", kExhausted}) EXPECT_EQ(Take(want), want);
  for (const char* want : {"2001:db8::ffff:ffff:ffff:fffe", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::"}) {
    EXPECT_EQ(Take(want, kAny6, "192.0.2.1", {"six"}), want);
  }
  EXPECT_EQ(View(1).size, 5u);
}

TEST_F(LeaseTableTest, LeasesMove) {
  Load({MakePool("p", "10.3.0.1-10.3.0.2")});
  const std::vector<std::string> names = {"p"};
  Lease a = *table.Acquire(names, {.key = "a", .shown = "a", .wanted = kAny4, .peer = A("192.0.2.1")});
  Lease b = *table.Acquire(names, {.key = "b", .shown = "b", .wanted = kAny4, .peer = A("192.0.2.1")});
  a = std::move(b);
  EXPECT_EQ(a.address(), A("10.3.0.2"));
  EXPECT_EQ(a.pool(), "p");
  EXPECT_FALSE(b);  // NOLINT: moved from is empty
  EXPECT_EQ(View().online, 1u);
  Lease shared = a.Share();
  EXPECT_EQ(shared.address(), a.address());
  a.Release();
  a.Release();
  EXPECT_EQ(View().online, 1u);
  EXPECT_FALSE(a.Share());
  shared.Release();
  EXPECT_EQ(View().online, 0u);
  EXPECT_TRUE(table.HasAddresses(std::vector<std::string>{"nobody", "p"}));
  EXPECT_FALSE(table.HasAddresses(std::vector<std::string>{"nobody"}));
}

// The same rules, written with nothing but a list of addresses that is looked through from end to end.
class SlowTable {
 public:
  struct Entry {
    IpAddress address, peer;
    std::string owner, pool;
    unsigned holders = 0;
    uint64_t released = 0;
  };
  std::map<std::string, std::pair<uint32_t, uint32_t>> ranges;
  std::vector<Entry> entries;
  uint64_t clock = 0;

  std::string PoolOf(const IpAddress& a) const {
    for (auto& [name, range] : ranges) {
      if (a.v4() >= range.first && a.v4() <= range.second) return name;
    }
    return "";
  }
  void Reload() {
    for (Entry& e : entries) e.pool = PoolOf(e.address);
    std::erase_if(entries, [](const Entry& e) { return e.pool.empty() && e.holders == 0; });
  }
  Entry* Find(const IpAddress& a) {
    for (Entry& e : entries) {
      if (e.address == a) return &e;
    }
    return nullptr;
  }
  std::optional<IpAddress> Acquire(const std::vector<std::string>& names, const std::string& who, const IpAddress& wanted,
                                   const IpAddress& peer) {
    auto online = [&](Entry& e) {
      e.owner = who;
      e.peer = peer;
      ++e.holders;
      return e.address;
    };
    for (auto& name : names) {
      if (!ranges.contains(name)) continue;
      if (PoolOf(wanted) == name) {
        Entry* e = Find(wanted);
        if (!e) return online(entries.emplace_back(Entry{.address = wanted, .pool = name}));
        if (e->owner == who && (e->holders == 0 || e->peer == peer)) return online(*e);
      }
      Entry* latest = nullptr;
      for (Entry& e : entries) {
        bool mine = e.pool == name && e.owner == who && e.holders == 0;
        if (mine && (!latest || e.released > latest->released)) latest = &e;
      }
      if (latest) return online(*latest);
    }
    for (auto& name : names) {
      if (!ranges.contains(name)) continue;
      for (uint32_t a = ranges[name].first; a <= ranges[name].second; ++a) {
        if (!Find(IpAddress::V4(a))) return online(entries.emplace_back(Entry{.address = IpAddress::V4(a), .pool = name}));
      }
    }
    for (auto& name : names) {
      Entry* oldest = nullptr;
      for (Entry& e : entries) {
        if (e.pool == name && e.holders == 0 && (!oldest || e.released < oldest->released)) oldest = &e;
      }
      if (oldest) return online(*oldest);
    }
    return std::nullopt;
  }
  void Release(const IpAddress& a) {
    Entry* e = Find(a);
    e->released = ++clock;
    if (--e->holders == 0 && e->pool.empty()) std::erase_if(entries, [&](const Entry& x) { return x.address == a; });
  }
};

TEST(LeaseTableRandom, AgreesWithASlowTable) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    LeaseTable table;
    SlowTable slow;
    std::vector<Lease> held;
    auto reload = [&] {
      // Cuts of 10.0.0.0/26 that do not overlap, named in either order.
      const uint32_t base = A("10.0.0.0").v4(), cut = 12 + below(40);
      std::vector<config::Pool> pools = {MakePool(below(2) ? "p" : "r", ""), MakePool("q", "")};
      pools[0].addrs = IpRange{IpAddress::V4(base + below(8)), IpAddress::V4(base + cut - 1 - below(4))};
      pools[1].addrs = IpRange{IpAddress::V4(base + cut), IpAddress::V4(base + cut + below(16))};
      slow.ranges.clear();
      for (auto& p : pools) slow.ranges[p.name] = {p.addrs->first.v4(), p.addrs->last.v4()};
      table.Reload(pools);
      slow.Reload();
    };
    reload();
    for (int step = 0; step < 1500; ++step) {
      const uint32_t what = below(100);
      if (what < 55) {
        std::string who(1, static_cast<char>('a' + below(24)));
        const IpAddress wanted = below(3) ? kAny4 : IpAddress::V4(A("10.0.0.0").v4() + below(70));
        const IpAddress peer = IpAddress::V4(192, 0, 2, static_cast<uint8_t>(below(3)));
        std::vector<std::string> names = {"p", "q", "r"};
        std::ranges::shuffle(names, random);
        names.resize(1 + below(3));
        auto got = table.Acquire(names, {.key = who, .shown = who, .wanted = wanted, .peer = peer});
        auto want = slow.Acquire(names, who, wanted, peer);
        ASSERT_EQ(got.has_value(), want.has_value()) << "seed " << seed << " step " << step;
        if (!got) continue;
        ASSERT_EQ(got->address().ToString(), want->ToString()) << "seed " << seed << " step " << step;
        held.push_back(std::move(*got));
      } else if (what < 99 && !held.empty()) {
        const size_t i = below(static_cast<uint32_t>(held.size()));
        slow.Release(held[i].address());
        held.erase(held.begin() + i);
      } else if (what == 99) {
        reload();
      }
    }
    uint64_t online = 0, want_online = 0;
    for (const PoolView& p : table.Pools()) online += p.online;
    for (const auto& e : slow.entries) want_online += e.holders && !e.pool.empty() ? 1 : 0;
    EXPECT_EQ(online, want_online) << "seed " << seed;
  }
}

// 200,000 addresses, each taken, given back and taken again by its owner: seconds if any step looked at the others.
TEST(LeaseTableLarge, NoStepLooksAtTheOthers) {
  LeaseTable table;
  table.Reload(std::vector{MakePool("p", "10.0.0.0-10.3.13.63")});
  constexpr size_t kMany = 200'000;
  ASSERT_EQ(table.Pools()[0].size, kMany);
  const std::vector<std::string> names = {"p"};
  auto ask = [&](const std::string& who) {
    return table.Acquire(names, {.key = who, .shown = who, .wanted = kAny4, .peer = A("192.0.2.1")});
  };
  std::vector<Lease> held;
  for (size_t i = 0; i < kMany; ++i) held.push_back(*ask(std::to_string(i)));
  EXPECT_FALSE(ask("late"));
  const IpAddress last = held.back().address();
  held.clear();
  EXPECT_EQ(ask(std::to_string(kMany - 1))->address(), last);
  for (size_t i = 0; i < kMany; ++i) held.push_back(*ask("shared"));   // one identity on all of them
  EXPECT_FALSE(ask("late"));
  EXPECT_EQ(table.Pools()[0].online, kMany);
}

}  // namespace
}  // namespace culvert::pools
