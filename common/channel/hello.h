#pragma once

#include "common/channel/rings.h"

// What crosses the UNIX socket RUN/dataplane.sock (SOCK_SEQPACKET), before anything crosses the rings. After these two the
// socket carries nothing more; its end tells that the other process is gone.
//
//   culvert-ike connects
//   culvert-dataplane → DataplaneHello + fds {rings memfd, wake-dataplane eventfd, wake-ike eventfd}, or a refusal, then EOF
//   culvert-ike → ControlHello + fds {state page memfd}
namespace culvert::channel {

inline constexpr uint32_t kHelloMagic = 0x43565254;   // "CVRT"

enum class Refusal : uint32_t {
  kNone = 0,
  kBusy,          // another culvert-ike is connected
  kNotAllowed,    // by SO_PEERCRED: neither root nor the configured user
};

struct DataplaneHello {
  uint32_t magic;
  Refusal refusal;
  uint64_t geometry;      // kGeometry of the sender
  uint64_t epoch;         // of this connection; never 0, rises with each
  uint64_t instance;      // of this process: equal in two connections exactly where no SA was lost between them
  char build[32];         // for people
};
static_assert(kNoHiddenPadding<DataplaneHello>);

struct ControlHello {
  uint32_t magic;
  uint32_t zero;
  uint64_t geometry;
  uint64_t epoch;         // the dataplane's, said back
  char build[32];
};
static_assert(kNoHiddenPadding<ControlHello>);

}  // namespace culvert::channel
