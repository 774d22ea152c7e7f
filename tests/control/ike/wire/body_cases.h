#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <span>

#include "common/bytes/hex.h"
#include "control/ike/wire/chain.h"
#include "control/ike/wire/message.h"
#include "tests/support/payload_equal.h"

// Tables of payload bodies, each decoded as the one payload of a chain so that the generic header takes part.
namespace culvert::ike {

// Hex with blanks between fields.
inline Bytes Octets(std::string_view spaced) {
  std::string digits;
  for (char c : spaced) {
    if (c != ' ') digits += c;
  }
  auto b = FromHex(digits);
  EXPECT_TRUE(b) << spaced;
  return b.value_or(Bytes{});
}

inline Bytes ChainOf(ByteView body, PayloadType next = PayloadType::kNone, uint8_t flags = 0) {
  Writer w;
  w.U8(static_cast<uint8_t>(next));
  w.U8(flags);
  w.U16(static_cast<uint16_t>(body.size() + kGenericHeaderSize));
  w.Put(body);
  return w.Release();
}

struct BodyCase {
  std::string what;
  Bytes body;
  std::optional<Malformed> refused = std::nullopt;
  // What re-encoding gives, where that is not `body` itself.
  std::optional<Bytes> encoded = std::nullopt;
};

inline void ExpectBodies(PayloadType type, std::span<const BodyCase> cases) {
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    Bytes chain = ChainOf(c.body);
    auto decoded = DecodeChain(type, chain);
    if (c.refused) {
      ASSERT_FALSE(decoded);
      EXPECT_STREQ(Name(decoded.error().what), Name(*c.refused));
      EXPECT_LE(decoded.error().offset, chain.size());
      continue;
    }
    ASSERT_TRUE(decoded) << Name(decoded.error().what) << " at " << decoded.error().offset;
    ASSERT_EQ(decoded->size(), 1u);
    EXPECT_EQ(TypeOf(decoded->at(0)), type);
    EXPECT_EQ(ToHex(EncodeChain(*decoded)), ToHex(ChainOf(c.encoded.value_or(c.body))));
  }
}

// Every proper prefix of a body that has to be refused for being cut, from `from` octets on.
inline void ExpectPrefixesRefused(PayloadType type, ByteView body, size_t from = 0) {
  for (size_t n = from; n < body.size(); ++n) {
    EXPECT_FALSE(DecodeChain(type, ChainOf(body.first(n)))) << "first " << n << " octets";
  }
}

// A payload's value survives encoding and decoding.
inline void ExpectRoundTrip(const Payload& p) {
  Bytes chain = EncodeChain(std::span(&p, 1));
  auto decoded = DecodeChain(TypeOf(p), chain);
  ASSERT_TRUE(decoded) << Name(decoded.error().what) << " at " << decoded.error().offset;
  ASSERT_EQ(decoded->size(), 1u);
  EXPECT_TRUE(Same(decoded->at(0), p));
}

}  // namespace culvert::ike
