#include "drivers/crypto/mb_engine.h"

#include <intel-ipsec-mb.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>

#include "absl/status/status.h"
#include "common/bytes/secret.h"

namespace culvert::crypto {

struct MbEngine::Scratch {
  // A tag within 16 octets of a nonce or AAD stalls the loads of those: tags have lines of their own.
  alignas(64) uint8_t tags[kMaxOps][32];
  alignas(64) uint8_t received[kMaxOps][32];   // ICVs as they came, where the hash needs their place
  alignas(64) gcm_context_data gcm;
  alignas(64) IMB_JOB jobs[kMaxOps];
};

namespace {

struct HashOf {
  IMB_HASH_ALG algorithm;
  uint8_t icv;
};
HashOf CbcHash(Suite s) {
  if (s <= Suite::kCbc256Sha256) return {IMB_AUTH_HMAC_SHA_256, 16};
  if (s <= Suite::kCbc256Sha384) return {IMB_AUTH_HMAC_SHA_384, 24};
  return {IMB_AUTH_HMAC_SHA_512, 32};
}

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
  constexpr uint32_t kAllCbc = (1u << sizeof(CbcKey) / 64) - 1;
  for (size_t s = 3; s < kSuites; ++s) {
    for (uint32_t& lines : key_lines_[s]) lines = IsCbc(static_cast<Suite>(s)) ? kAllCbc : 1;
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
  if (IMB_SUBMIT_JOB(mb_) == nullptr) while (IMB_FLUSH_JOB(mb_) != nullptr) {}
  iv_left_ = kIvs;
}

void MbEngine::RunChaCha(CryptoOp& op, bool seal, uint8_t* tag) {
  IMB_JOB* job = IMB_GET_NEXT_JOB(mb_);
  job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
  job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
  job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
  job->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  job->enc_keys = job->dec_keys = op.key;
  job->key_len_in_bytes = 32;
  job->iv = op.iv;
  job->iv_len_in_bytes = 12;
  job->src = job->dst = op.text;
  job->cipher_start_src_offset_in_bytes = job->hash_start_src_offset_in_bytes = 0;
  job->msg_len_to_cipher_in_bytes = job->msg_len_to_hash_in_bytes = op.text_length;
  job->u.CHACHA20_POLY1305.aad = op.aad;
  job->u.CHACHA20_POLY1305.aad_len_in_bytes = op.aad_length;
  job->auth_tag_output = tag;
  job->auth_tag_output_len_in_bytes = 16;
  if (IMB_SUBMIT_JOB_NOCHECK(mb_) == nullptr) while (IMB_FLUSH_JOB(mb_) != nullptr) {}
}

void MbEngine::CipherCbc(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal) {
  unsigned key_length = Info(ops[which[0]].suite).cipher_key;
  for (unsigned i = 0; i < count; ++i) {
    const CryptoOp& op = ops[which[i]];
    IMB_JOB& job = scratch_->jobs[i];
    const auto* key = static_cast<const CbcKey*>(op.key);
    job.enc_keys = job.dec_keys = key->round_keys;
    job.key_len_in_bytes = key_length;
    job.iv = op.iv;
    job.iv_len_in_bytes = 16;
    job.src = job.dst = op.text;
    job.cipher_start_src_offset_in_bytes = 0;
    job.msg_len_to_cipher_in_bytes = op.text_length;
  }
  auto size = static_cast<IMB_KEY_SIZE_BYTES>(key_length);
  IMB_SUBMIT_CIPHER_BURST_NOCHECK(mb_, scratch_->jobs, count, IMB_CIPHER_CBC, seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT, size);
}

void MbEngine::HashCbc(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal) {
  HashOf hash = CbcHash(ops[which[0]].suite);
  for (unsigned i = 0; i < count; ++i) {
    CryptoOp& op = ops[which[i]];
    IMB_JOB& job = scratch_->jobs[i];
    const auto* key = static_cast<const CbcKey*>(op.key);
    uint8_t* icv = op.text + op.text_length;
    if (!seal) std::memcpy(scratch_->received[which[i]], icv, hash.icv);
    // RFC 4303 3.3.2.1 and 3.4.4.1: the high half of the ESN is hashed after the trailer and is not sent; the ICV's place
    // holds it meanwhile.
    std::memcpy(icv, op.aad, op.aad_length);
    job.src = op.text - 24;
    job.hash_start_src_offset_in_bytes = 0;
    job.msg_len_to_hash_in_bytes = 24 + op.text_length + op.aad_length;
    job.u.HMAC._hashed_auth_key_xor_ipad = key->ipad;
    job.u.HMAC._hashed_auth_key_xor_opad = key->opad;
    job.auth_tag_output = seal ? icv : scratch_->tags[which[i]];
    job.auth_tag_output_len_in_bytes = hash.icv;
  }
  IMB_SUBMIT_HASH_BURST_NOCHECK(mb_, scratch_->jobs, count, hash.algorithm);
}

void MbEngine::RunCbc(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal) {
  if (seal) {
    CipherCbc(ops, which, count, true);
    HashCbc(ops, which, count, true);
    return;
  }
  HashCbc(ops, which, count, false);
  uint8_t good[kMaxOps];
  unsigned n = 0;
  size_t icv = CbcHash(ops[which[0]].suite).icv;
  for (unsigned i = 0; i < count; ++i) {
    uint8_t at = which[i];
    ops[at].ok = EqualConstantTime({scratch_->tags[at], icv}, {scratch_->received[at], icv});
    if (ops[at].ok) good[n++] = at;
  }
  if (n != 0) CipherCbc(ops, good, n, false);
}

// What is not GCM: ChaCha20-Poly1305 one job at a time, CBC suites by bursts of one suite each.
void MbEngine::RunOthers(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal) {
  uint8_t left[kMaxOps];
  unsigned n = 0;
  for (unsigned i = 0; i < count; ++i) {
    CryptoOp& op = ops[which[i]];
    if (IsCbc(op.suite)) {
      left[n++] = which[i];
      continue;
    }
    if (i + kPrefetchAhead < count) __builtin_prefetch(ops[which[i + kPrefetchAhead]].text);
    uint8_t* tag = seal ? op.text + op.text_length : scratch_->tags[which[i]];
    RunChaCha(op, seal, tag);
    if (!seal) op.ok = SameTag16(tag, op.text + op.text_length);
  }
  while (n != 0) {
    Suite suite = ops[left[0]].suite;
    uint8_t same[kMaxOps];
    unsigned same_n = 0, rest = 0;
    for (unsigned i = 0; i < n; ++i) {
      if (ops[left[i]].suite == suite) same[same_n++] = left[i];
      else left[rest++] = left[i];
    }
    RunCbc(ops, same, same_n, seal);
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
