// culvert-bench: what this machine does, one subcommand each. See --help and bench/README.md.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "bench/esp/esp_bench.h"
#include "bench/ike/flood_bench.h"
#include "bench/ike/ike_bench.h"
#include "bench/neighbours/neighbours_bench.h"
#include "bench/policy/policy_bench.h"
#include "bench/ring/ring_bench.h"

int main(int argc, char** argv) {
  CLI::App app("Measures Culvert on this machine.", "culvert-bench");
  app.require_subcommand(1);
  int rc = 0;
  culvert::bench::AddEspBench(app, rc);
  culvert::bench::AddIkeBench(app, rc);
  culvert::bench::AddFloodBench(app, rc);
  culvert::bench::AddNeighboursBench(app, rc);
  culvert::bench::AddPolicyBench(app, rc);
  culvert::bench::AddRingBench(app, rc);
  CLI11_PARSE(app, argc, argv);
  return rc;
}
