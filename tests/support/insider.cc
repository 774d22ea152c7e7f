#include "tests/support/insider.h"

#include <ranges>

#include "absl/strings/str_split.h"
#include "common/bytes/hex.h"

namespace culvert::ike {

// A row of the key log is Wireshark's: SPIi, SPIr, SK_ei, SK_er and more, in hexadecimal.
std::unique_ptr<SkCipher> Insider::CipherOf(const IkeHeader& header, bool by_initiator) {
  const IkeSuite suite{EncrId::kAesGcm16, 128, IntegId::kNone, PrfId::kHmacSha256, KeGroup::kX25519};
  // The newest first: additional key exchanges give an SA new keys.
  for (const KeyLog& row : leak_.key_log | std::views::reverse) {
    std::vector<std::string> column = absl::StrSplit(row.line, ',');
    if (row.kind != KeyLog::Kind::kIke || column.size() < 4) continue;
    const bool same = std::stoull(column[0], nullptr, 16) == header.spi_i && std::stoull(column[1], nullptr, 16) == header.spi_r;
    if (same) return SkCipher::Create(suite, *FromHex(column[by_initiator ? 2 : 3]), {}, 0, random_);
  }
  return nullptr;
}

std::optional<std::vector<Payload>> Insider::Open(const Bytes& datagram) {
  auto m = DecodeMessage(datagram);
  auto* sk = m ? m->Get<SkPayload>() : nullptr;
  auto cipher = sk ? CipherOf(m->header, m->header.initiator) : nullptr;
  auto plain = cipher ? cipher->Open(UpToBody(datagram, sk->body), sk->body) : std::nullopt;
  if (!plain) return std::nullopt;
  plain_ = *std::move(plain);
  auto payloads = DecodeChain(sk->first_inner, plain_);
  return payloads ? std::optional(*std::move(payloads)) : std::nullopt;
}

std::optional<Bytes> Insider::Seal(const IkeHeader& header, bool by_initiator, const Chain& chain) {
  auto cipher = CipherOf(header, by_initiator);
  if (!cipher) return std::nullopt;
  Bytes m = EncodeUpToBody(header, SkPayload{chain.first, {}}, cipher->SealedSize(chain.body.size()));
  Append(m, cipher->Seal(m, chain.body));
  return m;
}

}  // namespace culvert::ike
