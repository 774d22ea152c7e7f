#pragma once

#include <map>
#include <optional>
#include <tuple>

#include "common/base/time.h"
#include "common/bytes/bytes.h"
#include "common/net/ip_address.h"

namespace culvert::dp {

// Puts UDP datagrams to own addresses together again: IKE's, because certificates make messages longer than a link takes, and
// before they are whole nobody can tell them from others.
// What comes here is from strangers, so everything is bounded, and a datagram with overlapping pieces is given up
// (RFC 5722 4). Owned by main.
class IkeReassembly {
 public:
  static constexpr size_t kMaxDatagrams = 256;         // being put together
  static constexpr size_t kMaxPerSource = 4;           // of them from one address
  static constexpr size_t kMaxPieces = 64;             // of one datagram: 64 KiB in pieces of a 1,280-octet link
  static constexpr Duration kPatience = std::chrono::seconds(15);  // RFC 791 3.2; RFC 8200's 60 would serve attackers

  struct Fragment {
    IpAddress source, destination;
    uint32_t id = 0;
    uint32_t offset = 0;      // octets
    bool more = false;
    ByteView data;            // copied
    bool for_host = false;    // the policy lets the host have it, should it not be IKE's
  };
  struct Result {
    std::optional<Bytes> datagram;  // whole, from the UDP header on
    unsigned consumed = 0;          // earlier fragments that are part of it
    unsigned dropped = 0;           // earlier fragments given up
    bool for_host = false;          // every part of it is
    bool kept = false;              // this fragment waits for more; otherwise it is part of `datagram` or dropped
  };
  Result Add(const Fragment& f, Time now);
  // Gives up what is too old; returns how many fragments that were.
  unsigned Expire(Time now);
  size_t waiting() const { return partial_.size(); }  // datagrams

 private:
  struct Key {
    IpAddress source, destination;
    uint32_t id;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Partial {
    std::map<uint32_t, Bytes> pieces;   // by offset
    std::optional<uint32_t> total;      // octets, once the last piece is here
    bool for_host = true;
    Time until;
  };
  bool Fits(const Partial& p, const Fragment& f) const;

  std::map<Key, Partial> partial_;
};

}  // namespace culvert::dp
