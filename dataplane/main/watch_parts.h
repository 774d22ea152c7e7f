#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/bytes/bytes.h"
#include "dataplane/watch/path_record.h"

namespace culvert::dp {

// A PathRecord and the octets of its frames, in order of Place.
class PathPart {
 public:
  explicit PathPart(const uint8_t* slot);  // as Watch::records() has them; copied
  const PathRecord& record() const { return record_; }
  ByteView frame(Place place) const;       // empty: none
  bool told = false;                       // to the client

 private:
  PathRecord record_;
  Bytes octets_;
};

// Joins the parts of packets' ways that several workers, or several turns, have seen. Bounded: of packets that never come to an
// end the oldest are given up. Main thread.
class PathParts {
 public:
  static constexpr size_t kMostPackets = 1024, kMostParts = 8;
  // One packet's parts, oldest first, up to the one that ended it or, where it is given up, without; the handler marks what it
  // tells.
  using Whole = std::function<void(std::span<PathPart* const> parts)>;

  explicit PathParts(Whole whole) : whole_(std::move(whole)) {}
  void Add(PathPart part);
  void Flush();  // gives all up
  size_t waiting() const { return waiting_.size(); }

 private:
  void GiveUp(uint32_t id);

  Whole whole_;
  // By id; kept when one of its fragments has ended, for the others.
  std::unordered_map<uint32_t, std::vector<PathPart>> waiting_;
  std::deque<uint32_t> order_;
};

}  // namespace culvert::dp
