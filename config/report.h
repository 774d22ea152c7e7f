#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

#include "config/complaint.h"
#include "config/tree.h"

namespace culvert::config {

inline constexpr size_t kMaxComplaints = 200;  // of one report; a wrong template inherited ten thousand times is one mistake

// Collects complaints as "file:line: section.path.key: problem and what was expected". The same problem at the same place
// is said once, whichever path it was met on. Borrows the tree (for file names) and the list it appends to.
class Report {
 public:
  Report(const Tree& tree, Complaints& out) : tree_(tree), out_(out) {}

  void Error(Origin where, std::string_view path, std::string_view problem) {
    Add(Complaint::Level::kError, where, path, problem);
  }
  void Warn(Origin where, std::string_view path, std::string_view problem) {
    Add(Complaint::Level::kWarning, where, path, problem);
  }

  bool failed() const { return failed_; }                      // an error was reported
  bool full() const { return said_.size() > kMaxComplaints; }  // nothing more will be said
  const Tree& tree() const { return tree_; }

 private:
  void Add(Complaint::Level level, Origin where, std::string_view path, std::string_view problem);

  const Tree& tree_;
  Complaints& out_;
  std::unordered_set<std::string> said_;
  bool failed_ = false;
};

}  // namespace culvert::config
