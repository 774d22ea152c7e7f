#include <cstdlib>

#include "tests/control/radius/reply.h"

// Any datagram from a server's address is discarded or read within bounds; what MakeReply could not have made is discarded. A
// second half of the input, cut into attributes, is signed and must then be read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;
  using namespace culvert::radius;
  const ByteView input(data, size);
  const Bytes secret = {'s', 'e', 'c', 'r', 'e', 't'};
  Exchange exchange{.id = size > 1 ? data[1] : uint8_t{0}, .secret = secret};
  if (auto p = Decode(input)) {
    size_t octets = kHeader;
    for (const Attribute& a : p->attributes) octets += 2 + a.value.size();
    if (octets != p->octets.size()) std::abort();
  }
  // Nobody signs by chance with an authenticator of zeros.
  if (ReadReply(input, exchange)) std::abort();

  constexpr Code kCodes[] = {Code::kAccessAccept, Code::kAccessReject, Code::kAccessChallenge};
  MakeReply reply{.code = kCodes[size % 3]};
  for (size_t at = 0, total = 0; at + 2 <= size && reply.attributes.size() < 64; ++at) {
    const uint8_t type = data[at++];
    const size_t want = data[at] % 64;
    const Bytes value = ToBytes(input.subspan(at, std::min(want, size - at)));
    at += value.size();
    total += value.size() + 2;
    if (total > 3000) break;
    if (type != static_cast<uint8_t>(Type::kMessageAuthenticator)) reply.attributes.emplace_back(static_cast<Type>(type), value);
  }
  auto verdict = ReadReply(reply.For(exchange), exchange);
  if (!verdict || verdict->message.size() > 1024 || verdict->classes.size() > 8) std::abort();
  return 0;
}
