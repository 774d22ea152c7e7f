#include "common/pcapng/blocks.h"

#include <algorithm>
#include <string_view>

namespace culvert::pcapng {
namespace {

constexpr uint32_t kSectionHeader = 0x0a0d0d0a, kInterface = 1, kEnhancedPacket = 6, kByteOrder = 0x1a2b3c4d;
constexpr uint16_t kEndOfOptions = 0, kComment = 1;
constexpr uint16_t kUserApplication = 4;              // of a section header
constexpr uint16_t kName = 2, kTimeResolution = 9;    // of an interface
constexpr uint16_t kFlags = 2;                        // of a packet
constexpr uint8_t kNanoseconds = 9;                   // 10^-9
constexpr uint32_t kInbound = 1, kOutbound = 2;       // of kFlags
constexpr size_t kLongestOption = 0xffff;
constexpr size_t kUsual = 256;                        // octets of a block without its packet

class Block {
 public:
  explicit Block(uint32_t type) {
    out_.reserve(kUsual);
    U32(type);
    U32(0);  // its length
  }

  void U16(uint16_t v) { Number(v, 2); }
  void U32(uint32_t v) { Number(v, 4); }
  void U64(uint64_t v) { Number(v, 8); }
  void Octets(ByteView b) {
    for (uint8_t octet : b) out_.push_back(octet);
    while (out_.size() % 4 != 0) out_.push_back(0);
  }
  void Option(uint16_t code, ByteView value) {
    value = value.first(std::min(value.size(), kLongestOption));
    U16(code);
    U16(static_cast<uint16_t>(value.size()));
    Octets(value);
  }
  void Option(uint16_t code, std::string_view text) { Option(code, AsBytes(text)); }

  // Ends the options and the block.
  Bytes End() {
    U16(kEndOfOptions);
    U16(0);
    auto length = static_cast<uint32_t>(out_.size() + 4);
    U32(length);
    for (size_t i = 0; i < 4; ++i) out_[4 + i] = static_cast<uint8_t>(length >> (8 * i));
    return std::move(out_);
  }

 private:
  void Number(uint64_t v, size_t octets) {
    for (size_t i = 0; i < octets; ++i) out_.push_back(static_cast<uint8_t>(v >> (8 * i)));
  }

  Bytes out_;
};

}  // namespace

Bytes SectionHeader(const std::string& application) {
  constexpr uint64_t kUnknownLength = UINT64_MAX;
  Block b(kSectionHeader);
  b.U32(kByteOrder);
  b.U16(1);  // version 1.0
  b.U16(0);
  b.U64(kUnknownLength);
  b.Option(kUserApplication, application);
  return b.End();
}

Bytes Interface(const std::string& name, LinkType link, uint32_t snap) {
  Block b(kInterface);
  b.U16(static_cast<uint16_t>(link));
  b.U16(0);
  b.U32(snap);
  b.Option(kName, name);
  b.Option(kTimeResolution, ByteView(&kNanoseconds, 1));
  return b.End();
}

Bytes EnhancedPacket(const Packet& p) {
  Block b(kEnhancedPacket);
  b.U32(p.interface);
  b.U32(static_cast<uint32_t>(p.time_ns >> 32));
  b.U32(static_cast<uint32_t>(p.time_ns));
  b.U32(static_cast<uint32_t>(p.octets.size()));
  b.U32(p.length);
  b.Octets(p.octets);
  const uint8_t flags[4] = {static_cast<uint8_t>(p.inbound ? kInbound : kOutbound), 0, 0, 0};
  b.Option(kFlags, flags);
  if (!p.comment.empty()) b.Option(kComment, p.comment);
  return b.End();
}

}  // namespace culvert::pcapng
