#pragma once

#include <intel-ipsec-mb.h>

#include "drivers/crypto/mb_engine.h"

// What the mb_*.cc files of the engine share.
namespace culvert::crypto {

struct MbEngine::Scratch {
  // A tag within 16 octets of a nonce or AAD stalls the loads of those: tags have lines of their own.
  alignas(64) uint8_t tags[kMaxOps][32];
  alignas(64) uint8_t received[kMaxOps][32];   // ICVs as they came, where the hash needs their place
  alignas(64) gcm_context_data gcm;
  alignas(64) IMB_JOB jobs[kMaxOps];
};

// Has every job that was submitted finished.
inline void FinishJobs(IMB_MGR* mb) {
  while (IMB_FLUSH_JOB(mb) != nullptr) {}
}

}  // namespace culvert::crypto
