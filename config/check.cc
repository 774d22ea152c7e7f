#include "config/check.h"

#include "config/load.h"

namespace culvert::config {

int PrintComplaints(const Complaints& complaints, std::ostream& to) {
  for (const Complaint& c : complaints) to << (c.level == Complaint::Level::kError ? "error: " : "warning: ") << c.text << '\n';
  to.flush();
  return HasErrors(complaints) ? kExitConfig : 0;
}

int CheckDataplane(const std::string& dir, std::ostream& to) {
  Complaints complaints;
  (void)LoadDataplane(dir, complaints);
  return PrintComplaints(complaints, to);
}

}  // namespace culvert::config
