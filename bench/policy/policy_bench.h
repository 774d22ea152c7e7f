#pragma once

#include <CLI/CLI.hpp>

namespace culvert::bench {

// `culvert-bench policy`: what a packet costs by how many policies there are, of flows that are known and of new ones.
void AddPolicyBench(CLI::App& app, int& rc);

}  // namespace culvert::bench
