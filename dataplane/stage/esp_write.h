#pragma once

#include <emmintrin.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <cstring>

#include "dataplane/sa/outbound_sa.h"
#include "dataplane/stage/esp_nonce.h"
#include "dataplane/stage/nat_checksum.h"
#include "dataplane/stage/octets.h"
#include "dataplane/stage/outer_header.h"
#include "dataplane/worker/packet.h"

// What sealing writes in either mode of ESP, for the passes of both.
namespace culvert::dp {

inline constexpr uint32_t kV4Header = sizeof(rte_ipv4_hdr), kV6Header = sizeof(rte_ipv6_hdr);  // octets
inline constexpr uint32_t IpHeader(uint8_t family) { return family == 4 ? kV4Header : kV6Header; }

inline constexpr uint32_t kEspTrailer = 2;  // octets: pad length and next header

// WriteTrailer's padding goes down in one store of 16 octets, which may reach so many beyond a short trailer and ICV.
inline constexpr uint32_t kTrailerReach = 8;

// Over IPv6 UDP has to have a checksum, which is over what the cipher made.
inline void FillChecksum(const Packet& p, const OutboundSa& sa) {
  if (sa.family != 6 || !sa.encap) return;
  FillUdpChecksum(rte_pktmbuf_mtod_offset(p.m, uint8_t*, p.l4), static_cast<uint32_t>(p.length - p.l4), sa.udp_sum);
}

// Transport mode, RFC 3948 5.2: the peer's UDP port as the peer knows it.
inline void PutWirePort(Packet& p, const OutboundSa& sa) {
  if (sa.wire_port == 0) return;
  StoreBe16(rte_pktmbuf_mtod_offset(p.m, uint8_t*, p.l4 + offsetof(rte_udp_hdr, dst_port)), sa.wire_port);
  MendChecksum(p, sa.port_difference);
}

// RFC 4303 2.4: padding 1, 2, 3, …, its length, the protocol inside. Writes up to 18 octets from `at`; where fewer are meant,
// the ICV takes the place of the rest.
inline void WriteTrailer(uint8_t* at, uint32_t pad, uint8_t next) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm_setr_epi8(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16));
  at[pad] = static_cast<uint8_t>(pad);
  at[pad + 1] = next;
}

// A packet that is sealed is whole again, and from here.
inline void BecomeSealed(Packet& p) {
  p.fragment = p.first_fragment = false;
  p.local_origin = true;
  p.from_host = false;
  p.opened = false;
}

inline constexpr uint32_t kOuterReach = 12;  // octets

// A tunnel's outer headers up to the SPI. Copies whole 16-octet words, which reach kOuterReach octets beyond at most: what lies
// there is written next, or put back. `df` as GetDf has it. RFC 6864 4.1 and 4.3: what nobody may fragment needs no ID, all
// else one that comes again late.
inline void WriteOuter(uint8_t* at, const OutboundSa& sa, uint8_t tos, uint8_t df, uint32_t total, uint64_t sequence) {
  static_assert(sizeof sa.header == 64);
  if (sa.family == 4) {
    uint32_t id = df != 0 ? 0u : sa.IdOf(sequence);
    std::memcpy(at, sa.header, 32);
    at[1] = tos;
    StoreBe16(at + 2, total);
    StoreBe16(at + 4, id);
    at[6] = df;
    StoreBe16(at + 10, static_cast<uint16_t>(~FoldSum(sa.header_sum + tos + total + id + (uint32_t{df} << 8))));
    if (sa.encap) StoreBe16(at + 24, total - kV4Header);
    return;
  }
  if (sa.encap)
    std::memcpy(at, sa.header, 64);
  else
    std::memcpy(at, sa.header, 48);
  at[0] = static_cast<uint8_t>(0x60 | tos >> 4);
  at[1] = static_cast<uint8_t>(tos << 4 | sa.header[1]);
  StoreBe16(at + 4, total - kV6Header);
  if (sa.encap) StoreBe16(at + 44, total - kV6Header);
}

inline void FillAead(crypto::CryptoOp& op, const OutboundSa& sa, uint8_t* esp, uint64_t sequence) {
  uint64_t iv = rte_cpu_to_be_64(sa.iv_prefix | sequence), word;
  uint32_t salt;
  std::memcpy(esp + 8, &iv, 8);
  std::memcpy(&salt, sa.salt, 4);
  _mm_store_si128(reinterpret_cast<__m128i*>(op.iv),
                  _mm_set_epi64x(static_cast<int64_t>(iv >> 32), static_cast<int64_t>(salt | iv << 32)));
  uint64_t low = rte_cpu_to_be_32(static_cast<uint32_t>(sequence)),
           high = rte_cpu_to_be_32(static_cast<uint32_t>(sequence >> 32));
  uint32_t spi;
  std::memcpy(&spi, sa.header + sa.header_length - 4, 4);
  if (sa.esn) {
    word = spi | high << 32;
    _mm_store_si128(reinterpret_cast<__m128i*>(op.aad), _mm_set_epi64x(static_cast<int64_t>(low), static_cast<int64_t>(word)));
    op.aad_length = 12;
    return;
  }
  word = spi | low << 32;
  _mm_store_si128(reinterpret_cast<__m128i*>(op.aad), _mm_set_epi64x(0, static_cast<int64_t>(word)));
  op.aad_length = 8;
}

// The explicit IV of what is no salted AEAD, then nonce and AAD.
inline void FillOther(crypto::CryptoOp& op, const OutboundSa& sa, uint8_t* esp, uint64_t sequence, crypto::MbEngine& engine) {
  if (crypto::IsCbc(sa.suite)) {
    std::memcpy(esp + 8, engine.NextIv(), 16);  // RFC 3602 3: the IV of CBC must not be predictable
  } else if (sa.iv_length != 0) {
    uint64_t iv = rte_cpu_to_be_64(sa.iv_prefix | sequence);
    std::memcpy(esp + 8, &iv, 8);
  }
  FillUnsalted(op, sa.esn, sa.salt, esp, sequence);
}

}  // namespace culvert::dp
