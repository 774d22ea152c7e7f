#include "drivers/offload/soft_esp.h"

#include <rte_byteorder.h>
#include <rte_cryptodev.h>
#include <rte_ip.h>
#include <rte_security.h>
#include <rte_udp.h>

#include <cerrno>
#include <cstring>

namespace culvert::offload {
namespace {

constexpr uint8_t kIpv4 = 4, kUdp = 17, kIpv6 = 41, kEsp = 50, kDummy = 59;
constexpr uint8_t kTtl = 64, kEcnMask = 3, kNotEct = 0, kEct1 = 1, kCe = 3, kDf = 0x40;
constexpr uint32_t kTrailer = 2;  // octets
constexpr uint32_t kV4Header = sizeof(rte_ipv4_hdr), kV6Header = sizeof(rte_ipv6_hdr);

void Store16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
void Store32(uint8_t* at, uint32_t value) {
  Store16(at, value >> 16);
  Store16(at + 2, value);
}

uint8_t TosOf(const uint8_t* ip) { return ip[0] >> 4 == 4 ? ip[1] : static_cast<uint8_t>(ip[0] << 4 | ip[1] >> 4); }

void SumHeader(uint8_t* ip) {
  Store16(ip + 10, 0);
  uint16_t sum = static_cast<uint16_t>(~rte_raw_cksum(ip, (ip[0] & 15u) * 4));
  std::memcpy(ip + 10, &sum, sizeof sum);
}

void SetTos(uint8_t* ip, uint8_t tos) {
  if (ip[0] >> 4 == 4) {
    ip[1] = tos;
    return SumHeader(ip);
  }
  ip[0] = static_cast<uint8_t>(0x60 | tos >> 4);
  ip[1] = static_cast<uint8_t>(tos << 4 | (ip[1] & 15));
}

// How long the packet behind the header is, and what its header is followed by.
void SetLength(uint8_t* ip, uint8_t next, uint32_t total) {
  if (ip[0] >> 4 == 4) {
    Store16(ip + 2, total);
    ip[9] = next;
    return SumHeader(ip);
  }
  Store16(ip + 4, total - kV6Header);
  ip[6] = next;
}

// `number` is what an IPv4 packet that may be fragmented has its ID from.
void WriteOuter(uint8_t* ip, const SoftSa& s, const uint8_t* inner, uint32_t total, uint64_t number) {
  const uint8_t inner_tos = TosOf(inner);
  auto tos = static_cast<uint8_t>((s.copy_dscp ? inner_tos & ~kEcnMask : 0) | (s.copy_ecn ? inner_tos & kEcnMask : 0));
  const uint8_t next = s.udp ? kUdp : kEsp;
  if (s.family == 6) {
    std::memset(ip, 0, kV6Header);
    Store32(ip, 6u << 28 | uint32_t{tos} << 20 | (s.spi & 0xfffff));
    ip[7] = kTtl;
    std::memcpy(ip + 8, s.source, 16);
    std::memcpy(ip + 24, s.destination, 16);
    return SetLength(ip, next, total);
  }
  const bool df = s.copy_df && (inner[0] >> 4 == 6 || (inner[6] & kDf) != 0);
  std::memset(ip, 0, kV4Header);
  ip[0] = 0x45;
  ip[1] = tos;
  Store16(ip + 4, df ? 0 : static_cast<uint16_t>(number));
  ip[6] = df ? kDf : 0;
  ip[8] = kTtl;
  std::memcpy(ip + 12, s.source, 4);
  std::memcpy(ip + 16, s.destination, 4);
  SetLength(ip, next, total);
}

// RFC 6040 4.2. False: dropped.
bool CarryEcn(uint8_t outer, uint8_t* ip) {
  const uint8_t tos = TosOf(ip), inner = tos & kEcnMask;
  if (outer == kCe && inner == kNotEct) return false;
  if (outer == kCe || (outer == kEct1 && inner != kNotEct && inner != kCe))
    SetTos(ip, static_cast<uint8_t>((tos & ~kEcnMask) | outer));
  return true;
}

bool PaddingIsRight(const uint8_t* trailer, uint8_t length) {
  for (uint8_t i = 0; i < length; ++i) {
    if (trailer[i - length] != i + 1) return false;
  }
  return true;
}

constexpr rte_crypto_param_range kGcmKeys{16, 32, 8}, kDigest{16, 16, 0}, kNonce{12, 12, 0};
constexpr rte_cryptodev_capabilities Gcm(rte_crypto_param_range aad) {
  return {.op = RTE_CRYPTO_OP_TYPE_SYMMETRIC,
          .sym = {.xform_type = RTE_CRYPTO_SYM_XFORM_AEAD,
                  .aead = {.algo = RTE_CRYPTO_AEAD_AES_GCM,
                           .block_size = 16,
                           .key_size = kGcmKeys,
                           .digest_size = kDigest,
                           .aad_size = aad,
                           .iv_size = kNonce}}};
}
const rte_cryptodev_capabilities kEnd = {.op = RTE_CRYPTO_OP_TYPE_UNDEFINED, .sym = {}};
const rte_cryptodev_capabilities kCrypto[2][2] = {{Gcm({8, 8, 0}), kEnd}, {Gcm({8, 12, 4}), kEnd}};

crypto::Suite SuiteOf(size_t key) {
  return key == 16 ? crypto::Suite::kGcm128 : key == 24 ? crypto::Suite::kGcm192 : crypto::Suite::kGcm256;
}

}  // namespace

const rte_cryptodev_capabilities* SoftEspCrypto(bool esn) { return kCrypto[esn]; }

int MakeSoftSa(const rte_security_session_conf& conf, crypto::KeyArena& keys, IMB_MGR* manager, SoftSa& s) {
  const auto& ipsec = conf.ipsec;
  const auto& aead = conf.crypto_xform->aead;
  s.suite = SuiteOf(aead.key.length);
  s.salt = ipsec.salt;
  s.udp = ipsec.options.udp_encap;
  s.esn = ipsec.options.esn;
  s.tunnel = ipsec.mode == RTE_SECURITY_IPSEC_SA_MODE_TUNNEL;
  s.copy_dscp = ipsec.options.copy_dscp;
  s.copy_ecn = ipsec.options.ecn;
  s.copy_df = ipsec.options.copy_df;
  s.family = ipsec.tunnel.type == RTE_SECURITY_IPSEC_TUNNEL_IPV6 ? 6 : 4;
  s.spi = ipsec.spi;
  s.source_port = ipsec.udp.sport;
  s.destination_port = ipsec.udp.dport;
  if (s.family == 4) {
    std::memcpy(s.source, &ipsec.tunnel.ipv4.src_ip, 4);
    std::memcpy(s.destination, &ipsec.tunnel.ipv4.dst_ip, 4);
  } else {
    std::memcpy(s.source, &ipsec.tunnel.ipv6.src_addr, 16);
    std::memcpy(s.destination, &ipsec.tunnel.ipv6.dst_addr, 16);
  }
  s.key = keys.Allocate(crypto::Info(s.suite).expanded);
  if (s.key == nullptr) return -ENOMEM;
  const auto use = ipsec.direction == RTE_SECURITY_IPSEC_SA_DIR_EGRESS ? crypto::Use::kSeal : crypto::Use::kOpen;
  if (crypto::ExpandKeys(manager, s.suite, use, {aead.key.data, aead.key.length}, {}, s.key)) return 0;
  FreeSoftSa(s, keys);
  return -EINVAL;
}

void FreeSoftSa(const SoftSa& s, crypto::KeyArena& keys) { keys.Free(s.key, crypto::Info(s.suite).expanded); }

void FillSoft(crypto::CryptoOp& op, const SoftSa& s, uint8_t* esp, uint32_t text, uint32_t high) {
  std::memcpy(op.iv, &s.salt, sizeof s.salt);
  std::memcpy(op.iv + sizeof s.salt, esp + kSoftEspHeader, kSoftIv);
  std::memcpy(op.aad, esp, kSoftEspHeader);
  op.aad_length = kSoftEspHeader;
  if (s.esn) {  // RFC 4106 5
    Store32(op.aad + 4, high);
    std::memcpy(op.aad + 8, esp + 4, 4);
    op.aad_length = 12;
  }
  op.suite = s.suite;
  op.key = s.key;
  op.text = esp + kSoftEspHeader + kSoftIv;
  op.text_length = text;
}

bool OpenSoft(crypto::MbEngine& engine, const SoftSa& s, uint8_t* ip, uint32_t header, uint8_t* esp, const uint8_t* end,
              SoftPacket& out) {
  crypto::CryptoOp op;
  FillSoft(op, s, esp, static_cast<uint32_t>(end - esp) - kSoftEspHeader - kSoftIv - kSoftIcv);
  engine.Open(&op, 1);
  if (!op.ok || op.text_length < kTrailer) return false;
  const uint8_t* trailer = op.text + op.text_length - kTrailer;
  const uint8_t pad = trailer[0], next = trailer[1];
  if (pad + kTrailer > op.text_length || !PaddingIsRight(trailer, pad)) return false;
  out = {op.text, op.text_length - kTrailer - pad};
  if (next == kDummy) {
    out.length = 0;
    return true;
  }
  if (!s.tunnel) {
    out.begin -= header;
    out.length += header;
    std::memmove(out.begin, ip, header);
    SetLength(out.begin, next, out.length);
    return true;
  }
  const uint8_t outer = TosOf(ip);
  if (out.length == 0 || out.begin[0] >> 4 != (next == kIpv4 ? 4 : next == kIpv6 ? 6 : 0)) return false;
  if (out.length < (next == kIpv4 ? kV4Header : kV6Header)) return false;
  if (s.copy_ecn && !CarryEcn(outer & kEcnMask, out.begin)) return false;
  if (s.copy_dscp) SetTos(out.begin, static_cast<uint8_t>((outer & ~kEcnMask) | (TosOf(out.begin) & kEcnMask)));
  return true;
}

SoftPacket SealSoft(crypto::MbEngine& engine, const SoftSa& s, SoftPacket packet, uint32_t header, uint64_t number,
                    uint64_t iv) {
  const uint32_t kept = s.tunnel ? 0 : header;  // octets that stay before ESP
  const uint32_t payload = packet.length - kept;
  const uint32_t pad = (0u - (payload + kTrailer)) & 3;
  const uint32_t esp_length = kSoftEspHeader + kSoftIv + payload + pad + kTrailer + kSoftIcv;
  const uint32_t outer = s.tunnel ? (s.family == 4 ? kV4Header : kV6Header) : 0;
  const uint32_t udp = s.udp ? sizeof(rte_udp_hdr) : 0;
  const uint32_t front = outer + udp + kSoftEspHeader + kSoftIv;

  uint8_t* text = packet.begin + kept;
  uint8_t* trailer = text + payload + pad;
  for (uint32_t i = 0; i < pad; ++i) text[payload + i] = static_cast<uint8_t>(i + 1);
  trailer[0] = static_cast<uint8_t>(pad);
  trailer[1] = s.tunnel ? (packet.begin[0] >> 4 == 4 ? kIpv4 : kIpv6) : packet.begin[packet.begin[0] >> 4 == 4 ? 9 : 6];

  uint8_t* ip = packet.begin - front;
  uint8_t* esp = text - kSoftEspHeader - kSoftIv;
  const uint32_t total = static_cast<uint32_t>(esp - ip) + esp_length;
  if (s.tunnel) {
    WriteOuter(ip, s, packet.begin, total, number);
  } else {
    std::memmove(ip, packet.begin, kept);
    SetLength(ip, s.udp ? kUdp : kEsp, total);
  }
  if (s.udp) {
    Store16(esp - 8, s.source_port);
    Store16(esp - 6, s.destination_port);
    Store16(esp - 4, udp + esp_length);
    Store16(esp - 2, 0);
  }
  Store32(esp, s.spi);
  Store32(esp + 4, static_cast<uint32_t>(number));
  const uint64_t octets = rte_cpu_to_be_64(iv);
  std::memcpy(esp + kSoftEspHeader, &octets, sizeof octets);
  crypto::CryptoOp op;
  FillSoft(op, s, esp, payload + pad + kTrailer, static_cast<uint32_t>(number >> 32));
  engine.Seal(&op, 1);
  return {ip, total};
}

}  // namespace culvert::offload
