#pragma once

#include <memory>
#include <string>

#include "tests/support/test_pki.h"

namespace culvert::bench {

// The certificates of one run: an authority, the responder's "gw.bench" and the one of all initiators, "initiator.bench".
struct Pki {
  auth::TestCertificate root, responder, initiator;
  std::shared_ptr<const auth::Credentials> OfInitiators() const;
};

// `auth` as on the command line: "ecdsa-p256" or "rsa-2048"; of "psk" nullptr. Valid for a day.
std::shared_ptr<const Pki> MakePki(const std::string& auth);

}  // namespace culvert::bench
