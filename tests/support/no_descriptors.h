#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace culvert {

// As long as it lives, this process gets no further descriptor (EMFILE).
class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    int next = dup(STDERR_FILENO);
    close(next);
    Limit(static_cast<rlim_t>(next));
  }
  ~NoDescriptors() { Limit(before_.rlim_cur); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  void Limit(rlim_t n) {
    rlimit limit{n, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  rlimit before_{};
};

}  // namespace culvert
