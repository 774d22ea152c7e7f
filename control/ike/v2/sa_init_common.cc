#include "control/ike/crypto/signature.h"
#include "control/ike/key_log.h"
#include "control/ike/v2/sa_init.h"

namespace culvert::ike {

uint64_t DrawIkeSpi(Context& cx, uint8_t bucket) {
  constexpr unsigned kBucketShift = 56;
  for (;;) {
    uint64_t random_part = cx.random.U64() << 8 >> 8;
    uint64_t spi = uint64_t{bucket} << kBucketShift | random_part;
    if (random_part != 0 && !cx.sas.SpiInUse(spi)) return spi;
  }
}

uint64_t DrawIkeSpi(Context& cx) { return DrawIkeSpi(cx, static_cast<uint8_t>(cx.random.U64())); }

std::vector<uint16_t> SignatureHashes(const Inbound& in) {
  std::vector<uint16_t> hashes;
  auto* n = in.Notify(NotifyType::kSignatureHashAlgorithms);
  if (!n || n->data.size() % 2 != 0) return hashes;  // RFC 7427 4: two octets each
  for (size_t i = 0; i < n->data.size(); i += 2) hashes.push_back(static_cast<uint16_t>(n->data[i] << 8 | n->data[i + 1]));
  return hashes;
}

bool TakesSha1(const config::Connection& c) {
  return !c.remote.empty() && c.remote.front().rules.sha1 == config::Sha1Use::kAnywhere;
}

void AddSignatureHashes(bool sha1, PayloadList& list) {
  Bytes hashes;
  auto add = [&hashes](HashAlgorithm h) {
    hashes.push_back(0);
    hashes.push_back(static_cast<uint8_t>(h));
  };
  for (HashAlgorithm h : SupportedHashes()) add(h);
  if (sha1) add(HashAlgorithm::kSha1);
  list.AddNotify(NotifyType::kSignatureHashAlgorithms, std::move(hashes));
}

void SetKeys(Context& cx, IkeSa& sa, const SecretBytes& skeyseed, ByteView nonce_i, ByteView nonce_r) {
  IkeKeying k;
  k.keys = DeriveIkeKeys(sa.suite, skeyseed.view(), nonce_i, nonce_r, sa.spi_i, sa.spi_r);
  auto cipher = [&](bool of_initiator) {
    const IkeKeys& keys = k.keys;
    return of_initiator ? SkCipher::Create(sa.suite, keys.sk_ei.view(), keys.sk_ai.view(), 0, cx.random)
                        : SkCipher::Create(sa.suite, keys.sk_er.view(), keys.sk_ar.view(), 0, cx.random);
  };
  k.seal = cipher(sa.initiator);
  k.open = cipher(!sa.initiator);
  if (cx.key_logging) LogIkeKeys(cx, sa, k.keys);
  // What is only needed to build the ciphers is wiped now.
  for (SecretBytes* s : {&k.keys.sk_ei, &k.keys.sk_er, &k.keys.sk_ai, &k.keys.sk_ar}) s->Wipe();
  sa.keying = std::move(k);
}

}  // namespace culvert::ike
