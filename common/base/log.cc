#include "common/base/log.h"

#include <absl/debugging/failure_signal_handler.h>
#include <absl/log/globals.h>
#include <absl/log/initialize.h>
#include <absl/log/log_sink.h>
#include <absl/log/log_sink_registry.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <format>
#include <mutex>
#include <string>

namespace culvert {
namespace {

constexpr unsigned kLinesPerSecond = 100;

// The journal says by JOURNAL_STREAM which device and inode it put behind stderr.
bool StderrIsJournal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat st;
  unsigned long long device = 0, inode = 0;
  return stream && std::sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
         st.st_dev == device && st.st_ino == inode;
}

class Sink final : public absl::LogSink {
 public:
  void Start(std::string_view program) {
    program_ = program;
    journal_ = StderrIsJournal();
  }
  void Send(const absl::LogEntry& entry) override {
    std::lock_guard lock(mutex_);
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != second_) {
      if (suppressed_) Write(now, 'W', std::format("{} log lines left out in one second", suppressed_));
      second_ = now.tv_sec;
      lines_ = suppressed_ = 0;
    }
    bool fatal = entry.log_severity() == absl::LogSeverity::kFatal;
    if (++lines_ > kLinesPerSecond && !fatal) {
      ++suppressed_;
      return;
    }
    std::string_view text(entry.text_message().data(), entry.text_message().size());
    Write(now, entry.verbosity() > 0 ? 'D' : "IWEF"[static_cast<int>(entry.log_severity())], text);
    if (fatal) Write(now, 'F', std::format("at {}:{}", std::string(entry.source_filename()).c_str(), entry.source_line()));
  }
  void Flush() override { std::fflush(stderr); }

 private:
  void Write(const timespec& now, char level, std::string_view text) {
    std::string line;
    if (journal_) {
      char priority = level == 'D' ? '7' : level == 'I' ? '6' : level == 'W' ? '4' : level == 'E' ? '3' : '2';
      line = std::format("<{}>{}\n", priority, text);
    } else {
      tm utc;
      gmtime_r(&now.tv_sec, &utc);
      line = std::format("{:02}:{:02}:{:02}.{:03} {} {} {}\n", utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1'000'000,
                         program_, level, text);
    }
    std::fwrite(line.data(), 1, line.size(), stderr);
  }

  std::mutex mutex_;
  std::string program_;
  bool journal_ = false;
  time_t second_ = 0;
  unsigned lines_ = 0, suppressed_ = 0;
};

Sink& TheSink() {
  static Sink* sink = new Sink;  // outlives every thread that may still log at exit
  return *sink;
}

}  // namespace

void StartLogging(std::string_view program, int verbosity) {
  std::setvbuf(stderr, nullptr, _IOLBF, 0);
  TheSink().Start(program);
  absl::SetStderrThreshold(absl::LogSeverityAtLeast::kInfinity);
  absl::SetGlobalVLogLevel(verbosity);
  absl::AddLogSink(&TheSink());
  absl::InitializeLog();
  // A crash says where, in the same place as everything else: a gateway that merely vanishes can't be mended.
  absl::InstallFailureSignalHandler({});
  // A reader that has gone is an error code here, never a reason to die.
  std::signal(SIGPIPE, SIG_IGN);
}

void HardenProcess() {
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace culvert
