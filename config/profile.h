#pragma once

#include <optional>
#include <string_view>

#include "config/model.h"

namespace culvert::config {

// What `default` stands for under a profile, and what nothing may fall below: no proposal as written (config/connections.cc)
// and nothing negotiated (control/ike/negotiate/floor.h).
//   default   hostile.md's list; everything that is not legacy may be written
//   cnsa1     RFC 9206: AES-256-GCM, SHA-384 and up, P-384 or MODP of 3072 and 4096 bits
//   cnsa2     draft-guthrie-cnsa2-ipsec-profile: with ML-KEM-1024 among the key exchanges (RFC 9370) of whatever has one
//   bsi       BSI TR-02102-3: 120 bits, so no MODP-2048; what the guideline does not list (ChaCha20, X25519) is out
//   3gpp      3GPP TS 33.210: AES-GCM and AES-CBC with SHA-2, groups 19 and 20, GMAC where asked for
//   windows   what the client of Windows offers by itself, SHA-1, 3DES (IKE) and MODP-1024 among it, strongest first
//   legacy    everything there is, SHA-1, 3DES (IKE), MODP-1024 and MODP-1536 offered last
// The last two are also the ones under which a signature by SHA-1 counts for anything.
std::optional<Profile> FindProfile(std::string_view name);
std::string_view Name(Profile p);

// Never of what this build does not know.
bool Permits(Profile p, const Cipher& cipher);
bool Permits(Profile p, IntegId integ);   // kNone: yes
bool Permits(Profile p, PrfId prf);       // kNone: yes
bool Permits(Profile p, KeGroup group);   // kNone: yes
// The method that must be among the key exchanges of an SA that has any; kNone: none must.
KeGroup Demanded(Profile p);
Sha1Use Sha1In(Profile p);

}  // namespace culvert::config
