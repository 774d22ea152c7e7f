#pragma once

#include <expected>
#include <string>
#include <vector>

namespace culvert::config {

struct FileText {
  std::string text;
  bool world_readable = false;
};

// Where configuration files come from: the disk, or a map in tests and fuzzing.
class FileSource {
 public:
  virtual ~FileSource() = default;

  // The whole file. Refuses what is no regular file (a device never ends) or longer than `limit` octets; the error says
  // why, without the path.
  virtual std::expected<FileText, std::string> Read(const std::string& path, size_t limit) = 0;
  // Files that match a shell pattern, sorted.
  virtual std::vector<std::string> Glob(const std::string& pattern) = 0;
};

class DiskFiles final : public FileSource {
 public:
  std::expected<FileText, std::string> Read(const std::string& path, size_t limit) override;
  std::vector<std::string> Glob(const std::string& pattern) override;
};

}  // namespace culvert::config
