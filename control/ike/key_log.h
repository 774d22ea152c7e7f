#pragma once

#include "control/ike/context.h"

// Rows for Wireshark's ikev1_decryption_table, ikev2_decryption_table and esp_sa, so that a lab can read what it sends itself.
// Only called with key logging on. What Wireshark 4.4 has no name for (ChaCha20-Poly1305) is left out: a row it cannot read
// voids the whole file.
namespace culvert::ike {

// `key` is the cipher's (RFC 2409 appendix B).
void LogIkev1Key(Context& cx, uint64_t cookie_i, const SecretBytes& key);
void LogIkeKeys(Context& cx, const IkeSa& sa, const IkeKeys& keys);
// `child`'s requester field says which of the exchange's directions are ours.
void LogChildKeys(Context& cx, const SaBase& sa, const ChildSa& child, const ChildKeys& keys);

}  // namespace culvert::ike
