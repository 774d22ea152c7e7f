#include "control/ike/wire/v1/message.h"

#include <algorithm>
#include <array>

#include "absl/log/check.h"
#include "common/base/limits.h"

namespace culvert::ike::v1 {
namespace {

constexpr uint8_t kFlagEncryption = 1, kFlagCommit = 2, kFlagAuthOnly = 4;
constexpr size_t kGenericHeader = 4, kLengthOffset = 24;   // octets

size_t MostOf(PayloadType t) { return t == PayloadType::kCert ? kMaxCertPayloads : kMaxPayloadsOfOneType; }

}  // namespace

Decoded<Header> DecodeHeader(ByteView datagram) {
  Reader r(datagram);
  Header h;
  h.cookie_i = r.U64();
  h.cookie_r = r.U64();
  h.next_payload = static_cast<PayloadType>(r.U8());
  const uint8_t version = r.U8();
  h.major = version >> 4;
  h.minor = version & 0x0f;
  h.exchange = static_cast<ExchangeType>(r.U8());
  const uint8_t flags = r.U8();
  h.encrypted = flags & kFlagEncryption;
  h.commit = flags & kFlagCommit;
  h.auth_only = flags & kFlagAuthOnly;
  h.message_id = r.U32();
  h.length = r.U32();
  if (!r.ok()) return std::unexpected(r.error());
  if (h.length != datagram.size()) return Refuse(Malformed::kBadLength, kLengthOffset);
  return h;
}

const Item* Chain::Find(PayloadType type) const {
  auto it = std::ranges::find(items, type, [](const Item& item) { return TypeOf(item.payload); });
  return it == items.end() ? nullptr : &*it;
}

Decoded<Chain> DecodeChain(PayloadType first, ByteView octets, Tail tail) {
  Reader r(octets);
  Chain chain;
  std::array<uint8_t, 256> of_type{};
  while (first != PayloadType::kNone) {
    const size_t at = r.offset();
    if (chain.items.size() == kMaxPayloadsPerMessage) return Refuse(Malformed::kTooMany, at);
    if (++of_type[static_cast<uint8_t>(first)] > MostOf(first)) return Refuse(Malformed::kTooMany, at);
    const auto next = static_cast<PayloadType>(r.U8());
    r.Skip(1);
    const uint16_t length = r.U16();
    if (!r.ok()) return std::unexpected(r.error());
    if (length < kGenericHeader) return Refuse(Malformed::kBadLength, at);
    const Reader body = r.Sub(length - kGenericHeader);
    if (!r.ok()) return std::unexpected(r.error());
    auto payload = DecodeBody(first, body);
    if (!payload) return std::unexpected(payload.error());
    chain.items.push_back({*std::move(payload), octets.subspan(at, length)});
    first = next;
  }
  if (tail == Tail::kNone && !r.done()) return Refuse(Malformed::kTrailing, r.offset());
  chain.size = r.offset();
  return chain;
}

Bytes EncodeChain(std::span<const Payload> payloads) {
  Writer w;
  for (size_t i = 0; i < payloads.size(); ++i) {
    const size_t start = w.size();
    w.U8(static_cast<uint8_t>(i + 1 < payloads.size() ? TypeOf(payloads[i + 1]) : PayloadType::kNone));
    w.U8(0);
    w.U16(0);
    EncodeBody(payloads[i], w);
    CHECK_LE(w.size() - start, 0xffffu);
    w.PatchU16(start + 2, static_cast<uint16_t>(w.size() - start));
  }
  return w.Release();
}

Bytes EncodeHeader(Header h, size_t body) {
  CHECK_LE(kHeaderSize + body, kMaxIkeDatagram);
  h.length = static_cast<uint32_t>(kHeaderSize + body);
  Writer w;
  w.U64(h.cookie_i);
  w.U64(h.cookie_r);
  w.U8(static_cast<uint8_t>(h.next_payload));
  w.U8(static_cast<uint8_t>(h.major << 4 | (h.minor & 0x0f)));
  w.U8(static_cast<uint8_t>(h.exchange));
  w.U8(static_cast<uint8_t>((h.encrypted ? kFlagEncryption : 0) | (h.commit ? kFlagCommit : 0) |
                            (h.auth_only ? kFlagAuthOnly : 0)));
  w.U32(h.message_id);
  w.U32(h.length);
  return w.Release();
}

Bytes EncodeMessage(Header header, std::span<const Payload> payloads) {
  const Bytes chain = EncodeChain(payloads);
  header.next_payload = payloads.empty() ? PayloadType::kNone : TypeOf(payloads[0]);
  Bytes out = EncodeHeader(header, chain.size());
  Append(out, chain);
  return out;
}

}  // namespace culvert::ike::v1
