#include "control/ike/crypto/psk_auth.h"

#include "tests/control/ike/crypto/test_util.h"
#include "tests/control/ike/crypto/vectors.h"

namespace culvert::ike {
namespace {

TEST(PskAuth, AgreesWithAnotherImplementation) {
  for (const vectors::Psk& v : vectors::kPsk) {
    EXPECT_EQ(ToHex(PskAuth(v.prf, AsBytes(v.secret), Unhex(v.message), Unhex(v.nonce), Unhex(v.sk_p), Unhex(v.id_body))), v.auth)
        << Name(v.prf);
  }
}

TEST(PskAuth, DependsOnEveryInput) {
  const Bytes message(40, 1), nonce(16, 2), sk_p(32, 3), id(8, 4), secret(20, 5);
  auto flipped = [](Bytes b) {
    b.back() ^= 1;
    return b;
  };
  auto auth = [](const Bytes& s, const Bytes& m, const Bytes& n, const Bytes& k, const Bytes& i) {
    return PskAuth(PrfId::kHmacSha256, s, m, n, k, i);
  };
  const Bytes right = auth(secret, message, nonce, sk_p, id);
  EXPECT_NE(right, auth(flipped(secret), message, nonce, sk_p, id));
  EXPECT_NE(right, auth(secret, flipped(message), nonce, sk_p, id));
  EXPECT_NE(right, auth(secret, message, flipped(nonce), sk_p, id));
  EXPECT_NE(right, auth(secret, message, nonce, flipped(sk_p), id));
  EXPECT_NE(right, auth(secret, message, nonce, sk_p, flipped(id)));
}

TEST(AuthOctets, EndInTheMacOfTheIdentity) {
  const Bytes message(40, 1), nonce(16, 2), sk_p(32, 3), id(8, 4);
  Bytes expected = message;
  Append(expected, nonce);
  SecretBytes maced = Prf(PrfId::kHmacSha384, sk_p, {id});
  Append(expected, maced.view());
  EXPECT_EQ(AuthOctets(PrfId::kHmacSha384, message, nonce, sk_p, id), expected);
  // A PSK's AUTH is the prf of the same octets (RFC 7296 2.15).
  Bytes key = ToBytes(Prf(PrfId::kHmacSha384, AsBytes("s"), {AsBytes("Key Pad for IKEv2")}).view());
  SecretBytes tag = Prf(PrfId::kHmacSha384, key, {expected});
  EXPECT_EQ(PskAuth(PrfId::kHmacSha384, AsBytes("s"), message, nonce, sk_p, id), ToBytes(tag.view()));
}

}  // namespace
}  // namespace culvert::ike
