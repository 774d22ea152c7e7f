#include "bench/esp/raw.h"

#include <absl/log/check.h>
#include <intel-ipsec-mb.h>
#include <rte_cycles.h>

#include <algorithm>

namespace culvert::bench {

using crypto::Suite;

namespace {

constexpr size_t kTextsAhead = 4, kKeysAhead = 3;
constexpr unsigned kAllLines = 32;

void PrefetchText(const uint8_t* at, uint32_t length, unsigned lines) {
  for (unsigned i = 0; i < lines && i * 64 < length + 16; ++i) __builtin_prefetch(at + 64 * i, 1);
}

}  // namespace

RawCrypto::RawCrypto(Suite suite, crypto::Use use, const std::vector<Tunnel>& tunnels, uint16_t burst)
    : suite_(suite), use_(use), burst_(burst) {
  auto engine = crypto::MbEngine::Create();
  CHECK(engine.ok()) << engine.status();
  engine_ = std::move(*engine);
  const auto& info = crypto::Info(suite);
  for (const Tunnel& t : tunnels) {
    const auto& ref = use == crypto::Use::kSeal ? t.out : t.in;
    void* key = arena_.Allocate(info.expanded);
    CHECK(key != nullptr &&
          crypto::ExpandKeys(engine_->manager(), suite, use, {ref.encr_key.data(), info.cipher_key}, ref.integ_key, key));
    keys_.push_back(key);
  }
}

double RawCrypto::Direct(const std::vector<Text>& texts, uint32_t length, Ahead ahead) {
  IMB_MGR* mb = engine_->manager();
  aes_gcm_enc_dec_t calls[2][3] = {{mb->gcm128_enc, mb->gcm192_enc, mb->gcm256_enc},
                                   {mb->gcm128_dec, mb->gcm192_dec, mb->gcm256_dec}};
  auto call = calls[use_ == crypto::Use::kOpen][static_cast<size_t>(suite_)];
  alignas(64) gcm_context_data ctx;
  alignas(64) uint8_t tag[64], nonce[16] = {1}, aad[16] = {2};
  crypto::CryptoOp ask{};
  ask.suite = suite_;
  ask.text_length = length;
  size_t n = texts.size();
  bool seal = use_ == crypto::Use::kSeal;
  uint64_t start = rte_rdtsc_precise();
  for (size_t i = 0; i < n; ++i) {
    if (i + ahead.texts < n) PrefetchText(texts[i + ahead.texts].at, length, ahead.lines);
    if (i + kKeysAhead < n && texts[i + kKeysAhead].tunnel != texts[i + kKeysAhead - 1].tunnel) {
      ask.key = keys_[texts[i + kKeysAhead].tunnel];
      engine_->PrefetchKey(ask);
    }
    uint8_t* at = texts[i].at;
    call(static_cast<const gcm_key_data*>(keys_[texts[i].tunnel]), &ctx, at, at, length, nonce, aad, 12,
         seal ? at + length : tag, 16);
  }
  return static_cast<double>(rte_rdtsc_precise() - start) / static_cast<double>(n);
}

double RawCrypto::Jobs(const std::vector<Text>& texts, uint32_t length) {
  IMB_MGR* mb = engine_->manager();
  alignas(64) static uint8_t tags[256][64];
  alignas(64) uint8_t iv[16] = {1}, aad[16] = {2};
  bool seal = use_ == crypto::Use::kSeal, cbc = crypto::IsCbc(suite_);
  const auto& info = crypto::Info(suite_);
  IMB_HASH_ALG hash = !cbc                   ? IMB_AUTH_CHACHA20_POLY1305
                      : info.integ_key == 32 ? IMB_AUTH_HMAC_SHA_256
                      : info.integ_key == 48 ? IMB_AUTH_HMAC_SHA_384
                                             : IMB_AUTH_HMAC_SHA_512;
  uint64_t start = rte_rdtsc_precise();
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i + kTextsAhead < texts.size()) PrefetchText(texts[i + kTextsAhead].at, length, 4);
    uint8_t* at = texts[i].at;
    const void* key = keys_[texts[i].tunnel];
    IMB_JOB* job = IMB_GET_NEXT_JOB(mb);
    job->cipher_mode = cbc ? IMB_CIPHER_CBC : IMB_CIPHER_CHACHA20_POLY1305;
    job->hash_alg = hash;
    job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
    job->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    job->enc_keys = job->dec_keys = key;
    job->key_len_in_bytes = info.cipher_key;
    job->iv = iv;
    job->iv_len_in_bytes = cbc ? 16 : 12;
    job->auth_tag_output = seal ? at + length : tags[i % 256];
    job->auth_tag_output_len_in_bytes = info.icv;
    if (cbc) {
      const auto* k = static_cast<const crypto::HmacKey*>(key);
      job->src = at - 24;
      job->dst = at;
      job->cipher_start_src_offset_in_bytes = 24;
      job->msg_len_to_cipher_in_bytes = length;
      job->hash_start_src_offset_in_bytes = 0;
      job->msg_len_to_hash_in_bytes = length + 28;  // header, IV, high half of the ESN
      job->u.HMAC._hashed_auth_key_xor_ipad = k->ipad;
      job->u.HMAC._hashed_auth_key_xor_opad = k->opad;
    } else {
      job->src = job->dst = at;
      job->cipher_start_src_offset_in_bytes = job->hash_start_src_offset_in_bytes = 0;
      job->msg_len_to_cipher_in_bytes = job->msg_len_to_hash_in_bytes = length;
      job->u.CHACHA20_POLY1305.aad = aad;
      job->u.CHACHA20_POLY1305.aad_len_in_bytes = 12;
    }
    IMB_SUBMIT_JOB_NOCHECK(mb);
  }
  while (IMB_FLUSH_JOB(mb) != nullptr) {}
  return static_cast<double>(rte_rdtsc_precise() - start) / static_cast<double>(texts.size());
}

