#include "control/auth/auth_job.h"

namespace culvert::auth {
namespace {

// An unknown peer costs what a known one costs (hostile.md R7): it is judged by rules that nothing comes of.
const config::AuthRound kNobody{.kind = config::AuthKind::kPubkey};

}  // namespace

void AuthJob::Run() {
  for (size_t i = 0; i < candidates_.size() && !chosen_; ++i) {
    const Candidate& c = candidates_[i];
    if (proof_) {
      auto verdict = VerifyPeer(*credentials_, *proof_, c.peer ? *c.peer : kNobody);
      if (verdict && !c.peer) verdict = std::unexpected(std::string("nobody is expected"));
      if (!verdict) {
        why_.push_back(std::move(verdict.error()));
        continue;
      }
      how_ = *std::move(verdict);
    }
    if (c.own) {
      auto signature = ike::SignAuth(c.own->how, c.own->own->key, c.octets);
      if (!signature) {
        why_.push_back("our own key does not sign");
        continue;
      }
      signature_ = *std::move(signature);
    }
    chosen_ = i;
  }
}

}  // namespace culvert::auth
