#include "config/report.h"

#include "config/text.h"

namespace culvert::config {

void Report::Add(Complaint::Level level, Origin where, std::string_view path, std::string_view problem) {
  bool error = level == Complaint::Level::kError;
  failed_ |= error;
  std::string place = tree_.Where(where);
  std::string_view key = path.substr(path.rfind('.') + 1);
  if (full() || !said_.insert(Cat(place, ": ", key, ": ", problem)).second) return;
  if (full()) {
    out_.push_back(
        {Complaint::Level::kError, Cat(place, ": more than ", kMaxComplaints, " complaints; the rest is not shown")});
    return;
  }
  out_.push_back({level, path.empty() ? Cat(place, ": ", problem) : Cat(place, ": ", path, ": ", problem)});
}

}  // namespace culvert::config
