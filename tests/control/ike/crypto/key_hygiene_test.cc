#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>

#include <gtest/gtest.h>

#include "control/ike/crypto/kdf_v2.h"
#include "control/ike/crypto/key_exchange.h"
#include "control/ike/crypto/sk_cipher.h"
#include "tests/control/ike/crypto/test_util.h"

// R8: no key is left in the process's memory after its owner is gone. The test keeps what it looks for only inverted, and
// looks through every writable mapping for each key's first and last 16 octets.
namespace culvert::ike {
namespace {

constexpr size_t kWindow = 16;                    // octets: too many to be there by chance
constexpr size_t kLargestMapping = 256u << 20;    // octets; larger ones are a sanitizer's own tables

class Hunt {
 public:
  void Remember(const char* name, ByteView key) {
    if (key.size() < kWindow) return;
    for (ByteView part : {key.first(kWindow), key.last(kWindow)}) {
      Bytes inverted(part.size());
      std::ranges::transform(part, inverted.begin(), [](uint8_t b) { return static_cast<uint8_t>(~b); });
      quarry_.push_back({name, std::move(inverted)});
    }
  }

  // Names of the keys found, one entry per place.
  std::vector<std::string> Find() const {
    std::vector<std::string> found;
    const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    EXPECT_GE(memory, 0);
    // Shared, so that it is a mapping by itself, which the hunt steps over.
    auto* buffer = static_cast<uint8_t*>(mmap(nullptr, kRead, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(buffer, MAP_FAILED);
    for (auto [at, end] : WritableMappings()) {
      if (at == reinterpret_cast<uint64_t>(buffer)) continue;
      // Windows overlap, so that nothing hides on a boundary.
      for (; at < end; at += kRead - kWindow) {
        ssize_t n = pread(memory, buffer, std::min<uint64_t>(kRead, end - at), static_cast<off_t>(at));
        if (n > 0) Search(ByteView(buffer, static_cast<size_t>(n)), found);
      }
    }
    munmap(buffer, kRead);
    close(memory);
    return found;
  }

 private:
  static constexpr size_t kRead = 1u << 20;  // octets

  static std::vector<std::pair<uint64_t, uint64_t>> WritableMappings() {
    std::vector<std::pair<uint64_t, uint64_t>> out;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      uint64_t first = 0, end = 0;
      char permissions[5] = {};
      if (sscanf(line.c_str(), "%lx-%lx %4s", &first, &end, permissions) == 3 && permissions[0] == 'r' && permissions[1] == 'w' &&
          end - first <= kLargestMapping) {
        out.push_back({first, end});
      }
    }
    return out;
  }

  struct Quarry {
    const char* name;
    Bytes inverted;
  };
  void Search(ByteView in, std::vector<std::string>& found) const {
    for (const Quarry& q : quarry_) {
      const auto first = static_cast<uint8_t>(~q.inverted[0]);
      const uint8_t* at = in.data();
      const uint8_t* end = in.data() + in.size();
      while (end - at >= static_cast<ptrdiff_t>(kWindow) &&
             (at = static_cast<const uint8_t*>(memchr(at, first, static_cast<size_t>(end - at)))) &&
             end - at >= static_cast<ptrdiff_t>(kWindow)) {
        bool same = true;
        for (size_t i = 0; same && i < kWindow; ++i) same = at[i] == static_cast<uint8_t>(~q.inverted[i]);
        if (same) found.push_back(q.name);
        ++at;
      }
    }
  }
  std::vector<Quarry> quarry_;
};

// All that a handshake computes, in a frame of its own.
[[gnu::noinline]] void Handshake(KeGroup group, const IkeSuite& suite, Hunt& hunt, size_t* found_while_alive) {
  SystemRandom random;
  auto mine = KeyExchange::Create(group, KeRole::kReplier), peer = KeyExchange::Create(group, KeRole::kRequester);
  auto secret = mine->Derive(peer->public_value());
  ASSERT_TRUE(secret);
  auto same = peer->Derive(mine->public_value());
  ASSERT_TRUE(same && *same == *secret);
  Bytes ni = random.Take(32), nr = random.Take(32);
  SecretBytes skeyseed = SkeySeed(suite.prf, ni, nr, secret->view());
  IkeKeys keys = DeriveIkeKeys(suite, skeyseed.view(), ni, nr, 1, 2);
  EspSuite esp{.encr = suite.encr, .encr_key_bits = suite.encr_key_bits, .integ = suite.integ};
  ChildKeys child = DeriveChildKeys(suite.prf, keys.sk_d.view(), secret->view(), ni, nr, esp);
  auto seal = SkCipher::Create(suite, keys.sk_ei.view(), keys.sk_ai.view(), 0, random);
  auto open = SkCipher::Create(suite, keys.sk_ei.view(), keys.sk_ai.view(), 0, random);
  Bytes header = random.Take(32), plain = random.Take(100);
  ASSERT_EQ(open->Open(header, seal->Seal(header, plain)), plain);

  hunt.Remember("g^ir", secret->view());
  hunt.Remember("SKEYSEED", skeyseed.view());
  hunt.Remember("SK_d", keys.sk_d.view());
  hunt.Remember("SK_ei", keys.sk_ei.view());
  hunt.Remember("SK_er", keys.sk_er.view());
  hunt.Remember("SK_ai", keys.sk_ai.view());
  hunt.Remember("SK_pr", keys.sk_pr.view());
  hunt.Remember("child", child.encr_i.view());
  hunt.Remember("child integrity", child.integ_r.view());
  *found_while_alive = hunt.Find().size();
}

TEST(KeyHygiene, LeavesNoKeyBehind) {
  struct Row {
    KeGroup group;
    IkeSuite suite;
  };
  const Row rows[] = {
      {KeGroup::kX25519, {EncrId::kAesGcm16, 256, IntegId::kNone, PrfId::kHmacSha256}},
      {KeGroup::kEcp384, {EncrId::kAesCbc, 256, IntegId::kHmacSha512_256, PrfId::kHmacSha512}},
      {KeGroup::kModp2048, {EncrId::kChaCha20Poly1305, 256, IntegId::kNone, PrfId::kHmacSha384}},
      {KeGroup::kMlKem768, {EncrId::kAesCtr, 128, IntegId::kAesCmac96, PrfId::kAesCmac}},
  };
  for (const Row& r : rows) {
    SCOPED_TRACE(Name(r.group) + " " + Name(r.suite));
    Hunt hunt;
    size_t alive = 0;
    Handshake(r.group, r.suite, hunt, &alive);
    EXPECT_GE(alive, 12u) << "the hunt must see keys that are there";
    std::string left;
    for (const std::string& name : hunt.Find()) left += " " + name;
    EXPECT_EQ(left, "");
  }
}

}  // namespace
}  // namespace culvert::ike
