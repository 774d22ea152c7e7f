#include "drivers/offload/security_session.h"

#include <gtest/gtest.h>
#include <rte_security_driver.h>

#include <span>

// What a device may have of an SA, and as a whole: what of the promises about SAs would not hold, it may not.
namespace culvert::offload {
namespace {

const rte_cryptodev_capabilities kCrypto[] = {
    {.op = RTE_CRYPTO_OP_TYPE_SYMMETRIC,
     .sym = {.xform_type = RTE_CRYPTO_SYM_XFORM_AEAD,
             .aead = {.algo = RTE_CRYPTO_AEAD_AES_GCM,
                      .block_size = 16,
                      .key_size = {16, 32, 8},
                      .digest_size = {16, 16, 0},
                      .aad_size = {8, 12, 4},
                      .iv_size = {12, 12, 0}}}},
    {.op = RTE_CRYPTO_OP_TYPE_SYMMETRIC,
     .sym = {.xform_type = RTE_CRYPTO_SYM_XFORM_CIPHER,
             .cipher = {.algo = RTE_CRYPTO_CIPHER_AES_CBC, .block_size = 16, .key_size = {16, 32, 8}, .iv_size = {16, 16, 0}}}},
    {.op = RTE_CRYPTO_OP_TYPE_SYMMETRIC,
     .sym = {.xform_type = RTE_CRYPTO_SYM_XFORM_AUTH,
             .auth = {.algo = RTE_CRYPTO_AUTH_SHA256_HMAC,
                      .block_size = 64,
                      .key_size = {32, 32, 0},
                      .digest_size = {16, 16, 0}}}},
    {.op = RTE_CRYPTO_OP_TYPE_UNDEFINED, .sym = {}}};

struct Device {
  rte_security_ipsec_sa_options options{};
  Port::ProtocolFacts port{.counted_ivs = true, .tells_numbers = true};
};
Device Whole() {
  Device d;
  d.options.esn = d.options.udp_encap = d.options.copy_dscp = d.options.copy_df = d.options.ecn = 1;
  d.options.tunnel_hdr_verify = RTE_SECURITY_IPSEC_TUNNEL_VERIFY_SRC_DST_ADDR;
  d.options.udp_ports_verify = 1;
  return d;
}

const uint8_t kKey[32] = {};
SessionSpec Sa(bool seal, crypto::Suite suite = crypto::Suite::kGcm128) {
  return {.seal = seal,
          .esn = false,
          .suite = suite,
          .cipher_key = {kKey, 16},
          .integ_key = kKey,
          .salt = {kKey, 4},
          .spi = 0x1234,
          .tunnel = true,
          .encap = false,
          .local = {*IpAddress::Parse("192.0.2.1"), 4500, 0},
          .remote = {*IpAddress::Parse("198.51.100.9"), 4501, 0},
          .userdata = 77,
          .sequence = 41,
          .soft_packets = 5,
          .hard_packets = 6,
          .copy_dscp = true,
          .copy_ecn = true,
          .copy_df = true};
}

template <typename How>
StepDown Judge(const Device& d, const SessionSpec& s, How how) {
  rte_security_capability can{};
  can.ipsec.options = d.options;
  can.crypto_capabilities = kCrypto;
  Transforms t{};
  EXPECT_TRUE(MakeTransforms(s, 0, t));
  return how(can, d, s, t);
}
constexpr auto kAsPort = [](const auto& can, const Device& d, const auto& s, const auto& t) {
  return JudgeProtocol(can, d.port, s, t);
};
constexpr auto kAsCryptoDevice = [](const auto& can, const Device&, const auto& s, const auto& t) {
  return JudgeLookaside(can, s, t);
};

struct Row {
  const char* name;
  StepDown out, in;  // outbound, inbound
  void (*change)(Device&, SessionSpec&);
};

// Of `whole`, as each row changes it and the SA.
void ExpectJudged(const Device& whole, std::span<const Row> rows, auto how) {
  for (const Row& row : rows) {
    for (bool seal : {true, false}) {
      SCOPED_TRACE(std::string(row.name) + (seal ? " out" : " in"));
      Device d = whole;
      SessionSpec s = Sa(seal);
      row.change(d, s);
      EXPECT_EQ(Judge(d, s, how), seal ? row.out : row.in);
    }
  }
}

TEST(SecuritySession, APortMayHaveNothingThatItBreaks) {
  auto cbc = crypto::FindSuite(EncrId::kAesCbc, 128, IntegId::kHmacSha256_128);
  ASSERT_TRUE(cbc);
  const Row rows[] = {
      {"as it should be", StepDown::kNone, StepDown::kNone, [](Device&, SessionSpec&) {}},
      {"IVs at random", StepDown::kIv, StepDown::kNone, [](Device& d, SessionSpec&) { d.port.counted_ivs = false; }},
      {"no numbers told", StepDown::kNone, StepDown::kNumbers, [](Device& d, SessionSpec&) { d.port.tells_numbers = false; }},
      {"no ESN", StepDown::kEsn, StepDown::kEsn, [](Device& d, SessionSpec& s) { d.options.esn = 0, s.esn = true; }},
      {"ESN", StepDown::kNone, StepDown::kNone, [](Device&, SessionSpec& s) { s.esn = true; }},
      {"no UDP", StepDown::kSuite, StepDown::kSuite, [](Device& d, SessionSpec& s) { d.options.udp_encap = 0, s.encap = true; }},
      {"UDP", StepDown::kNone, StepDown::kNone, [](Device&, SessionSpec& s) { s.encap = true; }},
      {"a peer may move unseen", StepDown::kNone, StepDown::kHeaders,
       [](Device& d, SessionSpec& s) { d.options.udp_ports_verify = 0, s.encap = true; }},
      {"from another address", StepDown::kNone, StepDown::kHeaders,
       [](Device& d, SessionSpec& s) {
         d.options.tunnel_hdr_verify = RTE_SECURITY_IPSEC_TUNNEL_VERIFY_DST_ADDR;
         s.encap = true;
       }},
      {"no DSCP", StepDown::kHeaders, StepDown::kHeaders, [](Device& d, SessionSpec&) { d.options.copy_dscp = 0; }},
      {"no DSCP wanted", StepDown::kNone, StepDown::kNone,
       [](Device& d, SessionSpec& s) { d.options.copy_dscp = 0, s.copy_dscp = false; }},
      {"no ECN", StepDown::kHeaders, StepDown::kHeaders, [](Device& d, SessionSpec&) { d.options.ecn = 0; }},
      {"no DF", StepDown::kHeaders, StepDown::kNone, [](Device& d, SessionSpec&) { d.options.copy_df = 0; }},
      {"transport", StepDown::kNone, StepDown::kNone,
       [](Device& d, SessionSpec& s) { d.options.ecn = d.options.copy_df = d.options.copy_dscp = 0, s.tunnel = false; }},
      {"padding", StepDown::kHeaders, StepDown::kHeaders, [](Device&, SessionSpec& s) { s.plain = false; }},
      {"another suite", StepDown::kSuite, StepDown::kSuite,
       [](Device&, SessionSpec& s) { s.suite = crypto::Suite::kChaCha20Poly1305, s.cipher_key = kKey; }},
  };
  ExpectJudged(Whole(), rows, kAsPort);
  Device d = Whole();
  d.port.counted_ivs = false;
  EXPECT_EQ(Judge(d, Sa(true, *cbc), kAsPort), StepDown::kNone) << "which wants it at random (RFC 3602 3)";
}

// It has what a port lacks: who lends the packets sees them again.
TEST(SecuritySession, ACryptoDeviceMayHaveMore) {
  auto cbc = crypto::FindSuite(EncrId::kAesCbc, 128, IntegId::kHmacSha256_128);
  ASSERT_TRUE(cbc);
  const Row rows[] = {
      {"no headers of its own", StepDown::kNone, StepDown::kNone, [](Device&, SessionSpec&) {}},
      {"IVs at random", StepDown::kIv, StepDown::kNone, [](Device& d, SessionSpec&) { d.options.iv_gen_disable = 0; }},
      {"no ESN", StepDown::kEsn, StepDown::kEsn, [](Device& d, SessionSpec& s) { d.options.esn = 0, s.esn = true; }},
      {"ESN", StepDown::kNone, StepDown::kEsn, [](Device&, SessionSpec& s) { s.esn = true; }},
      {"no UDP", StepDown::kSuite, StepDown::kSuite, [](Device& d, SessionSpec& s) { d.options.udp_encap = 0, s.encap = true; }},
      {"UDP", StepDown::kNone, StepDown::kNone, [](Device&, SessionSpec& s) { s.encap = true; }},
      {"padding", StepDown::kHeaders, StepDown::kHeaders, [](Device&, SessionSpec& s) { s.plain = false; }},
      {"another suite", StepDown::kSuite, StepDown::kSuite,
       [](Device&, SessionSpec& s) { s.suite = crypto::Suite::kChaCha20Poly1305, s.cipher_key = kKey; }},
  };
  Device d{};
  d.options.esn = d.options.udp_encap = d.options.iv_gen_disable = 1;
  ExpectJudged(d, rows, kAsCryptoDevice);
  d.options.iv_gen_disable = 0;
  for (bool seal : {true, false})
    EXPECT_EQ(Judge(d, Sa(seal, *cbc), kAsCryptoDevice), StepDown::kNone) << "which wants it at random (RFC 3602 3)";
}

TEST(SecuritySession, OfACryptoDeviceLeavesTheRestToItsUser) {
  SessionSpec s = Sa(true);
  rte_security_capability can{};
  can.action = RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL;
  can.ipsec.options = Whole().options;
  can.ipsec.options.iv_gen_disable = 1;
  Transforms t{};
  ASSERT_TRUE(MakeTransforms(s, 0, t));
  const auto conf = SecurityConf(can, s, t);
  EXPECT_EQ(conf.ipsec.esn.value, 42u) << "of the first packet";
  EXPECT_TRUE(conf.ipsec.options.iv_gen_disable);
  EXPECT_FALSE(conf.ipsec.options.copy_df || conf.ipsec.options.copy_dscp || conf.ipsec.options.ecn);
  EXPECT_EQ(conf.ipsec.life.packets_hard_limit, 0u);
  EXPECT_EQ(conf.ipsec.replay_win_sz, 0u);
}

TEST(SecuritySession, IsWhatTheSaIs) {
  for (bool seal : {true, false}) {
    SCOPED_TRACE(seal);
    SessionSpec s = Sa(seal);
    s.encap = true;
    rte_security_capability can{};
    can.action = RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL;
    can.ipsec.options = Whole().options;
    Transforms t{};
    ASSERT_TRUE(MakeTransforms(s, 0, t));
    const auto conf = SecurityConf(can, s, t);
    EXPECT_EQ(conf.userdata, reinterpret_cast<void*>(77));
    EXPECT_EQ(conf.ipsec.spi, 0x1234u);
    EXPECT_EQ(conf.ipsec.esn.value, 42u) << "of the first packet";
    EXPECT_EQ(conf.ipsec.replay_win_sz, 0u) << "the window is Culvert's";
    EXPECT_EQ(conf.ipsec.life.packets_soft_limit, 5u);
    EXPECT_EQ(conf.ipsec.life.packets_hard_limit, 6u);
    const uint32_t ours = RTE_BE32(0xc0000201), theirs = RTE_BE32(0xc6336409);
    EXPECT_EQ(conf.ipsec.tunnel.ipv4.src_ip.s_addr, seal ? ours : theirs);
    EXPECT_EQ(conf.ipsec.tunnel.ipv4.dst_ip.s_addr, seal ? theirs : ours);
    EXPECT_EQ(conf.ipsec.udp.sport, seal ? 4500 : 4501);
    EXPECT_EQ(conf.ipsec.udp.dport, seal ? 4501 : 4500);
    EXPECT_EQ(conf.ipsec.options.tunnel_hdr_verify, seal ? 0u : unsigned{RTE_SECURITY_IPSEC_TUNNEL_VERIFY_SRC_DST_ADDR});
    EXPECT_TRUE(conf.ipsec.options.copy_df && conf.ipsec.options.copy_dscp && conf.ipsec.options.ecn);
  }
}

TEST(SecuritySession, ADeviceSaysWhatItDoes) {
  static std::vector<rte_security_capability> rows;
  rte_security_ops ops{};
  ops.capabilities_get = [](void*) -> const rte_security_capability* { return rows.data(); };
  rte_security_ctx context{};
  context.ops = &ops;
  constexpr auto kWhole = RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL;
  auto row = [](rte_security_session_action_type action, rte_security_session_protocol protocol) {
    rte_security_capability c{};
    c.action = action;
    c.protocol = protocol;
    if (protocol == RTE_SECURITY_PROTOCOL_IPSEC) c.ipsec.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP;
    return c;
  };
  const auto end = row(RTE_SECURITY_ACTION_TYPE_NONE, RTE_SECURITY_PROTOCOL_IPSEC);
  EXPECT_FALSE(Offers(nullptr, kWhole));
  rows = {row(kWhole, RTE_SECURITY_PROTOCOL_DOCSIS), row(RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO, RTE_SECURITY_PROTOCOL_IPSEC), end};
  EXPECT_FALSE(Offers(&context, kWhole));
  EXPECT_TRUE(Offers(&context, RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO));
  rows.insert(rows.begin(), row(kWhole, RTE_SECURITY_PROTOCOL_IPSEC));
  EXPECT_TRUE(Offers(&context, kWhole));
}

}  // namespace
}  // namespace culvert::offload
