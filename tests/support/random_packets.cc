#include "tests/support/random_packets.h"

#include <algorithm>
#include <cstring>

#include "common/bytes/writer.h"
#include "tests/support/reference_esp.h"

namespace culvert::test {
namespace {

constexpr uint8_t kHop = 0, kTcp = 6, kUdp = 17, kRouting = 43, kGre = 47, kDestination = 60;

struct Dice {
  std::mt19937_64& rng;
  uint64_t operator()(uint64_t n) { return rng() % n; }
  Bytes Octets(size_t n) {
    Bytes b(n);
    for (size_t at = 0; at < n; at += 8) {
      const uint64_t eight = rng();
      std::memcpy(b.data() + at, &eight, std::min<size_t>(8, n - at));
    }
    return b;
  }
};

Bytes OptionsV4(Dice& roll) {
  constexpr uint8_t kTypes[] = {1, 7, 68, 82, 130, 133, 134, 148, 149, 136, 30, 94, 222};
  Writer out;
  for (uint64_t n = roll(4); n > 0; --n) {
    uint8_t type = kTypes[roll(std::size(kTypes))];
    out.U8(type);
    if (type == 1) continue;
    Bytes data = roll.Octets(roll(9));
    out.U8(static_cast<uint8_t>(2 + data.size()));
    out.Put(data);
  }
  // An end of the list may have anything behind it.
  while (out.size() % 4 != 0) out.U8(roll(2) ? 1 : 0);
  return out.Release();
}

Bytes OptionsV6(Dice& roll, uint8_t next) {
  constexpr uint8_t kTypes[] = {0x05, 0x1e, 0x3e, 0xc2, 0x63, 0x26};  // the third bit: may change
  Writer out;
  out.U16(0);
  for (uint64_t n = roll(4); n > 0; --n) {
    if (roll(4) == 0) {
      out.U8(0);
      continue;
    }
    Bytes data = roll.Octets(roll(12));
    out.U8(kTypes[roll(std::size(kTypes))]);
    out.U8(static_cast<uint8_t>(data.size()));
    out.Put(data);
  }
  while (out.size() % 8 != 0) out.U8(0);
  out.PatchU16(0, static_cast<uint16_t>(next << 8 | (out.size() / 8 - 1)));
  return out.Release();
}

Bytes Extension(Dice& roll, uint8_t kind, uint8_t next) {
  if (kind != kRouting) return OptionsV6(roll, next);
  Bytes out = roll.Octets(8 + 16 * roll(3));
  out[0] = next;
  out[1] = static_cast<uint8_t>(out.size() / 8 - 1);
  out[3] = 0;  // segments left
  return out;
}

Bytes PacketV4(Dice& roll, const IpAddress& from, const IpAddress& to, uint8_t protocol, ByteView payload) {
  Bytes options = roll(2) ? OptionsV4(roll) : Bytes{};
  Writer w;
  w.U8(static_cast<uint8_t>(0x45 + options.size() / 4));
  w.U8(static_cast<uint8_t>(roll(256)));
  w.U16(static_cast<uint16_t>(20 + options.size() + payload.size()));
  w.U16(static_cast<uint16_t>(roll(65536)));
  w.U16(roll(2) ? 0x4000 : 0);
  w.U8(static_cast<uint8_t>(2 + roll(250)));
  w.U8(protocol);
  w.U16(0);
  w.Put(from.bytes());
  w.Put(to.bytes());
  w.Put(options);
  w.PatchU16(10, InternetChecksum(w.view()));
  w.Put(payload);
  return w.Release();
}

Bytes PacketV6(Dice& roll, const IpAddress& from, const IpAddress& to, uint8_t protocol, ByteView payload) {
  std::vector<uint8_t> kinds;
  if (roll(2)) {
    for (uint8_t kind : {kHop, kDestination, kRouting, kDestination}) {
      if (roll(2)) kinds.push_back(kind);
    }
  }
  Writer chain;
  for (size_t i = 0; i < kinds.size(); ++i) {
    chain.Put(Extension(roll, kinds[i], i + 1 < kinds.size() ? kinds[i + 1] : protocol));
  }
  Writer w;
  w.U32(6u << 28 | static_cast<uint32_t>(roll(1 << 28)));
  w.U16(static_cast<uint16_t>(chain.size() + payload.size()));
  w.U8(kinds.empty() ? protocol : kinds[0]);
  w.U8(static_cast<uint8_t>(2 + roll(250)));
  w.Put(from.bytes());
  w.Put(to.bytes());
  w.Put(chain.view());
  w.Put(payload);
  return w.Release();
}

void TravelOptions(Dice& roll, Bytes& packet, size_t at, size_t end, bool v4) {
  while (at < end) {
    uint8_t type = packet[at];
    if (v4 && type == 0) return;
    if (type == (v4 ? 1 : 0)) {
      ++at;
      continue;
    }
    size_t data = v4 ? packet[at + 1] - 2u : packet[at + 1];
    bool mutable_data = v4 ? type != 130 && type != 133 && type != 134 && type != 148 && type != 149 : (type & 0x20) != 0;
    for (size_t i = 0; mutable_data && i < data; ++i) packet[at + 2 + i] ^= static_cast<uint8_t>(roll(256));
    at += 2 + data;
  }
}

}  // namespace

Bytes RandomPacket(std::mt19937_64& rng, const IpAddress& from, const IpAddress& to, size_t payload) {
  Dice roll{rng};
  constexpr uint8_t kProtocols[] = {kUdp, kUdp, kTcp, kGre, 253};
  uint8_t protocol = kProtocols[roll(std::size(kProtocols))];
  Bytes body = roll.Octets(payload);
  return from.family == Family::kV4 ? PacketV4(roll, from, to, protocol, body) : PacketV6(roll, from, to, protocol, body);
}

void Travel(std::mt19937_64& rng, Bytes& packet, size_t front) {
  Dice roll{rng};
  if (packet[0] >> 4 == 6) {
    packet[0] = static_cast<uint8_t>(0x60 | roll(16));
    for (size_t at : {1, 2, 3}) packet[at] = static_cast<uint8_t>(roll(256));
    packet[7] = static_cast<uint8_t>(1 + roll(255));
    uint8_t kind = packet[6];
    for (size_t at = 40; at < front;) {
      size_t size = (packet[at + 1] + 1u) * 8;
      if (kind != kRouting) TravelOptions(roll, packet, at + 2, at + size, false);
      kind = packet[at];
      at += size;
    }
    return;
  }
  packet[1] = static_cast<uint8_t>(roll(256));
  packet[6] = static_cast<uint8_t>((packet[6] & 0xbf) | (roll(2) ? 0x40 : 0));
  packet[8] = static_cast<uint8_t>(1 + roll(255));
  TravelOptions(roll, packet, 20, front, true);
  packet[10] = packet[11] = 0;
  uint16_t sum = InternetChecksum(ByteView(packet).first(front));
  packet[10] = static_cast<uint8_t>(sum >> 8);
  packet[11] = static_cast<uint8_t>(sum);
}

}  // namespace culvert::test
