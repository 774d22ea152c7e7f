#include "config/selectors.h"

#include <gtest/gtest.h>

namespace culvert::config {
namespace {

Ts Of(const char* range, uint8_t protocol = 0, uint16_t first = 0, uint16_t last = 65535) {
  return {.selector = {*IpRange::Parse(range), protocol, first, last}};
}
Ts Dynamic(uint8_t protocol = 0, uint16_t first = 0, uint16_t last = 65535) {
  return {.dynamic = true, .selector = {{}, protocol, first, last}};
}

TEST(Selectors, OfWhichWhatLiesAtAHostIsKept) {
  struct {
    const char* what;
    std::vector<Ts> written;
    const char *host, *kept;
  } const rows[] = {
      {"nothing is all of it", {}, "192.0.2.1", "192.0.2.1/32"},
      {"so is dynamic", {Dynamic()}, "2001:db8::1", "2001:db8::1/128"},
      {"protocol and port stay", {Dynamic(6, 179, 179)}, "192.0.2.1", "192.0.2.1/32[tcp/179]"},
      {"a net around it", {Of("192.0.2.0/24", 17, 1701, 1701)}, "192.0.2.1", "192.0.2.1/32[udp/1701]"},
      {"itself", {Of("192.0.2.1/32")}, "192.0.2.1", "192.0.2.1/32"},
      {"the net beside it", {Of("192.0.3.0/24")}, "192.0.2.1", ""},
      {"the other family", {Of("0.0.0.0/0")}, "2001:db8::1", ""},
      {"of several those that reach it", {Of("10.0.0.0/8"), Of("192.0.2.0/25", 6), Dynamic(17)}, "192.0.2.1",
       "192.0.2.1/32[tcp] 192.0.2.1/32[udp]"},
      {"the same but once", {Of("192.0.0.0/16"), Of("192.0.2.0/24"), Dynamic()}, "192.0.2.1", "192.0.2.1/32"},
  };
  for (const auto& row : rows) EXPECT_EQ(ToString(AtHost(row.written, *IpAddress::Parse(row.host))), row.kept) << row.what;
}

// What a child protects before it has an SA: "-" where that cannot be known.
std::string Shown(ChildMode mode, std::vector<std::string> local_addrs, std::vector<std::string> remote_addrs, std::vector<Ts> local,
                  std::vector<Ts> remote) {
  Connection c;
  c.local_addrs = std::move(local_addrs);
  c.remote_addrs = std::move(remote_addrs);
  Child child;
  child.mode = mode;
  child.local_ts = std::move(local);
  child.remote_ts = std::move(remote);
  auto all = ProtectedBy(c, child);
  return all ? ToString(all->local) + " === " + ToString(all->remote) : "-";
}

TEST(Selectors, AreKnownBeforeThereIsAnSaOrNot) {
  constexpr auto kTunnel = ChildMode::kTunnel, kTransport = ChildMode::kTransport;
  const std::vector<std::string> a = {"192.0.2.1"}, b = {"192.0.2.2"};
  EXPECT_EQ(Shown(kTunnel, a, b, {Of("10.1.0.0/24")}, {Of("10.2.0.0/24")}), "10.1.0.0/24 === 10.2.0.0/24");
  EXPECT_EQ(Shown(kTunnel, a, b, {Dynamic()}, {Of("10.2.0.0/24")}), "-");
  EXPECT_EQ(Shown(kTransport, a, b, {Dynamic()}, {Dynamic(6, 179, 179)}), "192.0.2.1/32 === 192.0.2.2/32[tcp/179]");
  EXPECT_EQ(Shown(kTransport, a, b, {Of("192.0.2.0/24")}, {Of("0.0.0.0/0")}), "192.0.2.1/32 === 192.0.2.2/32");
  EXPECT_EQ(Shown(kTransport, a, b, {Of("10.1.0.0/24")}, {Dynamic()}), "-");
  EXPECT_EQ(Shown(kTransport, {"%any"}, b, {Dynamic()}, {Dynamic()}), "-");
  EXPECT_EQ(Shown(kTransport, {}, b, {Dynamic()}, {Dynamic()}), "-");
  EXPECT_EQ(Shown(kTransport, a, {"gw.example.org"}, {Dynamic()}, {Dynamic()}), "-");
  EXPECT_EQ(Shown(kTransport, a, {"192.0.2.2", "192.0.2.3"}, {Dynamic()}, {Dynamic()}), "-");
  for (auto shunt : {ChildMode::kPass, ChildMode::kDrop}) {
    EXPECT_EQ(Shown(shunt, a, b, {Of("10.1.0.0/24")}, {Of("fd00::/8", 6, 22, 22)}), "10.1.0.0/24 === fd00::/8[tcp/22]");
    EXPECT_EQ(Shown(shunt, a, b, {Dynamic()}, {Dynamic(6, 22, 22)}), "0.0.0.0/0 ::/0 === 0.0.0.0/0[tcp/22] ::/0[tcp/22]");
  }
}

}  // namespace
}  // namespace culvert::config
