#include "control/runtime/key_log_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace culvert::control {
namespace {

namespace fs = std::filesystem;

std::string Slurp(const fs::path& p) {
  std::ostringstream s;
  s << std::ifstream(p).rdbuf();
  return s.str();
}

struct TempDir {
  fs::path path = fs::path(testing::TempDir()) / ("keylog-" + std::to_string(getpid()));
  TempDir() { fs::create_directories(path); }
  ~TempDir() { fs::remove_all(path); }
};

TEST(KeyLogFile, OneFileHoldsArgumentsForTshark) {
  TempDir dir;
  auto log = KeyLogFile::Open(dir.path / "keys");
  ASSERT_TRUE(log.ok()) << log.status();
  (*log)->Write({ike::KeyLog::Kind::kIke, "aa,bb"});
  (*log)->Write({ike::KeyLog::Kind::kEsp, "\"IPv4\""});
  (*log)->Write({ike::KeyLog::Kind::kIkev1, "cc,dd"});
  EXPECT_EQ(Slurp(dir.path / "keys"), "uat:ikev2_decryption_table:aa,bb\nuat:esp_sa:\"IPv4\"\nuat:ikev1_decryption_table:cc,dd\n");
  struct stat st;
  ASSERT_EQ(stat((dir.path / "keys").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u) << "keys are for their owner alone";
}

TEST(KeyLogFile, ADirectoryGetsWiresharksTables) {
  TempDir dir;
  auto log = KeyLogFile::Open(dir.path);
  ASSERT_TRUE(log.ok());
  (*log)->Write({ike::KeyLog::Kind::kIke, "aa,bb"});
  (*log)->Write({ike::KeyLog::Kind::kEsp, "\"IPv4\""});
  (*log)->Write({ike::KeyLog::Kind::kIkev1, "cc,dd"});
  EXPECT_EQ(Slurp(dir.path / "ikev2_decryption_table"), "aa,bb\n");
  EXPECT_EQ(Slurp(dir.path / "esp_sa"), "\"IPv4\"\n");
  EXPECT_EQ(Slurp(dir.path / "ikev1_decryption_table"), "cc,dd\n");
}

TEST(KeyLogFile, SaysWhereItCannotWrite) { EXPECT_FALSE(KeyLogFile::Open(TempDir().path / "gone" / "keys").ok()); }

}  // namespace
}  // namespace culvert::control
