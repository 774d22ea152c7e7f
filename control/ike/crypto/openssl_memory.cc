#include "control/ike/crypto/openssl_memory.h"

#include <openssl/crypto.h>

#include <cstdlib>

#include "common/base/memory_reserve.h"

namespace culvert::ike {
namespace {

template <typename Attempt>
void* WithReserve(Attempt attempt) {
  for (;;) {
    if (void* p = attempt()) return p;
    if (!MemoryReserve::GiveUpBlock()) return nullptr;
  }
}

void* Allocate(size_t n, const char*, int) {
  return n == 0 ? nullptr : WithReserve([n] { return std::malloc(n); });
}
void* Reallocate(void* from, size_t n, const char*, int) {
  if (n != 0) return WithReserve([from, n] { return std::realloc(from, n); });
  std::free(from);
  return nullptr;
}
void Free(void* p, const char*, int) { std::free(p); }

}  // namespace

bool PutReserveBehindOpenssl() { return CRYPTO_set_mem_functions(Allocate, Reallocate, Free) == 1; }

}  // namespace culvert::ike
