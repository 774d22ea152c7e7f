#pragma once

#include <CLI/CLI.hpp>

namespace culvert::bench {

// Adds `ike`: handshakes a second against a responder, and what one costs both sides.
void AddIkeBench(CLI::App& app, int& rc);

}  // namespace culvert::bench
