#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace culvert::ctl {

// Columns wide enough for their cells, numbers to the right; no trailing blanks.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string Print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// An array of flat objects as a table, a column for each key in order of first appearance; scalars as they are, arrays
// joined by a blank, objects as key=value.
std::string TableOf(const nlohmann::ordered_json& array);
// An object as "key  value" lines.
std::string LinesOf(const nlohmann::ordered_json& object);

}  // namespace culvert::ctl
