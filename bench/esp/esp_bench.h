#pragma once

#include <CLI/CLI.hpp>

namespace culvert::bench {

// `culvert-bench esp`: the whole worker path beside raw IPsec-MB on the same buffers in the same run.
void AddEspBench(CLI::App& app, int& rc);

}  // namespace culvert::bench
