#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/worker/context.h"

namespace culvert::dp {

// Puts ESP and AH to own addresses together again, and UDP of port 4500, which may be ESP: before opening there is no other way
// to tell a genuine packet from a forged one, so what comes here is from strangers and everything is bounded. Memory is taken
// once. Where there is no room, the oldest goes: honest datagrams are whole within moments. One a worker, used by its thread:
// all of a datagram's fragments come in by one queue.
class Reassembly {
 public:
  static constexpr uint32_t kMaxPieces = 64;      // of one datagram
  static constexpr uint32_t kMinFirst = 256;      // octets of data in the first: no link in use needs less. Later ones may be
                                                  // short: a narrower link cuts what was cut already
  static constexpr uint32_t kPerSource = 64;      // datagrams at once of one source, and of those that share its list
  static constexpr uint32_t kPatienceMs = 2000;
  struct Limits {
    uint32_t datagrams;  // at once, whole list
    uint32_t pieces;     // held at once, in all
  };
  // tsc_hz as of the worker's clock.
  Reassembly(Limits limits, uint64_t tsc_hz);
  ~Reassembly();
  Reassembly(const Reassembly&) = delete;
  Reassembly& operator=(const Reassembly&) = delete;

  // A parsed fragment to an own address. True: `p` is the whole packet now, parsed and writable. False: p is held or dropped,
  // or belongs to a UDP datagram that is none of ours: then it, and what was held of it, went to `not_ours`.
  using Pass = void (*)(WorkerContext& ctx, Packet& p);
  [[nodiscard]] bool Add(WorkerContext& ctx, Packet& p, Pass not_ours);

  // Gives up what has waited too long. A few instructions where nothing has.
  void Expire(WorkerContext& ctx);

  uint32_t datagrams() const { return used_; }
  uint32_t pieces() const { return held_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kBuckets = 1024;
  struct Key {
    uint8_t addresses[32];  // source, destination; network order
    uint32_t id;
    uint8_t family, protocol;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Links {
    uint32_t older = kNone, newer = kNone;
  };
  struct List {
    uint32_t oldest = kNone, newest = kNone, count = 0;
  };
  enum class Whose : uint8_t { kUnknown, kOurs, kOthers };
  struct Datagram {
    Key key;
    Links all, of_source;
    uint32_t bucket;
    uint32_t first;      // piece, by offset; kNone: none
    uint32_t count;      // pieces
    uint32_t octets;     // of data here
    uint32_t total;      // octets of data in all; 0: not yet known
    uint64_t until;      // TSC
    Whose whose;
  };
  struct Piece {
    Packet packet;
    uint32_t next;
    uint16_t offset, size;  // octets of data
    uint16_t at;            // where in the packet they are
  };
  // What a fragment says of itself.
  struct Said {
    Key key;
    uint32_t offset, size;
    uint16_t at;
    bool more;
  };
  enum class Fit : uint8_t { kFits, kAgain, kContradicts };

  static bool Read(const Packet& p, Said& out);
  static Whose Judge(const Packet& p);
  uint32_t Bucket(const Key& k) const;
  uint32_t Find(const Key& k, uint32_t bucket) const;
  uint32_t Open(WorkerContext& ctx, const Said& said, uint32_t bucket);
  Fit Check(const Datagram& d, const Said& said, const Packet& p, uint32_t& before) const;
  void Insert(WorkerContext& ctx, Datagram& d, const Said& said, Packet& p, uint32_t before);
  void PassOn(WorkerContext& ctx, Datagram& d, Pass not_ours);
  bool Join(WorkerContext& ctx, uint32_t index, Packet& p);
  rte_mbuf* Assemble(WorkerContext& ctx, const Datagram& d) const;
  void GiveUp(WorkerContext& ctx, uint32_t index, culvert::Drop why);
  void Close(uint32_t index);
  void FreePiece(uint32_t piece);
  template <Links Datagram::*kLinks>
  void Append(List& list, uint32_t index);
  template <Links Datagram::*kLinks>
  void Remove(List& list, uint32_t index);

  uint64_t patience_, seed_;
  std::vector<Datagram> datagrams_;
  std::vector<Piece> pieces_;
  List all_, buckets_[kBuckets];
  uint32_t free_datagram_, free_piece_;
  uint32_t used_ = 0, held_ = 0;
};

}  // namespace culvert::dp
