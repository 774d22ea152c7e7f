#include "control/radius/access.h"

#include <algorithm>

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "control/radius/digest.h"

namespace culvert::radius {
namespace {

constexpr size_t kBlock = 16;                // octets hidden at a time
constexpr size_t kLengthAt = 2;
constexpr uint32_t kFramed = 2, kVirtual = 5;   // of Service-Type and NAS-Port-Type
constexpr size_t kMaxClasses = 8, kMaxMessage = 1024;

void Put(Writer& w, Type type, ByteView value) {
  constexpr size_t kFixed = 2;
  w.U8(static_cast<uint8_t>(type));
  w.U8(static_cast<uint8_t>(value.size() + kFixed));
  w.Put(value);
}
void Put(Writer& w, Type type, uint32_t value) {
  Writer v;
  v.U32(value);
  Put(w, type, v.view());
}

// RFC 2865 5.2: each block is added to what MD5 makes of the secret and the block before as it went out.
SecretBytes Hide(ByteView password, const Exchange& exchange) {
  const size_t blocks = std::max<size_t>(1, (password.size() + kBlock - 1) / kBlock);
  SecretBytes out(blocks * kBlock);
  std::ranges::copy(password, out.span().begin());
  ByteView before = exchange.authenticator;
  for (size_t at = 0; at < out.size(); at += kBlock) {
    Digest mask = Md5({exchange.secret, before});
    for (size_t i = 0; i < kBlock; ++i) out.span()[at + i] ^= mask[i];
    WipeBytes(mask);
    before = out.view().subspan(at, kBlock);
  }
  return out;
}

std::optional<IpAddress> AddressOf(const Packet& p, Type type) {
  const Attribute* a = p.Find(type);
  return a && a->value.size() == 4 ? IpAddress::FromBytes(a->value) : std::nullopt;
}

// RFC 2865 5.8: two addresses that are none, by which the user or the NAS is to choose.
std::optional<IpAddress> FramedAddress(const Packet& p) {
  auto address = AddressOf(p, Type::kFramedIpAddress);
  constexpr uint32_t kUserChooses = 0xffffffff, kNasChooses = 0xfffffffe;
  const bool open = address && (address->v4() == kUserChooses || address->v4() == kNasChooses);
  return open || (address && address->is_unspecified()) ? std::nullopt : address;
}

Verdict Read(const Packet& p) {
  Verdict out;
  const auto code = static_cast<Code>(p.code);
  out.kind = code == Code::kAccessAccept   ? Verdict::Kind::kAccept
             : code == Code::kAccessReject ? Verdict::Kind::kReject
                                           : Verdict::Kind::kChallenge;
  for (const Attribute& a : p.attributes) {
    // RFC 2865 5.18: several are one text.
    const bool message = a.type == static_cast<uint8_t>(Type::kReplyMessage);
    if (message && out.message.size() + a.value.size() <= kMaxMessage) out.message += AsString(a.value);
  }
  if (code == Code::kAccessChallenge) {
    if (const Attribute* state = p.Find(Type::kState)) out.state = ToBytes(state->value);
  }
  if (code != Code::kAccessAccept) return out;
  out.framed_ip = FramedAddress(p);
  out.framed_netmask = AddressOf(p, Type::kFramedIpNetmask);
  for (const Attribute& a : p.attributes) {
    const bool is_class = a.type == static_cast<uint8_t>(Type::kClass);
    if (is_class && out.classes.size() < kMaxClasses) out.classes.push_back(ToBytes(a.value));
  }
  const Attribute* timeout = p.Find(Type::kSessionTimeout);
  if (timeout && timeout->value.size() == 4) out.session_timeout = std::chrono::seconds(Reader(timeout->value).U32());
  return out;
}

// RFC 3579 3.2: over the reply with the request's authenticator in its place, and zeros for the value itself.
bool IsSigned(const Packet& p, const Attribute& signature, const Exchange& exchange) {
  constexpr Digest kZeros{};
  const ByteView before = p.octets.subspan(kHeader, signature.at - kHeader);
  const ByteView after = p.octets.subspan(signature.at + kAuthenticator);
  const ByteView start = p.octets.first(kAuthenticatorAt);
  const Digest want = HmacMd5(exchange.secret, {start, exchange.authenticator, before, kZeros, after});
  return EqualConstantTime(want, signature.value);
}

}  // namespace

bool Fits(const Login& login) {
  return !login.user.empty() && login.user.size() <= kMaxValue && login.password.size() <= kMaxPassword &&
         login.state.size() <= kMaxValue;
}

Bytes MakeRequest(const Login& login, const Exchange& exchange, std::string_view nas_identifier) {
  Writer w;
  w.U8(static_cast<uint8_t>(Code::kAccessRequest));
  w.U8(exchange.id);
  w.U16(0);
  w.Put(exchange.authenticator);
  Put(w, Type::kMessageAuthenticator, Digest{});
  const size_t signature_at = w.size() - kAuthenticator;
  Put(w, Type::kUserName, AsBytes(login.user));
  Put(w, Type::kUserPassword, Hide(login.password.view(), exchange).view());
  const bool v4 = login.local.family == Family::kV4;
  if (!login.local.is_unspecified()) Put(w, v4 ? Type::kNasIpAddress : Type::kNasIpv6Address, login.local.bytes());
  Put(w, Type::kNasIdentifier, AsBytes(nas_identifier));
  Put(w, Type::kServiceType, kFramed);
  Put(w, Type::kNasPortType, kVirtual);
  const std::string station = login.peer.ToString();
  if (!login.peer.is_unspecified()) Put(w, Type::kCallingStationId, AsBytes(station));
  if (!login.state.empty()) Put(w, Type::kState, login.state);
  w.PatchU16(kLengthAt, static_cast<uint16_t>(w.size()));
  Bytes out = w.Release();
  std::ranges::copy(HmacMd5(exchange.secret, {out}), out.begin() + static_cast<ptrdiff_t>(signature_at));
  return out;
}

std::string_view Name(Discard d) {
  switch (d) {
    case Discard::kMalformed: return "malformed";
    case Discard::kOtherExchange: return "of another request";
    case Discard::kOtherCode: return "no answer to an Access-Request";
    case Discard::kUnproven: return "not made with the shared secret";
    case Discard::kUnsigned: return "without a Message-Authenticator";
    case Discard::kBadSignature: return "with a wrong Message-Authenticator";
  }
  return "";
}

std::expected<Verdict, Discard> ReadReply(ByteView datagram, const Exchange& exchange) {
  auto p = Decode(datagram);
  if (!p) return std::unexpected(Discard::kMalformed);
  if (p->id != exchange.id) return std::unexpected(Discard::kOtherExchange);
  const auto code = static_cast<Code>(p->code);
  const bool answers = code == Code::kAccessAccept || code == Code::kAccessReject || code == Code::kAccessChallenge;
  if (!answers) return std::unexpected(Discard::kOtherCode);
  // RFC 2865 3.
  const Digest want =
      Md5({p->octets.first(kAuthenticatorAt), exchange.authenticator, p->octets.subspan(kHeader), exchange.secret});
  if (!EqualConstantTime(want, p->authenticator)) return std::unexpected(Discard::kUnproven);
  const Attribute* signature = p->Find(Type::kMessageAuthenticator);
  const bool one = p->Count(Type::kMessageAuthenticator) == 1 && signature->value.size() == kAuthenticator;
  if (!one) return std::unexpected(Discard::kUnsigned);
  if (!IsSigned(*p, *signature, exchange)) return std::unexpected(Discard::kBadSignature);
  return Read(*p);
}

}  // namespace culvert::radius
