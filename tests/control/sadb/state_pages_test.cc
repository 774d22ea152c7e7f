#include "control/sadb/state_pages.h"

#include <gtest/gtest.h>

namespace culvert::sadb {
namespace {

// The dataplane's view of the page whose descriptor it was given.
struct Writer {
  explicit Writer(int fd) : region(*shm::Region::Adopt(UniqueFd(dup(fd)), sizeof(channel::StatePage))) {}
  channel::StatePage* operator->() { return static_cast<channel::StatePage*>(region.data()); }
  shm::Region region;
};

TEST(StatePages, TheHighestOfAllPagesCountsUntilTheDumpHasEnded) {
  StatePages pages;
  Writer old(pages.Swap());
  pages.Begin(5);
  old->outbound[5] = 5000;
  Writer now(pages.Swap());
  now->outbound[5] = 7;          // a new dataplane, not yet told where to start
  EXPECT_EQ(pages.Published(5).outbound, 5000u);
  old->outbound[5] = 6000;       // the one taken for dead still writes
  EXPECT_EQ(pages.Published(5).outbound, 6000u);
  pages.Floor(5, {.outbound = 70000, .inbound = 0});
  pages.Settle();
  EXPECT_EQ(pages.Published(5).outbound, 70000u);
  EXPECT_EQ(pages.Published(5).inbound, 0u);
}

TEST(StatePages, ASlotBeginsAtZero) {
  StatePages pages;
  Writer w(pages.Swap());
  pages.Begin(5);
  w->inbound[5] = 99;
  pages.End(5);
  pages.Begin(5);
  EXPECT_EQ(pages.Published(5).inbound, 0u) << "a later SA of the slot would drop what its peer sends";
}

TEST(StatePages, ConnectionsThatNeverFinishTheirDumpLoseNothingAndKeepNoMemory) {
  StatePages pages;
  Writer first(pages.Swap());
  pages.Begin(5);
  first->outbound[5] = 1234;
  first->inbound[5] = 77;
  for (int i = 0; i < 100; ++i) ASSERT_GE(pages.Swap(), 0);
  EXPECT_LE(pages.size(), StatePages::kMaxPages);
  EXPECT_EQ(pages.Published(5).outbound, 1234u);
  EXPECT_EQ(pages.Published(5).inbound, 77u);
}

}  // namespace
}  // namespace culvert::sadb
