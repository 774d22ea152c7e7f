#include "drivers/eal/boot.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "drivers/mem/pools.h"
#include "drivers/port/ethdev_port.h"
#include "drivers/port/kernel_interface.h"

namespace culvert {
namespace {

bool Has(const EalMode& m, const std::string& argument) { return std::ranges::find(m.arguments, argument) != m.arguments.end(); }

TEST(PlanEal, DecidesOnHugepagesByWhatIsFree) {
  using enum EalOptions::Pages;
  struct {
    EalOptions::Pages pages;
    uint32_t free;
    bool huge;
  } kCases[] = {{kAuto, 0, false}, {kAuto, 199, false}, {kAuto, 200, true}, {kNo, 4096, false}, {kYes, 0, true}};
  for (const auto& c : kCases) {
    EalMode m = PlanEal({.pages = c.pages, .memory_mib = 200, .devices = {}}, c.free);
    EXPECT_EQ(m.hugepages, c.huge);
    // The two exclude each other in DPDK.
    EXPECT_EQ(Has(m, "--in-memory"), c.huge);
    EXPECT_EQ(Has(m, "--no-huge"), !c.huge);
    EXPECT_EQ(Has(m, "200"), !c.huge || c.pages == kYes);
    EXPECT_TRUE(Has(m, "--no-telemetry"));
  }
}

TEST(PlanEal, NamesDevicesByKind) {
  EalMode virtual_only = PlanEal({.devices = {"net_af_xdp0,iface=wan"}}, 0);
  EXPECT_TRUE(Has(virtual_only, "--vdev=net_af_xdp0,iface=wan"));
  EXPECT_TRUE(Has(virtual_only, "--no-pci"));
  EalMode both = PlanEal({.devices = {"net_tap0,iface=t", "0000:3b:00.0"}}, 0);
  EXPECT_TRUE(Has(both, "--vdev=net_tap0,iface=t"));
  EXPECT_TRUE(Has(both, "-a"));
  EXPECT_TRUE(Has(both, "0000:3b:00.0"));
  EXPECT_FALSE(Has(both, "--no-pci"));
}

TEST(PlanEal, GivesEachWorkerItsCoreAndMainTheRest) {
  EalMode m = PlanEal({.worker_cores = {6, 7}, .devices = {}}, 0);
  auto map = *(std::ranges::find(m.arguments, "--lcores") + 1);
  EXPECT_TRUE(map.starts_with("0@("));
  EXPECT_TRUE(map.ends_with("),1@6,2@7")) << map;
  EXPECT_EQ(map.find('6'), map.find("1@6") + 2) << "main floats beside the workers";
}

TEST(Devices, HaveNamesAndKinds) {
  EXPECT_EQ(DeviceName("net_af_xdp0,iface=veth1"), "net_af_xdp0");
  EXPECT_EQ(DeviceName("0000:3b:00.0"), "0000:3b:00.0");
  EXPECT_TRUE(IsVdev("net_ring0"));
  EXPECT_FALSE(IsVdev("0000:3b:00.0"));
  EXPECT_EQ(KernelInterfaceUnder("net_af_xdp0,iface=veth1,start_queue=1"), "veth1");
  EXPECT_EQ(KernelInterfaceUnder("net_af_packet3,framesz=4096,iface=lan"), "lan");
  EXPECT_FALSE(KernelInterfaceUnder("net_tap0,iface=t0"));  // its interface is its own
  EXPECT_FALSE(KernelInterfaceUnder("0000:3b:00.0"));
}

TEST(Devices, GetRingsThatHoldAMillisecond) {
  EXPECT_EQ(CompleteDevice("net_af_xdp0,iface=a", 1500), "net_af_xdp0,iface=a");
  EXPECT_EQ(CompleteDevice("net_af_packet0,iface=a", 1500), "net_af_packet0,iface=a,framesz=2048,blocksz=8192,framecnt=4096");
  EXPECT_EQ(CompleteDevice("net_af_packet0,iface=a", 9000), "net_af_packet0,iface=a,framesz=9216,blocksz=36864,framecnt=4096");
  EXPECT_EQ(CompleteDevice("net_memif0,role=server", 1500), "net_memif0,role=server,bsize=2048");
  EXPECT_EQ(CompleteDevice("net_memif0,role=server", 9216), "net_memif0,role=server,bsize=9280");
  EXPECT_EQ(CompleteDevice("net_memif0,bsize=2048,id=1", 9216), "net_memif0,bsize=2048,id=1");
  EXPECT_EQ(CompleteDevice("net_af_packet0,iface=a,framecnt=512", 1500), "net_af_packet0,iface=a,framecnt=512");
}

TEST(PlanPool, HoldsEveryDescriptorAndTheLargestPacket) {
  PortMemory xdp = MemoryOf("net_af_xdp0,iface=a", 1500, 1);
  EXPECT_EQ(MemoryOf("0000:3b:00.0", 1500, 4).descriptors, 4 * xdp.descriptors);
  PoolPlan p = PlanPool(2 * xdp.descriptors, 1, xdp.buffer);
  EXPECT_GE(p.packets, 2u * 2 * (2048 + 1024));
  EXPECT_EQ(p.data_room, 2048 + 128);
  EXPECT_LT(p.mib, 128u);
  EXPECT_GE(MemoryOf("0000:3b:00.0", 9000, 1).buffer, 18u + 9000 + 64);
  EXPECT_GE(MemoryOf("net_af_packet0,iface=a", 9000, 1).buffer, 9216u);
  EXPECT_GE(MemoryOf("net_af_packet0,iface=a,framesz=16384,blocksz=16384", 1500, 1).buffer, 16384u) << "the operator's own";
  EXPECT_EQ(PlanPool(1024, 1, 9216).data_room, 9216 + 128);
  // af_xdp's frames are whole buffers, must fit a page, and have the kernel's own room in front.
  for (uint32_t mtu : {1500u, 3400u, 3442u}) {
    uint32_t buffer = MemoryOf("net_af_xdp0,iface=a", mtu, 1).buffer;
    EXPECT_GE(buffer, 14 + mtu + 256) << mtu;
    EXPECT_LE(PlanPool(1024, 1, buffer).data_room + 128 + 64, 63 * 64) << mtu;
  }
}

}  // namespace
}  // namespace culvert
