#include "control/auth/auth_job.h"

namespace culvert::auth {
namespace {

// An unknown peer costs what a known one costs (hostile.md R7): it is judged by rules that nothing comes of.
const config::AuthRound kNobody{.kind = config::AuthKind::kPubkey};

}  // namespace

// RFC 4806 3.2: about our end entity certificate, out of what is kept; where nothing is, its responder is to be asked first.
void AuthJob::FindOcsp(const Candidate& c) {
  Revocation* revocation = credentials_->revocation();
  const OwnCertificate& own = *c.own->own;
  if (!c.show_ocsp || !revocation || !own.issuer) return;
  const Issued which{own.certificate, *own.issuer, true};
  ocsp_ = revocation->ResponseAbout(which);
  if (ocsp_.empty() && !asked_of_own_ && revocation->MayAsk(which)) open_.push_back(which);
}

std::string AuthJob::Try(const Candidate& c, std::span<const Certificate> sent) {
  ike::AuthMethod peers{};
  ike::HashAlgorithm peers_hash{};
  if (proof_) {
    auto verdict = VerifyPeer(*credentials_, *proof_, sent, c.peer ? *c.peer : kNobody);
    if (!verdict) return verdict.error();
    if (!c.peer) return "nobody is expected";
    open_ = std::move(verdict->open);
    how_ = std::move(verdict->how);
    peers = proof_->method;
    peers_hash = verdict->scheme.hash;
  }
  if (c.own) FindOcsp(c);
  if (!c.own || !open_.empty()) return {};
  if (c.signs_hash) {
    auto sig = ike::SignHash(c.own->own->key, c.octets);
    if (!sig) return "our own key does not sign";
    signature_ = *std::move(sig);
    return {};
  }
  ike::SigningChoice how = c.own->how;
  // RFC 7296 3.8 leaves the hash of method 1 open: the one the peer uses it surely takes.
  if (how.method == ike::AuthMethod::kRsa && peers == how.method && c.own->any_scheme) how.scheme.hash = peers_hash;
  auto signature = ike::SignAuth(how, c.own->own->key, c.octets);
  if (!signature) return "our own key does not sign";
  signature_ = *std::move(signature);
  if (c.plain_octets.empty()) return {};
  auto plain = ike::SignAuth(how, c.own->own->key, c.plain_octets);
  if (!plain) return "our own key does not sign";
  plain_signature_ = *std::move(plain);
  return {};
}

void AuthJob::Run() {
  open_.clear();
  why_.clear();
  std::expected<std::vector<Certificate>, std::string> sent;
  if (proof_) sent = DecodeSent(*proof_);
  for (size_t i = 0; i < candidates_.size() && !chosen_; ++i) {
    std::string why = sent ? Try(candidates_[i], *sent) : sent.error();
    if (!open_.empty()) {
      if (proof_) proof_->asked = true;
      asked_of_own_ = true;
      return;
    }
    if (why.empty()) chosen_ = i;
    else why_.push_back(std::move(why));
  }
}

}  // namespace culvert::auth
