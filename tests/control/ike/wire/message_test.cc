#include "control/ike/wire/message.h"

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

const Bytes kNonce32(32, 0x5a), kPublic32(32, 0x17);

IkeHeader Header(ExchangeType exchange, bool response) {
  return {.spi_i = 0x0102030405060708, .spi_r = 0, .exchange = exchange, .initiator = !response, .response = response};
}

std::vector<Payload> SaInit() {
  Proposal p{.number = 1, .protocol = IpsecProtocol::kIke, .spi = {}, .transforms = {
      {.type = TransformType::kEncr, .id = 20, .key_bits = 256},
      {.type = TransformType::kPrf, .id = 5},
      {.type = TransformType::kKe, .id = 31}}};
  return {SaPayload{{p}}, KePayload{KeGroup::kX25519, kPublic32}, NoncePayload{kNonce32}};
}

TEST(Message, RoundTrips) {
  Bytes wire = EncodeMessage(Header(ExchangeType::kIkeSaInit, false), SaInit());
  auto m = DecodeMessage(wire);
  ASSERT_TRUE(m) << Name(m.error().what) << " at " << m.error().offset;
  EXPECT_EQ(m->header.spi_i, 0x0102030405060708u);
  ASSERT_EQ(m->payloads.size(), 3u);
  EXPECT_EQ(m->Get<SaPayload>()->proposals, std::get<SaPayload>(SaInit()[0]).proposals);
  EXPECT_TRUE(Equal(m->Get<KePayload>()->data, kPublic32));
  EXPECT_TRUE(Equal(m->Get<NoncePayload>()->data, kNonce32));
  EXPECT_EQ(EncodeMessage(m->header, m->payloads), wire);
  EXPECT_EQ(CheckGrammar(m->header.exchange, false, m->payloads).verdict, GrammarVerdict::kOk);
}

}  // namespace
}  // namespace culvert::ike
