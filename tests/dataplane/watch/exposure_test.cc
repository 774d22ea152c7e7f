#include "dataplane/watch/exposure.h"

#include <gtest/gtest.h>

namespace culvert::dp {
namespace {

constexpr uint16_t kWhole = 200, kHeaders = 42;

struct Case {
  const char* name;
  PathRecord record;
  Place place;
  size_t without, with;
};

TEST(Exposed, ByWhatBecameOfThePacket) {
  auto record = [](auto... set) {
    PathRecord r{};
    for (PathFrame& f : r.frames) f = {.tsc = 0, .port = 0, .length = kWhole, .captured = kWhole, .headers = kHeaders, .readable = false};
    r.exit = Exit::kTransmitted;
    (set(r), ...);
    return r;
  };
  auto ipsec = [](PathRecord& r) { r.ipsec = true; };
  auto opened = [](PathRecord& r) { r.opened = true; };
  auto sealed = [](PathRecord& r) { r.sealed = true; };
  auto protect = [](PathRecord& r) { r.protected_ = true; };
  auto own = [](PathRecord& r) { r.own = true; };
  auto handed = [](PathRecord& r) { r.exit = Exit::kHandedOver; };
  auto held = [](PathRecord& r) { r.exit = Exit::kHeld; };
  auto inlined = [](PathRecord& r) {
    for (PathFrame& f : r.frames) f.readable = true;
  };
  auto inner = [](PathRecord& r) {
    for (PathFrame& f : r.frames) f.inner = f.readable = true;
  };
  const Case cases[] = {
      {"forwarded in clear, in", record(), Place::kReceived, kHeaders, kWhole},
      {"forwarded in clear, out", record(), Place::kSent, kHeaders, kWhole},
      {"IKE", record(own), Place::kReceived, kWhole, kWhole},
      {"sealed, before", record(sealed), Place::kReceived, 0, kWhole},
      {"sealed, inside", record(sealed), Place::kInside, 0, kWhole},
      {"sealed, after", record(sealed), Place::kSent, kWhole, kWhole},
      {"to be sealed elsewhere, or for want of an SA not at all", record(protect), Place::kReceived, 0, kWhole},
      {"opened, before", record(ipsec, opened), Place::kReceived, kWhole, kWhole},
      {"opened, inside", record(ipsec, opened), Place::kInside, 0, kWhole},
      {"opened, after", record(ipsec, opened), Place::kSent, 0, kWhole},
      {"opened elsewhere, after", record(opened), Place::kSent, 0, kWhole},
      {"opened and sealed again, after", record(ipsec, opened, sealed), Place::kSent, kWhole, kWhole},
      {"not opened", record(ipsec), Place::kReceived, kHeaders, kHeaders},
      {"to be opened elsewhere", record(ipsec, handed), Place::kReceived, 0, 0},
      {"a fragment that waits", record(held), Place::kReceived, kHeaders, kHeaders},
      {"sealed by the port, as it goes there", record(sealed, inlined), Place::kSent, kHeaders, kWhole},
      {"opened by the port, as it comes from there", record(ipsec, opened, inlined), Place::kReceived, kHeaders, kWhole},
      {"opened by the port, inside", record(ipsec, opened, inlined), Place::kInside, 0, kWhole},
      {"opened by the port, after", record(ipsec, opened, inlined), Place::kSent, 0, kWhole},
      {"opened by the port, and its ICV was wrong", record(ipsec, inlined), Place::kReceived, kHeaders, kHeaders},
      {"whole the port's, as it goes there", record(sealed, inner), Place::kSent, 0, kWhole},
      {"whole the port's, as it comes from there", record(ipsec, opened, inner), Place::kReceived, 0, kWhole},
      {"whole the port's, and its ICV was wrong", record(ipsec, inner), Place::kReceived, 0, 0},
      {"whole the port's, and taken by another worker", record(ipsec, handed, inner), Place::kReceived, 0, 0},
      {"lent to be opened", record(ipsec, held), Place::kReceived, kHeaders, kHeaders},
      {"lent to be sealed", record(sealed, held), Place::kReceived, 0, kWhole},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Exposed(c.record, c.place, false), c.without) << c.name;
    EXPECT_EQ(Exposed(c.record, c.place, true), c.with) << c.name;
  }
}

TEST(Exposed, NoMoreThanWasTaken) {
  PathRecord r{};
  r.frames[0] = {.tsc = 0, .port = 0, .length = 1500, .captured = 30, .headers = 42, .readable = false};
  EXPECT_EQ(Exposed(r, Place::kReceived, false), 30u);
  EXPECT_EQ(Exposed(r, Place::kSent, true), 0u);
}

}  // namespace
}  // namespace culvert::dp
