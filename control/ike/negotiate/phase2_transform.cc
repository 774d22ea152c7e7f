#include "control/ike/negotiate/phase2_transform.h"

#include <algorithm>

namespace culvert::ike::v1 {
namespace {

struct CipherNumber {
  EspTransform number;
  EncrId id;
};
constexpr CipherNumber kCiphers[] = {
    {EspTransform::k3Des, EncrId::k3Des},         {EspTransform::kNull, EncrId::kNull},
    {EspTransform::kAesCbc, EncrId::kAesCbc},     {EspTransform::kAesCtr, EncrId::kAesCtr},
    {EspTransform::kAesCcm8, EncrId::kAesCcm8},   {EspTransform::kAesCcm12, EncrId::kAesCcm12},
    {EspTransform::kAesCcm16, EncrId::kAesCcm16}, {EspTransform::kAesGcm8, EncrId::kAesGcm8},
    {EspTransform::kAesGcm12, EncrId::kAesGcm12}, {EspTransform::kAesGcm16, EncrId::kAesGcm16},
    {EspTransform::kNullGmac, EncrId::kNullGmac},
};

// AH has a number of its own for each (RFC 2407 4.4.3), which the attribute must agree with.
struct IntegNumber {
  AuthAlgorithm number;
  AhTransform ah;
  IntegId id;
};
constexpr IntegNumber kIntegs[] = {
    {AuthAlgorithm::kHmacSha1, AhTransform::kSha1, IntegId::kHmacSha1_96},
    {AuthAlgorithm::kHmacSha256, AhTransform::kSha256, IntegId::kHmacSha256_128},
    {AuthAlgorithm::kHmacSha384, AhTransform::kSha384, IntegId::kHmacSha384_192},
    {AuthAlgorithm::kHmacSha512, AhTransform::kSha512, IntegId::kHmacSha512_256},
    {AuthAlgorithm::kAesXcbc, AhTransform::kAesXcbc, IntegId::kAesXcbc96},
};

// IANA "Group Description" of IKEv1: the numbers are IKEv2's, up to Brainpool's (RFC 6932).
constexpr KeGroup kGroups[] = {
    KeGroup::kModp1024, KeGroup::kModp1536, KeGroup::kModp2048, KeGroup::kModp3072,     KeGroup::kModp4096,
    KeGroup::kModp6144, KeGroup::kModp8192, KeGroup::kEcp256,   KeGroup::kEcp384,       KeGroup::kEcp521,
    KeGroup::kBrainpool224, KeGroup::kBrainpool256, KeGroup::kBrainpool384, KeGroup::kBrainpool512,
};

constexpr uint64_t kEsnOn = 1;   // RFC 4304 2

const CipherNumber* RowOf(EncrId id) {
  auto* row = std::ranges::find(kCiphers, id, &CipherNumber::id);
  return row == std::end(kCiphers) ? nullptr : row;
}
const IntegNumber* RowOf(IntegId id) {
  auto* row = std::ranges::find(kIntegs, id, &IntegNumber::id);
  return row == std::end(kIntegs) ? nullptr : row;
}

bool HasCipher(const EspSuite& s) {
  const EncrInfo* row = Find(s.encr);
  return row && RowOf(s.encr) && std::ranges::contains(row->key_bits, s.encr_key_bits) &&
         row->aead == (s.integ == IntegId::kNone);
}

// Attributes as they are read, one after another. RFC 2407 4.5: lifetimes come as a type and the duration of that type.
class TermsReader {
 public:
  bool Take(const Attribute& a) {
    const auto value = a.Number();
    if (!value) return false;
    switch (static_cast<IpsecAttribute>(a.type)) {
      case IpsecAttribute::kLifeType: return Once(life_type_, *value);
      case IpsecAttribute::kLifeDuration: return TakeDuration(*value);
      case IpsecAttribute::kGroup: return Once(group, *value);
      case IpsecAttribute::kMode: return Once(mode, *value);
      case IpsecAttribute::kAuthAlgorithm: return Once(auth, *value);
      case IpsecAttribute::kKeyLength: return Once(key_bits, *value);
      case IpsecAttribute::kEsn: return Once(esn, *value);
    }
    return false;
  }
  // A type without its duration says nothing.
  bool whole() const { return !life_type_; }

