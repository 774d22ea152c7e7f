#include <cstdio>

#include <gtest/gtest.h>

#include "tests/support/against_raw_peer_v1.h"

// D07: what a source that may be forged gets back, in octets for each of its own. Main mode and errors at most what came, aggressive
// mode at most three times as much; one answer to each message, and none by a timer.
namespace culvert::ike::v1 {
namespace {

using namespace std::chrono_literals;

struct Row {
  const char* name;
  double most;
  SpeakV1 how;
  std::function<Bytes(RawPeer&)> make;
};

Bytes VendorId(uint8_t n) { return Bytes(16, n); }
const Bytes kDpd = {0xaf, 0xca, 0xd7, 0x13, 0x68, 0xa1, 0xf1, 0xc9, 0x6b, 0x86, 0x96, 0xfc, 0x77, 0x57, 0x01, 0x00};

Bytes Small(RawPeer& r) { return r.InClear(ExchangeType::kMain, r.Main1()); }
Bytes WithVendorIds(RawPeer& r) {
  Payloads p = r.Main1();
  p.Add(PayloadType::kVendorId, kDpd);
  for (uint8_t n = 0; n < 10; ++n) p.Add(PayloadType::kVendorId, VendorId(n));
  return r.InClear(ExchangeType::kMain, p);
}
Bytes Refused(RawPeer& r) { return r.InClear(ExchangeType::kMain, Payloads{r.Offer({RawPeer::IkeOffer{.hash = Hash::kMd5}})}); }
Bytes Aggressive(RawPeer& r) { return r.InClear(ExchangeType::kAggressive, r.Aggressive1()); }
Bytes AggressiveShort(RawPeer& r) {
  r.nonce = Bytes(8, 1);
  r.id = "a";
  return Aggressive(r);
}

TEST(AmplificationV1, OfWhatAStrangerSends) {
  const SpeakV1 aggressive{.aggressive = true}, rsa{.aggressive = true, .by = SpeakV1::By::kPubkey, .key = KeyKind::kRsa};
  auto signing = [](RawPeer& r) { r.offer.method = AuthMethod::kRsaSignature; return Aggressive(r); };
  const Row rows[] = {
      {"main mode, first message", 1, {}, Small},
      {"main mode, first message with eleven vendor ids", 1, {}, WithVendorIds},
      {"main mode, refused", 1, {}, Refused},
      {"aggressive mode where it is off", 1, {}, Aggressive},
      {"aggressive mode, secret", 3, aggressive, Aggressive},
      {"aggressive mode, secret, shortest", 3, aggressive, AggressiveShort},
      {"aggressive mode, RSA with a certificate", 3, rsa, signing},
      {"a guessed cookie", 0, {}, [](RawPeer& r) { r.cookie_r = 5; return Small(r); }},
      {"an informational exchange", 0, {}, [](RawPeer& r) { return r.InClear(ExchangeType::kInformational, Payloads{NotifyPayload{.type = NotifyType::kInvalidCookie}}, 3); }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Target t(row.how);
    const Bytes request = row.make(*t.raw);
    t.raw->Send(request);
    t.p.RunFor(100s);
    const auto answers = t.raw->Heard();
    EXPECT_LE(answers.size(), 1u);
    size_t octets = 0;
    for (const Bytes& m : answers) octets += m.size();
    const double factor = static_cast<double>(octets) / static_cast<double>(request.size());
    std::printf("amplification %-50s %4zu -> %4zu octets: %.2f (at most %.0f)\n", row.name, request.size(), octets, factor, row.most);
    EXPECT_LE(factor, row.most);
  }
}

// The third message of main mode, too, may come from a forged source: whoever sees the second can send it. A peer that is to sign
// is asked for its certificate in any case, and that request, without a name, is all that the answer may be longer by.
TEST(AmplificationV1, OfTheThirdMessage) {
  constexpr size_t kNamelessRequest = 5;
  for (bool signs : {false, true}) {
    for (size_t nonce : {8u, 20u, 32u, 64u}) {
      Target t(signs ? SpeakV1{.by = SpeakV1::By::kPubkey, .key = KeyKind::kRsa} : SpeakV1{});
      RawPeer& raw = *t.raw;
      if (signs) raw.offer.method = AuthMethod::kRsaSignature;
      ASSERT_TRUE(raw.Hear(raw.Ask(Small(raw)).at(0)));
      raw.nonce = Bytes(nonce, 3);
      const Bytes third = raw.InClear(ExchangeType::kMain, raw.Main3());
      const auto answers = raw.Ask(third);
      ASSERT_EQ(answers.size(), 1u);
      const size_t octets = answers[0].size();
      std::printf("amplification main mode, third message, %s, nonce of %2zu octets %4zu -> %4zu octets\n", signs ? "RSA" : "secret",
                  nonce, third.size(), octets);
      EXPECT_LE(octets, third.size() + (signs ? kNamelessRequest : 0));
      EXPECT_EQ(raw.InClear(answers[0]).Find(PayloadType::kCertReq) != nullptr, signs);
    }
  }
}

// One error a second to a source, ten in all.
TEST(AmplificationV1, ErrorsAreRationed) {
  Target t;
  size_t answers = 0;
  for (int n = 0; n < 500; ++n) {
    t.raw->cookie_i += 1;
    t.raw->Send(Refused(*t.raw));
    t.p.RunFor(10ms);
    answers += t.raw->Heard().size();
  }
  EXPECT_GE(answers, 4u);
  EXPECT_LE(answers, 7u);
  EXPECT_GE(t.b.Counted(Count::kErrorsLimited), 490u);
}

// D02: half-open SAs of one source.
TEST(AmplificationV1, HalfOpenSasOfASourceAreLimited) {
  Target t;
  size_t answers = 0;
  for (int n = 0; n < 200; ++n) {
    t.raw->cookie_i += 1;
    answers += t.raw->Ask(Small(*t.raw)).size();
  }
  EXPECT_LE(answers, t.b.control.settings.dos.block_threshold);
  EXPECT_LE(t.half_open(), t.b.control.settings.dos.block_threshold);
  EXPECT_GE(t.b.Counted(Count::kSourceBlocked), 100u);
  t.p.RunFor(60s);
  EXPECT_TRUE(t.b.core->List().empty());
  t.raw->cookie_i += 1;
  EXPECT_TRUE(t.raw->Establish());
}

}  // namespace
}  // namespace culvert::ike::v1
