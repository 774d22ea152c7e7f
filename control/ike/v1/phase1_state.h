#pragma once

#include "control/auth/credentials.h"
#include "control/ike/v1/ike_sa.h"

namespace culvert::ike::v1 {

// What main mode and aggressive mode keep until they are done.
struct Phase1 {
  HalfOpenKey key;                            // responder: its place in the half-open table
  Bytes sa_i;                                 // SAi_b: the initiator's SA payload, its body as it went
  Bytes id_i, id_r;                           // IDii_b, IDir_b
  Bytes public_i, public_r, nonce_i, nonce_r;
  KeGroup group = KeGroup::kNone;
  std::unique_ptr<KeyExchange> exchange;
  SecretBytes shared_secret;
};

}  // namespace culvert::ike::v1
