#pragma once

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "common/ipsec/algorithm.h"
#include "control/ike/wire/registry.h"

namespace culvert::ike {

struct NotifyPayload {
  IpsecProtocol protocol{};           // 0 where the notify concerns no SA
  NotifyType type{};
  ByteView spi;
  ByteView data;                      // its length is checked by whoever understands the type
};

Decoded<NotifyPayload> DecodeNotify(Reader& body);
void Encode(const NotifyPayload& notify, Writer& w);

}  // namespace culvert::ike
