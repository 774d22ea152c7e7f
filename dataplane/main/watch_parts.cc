#include "dataplane/main/watch_parts.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace culvert::dp {

PathPart::PathPart(const uint8_t* slot) {
  std::memcpy(&record_, slot, sizeof record_);
  size_t octets = 0;
  for (const PathFrame& f : record_.frames) octets += f.captured;
  octets_.assign(slot + sizeof record_, slot + sizeof record_ + octets);
}

ByteView PathPart::frame(Place place) const {
  size_t at = 0;
  for (size_t i = 0; i < static_cast<size_t>(place); ++i) at += record_.frames[i].captured;
  return ByteView(octets_).subspan(at, record_.frames[static_cast<size_t>(place)].captured);
}

void PathParts::Add(PathPart part) {
  const uint32_t id = part.record().id;
  auto at = part.record().earlier || part.record().continues ? waiting_.find(id) : waiting_.end();
  if (part.record().continues) {
    if (at == waiting_.end()) {
      if (order_.size() == kMostPackets) GiveUp(order_.front());
      at = waiting_.try_emplace(id).first;
      order_.push_back(id);
    }
    if (at->second.size() < kMostParts) at->second.push_back(std::move(part));
    return;
  }
  std::vector<PathPart*> parts;
  if (at != waiting_.end()) {
    for (PathPart& p : at->second) parts.push_back(&p);
  }
  parts.push_back(&part);
  whole_(parts);
}

void PathParts::GiveUp(uint32_t id) {
  std::erase(order_, id);
  auto node = waiting_.extract(id);
  std::vector<PathPart*> parts;
  for (PathPart& p : node.mapped()) parts.push_back(&p);
  if (std::ranges::any_of(parts, [](const PathPart* p) { return !p->told; })) whole_(parts);
}

void PathParts::Flush() {
  while (!order_.empty()) GiveUp(order_.front());
}

}  // namespace culvert::dp
