#include "control/ike/wire/message.h"

#include <utility>

#include "absl/log/check.h"
#include "common/base/limits.h"
#include "control/ike/wire/chain.h"

namespace culvert::ike {
namespace {

Decoded<Payload> DecodeBody(RawPayload& raw) {
  Reader& body = raw.body;
  switch (raw.type) {
    case PayloadType::kSa: return DecodeSa(body);
    case PayloadType::kKe: return DecodeKe(body);
    case PayloadType::kIdI:
    case PayloadType::kIdR: return DecodeId(raw.type, body);
    case PayloadType::kCert: return DecodeCert(body);
    case PayloadType::kCertReq: return DecodeCertReq(body);
    case PayloadType::kAuth: return DecodeAuth(body);
    case PayloadType::kNonce: return DecodeNonce(body);
    case PayloadType::kNotify: return DecodeNotify(body);
    case PayloadType::kDelete: return DecodeDelete(body);
    case PayloadType::kVendorId: return DecodeVendorId(body);
    case PayloadType::kTsI:
    case PayloadType::kTsR: return DecodeTs(raw.type, body);
    case PayloadType::kSk: return DecodeSk(raw.next, body);
    case PayloadType::kCp: return DecodeCp(body);
    case PayloadType::kEap: return DecodeEap(body);
    case PayloadType::kSkf: return DecodeSkf(raw.next, body);
    case PayloadType::kNone: break;  // ends a chain, so the walker never returns it
  }
  return UnknownPayload{std::to_underlying(raw.type), raw.critical, body.Rest()};
}

Decoded<std::vector<Payload>> DecodePayloads(ChainWalker walker) {
  std::vector<Payload> out;
  for (;;) {
    auto raw = walker.Next();
    if (!raw) return std::unexpected(raw.error());
    if (!*raw) return out;
    Reader& body = (*raw)->body;
    auto payload = DecodeBody(**raw);
    if (!payload) return std::unexpected(payload.error());
    if (!body.done()) return Refuse(Malformed::kTrailing, body.offset());
    out.push_back(*std::move(payload));
  }
}

void EncodeGenericHeader(PayloadType next, bool critical, size_t body_size, Writer& w) {
  CHECK_LE(body_size + kGenericHeaderSize, 0xffffu);
  w.U8(std::to_underlying(next));
  w.U8(critical ? 0x80 : 0);
  w.U16(static_cast<uint16_t>(body_size + kGenericHeaderSize));
}

void EncodeBody(const Payload& payload, Writer& w) {
  std::visit([&w](const auto& p) {
    if constexpr (std::is_same_v<std::decay_t<decltype(p)>, UnknownPayload>) {
      w.Put(p.body);
    } else {
      Encode(p, w);
    }
  }, payload);
}

// What the generic header of an encrypted payload names as next: the first payload inside.
PayloadType FirstInner(const Payload& p) {
  if (auto* sk = std::get_if<SkPayload>(&p)) return sk->first_inner;
  if (auto* skf = std::get_if<SkfPayload>(&p)) return skf->first_inner;
  return PayloadType::kNone;
}

void EncodePayloads(std::span<const Payload> payloads, Writer& w) {
  for (size_t i = 0; i < payloads.size(); ++i) {
    const Payload& p = payloads[i];
    bool last = i + 1 == payloads.size();
    CHECK(last || (TypeOf(p) != PayloadType::kSk && TypeOf(p) != PayloadType::kSkf));
    // RFC 7296 3.2: the critical bit is zero for every payload type this document defines.
    auto* unknown = std::get_if<UnknownPayload>(&p);
    size_t start = w.size();
    EncodeGenericHeader(last ? FirstInner(p) : TypeOf(payloads[i + 1]), unknown && unknown->critical, 0, w);
    EncodeBody(p, w);
    CHECK_LE(w.size() - start, 0xffffu);
    w.PatchU16(start + 2, static_cast<uint16_t>(w.size() - start));
  }
}

}  // namespace

const NotifyPayload* Message::Notify(NotifyType type) const { return FindNotify(payloads, type); }

const Payload* FindPayload(std::span<const Payload> payloads, PayloadType type) {
  for (const auto& p : payloads) {
    if (TypeOf(p) == type) return &p;
  }
  return nullptr;
}

const NotifyPayload* FindNotify(std::span<const Payload> payloads, NotifyType type) {
  for (const auto& p : payloads) {
    if (auto* n = std::get_if<NotifyPayload>(&p); n && n->type == type) return n;
  }
  return nullptr;
}

Decoded<Message> DecodeMessage(ByteView datagram) {
  auto header = DecodeHeader(datagram);
  if (!header) return std::unexpected(header.error());
  if (header->major != 2) return Refuse(Malformed::kBadValue, kIkeVersionOffset);
  Reader chain(datagram);
  chain.Skip(kIkeHeaderSize);
  auto payloads = DecodePayloads(ChainWalker(header->next_payload, chain, ChainPlace::kClear));
  if (!payloads) return std::unexpected(payloads.error());
  return Message{*header, *std::move(payloads)};
}

Decoded<std::vector<Payload>> DecodeChain(PayloadType first, ByteView body) {
  return DecodePayloads(ChainWalker(first, Reader(body), ChainPlace::kEncrypted));
}

Bytes EncodeMessage(IkeHeader header, std::span<const Payload> payloads) {
  Writer w;
  header.next_payload = payloads.empty() ? PayloadType::kNone : TypeOf(payloads[0]);
  Encode(header, w);
  EncodePayloads(payloads, w);
  CHECK_LE(w.size(), kMaxIkeDatagram);
  w.PatchU32(kIkeLengthOffset, static_cast<uint32_t>(w.size()));
  return w.Release();
}

Bytes EncodeChain(std::span<const Payload> payloads) {
  Writer w;
  EncodePayloads(payloads, w);
  return w.Release();
}

Bytes EncodeUpToBody(IkeHeader header, const SkPayload& sk, size_t body_size) {
  Writer w;
  header.next_payload = PayloadType::kSk;
  header.length = static_cast<uint32_t>(kIkeHeaderSize + kGenericHeaderSize + body_size);
  Encode(header, w);
  EncodeGenericHeader(sk.first_inner, false, body_size, w);
  return w.Release();
}

Bytes EncodeUpToBody(IkeHeader header, const SkfPayload& skf, size_t body_size) {
  Writer fields;
  Encode(SkfPayload{skf.first_inner, skf.number, skf.total, {}}, fields);
  Writer w;
  header.next_payload = PayloadType::kSkf;
  header.length = static_cast<uint32_t>(kIkeHeaderSize + kGenericHeaderSize + fields.size() + body_size);
  Encode(header, w);
  EncodeGenericHeader(skf.first_inner, false, fields.size() + body_size, w);
  w.Put(fields.view());
  return w.Release();
}

}  // namespace culvert::ike
