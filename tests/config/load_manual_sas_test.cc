#include <gtest/gtest.h>

#include "common/bytes/hex.h"
#include "config/load.h"
#include "tests/config/memory_files.h"
#include "tests/config/print.h"

// `sas` of dataplane { }.
namespace culvert::config {
namespace {

std::optional<Dataplane> Load(const std::string& text, Complaints& complaints, bool world_readable = false) {
  MemoryFiles files;
  auto& file = files.files["/etc/d/culvert.conf"];
  file.text = text;
  file.world_readable = world_readable;
  return LoadDataplane(files, "/etc/d", 8, complaints);
}

std::string Digits(size_t octets) { return "0x" + std::string(octets * 2, 'a'); }

constexpr const char* kFrame =
    "ports { wan { device = net_null0  addrs = 192.0.2.1/24, 2001:db8::1/64 } }\n"
    "tunnels { t { if_id = 42 } }\n";

// With one SA on line 5 and following ones that says `text` beside what every one must say.
std::string WithSa(const std::string& text, const std::string& settings = "") {
  return "dataplane { workers = 2 " + settings + "\n" + kFrame + "sas { x {\n" + text + "\n} } }";
}

const std::string kOut = "direction = out  spi = 0x1000  src = 192.0.2.1  dst = 192.0.2.2  ",
                  kIn = "direction = in  spi = 0x1000  src = 192.0.2.2  dst = 192.0.2.1  ",
                  kPlain = "suite = aes256-sha256  key = " + Digits(64) + "  ";

TEST(LoadManualSas, ReadsEveryKey) {
  Complaints complaints;
  std::string key = "0x";
  for (int i = 0; i < 52; ++i) key += i < 10 ? "0" + std::to_string(i) : std::to_string(i);
  auto d = Load("dataplane { workers = 2  lab = yes\n" + std::string(kFrame) +
                    "sas { out { " + kOut + " suite = aes128ctr-sha256-esn  key = " + key +
                    "  local_ts = 10.1.0.0/24, dynamic[tcp]  remote_ts = 10.2.0.0/24  worker = 1  encap = yes  src_port = 4501\n"
                    "dst_port = 4502  tfc_padding = mtu  dummy_packets = 50  copy_df = no  copy_ecn = no  copy_dscp = no  if_id = 42\n"
                    "hw_offload = packet  priority = 7\n"
                    "life_time = 1h  life_bytes = 1k  life_packets = 7 }\n"
                    "in { direction = in  spi = 0xffffffff  src = 2001:db8::2  dst = 2001:db8::1  protocol = ah  mode = transport\n"
                    "suite = aes256gmac  key = " + Digits(36) + "  replay_window = 1024  local_ts = ::/0[ipv6-icmp] } } }",
                complaints);
  ASSERT_TRUE(d) << Print(complaints);
  EXPECT_EQ(Print(complaints), "");
  EXPECT_TRUE(d->lab);
  ASSERT_EQ(d->sas.size(), 2u);
  const ManualSa& out = d->sas[0];
  EXPECT_EQ(out.name, "out");
  EXPECT_EQ(out.where, "culvert.conf:4: dataplane.sas.out");
  EXPECT_FALSE(out.inbound || out.ah || out.transport);
  EXPECT_EQ(out.spi, 0x1000u);
  EXPECT_EQ(Name(out.suite), "AES_CTR-128/HMAC_SHA2_256_128/ESN");
  EXPECT_EQ(ToHex(out.encr_key.view()), "0001020304050607080910111213141516171819");
  EXPECT_EQ(out.integ_key.size(), 32u);
  EXPECT_EQ(out.integ_key.view()[0], 0x20);
  EXPECT_EQ(out.local.ToString(), "192.0.2.1");
  EXPECT_EQ(out.remote.ToString(), "192.0.2.2");
  EXPECT_TRUE(out.encap && out.counts_nonces);
  EXPECT_EQ(out.local_port, 4501);
  EXPECT_EQ(out.remote_port, 4502);
  EXPECT_EQ(ToString(out.local_ts), "10.1.0.0/24 192.0.2.1/32[tcp]");
  EXPECT_EQ(ToString(out.remote_ts), "10.2.0.0/24");
  EXPECT_EQ(out.worker, 1u);
  EXPECT_EQ(out.tfc_padding, kTfcToMtu);
  EXPECT_EQ(out.dummy_packets, 50u);
  EXPECT_FALSE(out.copy_df || out.copy_ecn || out.copy_dscp);
  EXPECT_EQ(out.if_id, 42u);
  EXPECT_EQ(out.hw_offload, HwOffload::kPacket);
  EXPECT_EQ(out.hw_offload_where, "culvert.conf:6: dataplane.sas.out.hw_offload");
  EXPECT_EQ(out.priority, 7u);
  EXPECT_EQ(out.life_time, std::chrono::hours(1));
  EXPECT_EQ(out.life_bytes, 1024u);
  EXPECT_EQ(out.life_packets, 7u);
  const ManualSa& in = d->sas[1];
  EXPECT_TRUE(in.inbound && in.ah && in.transport && in.counts_nonces);
  EXPECT_EQ(in.local.ToString(), "2001:db8::1");
  EXPECT_EQ(in.remote.ToString(), "2001:db8::2");
  EXPECT_EQ(in.suite, (EspSuite{.integ = IntegId::kAesGmac256}));
  EXPECT_EQ(in.encr_key.size(), 0u);
  EXPECT_EQ(in.integ_key.size(), 36u);
  EXPECT_EQ(in.replay_window, 1024u);
  EXPECT_EQ(ToString(in.local_ts), "2001:db8::1/128[ipv6-icmp]");
  EXPECT_EQ(ToString(in.remote_ts), "2001:db8::2/128");
  EXPECT_FALSE(in.worker);
  EXPECT_FALSE(in.copy_dscp);
  EXPECT_EQ(in.hw_offload, HwOffload::kAuto);
  EXPECT_EQ(in.hw_offload_where, "culvert.conf:8: dataplane.sas.in.hw_offload") << "where it could stand";
  EXPECT_EQ(in.priority, 0u);
}

TEST(LoadManualSas, ReadsEveryWordOfHwOffload) {
  const std::pair<const char*, HwOffload> kWords[] = {
      {"auto", HwOffload::kAuto}, {"no", HwOffload::kNo}, {"crypto", HwOffload::kCrypto}, {"packet", HwOffload::kPacket}};
  for (const auto& [word, value] : kWords) {
    Complaints complaints;
    auto d = Load(WithSa(kOut + kPlain + "hw_offload = " + word), complaints);
    ASSERT_TRUE(d) << Print(complaints);
    EXPECT_EQ(d->sas[0].hw_offload, value) << word;
  }
}

// A suite of each family: what its key is made of, and whether it needs `lab`.
TEST(LoadManualSas, KnowsWhichSuitesAStaticKeyForbids) {
  struct {
    const char* suite;
    size_t key;  // octets
    bool needs_lab;
    bool ah;
  } kCases[] = {
      {"aes128-sha256", 16 + 32, false, false},     {"aes192-aesxcbc-esn", 24 + 16, false, false},
      {"null-sha512", 64, false, false},            {"aes256-sha1", 32 + 20, false, false},
      {"aes128gcm16", 16 + 4, true, false},         {"aes256gcm8-esn", 32 + 4, true, false},
      {"aes192gmac", 24 + 4, true, false},          {"aes128ccm16", 16 + 3, true, false},
      {"chacha20poly1305", 32 + 4, true, false},    {"aes256ctr-sha384", 32 + 4 + 48, true, false},
      {"sha256", 32, false, true},                  {"aescmac-esn", 16, false, true},
      {"aes128gmac", 16 + 4, true, true},           {"aes256gmac-esn", 32 + 4, true, true},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.suite);
    const std::string ah = c.ah ? "protocol = ah " : "";
    const std::string sa = kOut + ah + "suite = " + c.suite + "  key = " + Digits(c.key);
    Complaints with, without, short_key;
    auto d = Load(WithSa(sa, "lab = yes"), with);
    ASSERT_TRUE(d) << Print(with);
    EXPECT_EQ(d->sas[0].counts_nonces, c.needs_lab);
    EXPECT_EQ(Load(WithSa(sa), without).has_value(), !c.needs_lab) << Print(without);
    if (c.needs_lab) {
      EXPECT_TRUE(Print(without).contains("dataplane.sas.x.suite: ")) << Print(without);
      EXPECT_TRUE(Print(without).contains("(RFC 4106 2); expected a suite such as aes256-sha256, or lab = yes")) << Print(without);
    }
    EXPECT_FALSE(Load(WithSa(kOut + ah + "suite = " + c.suite + "  key = " + Digits(c.key - 1), "lab = yes"), short_key));
    EXPECT_TRUE(Print(short_key).contains("takes " + std::to_string(c.key) + ": ")) << Print(short_key);
  }
}

TEST(LoadManualSas, SaysWhatIsWrongAndWhere) {
  struct {
    std::string text, complaint;  // the latter without its beginning
  } kCases[] = {
      {"spi = 300", ".direction: missing; expected in or out"},
      {"direction = in", ".spi: missing; expected a number from 256 on"},
      {"direction = up", ".direction: \"up\"; expected in or out"},
      {kOut + "spi = 255 " + kPlain, ".spi: \"255\" is not between 256 and 4294967295"},
      {"direction = out  spi = 256  dst = 192.0.2.2", ".src: missing; expected the outer address"},
      {"direction = out  spi = 256  src = 192.0.2.1  dst = 2001:db8::2", ".dst: is of another address family than src"},
      {"direction = out  spi = 256  src = 192.0.2.1  dst = 224.0.0.1", ".dst: 224.0.0.1; expected a unicast address that is routed"},
      {"direction = out  spi = 256  src = 192.0.2.9  dst = 192.0.2.2 " + kPlain,
       ".src: 192.0.2.9 is no address of a port of this gateway"},
      {"direction = in  spi = 256  src = 192.0.2.1  dst = 192.0.2.1 " + kPlain,
       ".src: 192.0.2.1 is this gateway's own; expected the peer's"},
      {kOut, ".suite: missing; expected an ESP proposal such as aes256-sha256"},
      {kOut + "protocol = ah", ".suite: missing; expected an AH proposal such as sha256"},
      {kOut + "suite = aes256", ".suite: \"aes256\" without integrity; expected one such as sha256, or an AEAD such as aes256gcm16"},
      {kOut + "suite = aes256-aes128-sha256",
       ".suite: offers a choice; expected one algorithm of each kind, with esn or noesn, and no key exchange"},
      {kOut + "suite = aes256-sha256-x25519",
       ".suite: offers a choice; expected one algorithm of each kind, with esn or noesn, and no key exchange"},
      {kOut + "suite = aes256-sha256-esn-noesn",
       ".suite: offers a choice; expected one algorithm of each kind, with esn or noesn, and no key exchange"},
      {kOut + "protocol = ah  suite = aes256-sha256", ".suite: encryption in an AH proposal; expected integrity algorithms alone"},
      {kOut + "suite = aes256-sha256", ".key: missing; expected 0x and hexadecimal digits"},
      {kOut + "suite = aes256-sha256  key = secret", ".key: is no hexadecimal number; expected 0x and digits"},
      {kOut + "suite = aes256-sha256  key = 0xabc", ".key: 0x without an even number of hexadecimal digits after it"},
      {kOut + "suite = aes256-sha256  key = 0xabcd",
       ".key: has 2 octets; AES_CBC-256/HMAC_SHA2_256_128 takes 64: 32 of cipher key, 32 of integrity key"},
      {kOut + kPlain + "worker = 2", ".worker: \"2\" is not between 0 and 1: the number of a worker; or expected auto"},
      {kOut + kPlain + "if_id = 43", ".if_id: no tunnel of this gateway has 43"},
      {kOut + kPlain + "src_port = 4500", ".src_port: says nothing without encap"},
      {kIn + kPlain + "encap = yes  dst_port = 4501",
       ".dst_port: ESP in UDP arrives at port 4500 of this gateway, and at no other"},
      {kOut + "protocol = ah  suite = sha256  encap = yes  key = " + Digits(32),
       ".encap: is for ESP: AH covers the addresses, and goes through no NAT"},
      {kOut + kPlain + "replay_window = 64", ".replay_window: says nothing of what is sent"},
      {kOut + kPlain + "tfc_padding = 10000", ".tfc_padding: \"10000\"; expected mtu or 0 to 9216 octets"},
      {kOut + kPlain + "tfc_padding = 100  mode = transport", ".tfc_padding: only what goes out by ESP in tunnel mode can be padded"},
      {kIn + kPlain + "tfc_padding = 100", ".tfc_padding: only what goes out by ESP in tunnel mode can be padded"},
      {kOut + kPlain + "mode = transport  remote_ts = 10.0.0.0/8",
       ".remote_ts: leaves out the SA's end 192.0.2.2; transport mode is between the ends alone"},
      {kOut + kPlain + "dummy_packets = 1001", ".dummy_packets: \"1001\" is not between 0 and 1000"},
      {kIn + kPlain + "dummy_packets = 1", ".dummy_packets: only what goes out by ESP can be of no meaning"},
      {kOut + kPlain + "hw_offload = yes", ".hw_offload: \"yes\"; expected auto, no, crypto or packet"},
      {kOut + "protocol = ah  suite = sha256  hw_offload = crypto  key = " + Digits(32),
       ".hw_offload: only ESP that is not under AH can go to an engine beside the processor; expected auto or no"},
      {kOut + kPlain + "hw_offload = packet  over = y",
       ".hw_offload: only ESP that is not under AH can go to an engine beside the processor; expected auto or no"},
      {kOut + kPlain + "priority = -1", ".priority: \"-1\" is no whole number; expected 0 to 4294967295"},
      {kOut + kPlain + "priority = high", ".priority: \"high\" is no whole number; expected 0 to 4294967295"},
      {kOut + kPlain + "spis = 3", ".spis: unknown key; did you mean \"spi\"?"},
  };
  for (const auto& c : kCases) {
    Complaints complaints;
    EXPECT_FALSE(Load(WithSa(c.text), complaints)) << c.text;
    EXPECT_TRUE(Print(complaints).contains("dataplane.sas.x" + c.complaint)) << Print(complaints) << "\n" << c.complaint;
    EXPECT_TRUE(Print(complaints).starts_with("E culvert.conf:")) << Print(complaints);
  }
}

std::string Bundle(const std::string& esp, const std::string& ah) {
  return "dataplane { workers = 2\n" + std::string(kFrame) + "sas {\nx { " + kOut + kPlain + esp + " }\ny { " + ah + " } } }";
}

TEST(LoadManualSas, EspUnderAh) {
  const std::string ah = "direction = out  spi = 0x2000  src = 192.0.2.1  dst = 192.0.2.2  protocol = ah  suite = sha256  key = " +
                         Digits(32) + "  mode = transport  ";
  Complaints complaints;
  auto d = Load(Bundle("over = y", ah + "worker = 1"), complaints);
  ASSERT_TRUE(d) << Print(complaints);
  EXPECT_EQ(d->sas[0].over, "y");
  EXPECT_FALSE(d->sas[0].carrier);
  EXPECT_TRUE(d->sas[1].carrier);
  EXPECT_EQ(ToString(d->sas[1].local_ts), "192.0.2.1/32[50]");
  EXPECT_EQ(ToString(d->sas[1].remote_ts), "192.0.2.2/32[50]");
  struct {
    std::string esp, ah, complaint;
  } kCases[] = {
      {"over = z", ah, "x.over: \"z\" is no SA of these"},
      {"over = y", ah + "mode = tunnel", "x.over: \"y\" is none by AH in transport mode of the same direction"},
      {"over = x", ah, "x.over: \"x\" is none by AH in transport mode of the same direction"},
      {"over = y", ah + "direction = in  src = 192.0.2.2  dst = 192.0.2.1",
       "x.over: \"y\" is none by AH in transport mode of the same direction"},
      {"over = y", ah + "dst = 192.0.2.3", "x.over: \"y\" is between other ends"},
      {"over = y  encap = yes", ah, "x.over: and encap: AH covers the addresses, and goes through no NAT"},
      {"over = y  worker = 1", ah, "x.over: and worker: it runs where the AH runs; expected the AH's worker"},
      {"over = y", ah + "over = x", "y.over: is for ESP: AH goes under nothing"},
      {"over = y", ah + "priority = 5", "y.priority: is for the SAs that go over it, such as \"x\", to say"},
      {"over = y", ah + "local_ts = dynamic[tcp]", "y.local_ts: is for the SAs that go over it, such as \"x\", to say"},
  };
  for (const auto& c : kCases) {
    Complaints wrong;
    EXPECT_FALSE(Load(Bundle(c.esp, c.ah), wrong)) << c.complaint;
    EXPECT_TRUE(Print(wrong).contains("dataplane.sas." + c.complaint)) << Print(wrong) << "\n" << c.complaint;
  }
}

TEST(LoadManualSas, EachSpiOnceInADirection) {
  Complaints complaints;
  auto sas = [](const std::string& second) {
    return "dataplane {\n" + std::string(kFrame) + "sas {\na { " + kOut + kPlain + "}\nb { " + second + kPlain + "} } }";
  };
  EXPECT_TRUE(Load(sas(kIn), complaints)) << Print(complaints);
  EXPECT_FALSE(Load(sas("direction = out  spi = 4096  src = 192.0.2.1  dst = 192.0.2.3  "), complaints));
  EXPECT_EQ(Print(complaints), "E culvert.conf:6: dataplane.sas.b.spi: is that of SA \"a\" of this direction too");
}

TEST(LoadManualSas, OnePriorityForTheSameSelectors) {
  auto sas = [](const std::string& first, const std::string& second) {
    return "dataplane {\n" + std::string(kFrame) + "sas {\na { " + kOut + kPlain + first + "}\nb { " + kIn + kPlain + second + "} } }";
  };
  const std::pair<const char*, const char*> kTaken[] = {
      {"priority = 5", "priority = 5"}, {"", "priority = 0"}, {"priority = 5", "remote_ts = 10.0.0.0/8"}};
  for (const auto& [first, second] : kTaken) {
    Complaints complaints;
    EXPECT_TRUE(Load(sas(first, second), complaints)) << Print(complaints);
  }
  Complaints complaints;
  EXPECT_FALSE(Load(sas("priority = 5", ""), complaints));
  EXPECT_FALSE(Load(sas("", "priority = 6"), complaints));
  EXPECT_EQ(Print(complaints),
            "E culvert.conf:6: dataplane.sas.b.priority: 0; expected 5, as SA \"a\" of the same selectors has|"
            "E culvert.conf:6: dataplane.sas.b.priority: 6; expected 0, as SA \"a\" of the same selectors has");
}

TEST(LoadManualSas, KeepsKeysFromEverybodysEyes) {
  Complaints complaints;
  EXPECT_FALSE(Load(WithSa(kOut + kPlain), complaints, true));
  EXPECT_EQ(Print(complaints),
            "E culvert.conf:5: dataplane.sas.x.key: stands in a file that everybody may read; expected mode 0640 or stricter");
}

}  // namespace
}  // namespace culvert::config
