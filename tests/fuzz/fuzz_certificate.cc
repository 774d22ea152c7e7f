#include <algorithm>

#include "absl/log/check.h"
#include "control/auth/key_file.h"
#include "control/auth/verify.h"
#include "tests/support/test_pki.h"

namespace culvert::auth {
namespace {

void CheckPrintable(const std::string& text) {
  CHECK(std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; }));
}

void TryCertificate(ByteView der) {
  std::string why;
  auto c = Certificate::FromDer(der, why);
  CheckPrintable(why);
  if (!c) return;
  CheckPrintable(c->ToString());
  CHECK(c->key() || !c->why_no_key().empty());
  if (X509_NAME_entry_count(X509_get_subject_name(c->get())) > 0) CHECK(c->Proves(c->subject()));
  auto again = Certificate::FromDer(c->der(), why);
  CHECK(again && *again == *c) << why;
}

// A gateway that believes one root, and a peer with an intermediate.
struct Scene {
  TestCertificate root = Make(Authority("CN=root")), middle = Make(Authority("CN=middle"), &root),
                  peer = Make({.subject = "O=Example, CN=peer", .alt_name = "DNS:peer.example.org"}, &middle);
  std::shared_ptr<const Credentials> credentials = Holding({}, {&root});
  const Bytes octets = Bytes(64, 7);
  const ike::SigningChoice how{ike::AuthMethod::kDigitalSignature, {ike::KeyKind::kEcdsa256, ike::HashAlgorithm::kSha256}};
  const Bytes auth = *ike::SignAuth(how, peer.pair(), octets);
};

const Scene& TheScene() {
  static const Scene scene;
  return scene;
}

// Edits of three octets each: where, and what to change there.
void TryEdits(ByteView edits) {
  const Scene& scene = TheScene();
  PeerProof proof{.method = scene.how.method, .auth = scene.auth, .octets = scene.octets};
  proof.certificates = {scene.peer.der(), scene.middle.der()};
  proof.id = *ike::Identity::Parse("peer.example.org");
  const auto before = proof.certificates;
  for (; edits.size() >= 3; edits = edits.subspan(3)) {
    size_t at = (edits[0] << 8 | edits[1]) % (before[0].size() + before[1].size());
    Bytes& which = proof.certificates[at < before[0].size() ? 0 : 1];
    which[at < before[0].size() ? at : at - before[0].size()] ^= edits[2];
  }
  auto sent = DecodeSent(proof);
  const bool good = sent && VerifyPeer(*scene.credentials, proof, *sent, {.kind = config::AuthKind::kPubkey}).has_value();
  CHECK_EQ(good, proof.certificates == before);
}

}  // namespace
}  // namespace culvert::auth

// Input: one octet, then by its lowest two bits a certificate, edits of a good chain (of which any must undo it), a revocation
// list or an OCSP response (that nobody in charge has signed), or a file with a private key.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert::auth;
  if (size == 0) return 0;
  const culvert::ByteView rest(data + 1, size - 1);
  switch (data[0] & 3) {
    case 0: TryCertificate(rest); break;
    case 1: TryEdits(rest); break;
    case 2:
      (void)ReadCrl(rest);
      CHECK(!ReadOcsp(rest, {TheScene().peer.certificate(), TheScene().middle.certificate()}, kTestNow));
      break;
    default:
      if (auto key = ReadPrivateKey(rest, nullptr)) CHECK(key->is_pair());
      (void)ReadCertificates(rest);
  }
  return 0;
}
