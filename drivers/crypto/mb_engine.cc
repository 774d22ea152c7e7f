#include "drivers/crypto/mb_engine.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>

#include "absl/status/status.h"
#include "common/bytes/secret.h"
#include "drivers/crypto/mb_scratch.h"

namespace culvert::crypto {

namespace {

// As EqualConstantTime, for the one length every AEAD tag has.
inline bool SameTag16(const uint8_t* a, const uint8_t* b) {
  uint64_t a0, a1, b0, b1;
  std::memcpy(&a0, a, 8); std::memcpy(&a1, a + 8, 8);
  std::memcpy(&b0, b, 8); std::memcpy(&b1, b + 8, 8);
  return ((a0 ^ b0) | (a1 ^ b1)) == 0;
}

}  // namespace

MbEngine::MbEngine(IMB_MGR* mb)
    : mb_(mb), scratch_(new Scratch{}),
      gcm_seal_{mb->gcm128_enc, mb->gcm192_enc, mb->gcm256_enc},
      gcm_open_{mb->gcm128_dec, mb->gcm192_dec, mb->gcm256_dec} {}

MbEngine::~MbEngine() {
  WipeBytes(iv_round_keys_);
  WipeBytes({&ivs_[0][0], sizeof ivs_});
  free_mb_mgr(mb_);
}

absl::StatusOr<std::unique_ptr<MbEngine>> MbEngine::Create() {
  IMB_MGR* mb = alloc_mb_mgr(0);
  if (mb == nullptr) return absl::ResourceExhaustedError("IPsec-MB: no memory for a manager");
  IMB_ARCH arch = IMB_ARCH_NONE;
  init_mb_mgr_auto(mb, &arch);
  std::unique_ptr<MbEngine> engine(new MbEngine(mb));
  if (imb_get_errno(mb) != 0) {
    return absl::FailedPreconditionError(std::string("IPsec-MB: ") + imb_get_strerror(imb_get_errno(mb)));
  }
  constexpr uint64_t kTested = IMB_FEATURE_SELF_TEST | IMB_FEATURE_SELF_TEST_PASS;
  if ((mb->features & kTested) != kTested) return absl::InternalError("IPsec-MB: self-test failed");

  uint8_t iv_key[32];
  alignas(16) uint8_t unused[sizeof iv_round_keys_];
  if (getrandom(iv_key, sizeof iv_key, 0) != sizeof iv_key) return absl::UnavailableError("getrandom failed");
  IMB_AES_KEYEXP_256(mb, iv_key, engine->iv_round_keys_, unused);
  WipeBytes(iv_key);
  WipeBytes(unused);
  engine->ProbeKeyLines();
  return engine;
}

std::string MbEngine::LibraryVersion() { return imb_get_version_str(); }

std::string MbEngine::arch() const {
  const char* name = nullptr;
  const char* description = nullptr;
  imb_get_arch_type_string(mb_, &name, &description);
  return name == nullptr ? "unknown" : name;
}

// Which of a key's lines a call reads depends on the text's length and on the instruction set IPsec-MB picked. It is found
// out by experiment: a line matters where changing it changes the ciphertext or the tag.
void MbEngine::ProbeKeyLines() {
  struct alignas(64) { uint8_t octets[kGcmKeySize]; } key, changed;
  constexpr uint8_t kRaw[32] = {1, 2, 3};
  alignas(64) uint8_t out[2][2048 + 16];
  alignas(16) const uint8_t nonce[16] = {}, aad[16] = {};
  for (size_t s = 0; s < 3; ++s) {
    std::memset(&key, 0, sizeof key);
    if (!ExpandKeys(mb_, static_cast<Suite>(s), Use::kSeal, {kRaw, Info(static_cast<Suite>(s)).cipher_key}, {}, &key)) continue;
    auto run = [&](const uint8_t* k, uint8_t* to, uint32_t length) {
      std::memset(to, 0, length);
      gcm_seal_[s](reinterpret_cast<const gcm_key_data*>(k), &scratch_->gcm, to, to, length, nonce, aad, 8, to + length, 16);
    };
    for (uint32_t c = 0; c < kLengthClasses; ++c) {
      for (uint32_t length : {c * 64 + 2, c * 64 + 16, c * 64 + 34, c * 64 + 50, c * 64 + 63, c == 16 ? 2048 : c * 64 + 48}) {
        run(key.octets, out[0], length);
        for (unsigned line = 0; line < kGcmKeySize / 64; ++line) {
          changed = key;
          for (unsigned i = 0; i < 64; ++i) changed.octets[line * 64 + i] ^= 0x5a;
          run(changed.octets, out[1], length);
          if (!std::equal(out[0], out[0] + length + 16, out[1])) key_lines_[s][c] |= 1u << line;
        }
      }
    }
  }
  for (size_t s = 3; s < kSuites; ++s) {
    const auto suite = static_cast<Suite>(s);
    const SuiteInfo& info = Info(suite);
    // GCM with a shorter ICV and GMAC share the probed lines; of the others all are read, but for the round keys of no cipher.
    const bool gcm = IsGcmShort(suite) || IsGmac(suite);
    const uint32_t all = (1u << info.expanded / 64) - 1, round_keys = info.cipher_key == 0 ? 0xf : 0;
    for (size_t c = 0; c < kLengthClasses; ++c) {
      key_lines_[s][c] = gcm ? key_lines_[(info.cipher_key - 16) / 8][c] : all & ~round_keys;
    }
  }
}

void MbEngine::RefillIvs() {
  std::memset(ivs_, 0, sizeof ivs_);
  alignas(16) uint8_t counter[16] = {};
  std::memcpy(counter, &iv_refills_, sizeof iv_refills_);  // CTR's own 32-bit counter is the last four octets
  ++iv_refills_;
  IMB_JOB* job = IMB_GET_NEXT_JOB(mb_);
  job->cipher_mode = IMB_CIPHER_CNTR;
  job->cipher_direction = IMB_DIR_ENCRYPT;
  job->chain_order = IMB_ORDER_CIPHER_HASH;
  job->hash_alg = IMB_AUTH_NULL;
  job->enc_keys = job->dec_keys = iv_round_keys_;
  job->key_len_in_bytes = 32;
  job->iv = counter;
  job->iv_len_in_bytes = 16;
  job->src = job->dst = &ivs_[0][0];
  job->cipher_start_src_offset_in_bytes = 0;
  job->msg_len_to_cipher_in_bytes = sizeof ivs_;
  if (IMB_SUBMIT_JOB(mb_) == nullptr) FinishJobs(mb_);
  iv_left_ = kIvs;
}

// What is not GCM with its full ICV: other AEADs one after the other, CCM by jobs, ciphers with a MAC by bursts of one suite
// each.
void MbEngine::RunOthers(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal) {
  uint8_t left[kMaxOps], ccm[kMaxOps];
  unsigned n = 0, ccm_n = 0;
  for (unsigned i = 0; i < count; ++i) {
    CryptoOp& op = ops[which[i]];
    if (IsCipherMac(op.suite)) {
      left[n++] = which[i];
      continue;
    }
    if (IsCcm(op.suite)) {
      ccm[ccm_n++] = which[i];
      continue;
    }
    if (i + kPrefetchAhead < count) __builtin_prefetch(ops[which[i + kPrefetchAhead]].text);
    uint8_t* tag = seal ? op.text + op.text_length : scratch_->tags[which[i]];
    if (op.suite == Suite::kChaCha20Poly1305)
      RunChaCha(op, seal, tag);
    else if (IsGmac(op.suite))
      RunGmac(op, tag);
    else
      RunGcmShort(op, seal, tag);
    if (seal) continue;
    const size_t icv = Info(op.suite).icv;
    const uint8_t* sent = op.text + op.text_length;
    op.ok = icv == 16 ? SameTag16(tag, sent) : EqualConstantTime({tag, icv}, {sent, icv});
  }
  if (ccm_n != 0) RunCcm(ops, ccm, ccm_n, seal);
  while (n != 0) {
    Suite suite = ops[left[0]].suite;
    uint8_t same[kMaxOps];
    unsigned same_n = 0, rest = 0;
    for (unsigned i = 0; i < n; ++i) {
      if (ops[left[i]].suite == suite) same[same_n++] = left[i];
      else left[rest++] = left[i];
    }
    RunCipherMac(ops, same, same_n, seal);
    n = rest;
  }
}

void MbEngine::Seal(CryptoOp* ops, uint16_t n) {
  for (uint16_t i = 0; i < std::min<uint16_t>(n, kTextAhead); ++i) PrefetchText(ops[i]);
  [[gnu::uninitialized]] uint8_t others[kMaxOps];
  unsigned other_n = 0;
  for (uint16_t i = 0; i < n; ++i) {
    if (i + kTextAhead < n) PrefetchText(ops[i + kTextAhead]);
    // A run of one key needs no asking.
    if (i + kPrefetchAhead < n && ops[i + kPrefetchAhead].key != ops[i + kPrefetchAhead - 1].key) {
      PrefetchKey(ops[i + kPrefetchAhead]);
    }
    CryptoOp& op = ops[i];
    if (!IsGcm(op.suite)) {
      others[other_n++] = static_cast<uint8_t>(i);
      continue;
    }
    gcm_seal_[static_cast<size_t>(op.suite)](static_cast<const gcm_key_data*>(op.key), &scratch_->gcm, op.text, op.text,
                                             op.text_length, op.iv, op.aad, op.aad_length, op.text + op.text_length, 16);
  }
  if (other_n != 0) RunOthers(ops, others, other_n, true);
}

void MbEngine::Open(CryptoOp* ops, uint16_t n) {
  for (uint16_t i = 0; i < std::min<uint16_t>(n, kTextAhead); ++i) PrefetchText(ops[i]);
  [[gnu::uninitialized]] uint8_t others[kMaxOps];
  unsigned other_n = 0;
  for (uint16_t i = 0; i < n; ++i) {
    if (i + kTextAhead < n) PrefetchText(ops[i + kTextAhead]);
    if (i + kPrefetchAhead < n && ops[i + kPrefetchAhead].key != ops[i + kPrefetchAhead - 1].key) {
      PrefetchKey(ops[i + kPrefetchAhead]);
    }
    CryptoOp& op = ops[i];
    if (!IsGcm(op.suite)) {
      others[other_n++] = static_cast<uint8_t>(i);
      continue;
    }
    gcm_open_[static_cast<size_t>(op.suite)](static_cast<const gcm_key_data*>(op.key), &scratch_->gcm, op.text, op.text,
                                             op.text_length, op.iv, op.aad, op.aad_length, scratch_->tags[i], 16);
  }
  if (other_n != 0) RunOthers(ops, others, other_n, false);
  for (uint16_t i = 0; i < n; ++i) {
    if (IsGcm(ops[i].suite)) ops[i].ok = SameTag16(scratch_->tags[i], ops[i].text + ops[i].text_length);
  }
}

}  // namespace culvert::crypto
