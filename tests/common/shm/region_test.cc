#include "common/shm/region.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

namespace culvert::shm {
namespace {

UniqueFd MakeMemfd(size_t size, int seals) {
  UniqueFd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  EXPECT_EQ(fcntl(fd.get(), F_ADD_SEALS, seals), 0);
  return fd;
}

TEST(Region, BothEndsSeeOneMemoryAndNeitherCanCutIt) {
  auto a = Region::Create("test", 10000, Region::Fill::kResident);
  ASSERT_TRUE(a.ok()) << a.status();
  EXPECT_EQ(a->size() % 4096, 0u);
  UniqueFd passed(dup(a->fd()));
  EXPECT_NE(ftruncate(passed.get(), 0), 0);
  EXPECT_NE(ftruncate(passed.get(), 1 << 20), 0);
  EXPECT_NE(fcntl(passed.get(), F_ADD_SEALS, F_SEAL_WRITE), 0);
  auto b = Region::Adopt(std::move(passed), 10000);
  ASSERT_TRUE(b.ok()) << b.status();
  static_cast<char*>(a->data())[9999] = 'x';
  EXPECT_EQ(static_cast<char*>(b->data())[9999], 'x');
}

TEST(Region, RefusesWhatThePeerCouldPullAway) {
  constexpr int kAll = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  EXPECT_TRUE(Region::Adopt(MakeMemfd(8192, kAll), 8192).ok());
  EXPECT_FALSE(Region::Adopt(MakeMemfd(8192, F_SEAL_GROW | F_SEAL_SEAL), 8192).ok());
  EXPECT_FALSE(Region::Adopt(MakeMemfd(8192, F_SEAL_SHRINK | F_SEAL_SEAL), 8192).ok());
  EXPECT_FALSE(Region::Adopt(MakeMemfd(8192, F_SEAL_SHRINK | F_SEAL_GROW), 8192).ok()) << "more seals could follow";
  EXPECT_FALSE(Region::Adopt(MakeMemfd(8192, kAll | F_SEAL_WRITE), 8192).ok()) << "not writable";
  EXPECT_FALSE(Region::Adopt(MakeMemfd(4096, kAll), 8192).ok());
  EXPECT_FALSE(Region::Adopt(MakeMemfd(12288, kAll), 8192).ok());
  EXPECT_FALSE(Region::Adopt(UniqueFd(open("/dev/zero", O_RDWR)), 8192).ok());
  EXPECT_FALSE(Region::Adopt(UniqueFd(open("/tmp", O_TMPFILE | O_RDWR, 0600)), 8192).ok());
  EXPECT_FALSE(Region::Adopt(UniqueFd(), 8192).ok());
}

}  // namespace
}  // namespace culvert::shm
