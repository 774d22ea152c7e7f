#pragma once

#include "tests/support/two_peers.h"

namespace culvert::ike {

// How two peers speak IKEv1.
struct SpeakV1 {
  enum class By : uint8_t { kPsk, kPubkey, kHybrid };   // kHybrid: b signs, a tells a user's name and password
  bool aggressive = false;
  By by = By::kPsk;
  bool xauth = false;             // a tells a user's name and password besides
  bool mode_config = false;       // a gets an address of b
  bool pull = true;
  KeyKind key = KeyKind::kEcdsa256;
  const char* ike = "aes128-sha256-ecp256";
  const char* esp = "aes128gcm16";
  config::Profile profile = config::Profile::kDefault;

  bool asks_user() const { return xauth || by == By::kHybrid; }
};

// Before Start(): the connection is IKEv1's, with DPD after 10 s, and what that needs of secrets, certificates and pools is there.
// An address that a leases is 10.9.0.1 or the next ones, and then its child's own selector.
void UseIkev1(TwoPeers& p, const SpeakV1& how = {});

}  // namespace culvert::ike
