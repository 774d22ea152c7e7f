#include "control/runtime/key_log_file.h"

#include <absl/log/log.h>
#include <sys/stat.h>

#include <format>

namespace culvert::control {
namespace {

constexpr const char* kTables[] = {"ikev2_decryption_table", "esp_sa", "ikev1_decryption_table"};  // by KeyLog::Kind

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
    for (const char* table : kTables) {
      log->tables_.push_back(OpenPrivate(std::format("{}/{}", path, table)));
      if (!log->tables_.back()) return absl::PermissionDeniedError(std::format("keylog: cannot write in {}", path));
    }
  } else {
    log->all_ = OpenPrivate(path);
    if (!log->all_) return absl::PermissionDeniedError(std::format("keylog: cannot write {}", path));
  }
  LOG(WARNING) << "KEY LOGGING IS ON: every IKE and ESP key is written to " << path;
  return log;
}

void KeyLogFile::Write(const ike::KeyLog& log) {
  const auto table = static_cast<size_t>(log.kind);
  if (all_.is_open()) {
    all_ << "uat:" << kTables[table] << ":" << log.line << std::endl;
  } else {
    tables_[table] << log.line << std::endl;
  }
}

}  // namespace culvert::control
