#pragma once

#include <string>
#include <string_view>

#include "config/schema/reader.h"

namespace culvert::config {

enum class IdentityUse : uint8_t {
  kOwn,   // what we call ourselves: one identity, or any of the spellings of "any" for the address in use
  kPeer,  // whom a connection or a secret is for: may also be a range, a prefix or hold wildcards
  kPpk,   // what a post-quantum key goes by: one identity, with `opaque:` in front where it is of that type
};

// What is wrong with `text` as an identity, and what was expected; empty where nothing is. The IKE process alone knows the
// spellings (control/ike/identity.h): it gives its answer to LoadControl.
using IdentityCheck = std::string (*)(std::string_view text, IdentityUse use);

// Holds every `id` of the connections' rounds and of the secrets, and every ppk_id, against `check`. `control` is the section
// of that name.
void CheckIdentities(const SectionReader& control, IdentityCheck check);

}  // namespace culvert::config
