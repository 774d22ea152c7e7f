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

// Complaints about the text, in a connection "a" of which nothing else is wrong; it is on line 2.
inline std::string InConnection(const std::string& text) {
  return Complain("connections { a {\n" + text + "\n" + kRounds + "children { x { } } } }");
}
// In a child "x", on line 3.
inline std::string InChild(const std::string& text) {
  return Complain(std::string("connections { a { remote_addrs = 192.0.2.2\n") + "children { x {\n" + text + "\n} }\n" +
                  kRounds + "} }");
}

// The only connection of this text.
inline std::optional<Connection> LoadOne(const std::string& text) {
  Complaints complaints;
  auto control = Load(text, complaints);
  EXPECT_TRUE(control) << Print(complaints);
  if (!control || control->connections.size() != 1) return std::nullopt;
  return std::move(control->connections[0]);
}

}  // namespace culvert::config
