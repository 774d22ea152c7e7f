#include <gtest/gtest.h>

#include "tools/culvertctl/watch.h"

namespace culvert::ctl {
namespace {

using nlohmann::ordered_json;

TEST(TraceText, ALineForEachPass) {
  auto packet = ordered_json::parse(R"({"packet": "0000002a", "path": [
      {"stage": "receive", "worker": 0, "cycles": 0, "port": "lan", "octets": 98,
       "packet": {"source": "10.1.0.2", "destination": "10.2.0.2", "protocol": "icmp", "type": 8, "code": 0}},
      {"stage": "policy", "worker": 0, "cycles": 1234, "octets": 84},
      {"exit": "handed-over", "stage": "policy", "worker": 0, "cycles": 100, "to_worker": 1},
      {"stage": "take", "worker": 1, "cycles": 900},
      {"stage": "seal", "worker": 1, "cycles": 50, "sa": {"direction": "out", "connection": "gw", "child": "net", "spi": "c0000005"}},
      {"stage": "transmit", "worker": 1, "cycles": 60, "port": "wan",
       "packet": {"source": "2001:db8::1", "destination": "2001:db8::2", "protocol": "udp", "source_port": 4500,
                  "destination_port": 4500, "spi": "c0000005", "sequence": 7}},
      {"exit": "dropped", "stage": "transmit", "worker": 1, "cycles": 70, "reason": "tx-full"}]})");
  EXPECT_EQ(TraceText(packet),
            "packet 0000002a: dropped: tx-full (in transmit)\n"
            "  worker 0\n"
            "           +0  receive      lan, 98 octets, 10.1.0.2 > 10.2.0.2 icmp type 8 code 0\n"
            "        +1234  policy       84 octets\n"
            "         +100  = handed-over to worker 1\n"
            "  worker 1\n"
            "         +900  take\n"
            "          +50  seal         gw/net c0000005\n"
            "          +60  transmit     wan, [2001:db8::1]:4500 > [2001:db8::2]:4500 udp SPI c0000005 sequence 7\n"
            "          +70  = dropped: tx-full (in transmit)\n");
}

TEST(TraceText, HowElseAWayMayEnd) {
  struct {
    const char* exit;
    const char* text;
  } cases[] = {
      {R"({"exit": "transmitted", "port": "wan"})", "transmitted by wan"},
      {R"({"exit": "to-main", "for": "ike"})", "to-main for ike"},
      {R"({"exit": "consumed"})", "consumed"},
      {R"({"stage": "open", "sa": {"direction": "in", "spi": "c0000005"}})", "open         no SA of ours c0000005"},
      {R"({"stage": "receive", "packet": {"source": "10.1.0.2", "destination": "10.2.0.2", "protocol": "udp", "fragment": true}})",
       "10.1.0.2 > 10.2.0.2 udp fragment"}};
  for (const auto& c : cases) {
    ordered_json packet{{"packet", "1"}, {"path", ordered_json::array({ordered_json::parse(c.exit)})}};
    EXPECT_NE(TraceText(packet).find(c.text), std::string::npos) << TraceText(packet);
  }
}

TEST(StagesText, ATableForEachWorkerAndForAll) {
  auto stages = ordered_json::parse(R"({"tsc_hz": 1, "cycles": 400,
      "stages": [{"stage": "seal", "packets": 4, "bursts": 2, "cycles": 100, "cycles_per_packet": 25.0, "cycles_per_burst": 50.0, "share": 0.25}],
      "workers": [{"worker": 0, "cycles": 400, "polls": 9, "empty_polls": 7, "stages": [
        {"stage": "idle", "packets": 0, "bursts": 0, "cycles": 300, "cycles_per_packet": 0.0, "cycles_per_burst": 0.0, "share": 0.75},
        {"stage": "seal", "packets": 4, "bursts": 2, "cycles": 100, "cycles_per_packet": 25.0, "cycles_per_burst": 50.0, "share": 0.25}]},
        {"worker": 1, "cycles": 0, "polls": 0, "empty_polls": 0, "stages": []}]})");
  std::string text = StagesText(stages);
  for (const char* wanted : {"worker 0: 9 polls, 7 of them empty\n", "idle", "75.0 %", "25", "25.0 %", "worker 1:", "all workers\n"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted << " is not in\n" << text;
  }
  stages["workers"].erase(1);
  EXPECT_EQ(StagesText(stages).find("all workers"), std::string::npos);
}

}  // namespace
}  // namespace culvert::ctl
