#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "drivers/crypto/mb_keys.h"
#include "drivers/crypto/suite.h"

struct IMB_MGR;
struct IMB_JOB;
struct gcm_key_data;
struct gcm_context_data;

namespace culvert::crypto {

inline constexpr uint16_t kMaxOps = 64;  // of one call

// One packet of a crypto burst, in place. The caller fills all of a burst before the first is run: IPsec-MB loads nonce and
// AAD as 16 octets, and a narrow store just before the call stalls that load by 30 to 40 cycles.
// The ICV lies at text + text_length: written there by Seal, expected there by Open. What precedes text is the packet's own
// ESP header (8 octets) and explicit IV; suites with a MAC, and GMAC, authenticate it where it lies.
struct alignas(64) CryptoOp {
  uint8_t iv[16];          // AEAD: the nonce in the first 12, of CCM 11; CBC: the IV; CTR: the first counter block
  uint8_t aad[16];         // AEAD: SPI and (extended) sequence number; with a MAC and ESN: its high half in the first 4
  uint8_t* text;
  const void* key;         // as ExpandKeys made it for `suite` and this direction
  void* owner;             // the caller's; not looked at
  uint32_t text_length;    // octets; a multiple of 16 for CBC
  uint8_t aad_length;      // AEAD: 8 or 12; with a MAC: 0, or 4 with ESN
  Suite suite;
  bool ok;                 // out of Open: the ICV was right. Otherwise the text is not to be looked at.
  uint8_t unused;
};
static_assert(sizeof(CryptoOp) == 64);

inline constexpr uint32_t kMaxIcv = 32;  // octets

// One packet of an integrity-only burst, for AH: the ICV of octets that lie in one run.
struct MacOp {
  const uint8_t* data;
  const void* key;       // as ExpandKeys made it for `suite`, in either direction
  uint32_t length;       // octets
  Suite suite;           // of no cipher, CipherMac(Cipher::kNull, ...), or GMAC
  uint8_t nonce[12];     // of GMAC
  uint8_t icv[kMaxIcv];  // out: Info(suite).icv octets
};

// IPsec-MB, called directly. One engine belongs to one thread. Nothing allocates or fails after Create.
class MbEngine {
 public:
  // Fails where the library's self-test does, or the processor lacks AES instructions.
  static absl::StatusOr<std::unique_ptr<MbEngine>> Create();
  ~MbEngine();
  MbEngine(const MbEngine&) = delete;
  MbEngine& operator=(const MbEngine&) = delete;

  // n ≤ kMaxOps; suites may be mixed.
  void Seal(CryptoOp* ops, uint16_t n);
  void Open(CryptoOp* ops, uint16_t n);
  void ComputeIcvs(MacOp* ops, uint16_t n);

  // Asks for the lines of an expanded key that a text of this length will read.
  void PrefetchKey(const CryptoOp& op) const {
    auto* base = static_cast<const char*>(op.key);
    uint32_t lines = key_lines_[static_cast<size_t>(op.suite)][LengthClass(op.text_length)];
    for (; lines != 0; lines &= lines - 1) __builtin_prefetch(base + 64 * __builtin_ctz(lines));
  }

  // Asks for a long text's lines but the first, which its headers brought in: the processor's own prefetcher starts anew with
  // every packet and comes too late.
  static void PrefetchText(const CryptoOp& op) {
    if (op.text_length <= kShortText) return;
    const uint8_t* end = op.text + std::min<uint32_t>(op.text_length, kTextPrefetch);
    for (const uint8_t* at = op.text + 64; at < end; at += 64) __builtin_prefetch(at, 1);
  }

  // 16 unpredictable octets, for a CBC IV: keystream of AES-CTR under a random key of this engine's own.
  const uint8_t* NextIv() {
    if (iv_left_ == 0) RefillIvs();
    return ivs_[--iv_left_];
  }

  IMB_MGR* manager() { return mb_; }   // for ExpandKeys
  static std::string LibraryVersion(); // "2.0.0"
  std::string arch() const;            // the instruction set in use: "avx512", ...

  static constexpr unsigned kPrefetchAhead = 3;  // packets whose keys are asked for
  static constexpr unsigned kTextAhead = 4;      // and whose texts
  static constexpr uint32_t kShortText = 256, kTextPrefetch = 1536;  // octets

 private:
  explicit MbEngine(IMB_MGR* mb);
  void ProbeKeyLines();
  void RefillIvs();
  void RunOthers(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal);
  // mb_aead.cc
  void RunChaCha(const CryptoOp& op, bool seal, uint8_t* tag);
  void RunGcmShort(const CryptoOp& op, bool seal, uint8_t* tag);
  void RunGmac(const CryptoOp& op, uint8_t* tag);
  void RunGmac(const MacOp& op, uint8_t* tag);
  struct GmacRun;
  void Gmac(const GmacRun& run, uint8_t* tag);
  void RunCcm(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal);
  // mb_cipher_mac.cc; `which` are of one suite
  void RunCipherMac(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal);
  void Encipher(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal);
  void Authenticate(CryptoOp* ops, const uint8_t* which, unsigned count, bool seal);
  struct MacRun;
  void Queue(const MacRun& run, unsigned at);
  void RunQueue(Suite suite, unsigned count);
  void SubmitAesMac(const MacRun& run);

  using GcmCall = void (*)(const gcm_key_data*, gcm_context_data*, uint8_t*, const uint8_t*, uint64_t,
                           const uint8_t*, const uint8_t*, uint64_t, uint8_t*, uint64_t);
  static constexpr size_t kLengthClasses = 17;
  static constexpr size_t LengthClass(uint32_t length) { return length >= 1024 ? 16 : length / 64; }

  struct Scratch;
  IMB_MGR* mb_;
  std::unique_ptr<Scratch> scratch_;
  GcmCall gcm_seal_[3], gcm_open_[3];
  uint32_t key_lines_[kSuites][kLengthClasses] = {};
  static constexpr unsigned kIvs = 256;
  unsigned iv_left_ = 0;
  uint64_t iv_refills_ = 0;
  alignas(16) uint8_t iv_round_keys_[15 * 16];
  alignas(64) uint8_t ivs_[kIvs][16];
};

}  // namespace culvert::crypto
