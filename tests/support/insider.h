#pragma once

#include "control/ike/crypto/sk_cipher.h"
#include "control/ike/v2/payload_list.h"
#include "tests/support/sim_peer.h"

namespace culvert::ike {

// One who has the keys of a peer's IKE SAs, by way of its key log, and can read, change and make their messages. Of SAs with
// AES-128-GCM.
class Insider {
 public:
  // `leak` logs its keys from now on; borrowed.
  explicit Insider(const SimPeer& leak) : leak_(leak) {}

  // What a protected message holds; nullopt where the keys are not known. Borrowed until the next call.
  std::optional<std::vector<Payload>> Open(const Bytes& datagram);
  // A message with that header, its next payload and length apart, by the original initiator or the responder, whatever the
  // header's flag says. nullopt as above.
  std::optional<Bytes> Seal(const IkeHeader& header, bool by_initiator, const Chain& chain);

 private:
  std::unique_ptr<SkCipher> CipherOf(const IkeHeader& header, bool by_initiator);

  const SimPeer& leak_;
  SeededRandom random_{17};
  Bytes plain_;
};

}  // namespace culvert::ike
