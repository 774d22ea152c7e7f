#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <string>

#include "common/bytes/bytes.h"

namespace culvert::ctl {

// A blocking client of a UNIX stream socket.
class Socket {
 public:
  static absl::StatusOr<Socket> Connect(const std::string& path);
  Socket(Socket&& o) noexcept : path_(std::move(o.path_)), fd_(std::exchange(o.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  absl::Status Send(ByteView data);
  // At least one octet, waiting at most `wait` (zero: for ever). An orderly end of the stream is an error too.
  absl::StatusOr<Bytes> Receive(std::chrono::milliseconds wait);

 private:
  Socket(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

}  // namespace culvert::ctl
