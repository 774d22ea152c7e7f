#pragma once

#include <gtest/gtest.h>

#include "config/load.h"
#include "tests/config/memory_files.h"
#include "tests/config/print.h"

namespace culvert::config {

// A configuration whose swanctl.conf is this text, with these settings of `control` and a secret that anybody may use.
inline std::optional<Control> Load(const std::string& swanctl, Complaints& complaints, const std::string& settings = "") {
  MemoryFiles files;
  files.files["/etc/d/culvert.conf"].text = "control {\n" + settings + "\ninclude swanctl.conf\ninclude anybody.conf\n}";
  files.files["/etc/d/swanctl.conf"].text = swanctl;
  files.files["/etc/d/anybody.conf"].text = "secrets { ike-anybody { secret = 0123456789abcdef\n } }";
  return LoadControl(files, "/etc/d", nullptr, complaints);
}

inline std::string Complain(const std::string& swanctl, const std::string& settings = "") {
  Complaints complaints;
  bool loaded = Load(swanctl, complaints, settings).has_value();
  EXPECT_EQ(loaded, !HasErrors(complaints));
  return Print(complaints);
}

inline constexpr const char* kRounds = " local { auth = psk\n } remote { auth = psk\n }\n";

}  // namespace culvert::config
