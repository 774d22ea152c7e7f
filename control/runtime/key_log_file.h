#pragma once

#include <absl/status/statusor.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "control/ike/action.h"

namespace culvert::control {

// Where keys go for Wireshark, when an operator of a lab asked for it (hostile.md R10: off by default and loud). A directory
// gets Wireshark's own tables, ikev1_decryption_table, ikev2_decryption_table and esp_sa; a file gets one line a key, each an
// argument for `tshark -o`: "uat:esp_sa:...". Created for the owner alone; appended to.
class KeyLogFile {
 public:
  static absl::StatusOr<std::unique_ptr<KeyLogFile>> Open(const std::string& path);
  void Write(const ike::KeyLog& log);  // reaches the file before it returns

 private:
  std::vector<std::ofstream> tables_;  // of a directory
  std::ofstream all_;                  // of a file
};

}  // namespace culvert::control
