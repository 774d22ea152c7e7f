#pragma once

#include <CLI/CLI.hpp>

namespace culvert::bench {

// Adds `ike-flood`: how peers fare at a responder that strangers flood.
void AddFloodBench(CLI::App& app, int& rc);

}  // namespace culvert::bench
