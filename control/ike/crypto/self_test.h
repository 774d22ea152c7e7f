#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/ipsec/algorithm.h"

// Known answers for every primitive IKE computes with, through the same functions the protocol uses. Run at start-up, before
// any socket is opened: a library or a table that gives a wrong answer must not negotiate (hostile.md F23, F33).
namespace culvert::ike {

struct KnownAnswer {
  enum class Kind : uint8_t {
    kPrf,          // f: key, data, prf(key, data)
    kPrfPlus,      // f: key, seed, the beginning of prf+(key, seed)
    kSkPayload,    // f: SK_e, SK_a, message up to the IV, plaintext, IV | ciphertext | ICV of the first message sealed
    kKeyExchange,  // f: private and public value of one side, of the other, shared secret
    kSignature,    // f: SubjectPublicKeyInfo, AUTH data of method 14, the octets signed
  };
  const char* name;  // where the answer comes from, for the error
  Kind kind;
  PrfId prf = PrfId::kNone;
  EncrId encr = EncrId::kNone;
  uint16_t key_bits = 0;
  IntegId integ = IntegId::kNone;
  KeGroup group = KeGroup::kNone;
  std::string_view f[5];  // hexadecimal
};

// The smallest set that reaches each primitive; control/ike/crypto/self_test_answers.cc.
std::span<const KnownAnswer> SelfTestAnswers();

// nullopt: all as they should be. Otherwise which answer was wrong, for the log; the caller refuses to start. Takes a few
// milliseconds. Never aborts on a wrong answer.
[[nodiscard]] std::optional<std::string> RunSelfTest(std::span<const KnownAnswer> answers = SelfTestAnswers());

}  // namespace culvert::ike
