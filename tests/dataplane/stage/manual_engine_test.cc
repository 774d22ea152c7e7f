#include <gtest/gtest.h>

#include "config/load.h"
#include "dataplane/main/manual_sas.h"
#include "tests/config/memory_files.h"
#include "tests/config/print.h"
#include "tests/dataplane/stage/inline_fixture.h"

// SAs of culvert.conf on the engine that they ask for, and what is said where there is none.
namespace culvert::testing {
namespace {

using channel::Direction;
using offload::Engine, offload::StepDown;

// The SAs "o" and "i" on lines 4 and 5 of culvert.conf, as TunnelRig::sa() has them; `out` are further keys of the first.
std::vector<config::ManualSa> Read(const std::string& suite, const std::string& out, const std::string& in) {
  const size_t salt = suite.contains("ccm") ? 3 : 4;  // octets
  const std::string key = "0x" + std::string(2 * (16 + salt), '1');
  const std::string both = "  spi = " + std::to_string(MakeSpi(1, 5, 7)) + "  suite = " + suite + "  key = " + key +
                           "  local_ts = 10.1.0.0/16  remote_ts = 10.9.0.0/16  ";
  config::MemoryFiles files;
  files.files["/etc/d/culvert.conf"].text =
      "dataplane { lab = yes  workers = 1\nports { wan { device = net_null0  addrs = 192.0.2.1/24 } }\nsas {\n"
      "o { direction = out  src = 192.0.2.1  dst = 198.51.100.9" + both + out + " }\n"
      "i { direction = in  src = 198.51.100.9  dst = 192.0.2.1" + both + in + " } } }\n";
  config::Complaints complaints;
  auto read = config::LoadDataplane(files, "/etc/d", 8, complaints);
  EXPECT_TRUE(read) << config::Print(complaints);
  return read ? std::move(read->sas) : std::vector<config::ManualSa>();
}

TEST(ManualEngine, IsTheOneAskedFor) {
  struct Row {
    const char *out, *in;
    Engine seals, opens;
    StepDown why;  // of both
  };
  const Row rows[] = {
      {"", "", Engine::kInlineProtocol, Engine::kInlineProtocol, StepDown::kNone},
      {"hw_offload = auto", "hw_offload = packet", Engine::kInlineProtocol, Engine::kInlineProtocol, StepDown::kNone},
      {"hw_offload = packet", "hw_offload = crypto", Engine::kInlineProtocol, Engine::kInlineCrypto, StepDown::kNone},
      {"hw_offload = crypto", "hw_offload = packet", Engine::kInlineCrypto, Engine::kInlineProtocol, StepDown::kNone},
      {"hw_offload = no", "hw_offload = no", Engine::kCpu, Engine::kCpu, StepDown::kNotWanted},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.out) + " / " + row.in);
    TunnelRig t({.inline_wan = true});
    t.sa().suite.esn = false;
    t.sa().encr_key.assign(t.sa().suite.encr_keymat(), 0x11);
    ASSERT_TRUE(dp::InstallManualSas(Read("aes128gcm16", row.out, row.in), t.ipsec().database()).ok());
    t.Settle();
    EXPECT_EQ(t.engine(Direction::kOutbound).engine, row.seals);
    EXPECT_EQ(t.engine(Direction::kInbound).engine, row.opens);
    for (auto d : {Direction::kInbound, Direction::kOutbound}) EXPECT_EQ(t.engine(d).step_down, row.why);
    const Bytes inner = test::MakeUdp(t.alice(false), t.bob(false), 1000, 2000, 100);
    auto sealed = t.FromAlice(inner);
    ASSERT_EQ(sealed.size(), 1u);
    EXPECT_EQ(t.Open(sealed[0]).inner.size(), inner.size());
    EXPECT_EQ(t.FromPeer(t.Seal(test::MakeUdp(t.bob(false), t.alice(false), 2000, 1000, 100))).size(), 1u);
    EXPECT_EQ(t.rig().inline_wan().sealed(), row.seals == Engine::kCpu ? 0u : 1u);
    EXPECT_EQ(t.rig().inline_wan().opened(), row.opens == Engine::kCpu ? 0u : 1u);
  }
}

// What was taken before is given back with the database, which goes as the gateway does not start.
TEST(ManualEngine, SaysWhereAndWhyThereIsNone) {
  struct Row {
    const char *suite, *out, *in, *where, *why;
    bool inline_wan, protocol;
    uint32_t sessions;  // of SAs before it
  };
  const char *o = "4: dataplane.sas.o", *i = "5: dataplane.sas.i", *none = "there is none that could (no-device)";
  const Row rows[] = {
      {"aes128gcm16", "hw_offload = packet", "", o, none, false, false, 0},
      {"aes128gcm16", "", "hw_offload = crypto", i, none, false, false, 0},
      {"aes128gcm16", "", "hw_offload = packet", i, none, true, false, 1},
      {"aes128gcm16-esn", "hw_offload = packet", "", o,
       "none there is has extended sequence numbers; expected a suite without esn (esn)", true, true, 0},
      {"aes128ccm16", "hw_offload = crypto", "", o, "none there is has its suite (suite)", true, true, 0},
      {"aes128gcm16", "hw_offload = packet  tfc_padding = 500", "", o,
       "its device does not make the headers, padding or dummy packets it wants (headers)", true, true, 0},
  };
  for (const Row& row : rows) {
    const std::string said = std::string("culvert.conf:") + row.where + ".hw_offload: no engine runs this SA so: " + row.why;
    SCOPED_TRACE(said);
    TunnelRig t({.inline_wan = row.inline_wan, .offer = {.protocol = row.protocol}});
    auto taken = dp::InstallManualSas(Read(row.suite, row.out, row.in), t.ipsec().database());
    EXPECT_EQ(taken.message(), said);
    EXPECT_EQ(t.ipsec().database().UseOfEngines().refused, 1u);
    if (row.inline_wan) {
      EXPECT_EQ(t.rig().inline_wan().sessions(), row.sessions);
    }
  }
}

}  // namespace
}  // namespace culvert::testing
