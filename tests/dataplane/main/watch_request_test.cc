#include "dataplane/main/watch_request.h"

#include <gtest/gtest.h>

namespace culvert::dp {
namespace {

using nlohmann::json;

const std::vector<std::string> kPorts = {"wan", "lan"};

TEST(WatchRequest, SaysEverything) {
  auto r = ReadWatchRequest(json::parse(R"({"kind": "capture", "port": "lan", "sa": "net", "spi": "c0000005", "drop": "bad-icv",
      "protocol": "tcp", "from": "10.1.0.0/16", "from_port": 1000, "to": "fd09::2", "to_port": 53, "count": 7, "seconds": 20,
      "snap": 128, "clear_text": true})"), kPorts);
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->kind, WatchRequest::Kind::kCapture);
  EXPECT_EQ(r->filter.port, 1);
  EXPECT_EQ(r->sa, "net");
  EXPECT_EQ(r->filter.spi, 0xc0000005u);
  EXPECT_EQ(r->filter.drop, Drop::kBadIcv);
  EXPECT_EQ(r->filter.protocol, 6);
  EXPECT_EQ(r->filter.a.address, IpPrefix::Parse("10.1.0.0/16"));
  EXPECT_EQ(r->filter.a.port, 1000);
  EXPECT_EQ(r->filter.b.address, IpPrefix::Parse("fd09::2"));
  EXPECT_EQ(r->filter.b.port, 53);
  EXPECT_EQ(r->count, 7u);
  EXPECT_EQ(r->seconds, 20u);
  EXPECT_EQ(r->snap, 128);
  EXPECT_TRUE(r->clear_text);
}

TEST(WatchRequest, HasDefaults) {
  auto trace = ReadWatchRequest(json{{"kind", "trace"}}, kPorts), stages = ReadWatchRequest(json{{"kind", "stages"}}, kPorts);
  ASSERT_TRUE(trace.ok() && stages.ok());
  EXPECT_EQ(trace->count, 100u);
  EXPECT_EQ(trace->seconds, 10u);
  EXPECT_EQ(stages->seconds, 1u);
  EXPECT_FALSE(ReadWatchRequest(json{{"kind", "capture"}}, kPorts)->clear_text);
  EXPECT_TRUE(ReadWatchRequest(json{{"kind", "trace"}, {"drop", "any"}}, kPorts)->filter.dropped);
}

TEST(WatchRequest, RefusesWhatItWouldNotObey) {
  for (const char* wrong : {
           "[]", "7", "null", "{}", R"({"kind": "look"})", R"({"kind": 3})", R"({"kind": "trace", "prot": "tcp"})",
           R"({"kind": "trace", "port": "dmz"})", R"({"kind": "trace", "port": 0})", R"({"kind": "trace", "spi": "xyz"})",
           R"({"kind": "trace", "spi": 5})", R"({"kind": "trace", "spi": "1c0000005"})", R"({"kind": "trace", "drop": "bad"})",
           R"({"kind": "trace", "protocol": "0"})", R"({"kind": "trace", "protocol": "256"})", R"({"kind": "trace", "protocol": 6})",
           R"({"kind": "trace", "from": "10.1.0"})", R"({"kind": "trace", "to_port": 65536})", R"({"kind": "trace", "to_port": -1})",
           R"({"kind": "trace", "count": 0})", R"({"kind": "trace", "seconds": 3601})", R"({"kind": "trace", "seconds": 1.5})",
           R"({"kind": "trace", "clear_text": true})", R"({"kind": "trace", "snap": 100})", R"({"kind": "capture", "snap": 63})",
           R"({"kind": "capture", "clear_text": 1})", R"({"kind": "stages", "port": "wan"})", R"({"kind": "trace", "sa": ""})"}) {
    EXPECT_FALSE(ReadWatchRequest(json::parse(wrong), kPorts).ok()) << wrong;
  }
}

}  // namespace
}  // namespace culvert::dp
