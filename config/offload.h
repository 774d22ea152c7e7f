#pragma once

#include "common/channel/sa_command.h"
#include "config/model.h"

namespace culvert::config {

// `hw_offload` as the data plane is told it.
inline channel::Offload OffloadOf(HwOffload o) {
  switch (o) {
    case HwOffload::kAuto: return channel::Offload::kAuto;
    case HwOffload::kNo: return channel::Offload::kNo;
    case HwOffload::kCrypto: return channel::Offload::kCrypto;
    case HwOffload::kPacket: return channel::Offload::kPacket;
  }
  return channel::Offload::kAuto;
}

}  // namespace culvert::config
