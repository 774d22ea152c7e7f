#pragma once

#include <CLI/CLI.hpp>

namespace culvert::bench {

// `culvert-bench ring`: messages a second and the latency of the channel's rings, both ends of one connection on two threads.
void AddRingBench(CLI::App& app, int& rc);

}  // namespace culvert::bench
