#pragma once

#include <cstddef>
#include <vector>

namespace culvert::crypto {

// Memory for expanded keys and runtime SAs: cache-line aligned, kept out of core dumps and swap where the system lets us,
// backed by large pages where it offers them, wiped when freed. Main thread only; workers read what they were handed.
// Sizes are rounded up to whole lines; a freed block is reused for the same size. Memory is returned by the destructor.
class KeyArena {
 public:
  KeyArena() = default;
  ~KeyArena();
  KeyArena(const KeyArena&) = delete;
  KeyArena& operator=(const KeyArena&) = delete;

  // Zeroed; nullptr where the system has no more memory or size is above kMaxBlock.
  void* Allocate(size_t size);
  // The same size it was allocated with. Wipes.
  void Free(void* block, size_t size);

  size_t blocks_in_use() const { return in_use_; }

  static constexpr size_t kMaxBlock = 32768;  // octets; the largest SA, one with a 65,536-packet window, is 16.5 KiB

 private:
  struct Chunk {
    std::byte* base;
    size_t used;
  };
  struct SizeClass {
    std::vector<void*> free;
    std::vector<Chunk> chunks;
  };
  std::byte* NewChunk();

  static constexpr size_t kChunk = size_t{2} << 20;  // one large page
  std::vector<SizeClass> classes_ = std::vector<SizeClass>(kMaxBlock / 64 + 1);  // by size in lines
  size_t in_use_ = 0;
};

}  // namespace culvert::crypto
