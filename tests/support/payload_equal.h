#pragma once

#include <algorithm>

#include "control/ike/wire/v2/payloads.h"

// Equality of decoded payloads by value; views compare by what they show.
namespace culvert::ike {

inline bool Same(const SaPayload& a, const SaPayload& b) { return a.proposals == b.proposals; }
inline bool Same(const KePayload& a, const KePayload& b) { return a.group == b.group && Equal(a.data, b.data); }
inline bool Same(const IdPayload& a, const IdPayload& b) {  // `body` keeps reserved octets, which need not be the same
  return a.type == b.type && a.id_type == b.id_type && Equal(a.data, b.data);
}
inline bool Same(const CertPayload& a, const CertPayload& b) { return a.encoding == b.encoding && Equal(a.data, b.data); }
inline bool Same(const CertReqPayload& a, const CertReqPayload& b) { return a.encoding == b.encoding && Equal(a.data, b.data); }
inline bool Same(const AuthPayload& a, const AuthPayload& b) { return a.method == b.method && Equal(a.data, b.data); }
inline bool Same(const NoncePayload& a, const NoncePayload& b) { return Equal(a.data, b.data); }
inline bool Same(const NotifyPayload& a, const NotifyPayload& b) {
  return a.protocol == b.protocol && a.type == b.type && Equal(a.spi, b.spi) && Equal(a.data, b.data);
}
inline bool Same(const DeletePayload& a, const DeletePayload& b) { return a.protocol == b.protocol && a.spis == b.spis; }
inline bool Same(const VendorIdPayload& a, const VendorIdPayload& b) { return Equal(a.data, b.data); }
inline bool Same(const TsPayload& a, const TsPayload& b) {
  return a.type == b.type && a.selectors == b.selectors && a.skipped_unknown == b.skipped_unknown;
}
inline bool Same(const CpPayload& a, const CpPayload& b) {
  return a.cfg_type == b.cfg_type && std::ranges::equal(a.attributes, b.attributes, [](const auto& x, const auto& y) {
    return x.type == y.type && Equal(x.value, y.value);
  });
}
inline bool Same(const EapPayload& a, const EapPayload& b) { return Equal(a.message, b.message); }
inline bool Same(const SkPayload& a, const SkPayload& b) { return a.first_inner == b.first_inner && Equal(a.body, b.body); }
inline bool Same(const SkfPayload& a, const SkfPayload& b) {
  return a.first_inner == b.first_inner && a.number == b.number && a.total == b.total && Equal(a.body, b.body);
}
inline bool Same(const UnknownPayload& a, const UnknownPayload& b) {
  return a.type == b.type && a.critical == b.critical && Equal(a.body, b.body);
}

inline bool Same(const Payload& a, const Payload& b) {
  return std::visit([](const auto& x, const auto& y) {
    if constexpr (std::is_same_v<decltype(x), decltype(y)>) return Same(x, y);
    else return false;
  }, a, b);
}
inline bool Same(const std::vector<Payload>& a, const std::vector<Payload>& b) {
  return std::ranges::equal(a, b, [](const Payload& x, const Payload& y) { return Same(x, y); });
}

// Decoding drops what has no meaning here: attributes of transforms and selectors of unknown type. Such a payload does not
// encode to what it was decoded from, and one with nothing left cannot be encoded at all.
inline bool IsLossy(const Payload& p) {
  if (auto* ts = std::get_if<TsPayload>(&p)) return ts->skipped_unknown;
  auto* sa = std::get_if<SaPayload>(&p);
  return sa && std::ranges::any_of(sa->proposals, [](const Proposal& proposal) {
    return std::ranges::any_of(proposal.transforms, &Transform::unknown_attribute);
  });
}

}  // namespace culvert::ike