  SaLife life;
  std::optional<uint64_t> group, mode, auth, key_bits, esn;

 private:
  static bool Once(std::optional<uint64_t>& to, uint64_t value) {
    if (to) return false;
    to = value;
    return true;
  }
  bool TakeDuration(uint64_t value) {
    const auto type = std::exchange(life_type_, std::nullopt);
    if (!type || value == 0) return false;
    const bool in_seconds = *type == static_cast<uint64_t>(LifeType::kSeconds);
    if (!in_seconds && *type != static_cast<uint64_t>(LifeType::kKilobytes)) return false;
    uint64_t& to = in_seconds ? life.seconds : life.kilobytes;
    if (to != 0) return false;
    to = value;
    return true;
  }

  std::optional<uint64_t> life_type_;
};

std::optional<IntegId> IntegOf(const TermsReader& r) {
  // Said to be none (0), as some do beside an AEAD.
  if (!r.auth || *r.auth == 0) return IntegId::kNone;
  auto* row = std::ranges::find(kIntegs, *r.auth, [](const IntegNumber& i) { return static_cast<uint64_t>(i.number); });
  return row == std::end(kIntegs) ? std::nullopt : std::optional(row->id);
}

bool ReadCipher(const Transform& t, const TermsReader& r, EspSuite& suite) {
  auto* row = std::ranges::find(kCiphers, t.id, [](const CipherNumber& c) { return static_cast<uint8_t>(c.number); });
  if (row == std::end(kCiphers)) return false;
  const EncrInfo* info = Find(row->id);
  if (!info || info->fixed_key == r.key_bits.has_value()) return false;
  suite.encr = row->id;
  const uint64_t bits = info->fixed_key ? info->key_bits[0] : *r.key_bits;
  suite.encr_key_bits = static_cast<uint16_t>(bits);
  return bits == suite.encr_key_bits;
}

bool IsAh(const Transform& t, IntegId integ) {
  const IntegNumber* row = RowOf(integ);
  return row && static_cast<uint8_t>(row->ah) == t.id;
}

std::optional<Encapsulation> ModeOf(const TermsReader& r) {
  // RFC 2407 4.5 leaves it to the host; a tunnel is what gateways mean.
  if (!r.mode) return Encapsulation::kTunnel;
  constexpr Encapsulation kKnown[] = {Encapsulation::kTunnel, Encapsulation::kTransport, Encapsulation::kUdpTunnel,
                                      Encapsulation::kUdpTransport, Encapsulation::kUdpTunnelDraft,
                                      Encapsulation::kUdpTransportDraft};
  auto* known = std::ranges::find(kKnown, *r.mode, [](Encapsulation e) { return static_cast<uint64_t>(e); });
  return known == std::end(kKnown) ? std::nullopt : std::optional(*known);
}

const char* NameOf(Encapsulation mode) {
  switch (mode) {
    case Encapsulation::kTunnel: return "";
    case Encapsulation::kTransport: return " in transport mode";
    case Encapsulation::kUdpTunnel:
    case Encapsulation::kUdpTunnelDraft: return " in UDP";
    case Encapsulation::kUdpTransport:
    case Encapsulation::kUdpTransportDraft: return " in transport mode in UDP";
  }
  return "";
}

}  // namespace

bool HasNumber(KeGroup g) { return std::ranges::contains(kGroups, g); }

bool HasNumbers(const Phase2Suite& s) {
  if (s.group != KeGroup::kNone && !HasNumber(s.group)) return false;
  if (s.suite.integ != IntegId::kNone && (!RowOf(s.suite.integ) || !Find(s.suite.integ))) return false;
  if (s.protocol == IpsecProtocol::kAh) return s.suite.encr == EncrId::kNone && s.suite.integ != IntegId::kNone;
  return HasCipher(s.suite);
}

std::optional<Phase2Terms> ReadTransform(ProtocolId protocol, const Transform& t) {
  TermsReader r;
  for (const Attribute& a : t.attributes) {
    if (!r.Take(a)) return std::nullopt;
  }
  const auto integ = IntegOf(r);
  const auto mode = ModeOf(r);
  if (!r.whole() || !integ || !mode) return std::nullopt;
  Phase2Terms out{.suite = {}, .mode = *mode, .life = r.life};
  if (out.life.seconds == 0) out.life.seconds = kDefaultLife;
  out.suite.protocol = protocol == ProtocolId::kAh ? IpsecProtocol::kAh : IpsecProtocol::kEsp;
  out.suite.suite.integ = *integ;
  if (r.group) out.suite.group = static_cast<KeGroup>(*r.group);
  if (r.group.value_or(0) > 0xffff) return std::nullopt;
  if (r.esn && *r.esn != kEsnOn) return std::nullopt;
  out.suite.suite.esn = r.esn.has_value();
  const bool ah = protocol == ProtocolId::kAh;
  if (ah ? !IsAh(t, *integ) || r.key_bits : !ReadCipher(t, r, out.suite.suite)) return std::nullopt;
  return HasNumbers(out.suite) ? std::optional(out) : std::nullopt;
}

void TransformWriter::Add(Attributes& to, IpsecAttribute type, uint64_t value) {
  Writer w;
  const bool basic = value <= 0xffff;
  if (basic) w.U16(static_cast<uint16_t>(value));
  else if (value <= 0xffffffff) w.U32(static_cast<uint32_t>(value));
  else w.U64(value);
  to.push_back({.type = static_cast<uint16_t>(type), .basic = basic, .value = kept_.emplace_back(w.Release())});
}

void TransformWriter::AddLife(Attributes& to, const SaLife& life) {
  auto add = [&](LifeType type, uint64_t value) {
    if (value == 0) return;
    Add(to, IpsecAttribute::kLifeType, static_cast<uint64_t>(type));
    Add(to, IpsecAttribute::kLifeDuration, value);
  };
  add(LifeType::kSeconds, life.seconds);
  add(LifeType::kKilobytes, life.kilobytes);
}

Transform TransformWriter::Write(const Phase2Terms& terms) {
  const EspSuite& s = terms.suite.suite;
  const bool ah = terms.suite.protocol == IpsecProtocol::kAh;
  const EncrInfo* cipher = Find(s.encr);
  Transform t{.number = 1, .id = 0, .attributes = {}};
  t.id = ah ? static_cast<uint8_t>(RowOf(s.integ)->ah) : static_cast<uint8_t>(RowOf(s.encr)->number);
  Attributes& a = t.attributes;
  Add(a, IpsecAttribute::kMode, static_cast<uint64_t>(terms.mode));
  AddLife(a, terms.life);
  if (!ah && !cipher->fixed_key) Add(a, IpsecAttribute::kKeyLength, s.encr_key_bits);
  if (s.integ != IntegId::kNone) Add(a, IpsecAttribute::kAuthAlgorithm, static_cast<uint64_t>(RowOf(s.integ)->number));
  if (terms.suite.group != KeGroup::kNone) Add(a, IpsecAttribute::kGroup, static_cast<uint64_t>(terms.suite.group));
  if (s.esn) Add(a, IpsecAttribute::kEsn, kEsnOn);
  return t;
}

std::string Describe(const Phase2Terms& terms) {
  std::string out = terms.suite.protocol == IpsecProtocol::kAh ? "AH " : "";
  out += Name(terms.suite.suite);
  if (terms.suite.group != KeGroup::kNone) out += "/" + Name(terms.suite.group);
  return out + NameOf(terms.mode);
}

Bytes EncodeLife(const SaLife& life) {
  TransformWriter writer;
  Attributes attributes;
  writer.AddLife(attributes, life);
  Writer w;
  for (const Attribute& a : attributes) Encode(a, w);
  return w.Release();
}

std::optional<SaLife> DecodeLife(ByteView data) {
  Reader reader(data);
  auto attributes = DecodeAttributes(reader);
  if (!attributes) return std::nullopt;
  TermsReader r;
  for (const Attribute& a : *attributes) {
    const auto type = static_cast<IpsecAttribute>(a.type);
    // RFC 2407 4.6.3.1: of others nothing is said.
    if (type != IpsecAttribute::kLifeType && type != IpsecAttribute::kLifeDuration) continue;
    if (!r.Take(a)) return std::nullopt;
  }
  return r.whole() ? std::optional(r.life) : std::nullopt;
}

}  // namespace culvert::ike::v1
