#pragma once

#include <string>

#include "config/connections.h"
#include "config/model.h"

// What only connections with `version` 0 or 1 mean: IKEv1 has a registry of its own, with fewer algorithms in it.
namespace culvert::config {

// Why IKEv1 cannot say this proposal as it stands; empty where it can. RFC 2409 names one hash, which is integrity and PRF at
// once. Built are AES-CBC and 3DES, of a child AES-GCM too, and the groups MODP 2, 5, 14 to 18 and ECP 19 to 21.
std::string Ikev1Problem(const IkeProposal& proposal);
std::string Ikev1Problem(const EspProposal& proposal, bool ah);

// Fills `proposals_v1`, `esp_proposals_v1` and `ah_proposals_v1` with what IKEv1 can say of the others; a proposal of which
// nothing is left is left out. A child that offers a key exchange and takes none (`default`) offers none in IKEv1, whose
// peers do not choose, and takes any. With version 2 it empties them. For connections made by hand; ReadConnection has done it.
void DeriveIkev1Proposals(Connection& conn);

// Reports what of the connection does not go with its version, and may change it: one that needs XAUTH is IKEv1's alone. All
// but its proposals and children have been read.
void CheckVersion(const SectionReader& in, const ControlSettings& settings, Connection& conn);
// As written, `version = 1` admits no proposal that IKEv1 cannot say, the children's among them. DeriveIkev1Proposals() was
// before.
void CheckIkev1Proposals(const SectionReader& in, const Connection& conn);

}  // namespace culvert::config
