#include "control/ike/v1/quick_message.h"

#include <algorithm>

#include "common/base/limits.h"
#include "control/ike/cat.h"
#include "control/ike/v1/client_ids.h"

namespace culvert::ike::v1 {
namespace {

constexpr size_t kLeastNonce = 8, kMostNonce = 256;   // octets, RFC 2409 5
constexpr size_t kMostOriginal = 2;

bool IsNatOa(PayloadType t) { return t == PayloadType::kNatOa || t == PayloadType::kNatOaDraft; }

// Of one payload; false: it may not be there, or not as often.
bool Take(const Item& item, QuickPayloads& m) {
  const PayloadType type = TypeOf(item.payload);
  auto once = [&](ByteView& to) { return std::exchange(to, item.body()).empty() && !item.body().empty(); };
  if (type == PayloadType::kSa) return !std::exchange(m.sa, &std::get<SaPayload>(item.payload));
  if (type == PayloadType::kNonce) return once(m.nonce);
  if (type == PayloadType::kKe) return once(m.ke);
  if (type == PayloadType::kId) {
    const bool first = !m.id_i;
    if (!first && m.id_r) return false;
    (first ? m.id_i : m.id_r) = &std::get<IdPayload>(item.payload);
    (first ? m.id_i_body : m.id_r_body) = item.body();
  }
  if (IsNatOa(type)) {
    if (m.original.size() == kMostOriginal) return false;
    m.original.push_back(*IpAddress::FromBytes(std::get<NatOaPayload>(item.payload).address));
  }
  return true;
}

bool FitsPath(const Path& path, const OriginalAddresses& o) {
  const Family family = path.local.address.family;
  return o.local.family == family && o.remote.family == family;
}

// RFC 3947 5.2: NAT-OAi, then NAT-OAr, each end as the sender knows it. The drafts have the sender's own alone.
std::optional<OriginalAddresses> OriginalOf(const QuickPayloads& m, const Path& path, bool we_are_requester) {
  if (m.original.empty()) return std::nullopt;
  OriginalAddresses o{path.local.address, m.original.front()};
  if (m.original.size() == kMostOriginal) {
    o.local = m.original[we_are_requester ? 0 : 1];
    o.remote = m.original[we_are_requester ? 1 : 0];
  }
  return FitsPath(path, o) ? std::optional(o) : std::nullopt;
}

TrafficSelector AtEnd(const IdPayload* id, const IpAddress& end) {
  auto named = id ? SelectorOf(*id) : std::nullopt;
  if (named) return *named;
  TrafficSelector ts = id ? PortsOf(*id) : TrafficSelector{};
  ts.addresses = {end, end};
  return ts;
}

}  // namespace

std::expected<QuickPayloads, std::string> ReadQuick(const Inbound& in) {
  QuickPayloads m;
  for (const Item& item : in.chain.items) {
    // RFC 2409 5.5 would let several SAs be negotiated at once; nobody does.
    if (!Take(item, m)) return std::unexpected(Cat("too many payloads ", Name(TypeOf(item.payload))));
  }
  if (!m.sa || m.nonce.empty()) return std::unexpected(m.sa ? "no nonce" : "no SA");
  if (m.sa->proposals.empty()) return std::unexpected("an SA of another domain of interpretation");
  if (m.nonce.size() < kLeastNonce || m.nonce.size() > kMostNonce) return std::unexpected("a nonce of a wrong length");
  if (m.id_i && !m.id_r) return std::unexpected("one ID alone");
  return m;
}

std::optional<Selectors> SelectorsIn(const QuickPayloads& m, const Path& path, bool we_are_requester) {
  const IdPayload* own = we_are_requester ? m.id_i : m.id_r;
  const IdPayload* peers = we_are_requester ? m.id_r : m.id_i;
  if ((own && !SelectorOf(*own)) || (peers && !SelectorOf(*peers))) return std::nullopt;
  return Selectors{{AtEnd(own, path.local.address)}, {AtEnd(peers, path.remote.address)}};
}

AtEnds TransportSelectorsIn(const QuickPayloads& m, const Path& path, bool we_are_requester) {
  const IdPayload* own = we_are_requester ? m.id_i : m.id_r;
  const IdPayload* peers = we_are_requester ? m.id_r : m.id_i;
  AtEnds out{{{AtEnd(own, path.local.address)}, {AtEnd(peers, path.remote.address)}}, std::nullopt};
  if (!path.encapsulates()) return out;
  auto by_ids = SubstituteForNat(path, out.ts);
  out.original = OriginalOf(m, path, we_are_requester);
  if (!out.original) out.original = by_ids;
  if (!out.original) out.original = OriginalAddresses{path.local.address, path.remote.address};
  return out;
}

QuickMessage::QuickMessage(const IkeSa& sa, const Exchange& e) {
  const QuickMode& q = *e.quick;
  payloads_.push_back(OpaquePayload{PayloadType::kSa, q.sa});
  payloads_.push_back(OpaquePayload{PayloadType::kNonce, q.requester ? e.nonce_i : e.nonce_r});
  if (q.key) payloads_.push_back(OpaquePayload{PayloadType::kKe, q.key->public_value()});
  if (!q.id_i.empty()) {
    payloads_.push_back(OpaquePayload{PayloadType::kId, q.id_i});
    payloads_.push_back(OpaquePayload{PayloadType::kId, q.id_r});
  }
  const bool transport = q.config->mode == config::ChildMode::kTransport;
  if (transport && sa.path.encapsulates()) AddOriginal(sa, q);
  if (q.tell_life) AddLife(q);
}

// RFC 3947 5.2, and draft-ietf-ipsec-nat-t-ike-02 5.2, which has the sender's own address alone.
void QuickMessage::AddOriginal(const IkeSa& sa, const QuickMode& q) {
  const IpAddress &own = sa.path.local.address, &peers = sa.path.remote.address;
  const bool rfc = sa.peer.nat_t == Abilities::NatT::kRfc3947, both = sa.peer.nat_t != Abilities::NatT::kDraft02;
  original_ = {own, peers};
  if (both && !q.requester) std::swap(original_[0], original_[1]);
  for (size_t i = 0; i < (both ? 2 : 1); ++i) {
    const IpAddress& a = original_[i];
    payloads_.push_back(NatOaPayload{.payload = rfc ? PayloadType::kNatOa : PayloadType::kNatOaDraft,
                                     .type = a.family == Family::kV4 ? IdType::kIpv4 : IdType::kIpv6, .address = a.bytes()});
  }
}

// RFC 2407 4.6.3.1
void QuickMessage::AddLife(const QuickMode& q) {
  Writer spi;
  spi.U32(q.our_spi);
  spi_ = spi.Release();
  life_ = EncodeLife(q.life);
  payloads_.push_back(NotifyPayload{.protocol = q.protocol == IpsecProtocol::kAh ? ProtocolId::kAh : ProtocolId::kEsp,
                                    .type = NotifyType::kResponderLifetime, .spi = spi_, .data = life_});
}

}  // namespace culvert::ike::v1