// CBC and HMAC one after the other, each over a burst.
double RawCrypto::Bursts(const std::vector<Text>& texts, uint32_t length) {
  IMB_MGR* mb = engine_->manager();
  const auto& info = crypto::Info(suite_);
  bool seal = use_ == crypto::Use::kSeal;
  IMB_HASH_ALG hash = info.integ_key == 32   ? IMB_AUTH_HMAC_SHA_256
                      : info.integ_key == 48 ? IMB_AUTH_HMAC_SHA_384
                                             : IMB_AUTH_HMAC_SHA_512;
  alignas(64) static IMB_JOB jobs[crypto::kMaxOps];
  alignas(64) static uint8_t iv[16] = {1}, tags[crypto::kMaxOps][64];
  uint64_t start = rte_rdtsc_precise();
  for (size_t i = 0; i < texts.size(); i += burst_) {
    auto n = static_cast<uint32_t>(std::min<size_t>(burst_, texts.size() - i));
    auto cipher = [&] {
      for (uint32_t k = 0; k < n; ++k) {
        IMB_JOB& job = jobs[k];
        job.enc_keys = job.dec_keys = static_cast<const crypto::HmacKey*>(keys_[texts[i + k].tunnel])->round_keys;
        job.key_len_in_bytes = info.cipher_key;
        job.iv = iv;
        job.iv_len_in_bytes = 16;
        job.src = job.dst = texts[i + k].at;
        job.cipher_start_src_offset_in_bytes = 0;
        job.msg_len_to_cipher_in_bytes = length;
      }
      IMB_SUBMIT_CIPHER_BURST_NOCHECK(mb, jobs, n, IMB_CIPHER_CBC, seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT,
                                      static_cast<IMB_KEY_SIZE_BYTES>(info.cipher_key));
    };
    for (uint32_t k = 0; k < n; ++k) PrefetchText(texts[i + k].at, length, 3);
    if (seal) cipher();
    for (uint32_t k = 0; k < n; ++k) {
      IMB_JOB& job = jobs[k];
      const auto* key = static_cast<const crypto::HmacKey*>(keys_[texts[i + k].tunnel]);
      job.src = texts[i + k].at - 24;
      job.hash_start_src_offset_in_bytes = 0;
      job.msg_len_to_hash_in_bytes = length + 28;
      job.u.HMAC._hashed_auth_key_xor_ipad = key->ipad;
      job.u.HMAC._hashed_auth_key_xor_opad = key->opad;
      job.auth_tag_output = seal ? texts[i + k].at + length : tags[k];
      job.auth_tag_output_len_in_bytes = info.icv;
    }
    IMB_SUBMIT_HASH_BURST_NOCHECK(mb, jobs, n, hash);
    if (!seal) cipher();
  }
  return static_cast<double>(rte_rdtsc_precise() - start) / static_cast<double>(texts.size());
}

double RawCrypto::Run(const std::vector<Text>& texts, uint32_t length) {
  if (suite_ == Suite::kChaCha20Poly1305) return Jobs(texts, length);
  if (crypto::IsCbc(suite_)) return std::min(Jobs(texts, length), Bursts(texts, length));
  double best = 1e9;
  // Enciphering, the processor's own prefetcher does best; deciphering long texts, asking for all of them early.
  for (Ahead ahead : {Ahead{kTextsAhead, 0}, Ahead{kTextsAhead, 2}, Ahead{kTextsAhead, kAllLines}, Ahead{8, kAllLines}}) {
    best = std::min(best, Direct(texts, length, ahead));
  }
  return best;
}

}  // namespace culvert::bench
