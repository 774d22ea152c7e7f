#pragma once

#include <optional>
#include <string>

#include "config/report.h"
#include "config/syntax/file_source.h"
#include "config/tree.h"

// The syntax of strongswan.conf and swanctl.conf:
//
//   statements := (section | key "=" value | "include" pattern)*
//   section    := name [":" name ("," name)*] "{" statements "}"
//
// A value runs to the end of the line, to "#" or to "}"; its words are joined by single blanks, "quoted" ones keep theirs,
// may span lines and know \n \r \t and an escaped line end, which vanishes. A repeated section extends the earlier one, a
// repeated key replaces the earlier value, `key =` unsets it. Includes are relative to the including file.
// Culvert's own additions: a.b.c = v for nested sections; inside `dataplane`, where no value holds " name =", several pairs
// may share a line.
namespace culvert::config {

// Limits of one configuration, all its files together; they bound the time to seconds and the memory to 256 MiB.
inline constexpr size_t kMaxConfigText = 32u << 20;  // octets
inline constexpr size_t kMaxConfigFiles = 4096;
inline constexpr size_t kMaxConfigNodes = 500'000;  // sections and keys as written
inline constexpr size_t kMaxLine = 128 * 1024;      // octets
inline constexpr size_t kMaxValueText = 65535;      // octets: what a VICI message can carry
inline constexpr size_t kMaxNameText = 255;         // octets: likewise
inline constexpr unsigned kMaxSectionDepth = 32;
inline constexpr unsigned kMaxIncludeDepth = 16;

struct ParseOptions {
  std::string dir;             // files below it are named relative to it in complaints
  std::string closed_section;  // a top-level section whose includes are not opened; empty: all are
};

// Reads `path` and what it includes into `tree`, whose files complaints then name. False on the first syntax error, which
// is reported: what follows it would be read out of step.
[[nodiscard]] bool ParseConfig(FileSource& files, const std::string& path, const ParseOptions& options, Tree& tree,
                               Report& report);

}  // namespace culvert::config
