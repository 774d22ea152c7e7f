#pragma once

namespace culvert::testing {

// Where buffers of a test's pool are kept, as rte_pktmbuf_pool_create_by_ops() has it. What DPDK's own library does between two
// threads the thread sanitizer does not see, and would take for a race; with it, buffers lie behind a lock that it does see.
const char* VisiblePoolOps();

}  // namespace culvert::testing
