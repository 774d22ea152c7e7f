#pragma once

#include "config/report.h"
#include "config/tree.h"

namespace culvert::config {

// Sections and keys once inheritance is written out: at most this many, and this many times what was written, so that a few
// lines that double one another stay cheap.
inline constexpr size_t kMaxInheritedNodes = 1'000'000, kMaxInheritedGrowth = 128, kFreeInheritedNodes = 1000;
inline constexpr size_t kMaxAncestors = 64;               // sections one section may take from, indirect ones included

// `top`, a section of `tree`, with everything written out that its sections refer to. Own keys and sections come first,
// then those of the referenced sections from left to right; the first to name a key decides, also when it unsets it.
// Names are looked up in `top` (so that a swanctl.conf included there finds its own), then from the top of the tree.
// A reference to nothing, or to itself, is reported.
Section Inherit(const Tree& tree, const Section& top, Report& report);

}  // namespace culvert::config
