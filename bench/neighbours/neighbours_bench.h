#pragma once

#include <CLI/CLI.hpp>

namespace culvert::bench {

// `culvert-bench neighbours`: what a worker's time goes to in a scan of a connected /64 and in floods of ARP and neighbour
// discovery (RFC 6583), beside a packet of honest traffic.
void AddNeighboursBench(CLI::App& app, int& rc);

}  // namespace culvert::bench
