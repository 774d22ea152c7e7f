#pragma once

#include "control/auth/verify.h"
#include "control/ike/job.h"

namespace culvert::auth {

// The public-key work of IKE_AUTH, or of phase 1 of IKEv1: finds the first of `candidates` whose rules the peer's proof meets,
// and signs for us as that candidate wants. Owns all it touches but the credentials, which it shares.
class AuthJob final : public ike::Job {
 public:
  struct Candidate {
    std::shared_ptr<const config::AuthRound> peer;   // with a proof: how the peer must authenticate; nullptr: nobody does
    std::optional<OwnChoice> own;                    // nullopt: nothing to sign
    Bytes octets;                                    // what to sign
    bool show_ocsp = false;                          // the peer wants to see an OCSP response about our certificate
    Bytes plain_octets{};                            // and for NO_PPK_AUTH (RFC 8784), in the same way; empty: nothing
    bool signs_hash = false;                         // IKEv1: `octets` is HASH_I or HASH_R
  };
  AuthJob(std::shared_ptr<const Credentials> credentials, std::optional<PeerProof> proof, std::vector<Candidate> candidates)
      : credentials_(std::move(credentials)), proof_(std::move(proof)), candidates_(std::move(candidates)) {}

  void Run() override;

  // What to ask about before it can be told: then nothing below holds, and Run() is to be called once more, after the answers.
  const std::vector<Issued>& open() const { return open_; }
  Revocation* revocation() const { return credentials_->revocation(); }

  // Of the candidates as they were given; nullopt: none, and why().
  std::optional<size_t> chosen() const { return chosen_; }
  const std::vector<std::string>& why() const { return why_; }  // one for each candidate tried before it, or all
  const std::string& how() const { return how_; }               // the peer proved itself, for the log
  Bytes TakeSignature() { return std::move(signature_); }        // AUTH's data; empty where there was nothing to sign
  Bytes TakePlainSignature() { return std::move(plain_signature_); }
  Bytes TakeOcsp() { return std::move(ocsp_); }                  // what there is to show of `show_ocsp`; empty: nothing
  const Candidate& candidate(size_t i) const { return candidates_[i]; }

 private:
  void FindOcsp(const Candidate& c);
  std::string Try(const Candidate& c, std::span<const Certificate> sent);  // why not; empty: it is the one

  std::shared_ptr<const Credentials> credentials_;
  std::optional<PeerProof> proof_;
  std::vector<Candidate> candidates_;
  std::vector<Issued> open_;
  std::optional<size_t> chosen_;
  std::vector<std::string> why_;
  std::string how_;
  bool asked_of_own_ = false;                        // about our own certificates: what is not known now stays unknown
  Bytes signature_, plain_signature_, ocsp_;
};

}  // namespace culvert::auth
