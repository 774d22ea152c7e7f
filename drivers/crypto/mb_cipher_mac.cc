#include <cstring>

#include "common/bytes/secret.h"
#include "drivers/crypto/mb_scratch.h"

// A cipher, or none, and a MAC over what it gives (RFC 4303 3.3.2.1): CBC (RFC 3602), CTR (RFC 3686) and NULL (RFC 2410) with
// HMAC, AES-XCBC-96 and AES-CMAC-96; and the MAC alone, for AH. Bursts of one suite, so that IPsec-MB's lanes are full across
// SAs.
namespace culvert::crypto {
namespace {

constexpr uint32_t kEspHeader = 8;  // octets
constexpr IMB_HASH_ALG kHash[] = {IMB_AUTH_HMAC_SHA_1,   IMB_AUTH_HMAC_SHA_256, IMB_AUTH_HMAC_SHA_384,
                                  IMB_AUTH_HMAC_SHA_512, IMB_AUTH_AES_XCBC,     IMB_AUTH_AES_CMAC};
static_assert(std::size(kHash) == static_cast<size_t>(Mac::kCount));

}  // namespace

void MbEngine::Encipher(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal) {
  const Suite suite = ops[which[0]].suite;
  const unsigned key_length = Info(suite).cipher_key;
  if (key_length == 0) return;
  for (unsigned i = 0; i < count; ++i) {
    const CryptoOp& op = ops[which[i]];
    IMB_JOB& job = scratch_->jobs[i];
    job.enc_keys = job.dec_keys = op.key;  // every expanded key of these suites begins with its round keys
    job.key_len_in_bytes = key_length;
    job.iv = op.iv;
    job.iv_len_in_bytes = 16;
    job.src = job.dst = op.text;
    job.cipher_start_src_offset_in_bytes = 0;
    job.msg_len_to_cipher_in_bytes = op.text_length;
  }
  const auto size = static_cast<IMB_KEY_SIZE_BYTES>(key_length);
  const bool ctr = IsCtr(suite);
  IMB_SUBMIT_CIPHER_BURST_NOCHECK(mb_, scratch_->jobs, count, ctr ? IMB_CIPHER_CNTR : IMB_CIPHER_CBC,
                                  seal || ctr ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT, size);
}

// Octets to be authenticated where they lie, and where their ICV goes.
struct MbEngine::MacRun {
  const uint8_t* data;
  uint32_t length;  // octets
  Suite suite;
  const void* key;
  uint8_t* icv;
};

// All from 0 to RunQueue's count are of one suite.
void MbEngine::Queue(const MacRun& run, unsigned at) {
  if (MacOf(run.suite) >= Mac::kAesXcbc) return SubmitAesMac(run);
  const auto* key = static_cast<const HmacKey*>(run.key);
  IMB_JOB& job = scratch_->jobs[at];
  job.src = run.data;
  job.hash_start_src_offset_in_bytes = 0;
  job.msg_len_to_hash_in_bytes = run.length;
  job.auth_tag_output = run.icv;
  job.auth_tag_output_len_in_bytes = Info(run.suite).icv;
  job.u.HMAC._hashed_auth_key_xor_ipad = key->ipad;
  job.u.HMAC._hashed_auth_key_xor_opad = key->opad;
}

void MbEngine::RunQueue(Suite suite, unsigned count) {
  const Mac mac = MacOf(suite);
  if (mac < Mac::kAesXcbc)
    IMB_SUBMIT_HASH_BURST_NOCHECK(mb_, scratch_->jobs, count, kHash[static_cast<size_t>(mac)]);
  else
    FinishJobs(mb_);
}

// The hash bursts know no AES MAC; jobs fill the lanes just as well.
void MbEngine::SubmitAesMac(const MacRun& run) {
  const auto* key = static_cast<const AesMacKey*>(run.key);
  const Mac mac = MacOf(run.suite);
  IMB_JOB* job = IMB_GET_NEXT_JOB(mb_);
  job->cipher_mode = IMB_CIPHER_NULL;
  job->cipher_direction = IMB_DIR_ENCRYPT;
  job->chain_order = IMB_ORDER_CIPHER_HASH;
  job->key_len_in_bytes = 16;
  job->hash_alg = kHash[static_cast<size_t>(mac)];
  job->cipher_start_src_offset_in_bytes = 0;
  job->msg_len_to_cipher_in_bytes = 0;
  job->src = run.data;
  job->dst = run.icv;  // nothing is enciphered
  job->hash_start_src_offset_in_bytes = 0;
  job->msg_len_to_hash_in_bytes = run.length;
  job->auth_tag_output = run.icv;
  job->auth_tag_output_len_in_bytes = Info(run.suite).icv;
  if (mac == Mac::kAesXcbc) {
    job->u.XCBC._k1_expanded = reinterpret_cast<const uint32_t*>(key->mac_round_keys);
    job->u.XCBC._k2 = key->last[0];
    job->u.XCBC._k3 = key->last[1];
  } else {
    job->u.CMAC._key_expanded = key->mac_round_keys;
    job->u.CMAC._skey1 = key->last[0];
    job->u.CMAC._skey2 = key->last[1];
  }
  IMB_SUBMIT_JOB_NOCHECK(mb_);
}

void MbEngine::Authenticate(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal) {
  const Suite suite = ops[which[0]].suite;
  const SuiteInfo& info = Info(suite);
  const uint32_t before = kEspHeader + info.iv;
  for (unsigned i = 0; i < count; ++i) {
    const CryptoOp& op = ops[which[i]];
    uint8_t* sent = op.text + op.text_length;
    if (!seal) std::memcpy(scratch_->received[which[i]], sent, info.icv);
    // RFC 4303 3.3.2.1 and 3.4.4.1: the high half of the ESN is hashed after the trailer and is not sent; the ICV's place
    // holds it meanwhile.
    std::memcpy(sent, op.aad, op.aad_length);
    Queue({.data = op.text - before,
           .length = before + op.text_length + op.aad_length,
           .suite = suite,
           .key = op.key,
           .icv = seal ? sent : scratch_->tags[which[i]]},
          i);
  }
  RunQueue(suite, count);
}

void MbEngine::ComputeIcvs(MacOp* ops, uint16_t n) {
  bool done[kMaxOps] = {};
  for (uint16_t first = 0; first < n; ++first) {
    if (done[first]) continue;
    if (IsGmac(ops[first].suite)) {
      RunGmac(ops[first], ops[first].icv);
      continue;
    }
    unsigned count = 0;
    for (uint16_t i = first; i < n; ++i) {
      MacOp& op = ops[i];
      if (done[i] || op.suite != ops[first].suite) continue;
      done[i] = true;
      Queue({.data = op.data, .length = op.length, .suite = op.suite, .key = op.key, .icv = op.icv}, count++);
    }
    RunQueue(ops[first].suite, count);
  }
}

void MbEngine::RunCipherMac(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal) {
  if (seal) {
    Encipher(ops, which, count, true);
    Authenticate(ops, which, count, true);
    return;
  }
  Authenticate(ops, which, count, false);
  uint8_t good[kMaxOps];
  unsigned n = 0;
  const size_t icv = Info(ops[which[0]].suite).icv;
  for (unsigned i = 0; i < count; ++i) {
    uint8_t at = which[i];
    ops[at].ok = EqualConstantTime({scratch_->tags[at], icv}, {scratch_->received[at], icv});
    if (ops[at].ok) good[n++] = at;
  }
  if (n != 0) Encipher(ops, good, n, false);
}

}  // namespace culvert::crypto
