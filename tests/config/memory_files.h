#pragma once

#include <fnmatch.h>

#include <map>
#include <string>

#include "config/syntax/file_source.h"

namespace culvert::config {

// A file system in a map, for tests and fuzzing.
class MemoryFiles final : public FileSource {
 public:
  std::expected<FileText, std::string> Read(const std::string& path, size_t limit) override {
    ++opened[path];
    auto it = files.find(path);
    if (it == files.end()) return std::unexpected("cannot be opened: No such file or directory");
    if (it->second.text.size() > limit) return std::unexpected("is too long");
    return it->second;
  }
  std::vector<std::string> Glob(const std::string& pattern) override {
    std::vector<std::string> found;
    for (auto& [path, file] : files) {
      if (fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0) found.push_back(path);
    }
    return found;
  }

  std::map<std::string, FileText> files;
  std::map<std::string, int> opened;
};

}  // namespace culvert::config
