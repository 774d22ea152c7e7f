#include "control/ike/sa/sa_registry.h"

#include <gtest/gtest.h>

#include "control/ike/sa/ike_sa.h"

namespace culvert::ike {
namespace {

TEST(SaRegistry, FindsByIdAndSpisUntilBuried) {
  IkeId next = 1;
  SaRegistry r{next};
  IkeSa& sa = r.Create();
  IkeId id = sa.id;
  sa.initiator = true;
  sa.spi_i = 7;
  r.Index(sa);
  EXPECT_EQ(r.Find(id), &sa);
  EXPECT_EQ(r.FindBySpi(7, 0), &sa);
  EXPECT_TRUE(r.SpiInUse(7));
  sa.spi_r = 9;
  r.IndexAlso(sa, 9);
  EXPECT_EQ(r.FindBySpi(7, 0), &sa);
  EXPECT_EQ(r.FindBySpi(7, 9), &sa);
  r.Index(sa);
  EXPECT_EQ(r.FindBySpi(7, 0), nullptr);
  EXPECT_EQ(r.FindBySpi(7, 9), &sa);
  r.IndexChild(3, sa);
  r.IndexJob(4, sa);
  EXPECT_EQ(r.OwnerOf(3), &sa);
  r.Bury(sa);
  r.Bury(sa);   // once is enough
  EXPECT_EQ(r.Find(id), nullptr);
  EXPECT_EQ(r.FindBySpi(7, 9), nullptr);
  EXPECT_EQ(r.OwnerOf(3), nullptr);
  EXPECT_EQ(r.TakeJobOwner(4), nullptr);
  EXPECT_FALSE(r.SpiInUse(7));
  EXPECT_EQ(r.size(), 1u);   // until no handler can hold it any more
  r.Reap();
  EXPECT_EQ(r.size(), 0u);
}

IkeSa& Named(SaRegistry& r, const std::string& connection, const char* peer) {
  config::Connection c;
  c.name = connection;
  IkeSa& sa = r.Create();
  sa.connection = std::make_shared<const config::Connection>(std::move(c));
  sa.local_id = *Identity::Parse("gw.example.org");
  sa.remote_id = *Identity::Parse(peer);
  r.IndexNames(sa);
  return sa;
}

TEST(SaRegistry, FindsByConnectionAndIdentitiesAsTheyWereLastTold) {
  IkeId next = 1;
  SaRegistry r{next};
  auto any = [](const IkeSa&) { return true; };
  IkeSa &a = Named(r, "one", "a.example.org"), &b = Named(r, "one", "a.example.org"), &c = Named(r, "two", "b.example.org");
  EXPECT_EQ(r.FindOfConnection("one", any), &a);
  EXPECT_EQ(r.FindOfConnection("one", [&](const IkeSa& sa) { return &sa != &a; }), &b);
  EXPECT_EQ(r.FindOfConnection("three", any), nullptr);
  EXPECT_EQ(r.OthersLike(a), std::vector<IkeSa*>{&b});
  EXPECT_TRUE(r.OthersLike(c).empty());
  c.remote_id = a.remote_id;
  r.IndexNames(c);
  EXPECT_EQ(r.OthersLike(c), (std::vector<IkeSa*>{&a, &b}));
  r.Bury(a);
  EXPECT_EQ(r.FindOfConnection("one", any), &b);
  EXPECT_EQ(r.OthersLike(c), std::vector<IkeSa*>{&b});
}

TEST(SaRegistry, IdsAreNeverUsedTwice) {
  IkeId next = 1;
  SaRegistry r{next};
  IkeId first = r.Create().id;
  r.Bury(*r.Find(first));
  r.Reap();
  EXPECT_NE(r.Create().id, first);
}

TEST(SaRegistry, AJobHasItsOwnerOnce) {
  IkeId next = 1;
  SaRegistry r{next};
  IkeSa& sa = r.Create();
  r.IndexJob(1, sa);
  EXPECT_EQ(r.TakeJobOwner(1), &sa);
  EXPECT_EQ(r.TakeJobOwner(1), nullptr);
}

}  // namespace
}  // namespace culvert::ike
