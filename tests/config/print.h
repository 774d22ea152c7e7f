#pragma once

#include <string>

#include "config/complaint.h"
#include "config/tree.h"

namespace culvert::config {

// "a { k = v; b { } }", to compare trees by eye.
inline std::string Print(const Section& s) {
  std::string out;
  for (const Value& v : s.values()) out += (out.empty() ? "" : " ") + v.name + (v.unset ? "=!" : "=" + v.text) + ";";
  for (const Section& c : s.sections()) {
    std::string inside = Print(c);
    out += (out.empty() ? "" : " ") + c.name + " {" + (inside.empty() ? "" : " " + inside) + " }";
  }
  return out;
}

// "E text|W text", errors and warnings in their order.
inline std::string Print(const Complaints& complaints) {
  std::string out;
  for (const Complaint& c : complaints) {
    out += (out.empty() ? "" : "|") + std::string(c.level == Complaint::Level::kError ? "E " : "W ") + c.text;
  }
  return out;
}

}  // namespace culvert::config
