#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "common/base/memory_reserve.h"
#include "control/ike/crypto/openssl_memory.h"
#include "tests/support/certified_peers.h"

// What happens when allocations fail (hostile.md F24). The linker sends our malloc and realloc here (-Wl,--wrap), and so what
// OpenSSL takes through control/ike/crypto/openssl_memory.h too; operator new is this file's.
namespace {

uint64_t allocations = 0, first_to_fail = 0, to_fail = 0;

bool FailsNow() {
  ++allocations;
  return allocations >= first_to_fail && allocations < first_to_fail + to_fail;
}

void FailFrom(uint64_t first, uint64_t count) {
  allocations = 0;
  first_to_fail = first;
  to_fail = count;
}

}  // namespace

extern "C" {
void* __real_malloc(size_t n);
void* __real_realloc(void* p, size_t n);
void* __wrap_malloc(size_t n) { return FailsNow() ? nullptr : __real_malloc(n); }
void* __wrap_realloc(void* p, size_t n) { return FailsNow() ? nullptr : __real_realloc(p, n); }
}

// Not inlined: the compiler would see free() take what it believes to be the library's.
[[gnu::noinline]] void* operator new(size_t n) {
  for (;;) {
    if (void* p = std::malloc(n)) return p;
    std::new_handler handler = std::get_new_handler();
    if (!handler) throw std::bad_alloc();
    handler();
  }
}
[[gnu::noinline]] void* operator new(size_t n, const std::nothrow_t&) noexcept {
  try {
    return operator new(n);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kStep = 29;
#else
constexpr uint64_t kStep = 1;
#endif

class Memory : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    MemoryReserve::Install();
    ASSERT_TRUE(PutReserveBehindOpenssl());
  }
  void TearDown() override {
    FailFrom(0, 0);
    EXPECT_TRUE(MemoryReserve::Refill());
  }

  // As the driver does: the reserve is filled again between two events, or at least soon after them.
  void RunFor(TwoPeers& p, Duration d) {
    for (Duration done{}; done < d; done += 5ms) {
      p.RunFor(5ms);
      used_ |= !MemoryReserve::Whole();
      (void)MemoryReserve::Refill();
    }
  }

  // What `command` asks for is refused where memory is short, and asked for again.
  template <typename Command>
  void Until(TwoPeers& p, const Command& command) {
    for (int tries = 0; tries < 3; ++tries) {
      RequestId r = command(p.a);
      for (Duration waited{}; waited < 70s && !p.a.replies.contains(r); waited += 500ms) RunFor(p, 500ms);
      if (p.a.replies.contains(r) && p.a.replies[r].ok) return;
      RunFor(p, 5s);
    }
    ADD_FAILURE() << "refused for ever";
  }

  // Certificates, a further child, both rekeyings and an end.
  void Tell(Certified& c) {
    TwoPeers& p = c.p;
    p.AddChild("other", 9);
    p.Start();
    Until(p, [](SimPeer& a) { return a.Up("net"); });
    Until(p, [](SimPeer& a) { return a.Up("other"); });
    Until(p, [](SimPeer& a) { return a.RekeyChildren("net"); });
    Until(p, [](SimPeer& a) { return a.RekeyIke("gw"); });
    Until(p, [](SimPeer& a) { return a.Down("", "other"); });
    RunFor(p, 10s);   // rekeyed SAs are kept for a while
    EXPECT_EQ(p.Disagreement(), "");
    EXPECT_EQ(p.a.LiveChildren().size(), 1u);
  }

  bool used_ = false;
};

// One place after the other, and up to six allocations in a row.
TEST_F(Memory, EveryAllocationMayFail) {
  {
    Certified first;
    Tell(first);   // what OpenSSL keeps for later is there now
  }
  uint64_t all = 0;
  {
    Certified undisturbed;
    FailFrom(0, 0);
    Tell(undisturbed);
    all = allocations;
    ASSERT_FALSE(used_);
  }
  for (uint64_t first = 1; first <= all && !HasFailure(); first += kStep) {
    SCOPED_TRACE(first);
    Certified c;
    used_ = false;
    FailFrom(first, 1 + first % 6);
    Tell(c);
    EXPECT_TRUE(used_ || !MemoryReserve::Whole() || allocations < first) << "of " << all;
    (void)MemoryReserve::Refill();
    FailFrom(0, 0);
  }
}

TEST_F(Memory, WhereItIsShortNothingNewIsBegun) {
  TwoPeers p;
  p.AddChild("other", 9);
  p.Start();
  ASSERT_TRUE(MemoryReserve::GiveUpBlock());
  RequestId refused = p.a.Up("net");
  EXPECT_EQ(p.a.replies[refused].error, "memory is short");
  ASSERT_TRUE(MemoryReserve::Refill());

  RequestId up = p.a.Up("net");
  ASSERT_TRUE(MemoryReserve::GiveUpBlock());
  p.RunFor(100ms);
  EXPECT_EQ(p.b.Counted(Count::kMemoryShort), 1u);
  EXPECT_TRUE(p.b.core->List().empty());
  ASSERT_TRUE(MemoryReserve::Refill());
  p.RunFor(5s);
  EXPECT_TRUE(p.a.replies[up].ok) << "asked again, and then heard";

  // What is there is kept up.
  ASSERT_TRUE(MemoryReserve::GiveUpBlock());
  RequestId rekey = p.a.RekeyIke("gw"), child = p.a.RekeyChildren("net");
  p.RunFor(5s);
  EXPECT_TRUE(p.a.replies[rekey].ok);
  EXPECT_TRUE(p.a.replies[child].ok);
  ASSERT_TRUE(MemoryReserve::Refill());

  RequestId other = p.a.Up("other");
  ASSERT_TRUE(MemoryReserve::GiveUpBlock());
  p.RunFor(100ms);
  EXPECT_EQ(p.b.Counted(Count::kMemoryShort), 2u);
  EXPECT_EQ(p.b.Counted(Count::kTemporaryFailureSent), 1u);
  ASSERT_TRUE(MemoryReserve::Refill());
  p.RunFor(60s);
  EXPECT_TRUE(p.a.replies[other].ok);
  EXPECT_EQ(p.Disagreement(), "");
}

}  // namespace
}  // namespace culvert::ike
