// Z17: the header walk of every packet from the wire and out of a tunnel. The packet lies in a buffer of exactly its size, so
// that a sanitizer sees one octet read too many; what the walk says is compared with a slow second opinion.
#include <cstdlib>
#include <cstring>
#include <memory>

#include "dataplane/main/neighbour_messages.h"
#include "dataplane/stage/parse.h"
#include "dataplane/stage/path_mtu.h"

namespace {

using culvert::dp::Packet;

void Require(bool condition) {
  if (!condition) std::abort();
}

// Follows RFC 8200's chain with nothing but lengths. Returns the offset the walk should end at.
size_t SlowWalk(const uint8_t* data, size_t length, uint8_t& protocol, bool& later_fragment) {
  size_t at = 40;
  protocol = data[6];
  later_fragment = false;
  while (protocol == 0 || protocol == 43 || protocol == 44 || protocol == 60) {
    Require(at + 8 <= length);
    if (protocol == 43 && data[at + 3] != 0) return at;
    if (protocol == 44 && ((data[at + 2] << 8 | data[at + 3]) & 0xfff8) != 0) {
      later_fragment = true;
      protocol = data[at];
      return at + 8;
    }
    size_t size = protocol == 44 ? 8 : 8 + 8 * size_t{data[at + 1]};
    protocol = data[at];
    at += size;
    Require(at <= length);
  }
  return at;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)culvert::dp::DecodeNeighbour({data, size});
  if (size > 65535) return 0;
  auto buffer = std::make_unique<uint8_t[]>(size);
  std::memcpy(buffer.get(), data, size);
  rte_mbuf m;
  std::memset(&m, 0, sizeof m);
  m.buf_addr = buffer.get();
  m.buf_len = m.data_len = static_cast<uint16_t>(size);
  m.pkt_len = static_cast<uint32_t>(size);
  m.nb_segs = 1;
  rte_mbuf_refcnt_set(&m, 1);
  Packet p;
  p.m = &m;
  if (culvert::dp::ParseIp(p)) return 0;
  Require(p.length <= size && m.data_len == p.length && p.l4 <= p.length);
  Require(p.family == (data[0] >> 4) && (p.fragment || !p.first_fragment));
  if (p.family == 6) {
    uint8_t protocol;
    bool later;
    Require(SlowWalk(data, p.length, protocol, later) == p.l4);
    Require(protocol == p.protocol && later == (p.fragment && !p.first_fragment));
  } else {
    Require(p.l4 == (data[0] & 15) * 4 && p.protocol == data[9]);
  }
  (void)culvert::dp::IsMartian(p);
  if (auto ports = culvert::dp::PortsOf(p)) Require(p.l4 + 4u <= p.length);
  // The packet that an ICMP error quotes, straight or in UDP: what is said of it stands where it says.
  if (auto quoted = culvert::dp::ReadTooBig(p)) {
    const size_t at = p.l4 + 8u, header = p.family == 4 ? (data[at] & 15u) * 4u : 40u;
    const size_t ipsec = at + header + (data[at + (p.family == 4 ? 9 : 6)] == 17 ? 8 : 0) + (quoted->protocol == 51 ? 4 : 0);
    Require(ipsec + 8 <= p.length && quoted->family == p.family);
    const uint8_t* spi = data + ipsec;
    Require(quoted->spi == (uint32_t{spi[0]} << 24 | uint32_t{spi[1]} << 16 | uint32_t{spi[2]} << 8 | spi[3]));
    Require(quoted->mtu >= (p.family == 4 ? 576 : 1280));
  }
  return 0;
}
