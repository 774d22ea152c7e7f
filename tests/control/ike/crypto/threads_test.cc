#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "control/ike/crypto/kdf_v2.h"
#include "control/ike/crypto/key_exchange.h"
#include "control/ike/crypto/sk_cipher.h"
#include "tests/control/ike/crypto/test_util.h"

// Helper threads exchange keys while the core derives: what is fetched once per process is shared by all of them. Runs before
// any other test has warmed it where it is run alone, and under the thread sanitizer.
namespace culvert::ike {
namespace {

void Work(KeGroup group) {
  SystemRandom random;
  const IkeSuite suite{EncrId::kAesGcm16, 128, IntegId::kNone, PrfId::kHmacSha256, group};
  for (int i = 0; i < 5; ++i) {
    auto a = KeyExchange::Create(group, KeRole::kRequester), b = KeyExchange::Create(group, KeRole::kReplier);
    auto secret_b = b->Derive(a->public_value());
    auto secret_a = a->Derive(b->public_value());
    ASSERT_TRUE(secret_a && secret_b && *secret_a == *secret_b);
    Bytes nonce = random.Take(32);
    SecretBytes skeyseed = SkeySeed(suite.prf, nonce, nonce, secret_a->view());
    IkeKeys keys = DeriveIkeKeys(suite, skeyseed.view(), nonce, nonce, 1, 2);
    auto cipher = SkCipher::Create(suite, keys.sk_ei.view(), {}, 0, random);
    ASSERT_EQ(cipher->Open(nonce, cipher->Seal(nonce, nonce)), nonce);
  }
}

TEST(Threads, ShareWhatIsFetchedOnce) {
  std::vector<std::jthread> threads;
  for (int round = 0; round < 2; ++round) {
    for (KeGroup group : {KeGroup::kX25519, KeGroup::kEcp256, KeGroup::kEcp384, KeGroup::kModp2048, KeGroup::kMlKem768}) {
      threads.emplace_back(Work, group);
    }
  }
}

}  // namespace
}  // namespace culvert::ike
