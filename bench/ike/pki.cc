#include "bench/ike/pki.h"

namespace culvert::bench {

std::shared_ptr<const auth::Credentials> Pki::OfInitiators() const {
  auto credentials = std::make_shared<auth::Credentials>();
  credentials->AddAuthority(root.certificate());
  credentials->AddCertificate(initiator.certificate());
  credentials->AddKey(initiator.pair());
  credentials->Finish();
  return credentials;
}

std::shared_ptr<const Pki> MakePki(const std::string& auth) {
  if (auth == "psk") return nullptr;
  const auto kind = auth == "rsa-2048" ? ike::KeyKind::kRsa : ike::KeyKind::kEcdsa256;
  const time_t now = time(nullptr);
  auto valid = [now](auth::CertificateWish wish) {
    wish.from = now - auth::kTestDay;
    wish.to = now + auth::kTestDay;
    return wish;
  };
  auto pki = std::make_shared<Pki>();
  pki->root = auth::Make(valid(auth::Authority("CN=root.bench", kind)));
  pki->responder = auth::Make(valid({.subject = "CN=gw", .key = kind, .alt_name = "DNS:gw.bench"}), &pki->root);
  pki->initiator = auth::Make(valid({.subject = "CN=initiator", .key = kind, .alt_name = "DNS:initiator.bench"}), &pki->root);
  return pki;
}

}  // namespace culvert::bench
