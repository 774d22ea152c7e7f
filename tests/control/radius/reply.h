#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "common/bytes/writer.h"
#include "control/radius/access.h"
#include "control/radius/digest.h"

// What a server makes, for tests.
namespace culvert::radius {

struct MakeReply {
  Code code = Code::kAccessAccept;
  std::vector<std::pair<Type, Bytes>> attributes;
  bool sign = true;            // a Message-Authenticator behind the others

  Bytes For(const Exchange& exchange) const {
    Writer w;
    w.U8(static_cast<uint8_t>(code));
    w.U8(exchange.id);
    w.U16(0);
    w.Put(exchange.authenticator);
    auto put = [&w](Type type, ByteView value) {
      w.U8(static_cast<uint8_t>(type));
      w.U8(static_cast<uint8_t>(value.size() + 2));
      w.Put(value);
    };
    for (const auto& [type, value] : attributes) put(type, value);
    if (sign) put(Type::kMessageAuthenticator, Digest{});
    w.PatchU16(2, static_cast<uint16_t>(w.size()));
    Bytes out = w.Release();
    if (sign) std::ranges::copy(HmacMd5(exchange.secret, {out}), out.end() - kAuthenticator);
    std::ranges::copy(Md5({out, exchange.secret}), out.begin() + kAuthenticatorAt);
    return out;
  }
};

}  // namespace culvert::radius
