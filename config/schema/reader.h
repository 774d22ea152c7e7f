#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "config/report.h"
#include "config/schema/values.h"
#include "config/tree.h"

namespace culvert::config {

// Typed reads of one section that CheckKeys has already looked at: a value that does not parse has been reported, so the
// fallback is returned in silence. Borrows all three.
class SectionReader {
 public:
  SectionReader(const Section& section, std::string shown, Report& report)
      : section_(section), shown_(std::move(shown)), report_(report) {}

  bool Has(std::string_view key) const { return section_.FindValue(key); }
  bool Bool(std::string_view key, bool fallback) const;
  uint64_t Integer(std::string_view key, uint64_t fallback) const;
  double Fraction(std::string_view key, double fallback) const;
  uint64_t Time(std::string_view key, uint64_t fallback) const;            // seconds
  std::chrono::seconds Seconds(std::string_view key, std::chrono::seconds fallback) const;
  uint64_t Size(std::string_view key, uint64_t fallback) const;
  std::string Text(std::string_view key, std::string_view fallback = "") const;
  std::vector<std::string> List(std::string_view key) const;

  // About a key of the section, at its own line; at the section's where the key is absent.
  void Error(std::string_view key, std::string_view problem) const { report_.Error(OriginOf(key), PathOf(key), problem); }
  void Warn(std::string_view key, std::string_view problem) const { report_.Warn(OriginOf(key), PathOf(key), problem); }
  // About the section itself.
  void Error(std::string_view problem) const { report_.Error(section_.origin, shown_, problem); }
  void Warn(std::string_view problem) const { report_.Warn(section_.origin, shown_, problem); }

  // "file:line: path", for complaints that can only be made later; an empty key is the section itself.
  std::string Where(std::string_view key) const {
    Origin origin = key.empty() ? section_.origin : OriginOf(key);
    return report_.tree().Where(origin) + ": " + (key.empty() ? shown_ : PathOf(key));
  }

  SectionReader Child(const Section& child) const { return {child, PathOf(child.name), report_}; }
  const Section& section() const { return section_; }
  const std::string& shown() const { return shown_; }
  Report& report() const { return report_; }

 private:
  Origin OriginOf(std::string_view key) const;
  std::string PathOf(std::string_view key) const;

  const Section& section_;
  std::string shown_;
  Report& report_;
};

}  // namespace culvert::config
