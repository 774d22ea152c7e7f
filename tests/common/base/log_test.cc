#include "common/base/log.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace culvert {
namespace {

// hostile.md F25, R9.
TEST(HardenProcess, LeavesNoCoreBehind) {
  HardenProcess();
  rlimit core{1, 1};
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &core), 0);
  EXPECT_EQ(core.rlim_cur, 0u);
  EXPECT_EQ(core.rlim_max, 0u);
  EXPECT_EQ(prctl(PR_GET_DUMPABLE), 0);
}

}  // namespace
}  // namespace culvert
