#include "common/bytes/secret.h"
#include "drivers/crypto/mb_scratch.h"

// The AEADs beside GCM with its full ICV: ChaCha20-Poly1305 (RFC 7634), GCM with a shorter one (RFC 4106 6), GMAC (RFC 4543)
// and CCM (RFC 4309).
namespace culvert::crypto {
namespace {

constexpr uint32_t kNonce = 12, kCcmNonce = 11, kIv = 8;  // octets

}  // namespace

void MbEngine::RunChaCha(const CryptoOp& op, bool seal, uint8_t* tag) {
  IMB_JOB* job = IMB_GET_NEXT_JOB(mb_);
  job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
  job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
  job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
  job->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  job->enc_keys = job->dec_keys = op.key;
  job->key_len_in_bytes = 32;
  job->iv = op.iv;
  job->iv_len_in_bytes = kNonce;
  job->src = job->dst = op.text;
  job->cipher_start_src_offset_in_bytes = job->hash_start_src_offset_in_bytes = 0;
  job->msg_len_to_cipher_in_bytes = job->msg_len_to_hash_in_bytes = op.text_length;
  job->u.CHACHA20_POLY1305.aad = op.aad;
  job->u.CHACHA20_POLY1305.aad_len_in_bytes = op.aad_length;
  job->auth_tag_output = tag;
  job->auth_tag_output_len_in_bytes = 16;
  if (IMB_SUBMIT_JOB_NOCHECK(mb_) == nullptr) FinishJobs(mb_);
}

void MbEngine::RunGcmShort(const CryptoOp& op, bool seal, uint8_t* tag) {
  const GcmCall* calls = seal ? gcm_seal_ : gcm_open_;
  const SuiteInfo& info = Info(op.suite);
  calls[(info.cipher_key - 16) / 8](static_cast<const gcm_key_data*>(op.key), &scratch_->gcm, op.text, op.text, op.text_length,
                                    op.iv, op.aad, op.aad_length, tag, info.icv);
}

// What is authenticated, in up to two pieces.
struct MbEngine::GmacRun {
  Suite suite;
  const void* key;
  const uint8_t* nonce;
  ByteView first, second;
};

void MbEngine::Gmac(const GmacRun& run, uint8_t* tag) {
  const aes_gmac_init_t init[] = {mb_->gmac128_init, mb_->gmac192_init, mb_->gmac256_init};
  const aes_gmac_update_t update[] = {mb_->gmac128_update, mb_->gmac192_update, mb_->gmac256_update};
  const aes_gmac_finalize_t finalize[] = {mb_->gmac128_finalize, mb_->gmac192_finalize, mb_->gmac256_finalize};
  const auto* key = static_cast<const gcm_key_data*>(run.key);
  const size_t which = (Info(run.suite).cipher_key - 16u) / 8;
  init[which](key, &scratch_->gcm, run.nonce, kNonce);
  for (ByteView piece : {run.first, run.second}) {
    if (!piece.empty()) update[which](key, &scratch_->gcm, piece.data(), piece.size());
  }
  finalize[which](key, &scratch_->gcm, tag, 16);
}

// RFC 4543 3.3: nothing is enciphered; SPI, sequence number, IV and text are all authenticated, the first two in their extended
// form where the SA has one, and so from where the AAD of GCM is.
void MbEngine::RunGmac(const CryptoOp& op, uint8_t* tag) {
  Gmac({.suite = op.suite, .key = op.key, .nonce = op.iv, .first = {op.aad, op.aad_length},
        .second = {op.text - kIv, kIv + op.text_length}}, tag);
}

// RFC 4543 4: what AH authenticates, IV and ICV being zero in it.
void MbEngine::RunGmac(const MacOp& op, uint8_t* tag) {
  Gmac({.suite = op.suite, .key = op.key, .nonce = op.nonce, .first = {op.data, op.length}, .second = {}}, tag);
}

void MbEngine::RunCcm(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal) {
  for (unsigned i = 0; i < count; ++i) {
    const CryptoOp& op = ops[which[i]];
    const SuiteInfo& info = Info(op.suite);
    IMB_JOB* job = IMB_GET_NEXT_JOB(mb_);
    job->cipher_mode = IMB_CIPHER_CCM;
    job->hash_alg = IMB_AUTH_AES_CCM;
    job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
    // CCM authenticates the plaintext: the hash comes first on the way out and last on the way in.
    job->chain_order = seal ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
    job->enc_keys = job->dec_keys = static_cast<const CcmKey*>(op.key)->round_keys;
    job->key_len_in_bytes = info.cipher_key;
    job->iv = op.iv;
    job->iv_len_in_bytes = kCcmNonce;
    job->src = job->dst = op.text;
    job->cipher_start_src_offset_in_bytes = job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_cipher_in_bytes = job->msg_len_to_hash_in_bytes = op.text_length;
    job->u.CCM.aad = op.aad;
    job->u.CCM.aad_len_in_bytes = op.aad_length;
    job->auth_tag_output = seal ? op.text + op.text_length : scratch_->tags[which[i]];
    job->auth_tag_output_len_in_bytes = info.icv;
    IMB_SUBMIT_JOB_NOCHECK(mb_);
  }
  FinishJobs(mb_);
  for (unsigned i = 0; !seal && i < count; ++i) {
    CryptoOp& op = ops[which[i]];
    const size_t icv = Info(op.suite).icv;
    op.ok = EqualConstantTime({scratch_->tags[which[i]], icv}, {op.text + op.text_length, icv});
  }
}

}  // namespace culvert::crypto
