#include "config/syntax/file_source.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/text.h"
#include "config/tree.h"

namespace culvert::config {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<std::string> Failure(const char* doing) {
  return std::unexpected(Cat("cannot be ", doing, ": ", strerror(errno)));
}

}  // namespace

std::expected<FileText, std::string> DiskFiles::Read(const std::string& path, size_t limit) {
  // Non-blocking: opening a FIFO must not wait for a writer.
  Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat st;
  if (fd.get() < 0 || fstat(fd.get(), &st) != 0) return Failure("opened");
  if (!S_ISREG(st.st_mode)) return std::unexpected("is no regular file");
  auto too_long = [limit] {
    return std::unexpected(Cat("is too long: the limit is ", limit, " octets in all files together"));
  };
  if (static_cast<uint64_t>(st.st_size) > limit) return too_long();
  FileText file;
  file.world_readable = st.st_mode & S_IROTH;
  file.text.resize(static_cast<size_t>(st.st_size) + 1);  // one more, to see the end without another call
  size_t have = 0;
  for (;;) {
    ssize_t n = read(fd.get(), file.text.data() + have, file.text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failure("read");
    have += static_cast<size_t>(n);
    if (n == 0 || have > static_cast<size_t>(st.st_size)) break;
  }
  // A file that grows while it is read is being written: half of it may be missing.
  if (have > static_cast<size_t>(st.st_size)) return std::unexpected("changed while it was read");
  file.text.resize(have);
  return file;
}

std::vector<std::string> DiskFiles::Glob(const std::string& pattern) {
  std::vector<std::string> found;
  glob_t g{};
  if (glob(pattern.c_str(), 0, nullptr, &g) == 0) found.assign(g.gl_pathv, g.gl_pathv + g.gl_pathc);
  globfree(&g);
  return found;
}

}  // namespace culvert::config
