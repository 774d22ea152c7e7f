#pragma once

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "common/ipsec/traffic_selector.h"
#include "control/ike/wire/registry.h"

namespace culvert::ike {

struct TsPayload {                    // TSi and TSr, told apart by `type`
  PayloadType type = PayloadType::kTsI;
  SelectorList selectors;             // empty when decoded only if every selector was of an unknown type
  bool skipped_unknown = false;       // a selector of an unknown type was left out
};

// `type` is kTsI or kTsR.
Decoded<TsPayload> DecodeTs(PayloadType type, Reader& body);
void Encode(const TsPayload& ts, Writer& w);

}  // namespace culvert::ike
