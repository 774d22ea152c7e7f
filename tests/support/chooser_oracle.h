#pragma once

#include <cstdint>
#include <functional>
#include <string>

// Z20: the choosers of control/ike/negotiate against brute force. The oracle says what RFC 7296 3.3 allows of one combination of
// transforms, tries every combination the configuration stands for in its order of preference, and takes the first that a
// proposal of the peer allows.
namespace culvert::ike {

using Draw = std::function<uint32_t(uint32_t n)>;   // a number below n, at least 1, from wherever the caller has its numbers

struct Round {
  bool chosen = false;
  std::string disagreement;   // and over what offer; empty: none
};
// Each draws a configuration and a mostly sound offer, and compares.
Round CompareIkeChoice(const Draw& draw);
Round CompareEspChoice(const Draw& draw);

}  // namespace culvert::ike
