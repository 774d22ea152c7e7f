// Frames against a whole gateway on ring ports: whatever comes, every packet is accounted for and every buffer given back.
// Input: records of a port (1 octet), a length (2 octets, big-endian) and a frame.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "common/bytes/reader.h"
#include "drivers/eal/boot.h"
#include "tests/support/gateway_rig.h"

using culvert::testing::GatewayRig;

namespace {

GatewayRig& Rig() {
  static GatewayRig* rig = [] {
    auto eal = culvert::BootEal({.worker_cores = {},
                                 .pages = culvert::EalOptions::Pages::kNo,
                                 .memory_mib = 64,
                                 .devices = {},
                                 .file_prefix = "culvert-fuzz-" + std::to_string(getpid())});
    if (!eal.ok()) std::abort();
    auto* made = new GatewayRig;  // for the process's life: the environment cannot be started twice
    made->gateway().ike().SetSink([](const culvert::channel::DatagramInfo&, culvert::ByteView payload) { return payload.size() % 2 == 0; });
    made->AddNeighbour(GatewayRig::kWan, culvert::testing::Ip("192.0.2.254"), culvert::testing::Mac(9));
    made->AddNeighbour(GatewayRig::kLan, culvert::testing::Ip("10.1.0.2"), culvert::testing::Mac(2));
    return made;
  }();
  return *rig;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  GatewayRig& rig = Rig();
  culvert::Reader r({data, size});
  for (int records = 0; !r.done() && records < 64; ++records) {
    uint16_t port = r.U8() & 1;
    size_t length = std::min<size_t>(r.U16(), r.remaining());
    culvert::ByteView frame = r.Take(std::min<size_t>(length, 3000));
    if (!r.ok() || frame.empty()) break;
    // Half of the inputs reach us whatever MAC they name.
    culvert::Bytes copy = culvert::ToBytes(frame);
    if (copy.size() >= 6 && (copy[0] & 1) == 0) std::copy_n(rig.port(port).mac.addr_bytes, 6, copy.begin());
    rig.Send(port, copy);
  }
  rig.Sent(0);
  rig.Sent(1);
  if (!rig.Balanced()) std::abort();
  // Whatever is held now is given back in the end.
  if (rig.balance().held - rig.fragments() > 512) {
    for (int i = 0; i < 200; ++i) {
      rig.Advance(culvert::dp::kRequestInterval);
      rig.Sent(0);
      rig.Sent(1);
    }
    if (rig.balance().held != rig.fragments() || rig.buffers_in_use() != rig.fragments()) std::abort();
  }
  return 0;
}
