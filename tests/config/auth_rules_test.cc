#include "config/auth_rules.h"

#include <gtest/gtest.h>

#include "config/text.h"

namespace culvert::config {
namespace {

std::string Print(KeyType t) {
  const char* names[] = {"rsa", "ecdsa", "ed25519", "ed448"};
  return names[static_cast<size_t>(t)];
}

std::string Read(std::string_view text) {
  auto rules = ParsePubkeyRules(text);
  if (!rules) return "error: " + rules.error();
  std::string out;
  for (const KeyRule& k : rules->keys) out += Cat("key ", Print(k.type), "/", k.min_bits, " ");
  for (const SchemeRule& s : rules->schemes) out += Cat(Print(s.type), s.pss ? "-pss" : "", "/", s.hash_bits, " ");
  return out + (rules->chain ? "chain" : "auth");
}

TEST(AuthRules, WhatMayBeWritten) {
  const struct {
    const char *text, *expect;
  } cases[] = {
      {"pubkey", "chain"},
      {"ike:pubkey", "auth"},
      {"pubkey-sha384", "rsa-pss/384 rsa/384 ecdsa/384 chain"},
      {"rsa", "key rsa/0 chain"},
      {"rsa-3072", "key rsa/3072 chain"},
      {"rsa-sha256-sha512", "key rsa/0 rsa/256 rsa/512 chain"},
      {"rsa/pss", "key rsa/0 rsa-pss/256 rsa-pss/384 rsa-pss/512 chain"},
      {"ike:rsa/pss-sha256", "key rsa/0 rsa-pss/256 auth"},
      {"ecdsa-384-sha384", "key ecdsa/384 ecdsa/384 chain"},
      {"rsa-3072-sha256-ecdsa-256-sha256", "key rsa/3072 key ecdsa/256 rsa/256 ecdsa/256 chain"},
      {"rsa-3072-sha256-ecdsa-256", "key rsa/3072 key ecdsa/256 rsa/256 ecdsa/256 ecdsa/384 ecdsa/512 chain"},
      {"rsa-3072-ecdsa-256", "key rsa/3072 key ecdsa/256 chain"},
      {"ecdsa-ed25519", "key ecdsa/0 key ed25519/0 ecdsa/256 ecdsa/384 ecdsa/512 ed25519/0 chain"},
      {"ed25519", "key ed25519/0 ed25519/0 chain"},
      {"eddsa", "key ed25519/0 key ed448/0 ed25519/0 ed448/0 chain"},
      {"rsa/pss-ed448", "key rsa/0 key ed448/0 rsa-pss/256 rsa-pss/384 rsa-pss/512 ed448/0 chain"},
      {"", "error: \"\"; expected psk, pubkey, rsa, rsa/pss, ecdsa, ed25519, ed448 or eddsa"},
      {"sha256", "error: \"sha256\"; expected psk, pubkey, rsa, rsa/pss, ecdsa, ed25519, ed448 or eddsa"},
      // Whether the profile takes it shows when the connection is read.
      {"rsa-sha1", "key rsa/0 rsa/160 chain"},
      {"ike:rsa-sha256-sha1", "key rsa/0 rsa/256 rsa/160 auth"},
      {"pubkey-sha1", "rsa/160 ecdsa/160 chain"},
      {"rsa/pss-sha1", "error: sha1 behind rsa/pss; expected sha256, sha384 or sha512"},
      {"ed25519-sha1", "error: a hash behind ed25519, which hashes for itself"},
      {"rsa-md5", "error: md5 is too weak for signatures; expected sha256, sha384 or sha512"},
      {"pubkey-2048", "error: 2048 behind pubkey: expected a key type before the bits"},
      {"ed25519-sha256", "error: a hash behind ed25519, which hashes for itself"},
      {"rsa-", "error: \"\"; expected a key type, a number of bits, sha256, sha384 or sha512"},
      {"rsa-0", "error: \"0\"; expected a key type, a number of bits, sha256, sha384 or sha512"},
      {"ecdsa-256-sah256", "error: \"sah256\"; expected a key type, a number of bits, sha256, sha384 or sha512"},
  };
  for (const auto& c : cases) EXPECT_EQ(Read(c.text), c.expect) << c.text;
}

}  // namespace
}  // namespace culvert::config
