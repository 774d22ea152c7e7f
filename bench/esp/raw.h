#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bench/esp/traffic.h"
#include "drivers/crypto/key_arena.h"
#include "drivers/crypto/mb_engine.h"

namespace culvert::bench {

// IPsec-MB and nothing else: the limit the worker path is measured against. Texts of one length in the order given, each under
// its own key; nonces and AAD are there already, data and keys are prefetched. Of the ways that are known to be good at some
// size each is tried, and the best counts.
class RawCrypto {
 public:
  RawCrypto(crypto::Suite suite, crypto::Use use, const std::vector<Tunnel>& tunnels, uint16_t burst);

  struct Text {
    uint8_t* at;  // with room for the ICV behind, and ESP header and IV before
    uint32_t tunnel;
  };
  // Cycles per text of the best way, in one run each.
  double Run(const std::vector<Text>& texts, uint32_t length);

 private:
  struct Ahead {
    size_t texts;    // how many texts ahead
    unsigned lines;  // how many of its lines are asked for
  };
  double Direct(const std::vector<Text>& texts, uint32_t length, Ahead ahead);
  double Jobs(const std::vector<Text>& texts, uint32_t length);
  double Bursts(const std::vector<Text>& texts, uint32_t length);

  crypto::Suite suite_;
  crypto::Use use_;
  uint16_t burst_;
  std::unique_ptr<crypto::MbEngine> engine_;
  crypto::KeyArena arena_;
  std::vector<const void*> keys_;  // by tunnel
};

}  // namespace culvert::bench
