#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/check.h"
#include "config/load.h"
#include "tests/config/print.h"

namespace culvert::config {
namespace {

// A copy whose modes are known: a checkout has whatever modes its umask gave.
std::string CopyOf(const std::string& example) {
  auto to = std::filesystem::path(testing::TempDir()) / ("culvert-example-" + example);
  std::filesystem::remove_all(to);
  std::filesystem::copy(std::string(CULVERT_SOURCE_ROOT) + "config/examples/" + example, to,
                        std::filesystem::copy_options::recursive);
  chmod((to / "secrets.conf").c_str(), 0640);
  return to;
}

TEST(Examples, LoadWithoutAComplaint) {
  for (const char* name : {"site-a", "site-b"}) {
    auto dir = CopyOf(name);
    Complaints complaints;
    auto dataplane = LoadDataplane(dir, complaints);
    auto control = LoadControl(dir, nullptr, complaints);
    EXPECT_EQ(Print(complaints), "");
    ASSERT_TRUE(dataplane && control) << name;
    EXPECT_EQ(dataplane->ports.size(), 2u);
    EXPECT_EQ(control->connections.size(), 1u);
    EXPECT_EQ(control->secrets.size(), 1u);
    std::filesystem::remove_all(dir);
  }
}

TEST(Examples, TheTwoSidesMirrorEachOther) {
  Complaints complaints;
  auto dir_a = CopyOf("site-a"), dir_b = CopyOf("site-b");
  auto a = LoadControl(dir_a, nullptr, complaints), b = LoadControl(dir_b, nullptr, complaints);
  ASSERT_TRUE(a && b) << Print(complaints);
  const Connection &ca = a->connections[0], &cb = b->connections[0];
  EXPECT_EQ(ca.local_addrs, cb.remote_addrs);
  EXPECT_EQ(ca.remote_addrs, cb.local_addrs);
  EXPECT_EQ(ca.local[0].id, cb.remote[0].id);
  EXPECT_EQ(ca.remote[0].id, cb.local[0].id);
  EXPECT_EQ(ca.children[0].local_ts[0].selector, cb.children[0].remote_ts[0].selector);
  EXPECT_EQ(ca.children[0].remote_ts[0].selector, cb.children[0].local_ts[0].selector);
  EXPECT_TRUE(a->secrets[0].data == b->secrets[0].data);
  std::filesystem::remove_all(dir_a);
  std::filesystem::remove_all(dir_b);
}

int CheckControl(const std::string& dir, std::ostream& to) {
  Complaints complaints;
  (void)LoadControl(dir, nullptr, complaints);
  return PrintComplaints(complaints, to);
}

TEST(Check, PrintsAndChoosesTheExitCode) {
  auto dir = CopyOf("site-a");
  std::ostringstream out;
  EXPECT_EQ(CheckDataplane(dir, out), 0);
  EXPECT_EQ(CheckControl(dir, out), 0);
  EXPECT_EQ(out.str(), "");
  chmod((dir + "/secrets.conf").c_str(), 0644);
  EXPECT_EQ(CheckControl(dir, out), kExitConfig);
  EXPECT_EQ(out.str(),
            "error: secrets.conf:7: secrets.ike-b.secret: stands in a file that everybody may read; expected mode 0640 or "
            "stricter\n");
  EXPECT_EQ(CheckDataplane(dir, out), 0) << "the dataplane does not look at secrets";
  out.str("");
  std::ofstream(dir + "/culvert.conf") << "dataplane { workers = 1\n ports { p { device = x } } }\ncontrol { threads = 3\n }";
  EXPECT_EQ(CheckControl(dir, out), 0);
  EXPECT_EQ(out.str(), "warning: culvert.conf:3: control.threads: has no effect: the helper threads manage themselves\n");
  std::filesystem::remove_all(dir);
  out.str("");
  EXPECT_EQ(CheckControl(dir, out), kExitConfig);
  EXPECT_EQ(out.str(), "error: culvert.conf: cannot be opened: No such file or directory\n");
}

// hostile.md B68: a device never ends, a directory is no file, a FIFO must not be waited for.
TEST(Check, SpecialFilesAreRefused) {
  auto dir = CopyOf("site-a");
  mkfifo((dir + "/fifo").c_str(), 0600);
  for (std::string what : {"/dev/zero", "fifo", "."}) {
    std::ofstream(dir + "/culvert.conf") << "include " << what << "\n";
    std::ostringstream out;
    EXPECT_EQ(CheckControl(dir, out), kExitConfig);
    EXPECT_EQ(out.str(), "error: culvert.conf:1: include \"" + what + "\": is no regular file\n");
  }
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace culvert::config
