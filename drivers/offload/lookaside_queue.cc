#include <absl/log/check.h>
#include <rte_cryptodev.h>
#include <rte_security.h>

#include <algorithm>
#include <cstring>

#include "drivers/offload/lookaside_op.h"

namespace culvert::offload {
namespace {

constexpr uint32_t kEspHeader = 8;  // octets: SPI and sequence number
constexpr uint32_t kHighHalf = 4;   // of an extended sequence number

}  // namespace

LookasideQueue::LookasideQueue(CryptoDevice& device, uint16_t pair, rte_mempool* ops)
    : device_(device), pair_(pair), ops_(ops) {}

LookasideQueue::~LookasideQueue() {
  for (uint16_t i = 0; i < collected_n_; ++i) rte_crypto_op_free(collected_[i]);
}

// Null: there is no room now.
rte_crypto_op* LookasideQueue::NewOp(rte_mbuf* m, const void* context, size_t context_length) {
  DCHECK(context_length <= kContext && m->nb_segs == 1);
  if (waiting_n_ == crypto::kMaxOps || in_flight_ >= kDescriptors) return nullptr;
  rte_crypto_op* o = rte_crypto_op_alloc(ops_, RTE_CRYPTO_OP_TYPE_SYMMETRIC);
  if (o == nullptr) return nullptr;
  rte_crypto_sym_op& sym = *o->sym;
  sym.m_src = m;
  std::memcpy(ExtraOf(o).context, context, context_length);
  waiting_[waiting_n_++] = o;
  ++in_flight_;
  return o;
}

bool LookasideQueue::SubmitWhole(const void* session, const uint8_t* iv, size_t iv_length, uint16_t header, rte_mbuf* m,
                                 const void* context, size_t context_length) {
  rte_crypto_op* o = NewOp(m, context, context_length);
  if (o == nullptr) return false;
  Extra& extra = ExtraOf(o);
  extra.icv_length = 0;  // in its place already
  extra.seal = false;
  if (iv_length != 0) std::memcpy(extra.iv, iv, iv_length);
  m->l2_len = 0;
  m->l3_len = header & 0x1ff;
  rte_security_attach_session(o, const_cast<void*>(session));
  return true;
}

bool LookasideQueue::Submit(const void* session, const crypto::CryptoOp& op, bool seal, bool esn, rte_mbuf* m,
                            const void* context, size_t context_length) {
  rte_crypto_op* o = NewOp(m, context, context_length);
  if (o == nullptr) return false;
  Extra& extra = ExtraOf(o);
  const auto& info = crypto::Info(op.suite);
  extra.tag = op.text + op.text_length;
  extra.icv_length = info.icv;
  extra.seal = seal;
  std::memcpy(extra.iv, op.iv, sizeof extra.iv);
  std::memcpy(extra.aad, op.aad, sizeof extra.aad);
  if (!seal) std::memcpy(extra.digest, extra.tag, info.icv);

  rte_crypto_sym_op& sym = *o->sym;
  rte_crypto_op_attach_sym_session(o, const_cast<void*>(session));
  auto text = static_cast<uint32_t>(op.text - rte_pktmbuf_mtod(m, const uint8_t*));
  auto digest = rte_crypto_op_ctophys_offset(o, kExtraAt + offsetof(Extra, digest));
  if (!crypto::IsCipherMac(op.suite)) {
    sym.aead.data = {text, op.text_length};
    sym.aead.digest = {extra.digest, digest};
    sym.aead.aad = {extra.aad, rte_crypto_op_ctophys_offset(o, kExtraAt + offsetof(Extra, aad))};
  } else {
    sym.cipher.data = {text, op.text_length};
    sym.auth.data = {text - kEspHeader - info.iv, kEspHeader + info.iv + op.text_length};
    if (esn) {
      // RFC 4303 2.2.1: the high half is authenticated behind the text, where the ICV will be, or was.
      std::memcpy(extra.tag, op.aad, kHighHalf);
      sym.auth.data.length += kHighHalf;
    }
    sym.auth.digest = {extra.digest, digest};
  }
  return true;
}

void LookasideQueue::Flush() {
  if (waiting_n_ == 0) return;
  uint16_t taken = device_.Enqueue(pair_, waiting_, waiting_n_);
  std::copy(waiting_ + taken, waiting_ + waiting_n_, waiting_);
  waiting_n_ = static_cast<uint16_t>(waiting_n_ - taken);
}

uint16_t LookasideQueue::Collect(Result* out, uint16_t n) {
  for (uint16_t i = 0; i < collected_n_; ++i) rte_crypto_op_free(collected_[i]);
  Flush();
  collected_n_ = device_.Dequeue(pair_, collected_, n);
  in_flight_ -= collected_n_;
  for (uint16_t i = 0; i < collected_n_; ++i) {
    const Extra& extra = ExtraOf(collected_[i]);
    auto status = collected_[i]->status;
    if (extra.seal && status == RTE_CRYPTO_OP_STATUS_SUCCESS) std::memcpy(extra.tag, extra.digest, extra.icv_length);
    out[i] = {extra.context, status == RTE_CRYPTO_OP_STATUS_SUCCESS       ? Result::kDone
                             : status == RTE_CRYPTO_OP_STATUS_AUTH_FAILED ? Result::kBadIcv
                                                                          : Result::kFailed};
  }
  return collected_n_;
}

}  // namespace culvert::offload
