#pragma once

#include <absl/status/statusor.h>

#include <concepts>
#include <cstdint>

#include "common/base/unique_fd.h"
#include "common/bytes/bytes.h"

namespace culvert {

// One rtnetlink message being put together: a fixed header, then attributes. Nothing here is longer than a few of them.
class NetlinkRequest {
 public:
  // `header` is the message's own: ifaddrmsg, rtmsg, fib_rule_hdr. `flags` join NLM_F_REQUEST and NLM_F_ACK.
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  NetlinkRequest(uint16_t type, uint16_t flags, const T& header)
      : NetlinkRequest(type, flags, ByteView(reinterpret_cast<const uint8_t*>(&header), sizeof header)) {}

  NetlinkRequest& Add(uint16_t attribute, ByteView value);
  NetlinkRequest& Add(uint16_t attribute, std::integral auto value) {
    return Add(attribute, ByteView(reinterpret_cast<const uint8_t*>(&value), sizeof value));
  }
  ByteView bytes() const { return {data_, used_}; }

 private:
  NetlinkRequest(uint16_t type, uint16_t flags, ByteView header);

  alignas(4) uint8_t data_[256] = {};
  size_t used_ = 0;
};

// A route netlink socket of this network namespace.
class Netlink {
 public:
  static absl::StatusOr<Netlink> Open();

  // 0, or the errno the kernel answers with.
  int Do(const NetlinkRequest& request);

 private:
  explicit Netlink(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace culvert
