#pragma once

#include <optional>
#include <vector>

#include "common/base/limits.h"
#include "common/bytes/bytes.h"
#include "control/ike/wire/registry.h"

namespace culvert::ike {

// Where a fragment belongs (RFC 7383 2.5); number and total as DecodeSkf admits them.
struct FragmentPlace {
  uint32_t message_id = 0;
  ExchangeType exchange{};
  uint16_t number = 1, total = 1;
};

// The contents of a message, without padding: of one SK payload, or of all its fragments put together.
struct Plain {
  PayloadType first = PayloadType::kNone;
  Bytes body;
};

// One message arriving in fragments (RFC 7383 2.6), already authenticated and decrypted, in any order. An insertion takes the
// same time wherever the fragment belongs. Data alone: single-threaded, knows neither keys nor time.
class Reassembly {
 public:
  enum class Verdict : uint8_t {
    kWanted,
    kRepeat,       // that number has been taken
    kSmaller,      // RFC 7383 2.6: of a cut that was given up for one into more pieces
    kContradicts,  // one message is of one exchange
  };
  // Whether the fragment is of use, to be asked before its ICV is looked at: a repeated one then costs no cryptography.
  [[nodiscard]] Verdict Judge(const FragmentPlace& f) const;

  enum class Taken : uint8_t { kMore, kWhole, kTooLarge };
  // Takes a fragment that is kWanted, if with it no more than `most` octets are kept. A larger total than so far, or another
  // message ID, drops what there was: the sender has cut the message anew. kTooLarge leaves everything as it is.
  Taken Add(const FragmentPlace& f, Plain contents, size_t most);
  // After kWhole, once.
  Plain Take();

  bool empty() const { return count_ == 0; }
  size_t octets() const { return octets_; }        // kept
  ExchangeType exchange() const { return place_.exchange; }
  uint16_t count() const { return count_; }
  uint16_t total() const { return place_.total; }

 private:
  bool SameCut(const FragmentPlace& f) const { return f.message_id == place_.message_id && f.total == place_.total; }

  FragmentPlace place_;                // of the last one taken
  PayloadType first_ = PayloadType::kNone;
  std::vector<std::optional<Bytes>> pieces_;
  uint16_t count_ = 0;
  size_t octets_ = 0;
};

}  // namespace culvert::ike
