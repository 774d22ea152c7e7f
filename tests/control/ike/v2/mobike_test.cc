#include "control/ike/v2/mobike.h"

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

// RFC 4555 4.2.6: what one side writes, the other takes, and with any octet of either address or port changed it does not.
TEST(NoNatsAllowed, HoldsForTheVeryAddressesOnly) {
  struct Ends {
    Endpoint from, to;
    size_t size;
  };
  const Ends all[] = {
      {{IpAddress::V4(192, 0, 2, 1), 500, 0}, {IpAddress::V4(192, 0, 2, 2), 4500, 0}, 12},
      {{*IpAddress::Parse("2001:db8::1"), 500, 0}, {*IpAddress::Parse("2001:db8::2"), 4500, 0}, 36},
  };
  for (const Ends& e : all) {
    PayloadList list;
    ForbidNats(Path{.local = e.from, .remote = e.to}, list);
    const std::vector<Payload> payloads(list.view().begin(), list.view().end());
    EXPECT_EQ(std::get<NotifyPayload>(payloads.at(0)).data.size(), e.size);
    const IkeHeader header;
    auto allowed = [&](const Endpoint& remote, const Endpoint& local) {
      const DatagramIn d{local, remote, false, {}};
      return NatsAsAllowed(Inbound{d, header, payloads, MessageForm::kNone, {}, {}});
    };
    EXPECT_TRUE(allowed(e.from, e.to));
    EXPECT_FALSE(allowed(e.to, e.from));
    Endpoint other = e.from;
    ++other.port;
    EXPECT_FALSE(allowed(other, e.to));
    other = e.to;
    other.address.octets[3] ^= 1;
    EXPECT_FALSE(allowed(e.from, other));
  }
}

}  // namespace
}  // namespace culvert::ike
