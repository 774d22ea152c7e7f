#include "control/radius/packet.h"

#include <gtest/gtest.h>

#include "common/bytes/hex.h"

namespace culvert::radius {
namespace {

const std::string kAuth = "000102030405060708090a0b0c0d0e0f";
Bytes Hex(const std::string& text) { return *FromHex(text); }

TEST(Packet, ReadsHeaderAndAttributes) {
  const Bytes octets = Hex("0207001c" + kAuth + "1206616263641202");
  auto p = Decode(octets);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->code, 2);
  EXPECT_EQ(p->id, 7);
  EXPECT_EQ(ToHex(p->authenticator), kAuth);
  ASSERT_EQ(p->attributes.size(), 2u);
  EXPECT_EQ(AsString(p->attributes[0].value), "abcd");
  EXPECT_EQ(p->attributes[0].at, 22u);
  EXPECT_TRUE(p->attributes[1].value.empty());
  EXPECT_EQ(p->Count(Type::kReplyMessage), 2u);
  EXPECT_EQ(p->Find(Type::kReplyMessage), &p->attributes[0]);
  EXPECT_EQ(p->Find(Type::kState), nullptr);
}

TEST(Packet, WhatFollowsTheLengthIsPadding) {
  auto p = Decode(Hex("02070014" + kAuth + "1206616263"));
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->attributes.empty());
  EXPECT_EQ(p->octets.size(), kHeader);
}

TEST(Packet, Malformed) {
  struct {
    std::string octets;
    Malformed what;
  } const rows[] = {
      {"", Malformed::kTruncated},
      {"02070014" + kAuth.substr(2), Malformed::kTruncated},
      {"02070013" + kAuth, Malformed::kBadLength},
      {"02070000" + kAuth, Malformed::kBadLength},
      {"02071001" + kAuth, Malformed::kBadLength},           // 4097
      {"02070015" + kAuth, Malformed::kTruncated},
      {"02070015" + kAuth + "12", Malformed::kBadLength},    // no room for a length
      {"02070016" + kAuth + "1200", Malformed::kBadLength},
      {"02070016" + kAuth + "1201", Malformed::kBadLength},
      {"02070017" + kAuth + "120461", Malformed::kTruncated},
      {"02070018" + kAuth + "12fe6162", Malformed::kTruncated},
  };
  for (const auto& row : rows) {
    auto p = Decode(Hex(row.octets));
    ASSERT_FALSE(p) << row.octets;
    EXPECT_EQ(p.error().what, row.what) << row.octets;
  }
}

}  // namespace
}  // namespace culvert::radius
