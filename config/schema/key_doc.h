#pragma once

#include <string>

namespace culvert::config {

// The table of keys.h as config/README.md shows it: one Markdown table per section.
std::string KeysAsMarkdown();
// The words of proposals likewise.
std::string ProposalWordsAsMarkdown();

}  // namespace culvert::config
