#include "tests/support/reference_esp.h"

#include <openssl/evp.h>
#include <openssl/params.h>

#include <map>
#include <stdexcept>
#include <string>

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

namespace culvert::test {
namespace {

struct Cipher {
  const EVP_CIPHER* evp;  // null: none
  bool aead;
  size_t salt, iv, icv, block;
};

bool IsCcm(const EspSuite& s) { return s.encr == EncrId::kAesCcm8 || s.encr == EncrId::kAesCcm12 || s.encr == EncrId::kAesCcm16; }

// RFC 4303 2.8, RFC 8221 6: a MAC's ICV is half of it, but for the 96 bits of the oldest.
size_t IcvOf(IntegId integ) {
  if (integ == IntegId::kHmacSha256_128) return 16;
  if (integ == IntegId::kHmacSha384_192) return 24;
  return integ == IntegId::kHmacSha512_256 ? 32 : 12;
}

// Looked for once each: EVP_aes_128_gcm() and its like are looked for by name with every packet. Never given back, as OpenSSL
// may be gone before statics are.
const EVP_CIPHER* Fetch(const std::string& name) {
  static auto& known = *new std::map<std::string, EVP_CIPHER*>;
  EVP_CIPHER*& c = known[name];
  if (c == nullptr) c = EVP_CIPHER_fetch(nullptr, name.c_str(), nullptr);
  return c;
}

Cipher CipherOf(const EspSuite& s) {
  const size_t icv = IcvOf(s.integ);
  auto aes = [&s](const char* mode) { return Fetch("AES-" + std::to_string(s.encr_key_bits) + "-" + mode); };
  switch (s.encr) {
    case EncrId::kAesGcm8: return {aes("GCM"), true, 4, 8, 8, 4};
    case EncrId::kAesGcm12: return {aes("GCM"), true, 4, 8, 12, 4};
    case EncrId::kAesGcm16:
    case EncrId::kNullGmac: return {aes("GCM"), true, 4, 8, 16, 4};
    case EncrId::kAesCcm8: return {aes("CCM"), true, 3, 8, 8, 4};
    case EncrId::kAesCcm12: return {aes("CCM"), true, 3, 8, 12, 4};
    case EncrId::kAesCcm16: return {aes("CCM"), true, 3, 8, 16, 4};
    case EncrId::kChaCha20Poly1305: return {Fetch("ChaCha20-Poly1305"), true, 4, 8, 16, 4};
    case EncrId::kAesCbc: return {aes("CBC"), false, 0, 16, icv, 16};
    case EncrId::kAesCtr: return {aes("CTR"), false, 4, 8, icv, 4};
    case EncrId::kNull: return {nullptr, false, 0, 0, icv, 4};
    default: throw std::invalid_argument("no such cipher in the reference");
  }
}

struct Context {
  EVP_CIPHER_CTX* c = EVP_CIPHER_CTX_new();
  ~Context() { EVP_CIPHER_CTX_free(c); }
};

void Must(int rc) {
  if (rc != 1) throw std::runtime_error("OpenSSL");
}

// The ICV of an AEAD goes behind the text, or is taken from there and judged.
bool Aead(const Cipher& ci, const ReferenceSa& sa, ByteView iv, ByteView aad, Bytes& text, bool seal) {
  Bytes nonce(sa.encr_key.end() - static_cast<long>(ci.salt), sa.encr_key.end());
  Append(nonce, iv);
  size_t length = seal ? text.size() : text.size() - ci.icv;
  Bytes out(length), tag(ci.icv);
  Context ctx;
  int n = 0;
  const int nonce_size = static_cast<int>(nonce.size()), icv = static_cast<int>(ci.icv);
  Must(EVP_CipherInit_ex(ctx.c, ci.evp, nullptr, nullptr, nullptr, seal));
  Must(EVP_CIPHER_CTX_ctrl(ctx.c, EVP_CTRL_AEAD_SET_IVLEN, nonce_size, nullptr));
  if (!seal) {
    std::copy(text.end() - static_cast<long>(ci.icv), text.end(), tag.begin());
    Must(EVP_CIPHER_CTX_ctrl(ctx.c, EVP_CTRL_AEAD_SET_TAG, icv, tag.data()));
  } else if (IsCcm(sa.suite)) {
    Must(EVP_CIPHER_CTX_ctrl(ctx.c, EVP_CTRL_AEAD_SET_TAG, icv, nullptr));
  }
  Must(EVP_CipherInit_ex(ctx.c, nullptr, nullptr, sa.encr_key.data(), nonce.data(), seal));
  if (IsCcm(sa.suite)) Must(EVP_CipherUpdate(ctx.c, nullptr, &n, nullptr, static_cast<int>(length)));
  Must(EVP_CipherUpdate(ctx.c, nullptr, &n, aad.data(), static_cast<int>(aad.size())));
  if (EVP_CipherUpdate(ctx.c, out.data(), &n, text.data(), static_cast<int>(length)) != 1) return false;
  uint8_t rest[16];
  // CCM is judged by its one update.
  if (!(IsCcm(sa.suite) && !seal) && EVP_CipherFinal_ex(ctx.c, rest, &n) != 1) return false;
  if (seal) Must(EVP_CIPHER_CTX_ctrl(ctx.c, EVP_CTRL_AEAD_GET_TAG, icv, tag.data()));
  text = out;
  if (seal) Append(text, tag);
  return true;
}

// RFC 4543 3: GCM of no text, the AAD being SPI, sequence number, IV and what stays in clear.
bool Gmac(const Cipher& ci, const ReferenceSa& sa, ByteView iv, ByteView aad, Bytes& text, bool seal) {
  size_t length = seal ? text.size() : text.size() - ci.icv;
  Bytes all = ToBytes(aad);
  Append(all, iv);
  Append(all, ByteView(text).first(length));
  Bytes tag = ToBytes(ByteView(text).subspan(length));
  if (!Aead(ci, sa, iv, all, tag, seal)) return false;
  text.resize(length);
  Append(text, tag);  // nothing of it where it was judged
  return true;
}

// CBC, CTR from salt, IV and one (RFC 3686), or nothing at all.
Bytes Crypt(const Cipher& ci, const ReferenceSa& sa, ByteView iv, ByteView text, bool seal) {
  if (ci.evp == nullptr) return ToBytes(text);
  Bytes counter(sa.encr_key.end() - static_cast<long>(ci.salt), sa.encr_key.end());
  Append(counter, iv);
  counter.resize(15, 0);
  counter.push_back(1);
  Context ctx;
  Bytes out(text.size());
  int n = 0;
  const uint8_t* start = sa.suite.encr == EncrId::kAesCtr ? counter.data() : iv.data();
  Must(EVP_CipherInit_ex(ctx.c, ci.evp, nullptr, sa.encr_key.data(), start, seal));
  EVP_CIPHER_CTX_set_padding(ctx.c, 0);
  Must(EVP_CipherUpdate(ctx.c, out.data(), &n, text.data(), static_cast<int>(text.size())));
  Must(EVP_CipherFinal_ex(ctx.c, out.data() + n, &n));
  return out;
}

// AES-128-CBC from an IV of zero, of whole blocks.
Bytes Chain(const uint8_t* key, Bytes text) {
  Context ctx;
  const uint8_t zero[16] = {};
  int n = 0;
  Must(EVP_EncryptInit_ex(ctx.c, Fetch("AES-128-CBC"), nullptr, key, zero));
  EVP_CIPHER_CTX_set_padding(ctx.c, 0);
  Must(EVP_EncryptUpdate(ctx.c, text.data(), &n, text.data(), static_cast<int>(text.size())));
  return text;
}

// RFC 3566 4.
Bytes Xcbc(ByteView key, ByteView data) {
  const bool whole = !data.empty() && data.size() % 16 == 0;
  Bytes k1 = Chain(key.data(), Bytes(16, 1)), last = Chain(key.data(), Bytes(16, whole ? 2 : 3));
  Bytes message = ToBytes(data);
  if (!whole) {
    message.push_back(0x80);
    message.resize((message.size() + 15) / 16 * 16);
  }
  for (size_t i = 0; i < 16; ++i) message[message.size() - 16 + i] ^= last[i];
  message = Chain(k1.data(), std::move(message));
  return Bytes(message.end() - 16, message.end());
}

// HMAC with a digest, or CMAC with a cipher.
Bytes MacBy(const char* mac, const char* parameter, const char* value, ByteView key, ByteView data) {
  static auto& known = *new std::map<std::string, EVP_MAC_CTX*>;  // as ciphers
  EVP_MAC_CTX*& fresh = known[value];
  if (fresh == nullptr) {
    EVP_MAC* fetched = EVP_MAC_fetch(nullptr, mac, nullptr);
    fresh = EVP_MAC_CTX_new(fetched);
    EVP_MAC_free(fetched);
    const OSSL_PARAM with[] = {OSSL_PARAM_construct_utf8_string(parameter, const_cast<char*>(value), 0), OSSL_PARAM_END};
    Must(EVP_MAC_CTX_set_params(fresh, with));
  }
  Bytes out(EVP_MAX_MD_SIZE);
  size_t n = 0;
  Must(EVP_MAC_init(fresh, key.data(), key.size(), nullptr));
  Must(EVP_MAC_update(fresh, data.data(), data.size()));
  Must(EVP_MAC_final(fresh, out.data(), &n, out.size()));
  return out;
}

Bytes Mac(IntegId integ, ByteView key, ByteView data) {
  Bytes out;
  switch (integ) {
    case IntegId::kHmacSha1_96: out = MacBy("HMAC", "digest", "SHA1", key, data); break;
    case IntegId::kHmacSha256_128: out = MacBy("HMAC", "digest", "SHA256", key, data); break;
    case IntegId::kHmacSha384_192: out = MacBy("HMAC", "digest", "SHA384", key, data); break;
    case IntegId::kHmacSha512_256: out = MacBy("HMAC", "digest", "SHA512", key, data); break;
    case IntegId::kAesXcbc96: out = Xcbc(key, data); break;
    case IntegId::kAesCmac96: out = MacBy("CMAC", "cipher", "AES-128-CBC", key, data); break;
    default: throw std::invalid_argument("no MAC");
  }
  out.resize(IcvOf(integ));
  return out;
}

bool Combined(const Cipher& ci, const ReferenceSa& sa, ByteView iv, ByteView aad, Bytes& text, bool seal) {
  return sa.suite.encr == EncrId::kNullGmac ? Gmac(ci, sa, iv, aad, text, seal) : Aead(ci, sa, iv, aad, text, seal);
}

Bytes AadOf(const ReferenceSa& sa, uint64_t sequence) {
  Writer w;
  w.U32(sa.spi);
  if (sa.suite.esn)
    w.U64(sequence);
  else
    w.U32(static_cast<uint32_t>(sequence));
  return w.Release();
}

uint32_t PseudoSum(const Endpoint& from, const Endpoint& to, uint8_t protocol, size_t length) {
  uint32_t sum = protocol + static_cast<uint32_t>(length);
  for (const Endpoint* e : {&from, &to}) {
    for (size_t i = 0; i < e->address.size(); i += 2)
      sum += static_cast<uint32_t>(e->address.octets[i]) << 8 | e->address.octets[i + 1];
  }
  return sum;
}

}  // namespace

uint16_t InternetChecksum(ByteView data, uint32_t start) {
  uint64_t sum = start;
  for (size_t i = 0; i < data.size(); ++i) sum += i % 2 == 0 ? static_cast<uint64_t>(data[i]) << 8 : data[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

Bytes WrapIp(const ReferenceSa& sa, ByteView payload, uint8_t protocol, const SealChoices& c) {
  Writer w;
  if (sa.source.address.family == Family::kV4) {
    w.U8(0x45);
    w.U8(c.tos);
    w.U16(static_cast<uint16_t>(20 + payload.size()));
    w.U16(c.id);
    w.U16(0x4000);
    w.U8(64);
    w.U8(protocol);
    w.U16(0);
    w.Put(sa.source.address.bytes());
    w.Put(sa.destination.address.bytes());
    w.PatchU16(10, InternetChecksum(w.view()));
  } else {
    w.U32(6u << 28 | static_cast<uint32_t>(c.tos) << 20);
    w.U16(static_cast<uint16_t>(payload.size()));
    w.U8(protocol);
    w.U8(64);
    w.Put(sa.source.address.bytes());
    w.Put(sa.destination.address.bytes());
  }
  w.Put(payload);
  return w.Release();
}

// Strips and judges the outer IP header; false with `error` set.
bool UnwrapIp(const ReferenceSa& sa, Reader& r, ByteView outer, ReferenceOpened& out) {
  bool v4 = sa.source.address.family == Family::kV4;
  uint8_t protocol = sa.encap ? 17 : sa.ah ? 51 : 50, got_protocol, ttl;
  if (v4) {
    if (outer.size() < 20) return out.error = "short", false;
    if (InternetChecksum(outer.first(20)) != 0) return out.error = "header checksum", false;
    if (r.U8() != 0x45) return out.error = "version", false;
    out.tos = r.U8();
    if (r.U16() != outer.size()) return out.error = "total length", false;
    out.id = r.U16();
    uint16_t fragment = r.U16();
    if ((fragment & 0xbfff) != 0) return out.error = "a fragment", false;
    out.df = fragment != 0;
    ttl = r.U8();
    got_protocol = r.U8();
    r.Skip(2);
  } else {
    uint32_t first = r.U32();
    if (first >> 28 != 6) return out.error = "version", false;
    out.flow_label = first & 0xfffff;
    out.tos = static_cast<uint8_t>(first >> 20);
    if (r.U16() + 40u != outer.size()) return out.error = "payload length", false;
    got_protocol = r.U8();
    ttl = r.U8();
  }
  if (ttl != 64 || got_protocol != protocol) return out.error = "TTL or protocol", false;
  for (const Endpoint* e : {&sa.source, &sa.destination}) {
    if (!Equal(r.Take(e->address.size()), e->address.bytes())) return out.error = "address", false;
  }
  return true;
}

Bytes ReferenceMac(IntegId integ, ByteView key, ByteView data, ByteView iv) {
  if (!IsGmac(integ)) return Mac(integ, key, data);
  // RFC 4543 4: GCM of no text, all being AAD.
  ReferenceSa sa;
  sa.suite = {EncrId::kNullGmac, static_cast<uint16_t>((key.size() - 4) * 8), IntegId::kNone};
  sa.encr_key = ToBytes(key);
  Bytes tag;
  (void)Aead(CipherOf(sa.suite), sa, iv, data, tag, true);
  return tag;
}

Bytes EspPacket(const ReferenceSa& sa, ByteView inner, const SealChoices& c) {
  Cipher ci = CipherOf(sa.suite);
  Bytes text = ToBytes(inner);
  size_t pad = (ci.block - (inner.size() + 2) % ci.block) % ci.block;
  for (unsigned i = 0; i < c.extra_pad && pad + ci.block <= 255; ++i) pad += ci.block;
  for (size_t i = 0; i < pad; ++i) text.push_back(static_cast<uint8_t>(i + 1));
  if (c.spoil_pad >= 0 && static_cast<size_t>(c.spoil_pad) < pad) text[inner.size() + static_cast<size_t>(c.spoil_pad)] ^= 0x40;
  text.push_back(c.pad_length >= 0 ? static_cast<uint8_t>(c.pad_length) : static_cast<uint8_t>(pad));
  bool v6 = !inner.empty() && inner[0] >> 4 == 6;
  text.push_back(c.next_header != 0 ? c.next_header : v6 ? uint8_t{41} : uint8_t{4});

  Writer w;
  w.U32(sa.spi);
  w.U32(static_cast<uint32_t>(c.sequence));
  w.Put(c.iv);
  if (ci.aead) {
    Combined(ci, sa, c.iv, AadOf(sa, c.sequence), text, true);
    w.Put(text);
    return w.Release();
  }
  w.Put(Crypt(ci, sa, c.iv, text, true));
  Writer authenticated;
  authenticated.Put(w.view());
  if (sa.suite.esn) authenticated.U32(static_cast<uint32_t>(c.sequence >> 32));
  w.Put(Mac(sa.suite.integ, sa.integ_key, authenticated.view()));
  return w.Release();
}

Bytes WrapUdp(const ReferenceSa& sa, Bytes esp, bool checksum) {
  Writer w;
  w.U16(sa.source.port);
  w.U16(sa.destination.port);
  w.U16(static_cast<uint16_t>(8 + esp.size()));
  w.U16(0);
  w.Put(esp);
  if (checksum) {
    uint16_t sum = InternetChecksum(w.view(), PseudoSum(sa.source, sa.destination, 17, w.size()));
    w.PatchU16(6, sum == 0 ? 0xffff : sum);
  }
  return w.Release();
}

bool UnwrapUdp(const ReferenceSa& sa, Reader& r, ReferenceOpened& out) {
  Reader whole = r;
  ByteView datagram = whole.Rest();
  if (r.U16() != sa.source.port || r.U16() != sa.destination.port || r.U16() != datagram.size())
    return out.error = "UDP header", false;
  uint16_t sum = r.U16();
  if (sa.source.address.family == Family::kV4) {
    if (sum != 0) return out.error = "UDP checksum not zero", false;
  } else if (sum == 0 || InternetChecksum(datagram, PseudoSum(sa.source, sa.destination, 17, datagram.size())) != 0) {
    return out.error = "UDP checksum", false;
  }
  return true;
}

Bytes ReferenceSeal(const ReferenceSa& sa, ByteView inner, const SealChoices& c) {
  Bytes esp = EspPacket(sa, inner, c);
  if (!sa.encap) return WrapIp(sa, esp, 50, c);
  bool v6 = sa.source.address.family == Family::kV6;
  return WrapIp(sa, WrapUdp(sa, std::move(esp), v6 || c.udp_checksum), 17, c);
}

void OpenEsp(const ReferenceSa& sa, ByteView esp, uint32_t high, ReferenceOpened& out) {
  Cipher ci = CipherOf(sa.suite);
  auto fail = [&out](const char* why) { out.error = why; };
  Reader r(esp);
  if (r.U32() != sa.spi) return fail("SPI");
  out.sequence = r.U32();
  if (sa.suite.esn) out.sequence |= static_cast<uint64_t>(high) << 32;
  out.iv = ToBytes(r.Take(ci.iv));
  Bytes text = ToBytes(r.Rest());
  if (!r.ok() || text.size() < ci.icv + 2 || (text.size() - ci.icv) % ci.block != 0) return fail("length");
  if (ci.aead) {
    if (!Combined(ci, sa, out.iv, AadOf(sa, out.sequence), text, false)) return fail("ICV");
  } else {
    Writer authenticated;
    authenticated.Put(esp.first(esp.size() - ci.icv));
    if (sa.suite.esn) authenticated.U32(high);
    if (!Equal(Mac(sa.suite.integ, sa.integ_key, authenticated.view()), esp.last(ci.icv))) return fail("ICV");
    text.resize(text.size() - ci.icv);
    text = Crypt(ci, sa, out.iv, text, false);
  }
  out.next_header = text.back();
  size_t pad = text[text.size() - 2];
  if (pad + 2 > text.size()) return fail("pad length");
  size_t inner = text.size() - 2 - pad;
  for (size_t i = 0; i < pad; ++i) {
    if (text[inner + i] != i + 1) return fail("padding");
  }
  text.resize(inner);
  out.inner = std::move(text);
}

ReferenceOpened ReferenceOpen(const ReferenceSa& sa, ByteView outer, uint32_t high) {
  ReferenceOpened out;
  Reader r(outer);
  if (!UnwrapIp(sa, r, outer, out)) return out;
  if (sa.encap && !UnwrapUdp(sa, r, out)) return out;
  OpenEsp(sa, r.Rest(), high, out);
  return out;
}

}  // namespace culvert::test
