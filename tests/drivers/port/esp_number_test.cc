#include "drivers/port/esp_number.h"

#include <gtest/gtest.h>

#include <cstring>

#include "common/bytes/bytes.h"

// A frame that a device keeps as it came: which number is on it.
namespace culvert {
namespace {

constexpr uint32_t kNumber = 0x01020304;

Bytes Frame(bool v6, uint8_t protocol, size_t options = 0) {
  Bytes f(14, 0);
  Bytes ip(v6 ? 40 : 20 + options, 0);
  ip[0] = static_cast<uint8_t>(v6 ? 0x60 : 0x45 + options / 4);
  ip[v6 ? 6 : 9] = protocol;
  Append(f, ip);
  if (protocol == 17) Append(f, Bytes(8, 9));
  Append(f, Bytes{0, 0, 1, 2, 1, 2, 3, 4});
  return f;
}

std::optional<uint32_t> Read(const Bytes& frame) {
  // Its own allocation, so that a sanitizer sees a read beyond it.
  auto data = std::make_unique<uint8_t[]>(frame.size());
  std::memcpy(data.get(), frame.data(), frame.size());
  rte_mbuf m{};
  m.buf_addr = data.get();
  m.data_len = static_cast<uint16_t>(frame.size());
  m.pkt_len = m.data_len;
  m.nb_segs = 1;
  return EspNumberOf(&m);
}

TEST(EspNumber, IsFoundBehindPlainHeaders) {
  for (bool v6 : {false, true}) {
    for (uint8_t protocol : {uint8_t{50}, uint8_t{17}}) EXPECT_EQ(Read(Frame(v6, protocol)), kNumber);
    EXPECT_EQ(Read(Frame(v6, 6)), std::nullopt);
  }
  EXPECT_EQ(Read(Frame(false, 50, 8)), kNumber);
}

TEST(EspNumber, IsNotBeyondTheFrame) {
  for (bool v6 : {false, true}) {
    const Bytes whole = Frame(v6, 17);
    for (size_t n = 0; n < whole.size(); ++n) {
      EXPECT_EQ(Read(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n))), std::nullopt) << n;
    }
  }
}

}  // namespace
}  // namespace culvert
