#include "drivers/crypto/key_arena.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>

#include "common/bytes/secret.h"

namespace culvert::crypto {
namespace {

constexpr size_t Lines(size_t size) { return (size + 63) / 64; }

}  // namespace

KeyArena::~KeyArena() {
  for (SizeClass& c : classes_) {
    for (Chunk& chunk : c.chunks) {
      ASAN_UNPOISON_MEMORY_REGION(chunk.base, chunk.used);
      WipeBytes({reinterpret_cast<uint8_t*>(chunk.base), chunk.used});
      munmap(chunk.base, kChunk);
    }
  }
}

std::byte* KeyArena::NewChunk() {
  // Twice the size, so that an aligned large page is in it; the rest is given back.
  void* map = mmap(nullptr, 2 * kChunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  auto at = reinterpret_cast<uintptr_t>(map), base = (at + kChunk - 1) & ~(kChunk - 1);
  if (base != at) munmap(map, base - at);
  munmap(reinterpret_cast<void*>(base + kChunk), at + kChunk - base);
  auto* chunk = reinterpret_cast<std::byte*>(base);
  // Each of these is a hardening or a speed-up the system may refuse; the arena works without.
  (void)madvise(chunk, kChunk, MADV_HUGEPAGE);
  (void)madvise(chunk, kChunk, MADV_DONTDUMP);
  (void)madvise(chunk, kChunk, MADV_DONTFORK);
  (void)mlock2(chunk, kChunk, MLOCK_ONFAULT);
  return chunk;
}

void* KeyArena::Allocate(size_t size) {
  size_t lines = Lines(size);
  if (lines == 0 || lines * 64 > kMaxBlock) return nullptr;
  SizeClass& c = classes_[lines];
  if (!c.free.empty()) {
    void* block = c.free.back();
    c.free.pop_back();
    ASAN_UNPOISON_MEMORY_REGION(block, lines * 64);  // whoever freed it may have poisoned it
    ++in_use_;
    return block;
  }
  if (c.chunks.empty() || c.chunks.back().used + lines * 64 > kChunk) {
    std::byte* base = NewChunk();
    if (base == nullptr) return nullptr;
    c.chunks.push_back({base, 0});
  }
  Chunk& chunk = c.chunks.back();
  void* block = chunk.base + chunk.used;
  chunk.used += lines * 64;
  ++in_use_;
  return block;
}

void KeyArena::Free(void* block, size_t size) {
  if (block == nullptr) return;
  size_t lines = Lines(size);
  WipeBytes({static_cast<uint8_t*>(block), lines * 64});
  classes_[lines].free.push_back(block);
  --in_use_;
}

}  // namespace culvert::crypto
