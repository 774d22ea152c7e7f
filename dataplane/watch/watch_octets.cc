#include <rte_ether.h>

#include <algorithm>
#include <cstring>

#include "dataplane/watch/exposure.h"
#include "dataplane/watch/watch.h"

// Octets of packets: taken where they pass, handed to main when it is known which of them may be told.
namespace culvert::dp {
namespace {

// Inline crypto: the port is still to encipher it, or has deciphered it, well or not.
bool IsReadable(const rte_mbuf* m) { return (m->ol_flags & (RTE_MBUF_F_TX_SEC_OFFLOAD | RTE_MBUF_F_RX_SEC_OFFLOAD)) != 0; }

}  // namespace

uint8_t* Watch::Room(const Live& l, Place place) {
  return octets_.get() + ((&l - live_.get()) * kPlaces + static_cast<size_t>(place)) * order_.snap;
}

void Watch::Snap(Live& l, Place place, uint16_t port, const rte_mbuf* m, uint32_t offset) {
  PathFrame& f = l.record.frames[static_cast<size_t>(place)];
  uint32_t length = rte_pktmbuf_pkt_len(m) - offset;
  auto n = static_cast<uint16_t>(std::min<uint32_t>(length, order_.snap));
  uint8_t* room = Room(l, place);
  const void* from = rte_pktmbuf_read(m, offset, n, room);
  if (from != room) std::memcpy(room, from, n);
  size_t headers;
  if (place == Place::kInside)
    (void)SeeIp(room, n, headers);
  else
    (void)SeeFrame(room, n, headers);
  f = {.tsc = since_, .port = port, .length = static_cast<uint16_t>(length), .captured = n,
       .headers = static_cast<uint16_t>(headers), .readable = IsReadable(m)};
}

// The frame of a packet whose Ethernet header is gone, with one that stands for it.
void Watch::SnapBehind(Live& l, const Packet& p, const rte_ether_addr& own_mac) {
  constexpr uint16_t kEthernet = sizeof(rte_ether_hdr);
  PathFrame& f = l.record.frames[static_cast<size_t>(Place::kReceived)];
  rte_ether_hdr header{.dst_addr = own_mac, .src_addr = {}, .ether_type = 0};
  header.ether_type = rte_cpu_to_be_16(p.family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
  uint8_t* room = Room(l, Place::kReceived);
  const uint32_t length = rte_pktmbuf_pkt_len(p.m);
  auto n = static_cast<uint16_t>(std::min<uint32_t>(length, order_.snap - kEthernet));
  std::memcpy(room, &header, kEthernet);
  const void* from = rte_pktmbuf_read(p.m, 0, n, room + kEthernet);
  if (from != room + kEthernet) std::memcpy(room + kEthernet, from, n);
  size_t headers;
  (void)SeeFrame(room, n + size_t{kEthernet}, headers);
  f = {.tsc = since_, .port = p.port, .length = static_cast<uint16_t>(length + kEthernet),
       .captured = static_cast<uint16_t>(n + kEthernet), .headers = static_cast<uint16_t>(headers),
       .readable = IsReadable(p.m)};
}

void Watch::Publish(Live& l) {
  PathRecord& r = l.record;
  bool taken = false, told = false;
  size_t octets[kPlaces];
  for (size_t i = 0; i < kPlaces; ++i) {
    taken |= r.frames[i].length != 0;
    octets[i] = Exposed(r, static_cast<Place>(i), order_.clear_text);
    told |= octets[i] != 0;
  }
  if (order_.frames && !told && !r.continues && !r.earlier) {
    if (taken) hidden_.Add(1);
    return;
  }
  uint8_t* slot = ring_.Claim();
  if (slot == nullptr) return missed_.Add(1);
  auto* copy = reinterpret_cast<PathRecord*>(slot);
  *copy = r;
  uint8_t* to = slot + sizeof r;
  for (size_t i = 0; i < kPlaces; ++i) {
    PathFrame& f = copy->frames[i];
    f.captured = static_cast<uint16_t>(octets[i]);
    if (octets[i] == 0) f.length = 0;
    if (octets[i] != 0) std::memcpy(to, Room(l, static_cast<Place>(i)), octets[i]);
    to += octets[i];
  }
  ring_.Commit();
  if (bell_ != nullptr) bell_->Ring();
}

}  // namespace culvert::dp
