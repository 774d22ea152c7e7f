#include "bench/esp/traffic.h"

#include <algorithm>
#include <cmath>

#include "common/bytes/writer.h"
#include "common/ipsec/spi.h"

namespace culvert::bench {

IpAddress HostBehind(uint32_t tunnel) { return IpAddress::V4((100u << 24 | 64u << 16) + tunnel); }
IpAddress OurHost() { return IpAddress::V4(10, 1, 0, 5); }
IpAddress OurOuter() { return IpAddress::V4(192, 0, 2, 1); }
IpAddress PeerOf(uint32_t tunnel) { return IpAddress::V4((198u << 24 | 18u << 16) + (tunnel & 0x1ffff)); }

std::vector<Tunnel> MakeTunnels(uint32_t n, const EspSuite& suite, std::mt19937_64& rng) {
  auto random = [&](size_t size) {
    Bytes b(size);
    for (auto& x : b) x = static_cast<uint8_t>(rng());
    return b;
  };
  std::vector<Tunnel> tunnels(n);
  for (uint32_t t = 0; t < n; ++t) {
    // Buckets are drawn uniformly, slots from the bottom, as the allocator of SPIs does.
    Spi spi = MakeSpi(static_cast<uint8_t>(t % 256), 1 + static_cast<uint32_t>(rng() % 1023), t / 256);
    Endpoint ours{OurOuter(), 4500, 0}, theirs{PeerOf(t), 4500, 0};
    tunnels[t].in = {spi, suite, random(suite.encr_keymat()), random(suite.integ_keymat()), false, theirs, ours};
    tunnels[t].out = {static_cast<uint32_t>(rng() | 0x80000000u),
                      suite,
                      random(suite.encr_keymat()),
                      random(suite.integ_keymat()),
                      false,
                      ours,
                      theirs};
    tunnels[t].sa_index = SaIndex(spi);
  }
  return tunnels;
}

std::vector<uint32_t> Choose(Pattern pattern, uint32_t tunnels, size_t packets, std::mt19937_64& rng) {
  std::vector<uint32_t> out(packets, 0);
  if (pattern == Pattern::kUniform) {
    for (auto& t : out) t = static_cast<uint32_t>(rng() % tunnels);
  }
  if (pattern == Pattern::kZipf) {  // exponent 1: the k-th tunnel has 1/k of the first one's traffic
    std::vector<double> until(tunnels);
    double sum = 0;
    for (uint32_t t = 0; t < tunnels; ++t) until[t] = sum += 1.0 / (t + 1);
    std::uniform_real_distribution<double> draw(0, sum);
    for (auto& t : out) t = static_cast<uint32_t>(std::lower_bound(until.begin(), until.end() - 1, draw(rng)) - until.begin());
  }
  return out;
}

Bytes MakeInner(const IpAddress& from, const IpAddress& to, size_t size, uint32_t stamp) {
  Writer w;
  w.U8(0x45);
  w.U8(0);
  w.U16(static_cast<uint16_t>(size));
  w.U32(0x4000);
  w.U8(64);
  w.U8(17);
  w.U16(0);
  w.Put(from.bytes());
  w.Put(to.bytes());
  w.PatchU16(10, test::InternetChecksum(w.view()));
  w.U16(5000);
  w.U16(5001);
  w.U16(static_cast<uint16_t>(size - 20));
  w.U16(0);
  while (w.size() < size) w.U8(static_cast<uint8_t>(stamp + w.size()));
  return w.Release();
}

}  // namespace culvert::bench
