#include "dataplane/main/ike_reassembly.h"

#include <algorithm>

namespace culvert::dp {
namespace {

constexpr uint32_t kMaxUdp = 65535;

}  // namespace

// Whether the piece contradicts nothing that is here: no overlap, one end, nothing behind the end.
bool IkeReassembly::Fits(const Partial& p, const Fragment& f) const {
  uint32_t end = f.offset + static_cast<uint32_t>(f.data.size());
  if (!f.more && p.total && *p.total != end) return false;
  if (!f.more && !p.pieces.empty() && p.pieces.rbegin()->first + p.pieces.rbegin()->second.size() > end) return false;
  if (p.total && end > *p.total) return false;
  auto after = p.pieces.lower_bound(f.offset);
  if (after != p.pieces.end() && after->first < end) return false;
  if (after == p.pieces.begin()) return true;
  auto before = std::prev(after);
  return before->first + before->second.size() <= f.offset;
}

IkeReassembly::Result IkeReassembly::Add(const Fragment& f, Time now) {
  Result r;
  // RFC 791 3.2, RFC 8200 4.5: all pieces but the last are whole multiples of eight octets.
  if (f.data.empty() || (f.more && f.data.size() % 8 != 0) || f.offset + f.data.size() > kMaxUdp) return r;
  Key key{f.source, f.destination, f.id};
  auto it = partial_.find(key);
  if (it == partial_.end()) {
    auto from_source = std::ranges::count_if(partial_, [&](const auto& e) { return e.first.source == f.source; });
    if (partial_.size() >= kMaxDatagrams || static_cast<size_t>(from_source) >= kMaxPerSource) return r;
    it = partial_.emplace(key, Partial{.pieces = {}, .total = {}, .until = now + kPatience}).first;
  }
  Partial& p = it->second;
  if (!Fits(p, f) || p.pieces.size() >= kMaxPieces) {
    r.dropped = static_cast<unsigned>(p.pieces.size());
    partial_.erase(it);
    return r;
  }
  p.pieces.emplace(f.offset, ToBytes(f.data));
  p.for_host &= f.for_host;
  if (!f.more) p.total = f.offset + static_cast<uint32_t>(f.data.size());
  size_t have = 0;
  for (const auto& [offset, piece] : p.pieces) have += piece.size();
  if (!p.total || have != *p.total) {
    r.kept = true;
    return r;
  }
  Bytes whole;
  whole.reserve(have);
  for (const auto& [offset, piece] : p.pieces) Append(whole, piece);
  r.consumed = static_cast<unsigned>(p.pieces.size() - 1);
  r.datagram = std::move(whole);
  r.for_host = p.for_host;
  partial_.erase(it);
  return r;
}

unsigned IkeReassembly::Expire(Time now) {
  unsigned dropped = 0;
  std::erase_if(partial_, [&](const auto& e) {
    if (now < e.second.until) return false;
    dropped += static_cast<unsigned>(e.second.pieces.size());
    return true;
  });
  return dropped;
}

}  // namespace culvert::dp
