#include "tools/culvertctl/table.h"

#include <algorithm>

namespace culvert::ctl {
namespace {

using nlohmann::ordered_json;

std::string Cell(const ordered_json& v) {
  if (v.is_null()) return "-";
  if (v.is_string()) return v.get<std::string>();
  if (v.is_boolean()) return v.get<bool>() ? "yes" : "no";
  if (v.is_array() || v.is_object()) {
    std::string out;
    for (const auto& [key, item] : v.items()) {
      if (!out.empty()) out += ' ';
      if (v.is_object()) out += key + "=";
      out += Cell(item);
    }
    return out.empty() ? "-" : out;
  }
  return v.dump();
}

bool IsNumber(const std::string& s) {
  return !s.empty() && std::ranges::all_of(s, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

}  // namespace

std::string Table::Print() const {
  std::vector<size_t> width;
  for (const auto& row : rows_) {
    width.resize(std::max(width.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string pad(width[i] - row[i].size(), ' ');
      if (i) line += "  ";
      line += IsNumber(row[i]) ? pad + row[i] : row[i] + pad;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string TableOf(const ordered_json& array) {
  std::vector<std::string> columns;
  for (const auto& row : array) {
    for (const auto& [key, v] : row.items()) {
      if (std::ranges::find(columns, key) == columns.end()) columns.push_back(key);
    }
  }
  if (columns.empty()) return "none\n";
  Table table(columns);
  for (const auto& row : array) {
    std::vector<std::string> cells;
    for (const auto& c : columns) cells.push_back(row.contains(c) ? Cell(row[c]) : "-");
    table.Add(std::move(cells));
  }
  return table.Print();
}

std::string LinesOf(const ordered_json& object) {
  size_t width = 0;
  for (const auto& [key, v] : object.items()) width = std::max(width, key.size());
  std::string out;
  for (const auto& [key, v] : object.items()) out += key + std::string(width - key.size() + 2, ' ') + Cell(v) + "\n";
  return out;
}

}  // namespace culvert::ctl
