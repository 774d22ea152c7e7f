#include "control/runtime/key_log_file.h"

#include <absl/log/log.h>
#include <sys/stat.h>

#include <format>

namespace culvert::control {
namespace {

constexpr const char* kTables[] = {"ikev2_decryption_table", "esp_sa"};  // by KeyLog::Kind

std::ofstream OpenPrivate(const std::string& path) {
  mode_t old = umask(077);
  std::ofstream file(path, std::ios::app);
  umask(old);
  return file;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KeyLogFile>> KeyLogFile::Open(const std::string& path) {
  auto log = std::make_unique<KeyLogFile>();
  struct stat st;
  if (stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
    log->ike_ = OpenPrivate(std::format("{}/{}", path, kTables[0]));
    log->esp_ = OpenPrivate(std::format("{}/{}", path, kTables[1]));
    if (!log->ike_ || !log->esp_) return absl::PermissionDeniedError(std::format("keylog: cannot write in {}", path));
  } else {
    log->both_ = OpenPrivate(path);
    if (!log->both_) return absl::PermissionDeniedError(std::format("keylog: cannot write {}", path));
  }
  LOG(WARNING) << "KEY LOGGING IS ON: every IKE and ESP key is written to " << path;
  return log;
}

void KeyLogFile::Write(const ike::KeyLog& log) {
  bool esp = log.kind == ike::KeyLog::Kind::kEsp;
  if (both_.is_open()) {
    both_ << "uat:" << kTables[esp] << ":" << log.line << std::endl;
  } else {
    (esp ? esp_ : ike_) << log.line << std::endl;
  }
}

}  // namespace culvert::control
