#include <gtest/gtest.h>

#include "config/load.h"
#include "tests/config/load_swanctl.h"
#include "tests/config/memory_files.h"
#include "tests/config/print.h"

namespace culvert::config {
namespace {

TEST(LoadControl, ReadsASiteToSitePair) {
  Complaints complaints;
  auto control = Load(R"(
connections {
  site : defaults {
    remote_addrs = 192.0.2.2
    local { auth = psk
      id = a.example.org }
    remote { auth = psk
      id = b.example.org }
    children {
      net { local_ts = 10.1.0.0/24
        remote_ts = 10.2.0.0/24, 10.3.0.0-10.3.0.9[tcp/80-90], 10.4.0.1/32[udp/opaque]
        start_action = trap|start
        close_action = start
        dpd_action = restart
      }
    }
  }
}
defaults {
  local_addrs = 192.0.2.1
  proposals = aes256gcm16-prfsha384-ecp384, default
  dpd_delay = 30s
  unique = replace
  encap = yes
}
secrets {
  ike-1 {
    id-a = a.example.org
    id-b = b.example.org
    secret = 0x000102030405060708090a0b0c0d0e0f
  }
  ike-2 { secret = "a text that is long enough" }
  ike-3 { secret = 0sAAECAwQFBgcICQoLDA0ODw== }
})",
                      complaints);
  ASSERT_TRUE(control) << Print(complaints);
  EXPECT_EQ(Print(complaints), "");
  ASSERT_EQ(control->connections.size(), 1u);
  const Connection& c = control->connections[0];
  EXPECT_EQ(c.name, "site");
  EXPECT_EQ(c.version, 2);
  EXPECT_EQ(c.local_addrs, std::vector<std::string>{"192.0.2.1"});
  EXPECT_EQ(c.remote_addrs, std::vector<std::string>{"192.0.2.2"});
  EXPECT_EQ(c.proposals.size(), 1 + DefaultIkeProposals().size());
  EXPECT_EQ(c.dpd_delay, std::chrono::seconds(30));
  EXPECT_EQ(c.unique, Unique::kReplace);
  EXPECT_TRUE(c.encap);
  EXPECT_EQ(c.local.at(0).id, "a.example.org");
  EXPECT_EQ(c.remote.at(0).id, "b.example.org");
  const Child& x = c.children.at(0);
  EXPECT_EQ(x.esp_proposals.size(), DefaultEspProposals().size());
  EXPECT_EQ(x.local_ts.at(0).selector.ToString(), "10.1.0.0/24");
  EXPECT_EQ(x.remote_ts.at(1).selector.ToString(), "10.3.0.0-10.3.0.9[tcp/80-90]");
  EXPECT_EQ(x.remote_ts.at(2).selector.ToString(), "10.4.0.1/32[udp/OPAQUE]");
  EXPECT_EQ(x.start_action, StartAction::kTrapStart);
  EXPECT_EQ(x.close_action, CloseAction::kStart);
  EXPECT_EQ(x.dpd_action, DpdAction::kRestart);
  ASSERT_EQ(control->secrets.size(), 4u);
  EXPECT_EQ(control->secrets[0].owners, (std::vector<std::string>{"a.example.org", "b.example.org"}));
  EXPECT_EQ(control->secrets[0].data.size(), 16u);
  EXPECT_EQ(AsString(control->secrets[1].data.view()), "a text that is long enough");
  EXPECT_TRUE(control->secrets[1].owners.empty());
  EXPECT_TRUE(control->secrets[2].data == control->secrets[0].data);
}

TEST(LoadControl, DefaultsAreCharonsButForThree) {
  auto c = LoadOne(std::string("connections { a { ") + kRounds + "children { x { } } } }");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->version, 2);
  EXPECT_EQ(c->local_port, 500);
  EXPECT_EQ(c->remote_port, 500);
  EXPECT_TRUE(c->local_addrs.empty() && c->remote_addrs.empty());
  EXPECT_EQ(c->proposals.size(), 2u);
  EXPECT_EQ(c->keyingtries, 1u);
  EXPECT_EQ(c->rekey_time, std::chrono::hours(4));
  EXPECT_EQ(c->over_time, std::chrono::seconds(1440));
  EXPECT_EQ(c->rand_time, std::chrono::seconds(1440));
  EXPECT_EQ(c->dpd_delay, std::chrono::seconds(0));
  const Child& x = c->children.at(0);
  EXPECT_TRUE(x.local_ts.at(0).dynamic && x.remote_ts.at(0).dynamic);
  EXPECT_EQ(x.seconds_.rekey, 3600u);
  EXPECT_EQ(x.seconds_.life, 3960u);
  EXPECT_EQ(x.seconds_.rand, 360u);
  EXPECT_EQ(x.bytes.life + x.bytes.rekey + x.packets.life + x.packets.rekey, 0u);
  EXPECT_EQ(x.replay_window, 1024u);
  EXPECT_EQ(x.hw_offload, HwOffload::kAuto);
  EXPECT_TRUE(x.copy_dscp_out);
  EXPECT_FALSE(x.copy_dscp_in);
}

TEST(LoadControl, LifetimesDeriveAsCharonsDo) {
  struct Case {
    const char* text;
    uint64_t rekey, life, rand;
  };
  const Case cases[] = {
      {"rekey_time = 1000", 1000, 1100, 100},
      {"life_time = 1100s", 1000, 1100, 100},
      {"rekey_time = 50m\n life_time = 1h", 3000, 3600, 600},
      {"rekey_time = 50m\n life_time = 1h\n rand_time = 5m", 3000, 3600, 300},
      {"rekey_time = 1d\n rand_time = 0", 86400, 95040, 0},
      {"rekey_time = 0\n life_time = 1h", 0, 3600, 3600},
  };
  for (auto& c : cases) {
    auto conn = LoadOne(std::string("connections { a { ") + kRounds + "children { x { " + c.text + "\n} } } }");
    ASSERT_TRUE(conn) << c.text;
    auto& life = conn->children.at(0).seconds_;
    EXPECT_EQ(life.rekey, c.rekey) << c.text;
    EXPECT_EQ(life.life, c.life) << c.text;
    EXPECT_EQ(life.rand, c.rand) << c.text;
  }
  auto conn =
      LoadOne(std::string("connections { a { ") + kRounds + "children { x { life_bytes = 11g\n rekey_packets = 10k\n} } } }");
  EXPECT_EQ(conn->children.at(0).bytes.rekey, 10ull << 30);
  EXPECT_EQ(conn->children.at(0).bytes.rand, 1ull << 30);
  EXPECT_EQ(conn->children.at(0).packets.life, 11264u);
}

TEST(LoadControl, Settings) {
  Complaints complaints;
  auto c = Load(
      "", complaints,
      "vici { socket = unix:///run/x.sock }\n retransmit_timeout = 4.0\n retransmit_tries = 5\n retransmit_jitter = 10\n"
      "retransmit_limit = 0\n half_open_timeout = 20\n cookie_threshold = 30\n cookie_threshold_ip = 2\n block_threshold = 5\n"
      "keep_alive = 1m\n delete_rekeyed_delay = 7\n user = nobody\n on_stop = delete");
  ASSERT_TRUE(c) << Print(complaints);
  EXPECT_EQ(c->settings.vici_socket, "unix:///run/x.sock");
  EXPECT_EQ(c->settings.user, "nobody");
  EXPECT_TRUE(c->settings.delete_on_stop);
  EXPECT_DOUBLE_EQ(c->settings.retransmit.timeout_s, 4.0);
  EXPECT_DOUBLE_EQ(c->settings.retransmit.base, 1.8);
  EXPECT_DOUBLE_EQ(c->settings.retransmit.jitter, 0.1);
  EXPECT_DOUBLE_EQ(c->settings.retransmit.limit_s, 86400);
  EXPECT_EQ(c->settings.retransmit.tries, 5u);
  EXPECT_EQ(c->settings.dos.half_open_timeout, std::chrono::seconds(20));
  EXPECT_EQ(c->settings.dos.cookie_threshold, 30u);
  EXPECT_EQ(c->settings.dos.cookie_threshold_ip, 2u);
  EXPECT_EQ(c->settings.dos.block_threshold, 5u);
  EXPECT_EQ(c->settings.keep_alive, std::chrono::seconds(60));
  EXPECT_EQ(c->settings.delete_rekeyed_delay, std::chrono::seconds(7));
}

struct Case {
  const char* text;
  const char* expect;
};

TEST(LoadControl, SettingsComplaints) {
  const Case cases[] = {
      {"retransmit_tires = 5", "E culvert.conf:2: control.retransmit_tires: unknown key; did you mean \"retransmit_tries\"?"},
      {"retransmit_timeout = 1e99", "E culvert.conf:2: control.retransmit_timeout: \"1e99\" is no number between 0 and 3600"},
      {"retransmit_timeout = 0", "E culvert.conf:2: control.retransmit_timeout: 0 would send without a pause; expected more"},
      {"threads = 32", "W culvert.conf:2: control.threads: has no effect: the helper threads manage themselves"},
      {"threads = 16", ""},
      {"plugins { kernel-netlink { fwmark = !0x42\n } }",
       "W culvert.conf:2: control.plugins: has no effect: there are no plugins"},
      {"dos_protection = no",
       "E culvert.conf:2: control.dos_protection: refused: cookies and limits cannot be switched off, only moved: see "
       "cookie_threshold and "
       "block_threshold"},
      {"vici { socket = tcp://127.0.0.1:4502 }",
       "E culvert.conf:2: control.vici.socket: expected unix:// and an absolute path"},
      {"port = 4000", "E culvert.conf:2: control.port: refused: the gateway's IKE port is 500"},
      {"connectoins { }", "E culvert.conf:2: control.connectoins: unknown section; did you mean \"connections\"?"},
  };
  for (auto& c : cases) EXPECT_EQ(Complain("", c.text), c.expect) << c.text;
}

TEST(LoadControl, ConnectionComplaints) {
  const Case cases[] = {
      {"", ""},
      {"versoin = 2", "E swanctl.conf:2: connections.a.versoin: unknown key; did you mean \"version\"?"},
      {"childern { }", "E swanctl.conf:2: connections.a.childern: unknown section; did you mean \"children\"?"},
      {"version = 0", ""},
      {"version = 1", ""},
      {"version = 3", "E swanctl.conf:2: connections.a.version: \"3\"; expected 0, 1 or 2"},
      {"remote_port = 70000", "E swanctl.conf:2: connections.a.remote_port: \"70000\" is not between 1 and 65535"},
      {"local_port = 1000", "E swanctl.conf:2: connections.a.local_port: the gateway's IKE ports are 500 and 4500"},
      {"remote_addrs = 192.0.2.0/33",
       "E swanctl.conf:2: connections.a.remote_addrs: \"192.0.2.0/33\"; expected an address, a host name, a subnet, a "
       "range a-b or %any"},
      {"remote_addrs = gw.example.org", ""},
      {"remote_addrs = gw_1.example.org",
       "E swanctl.conf:2: connections.a.remote_addrs: \"gw_1.example.org\"; expected an address, a host name, a subnet, a range "
       "a-b or %any"},
      {"local_addrs = gw.example.org",
       "E swanctl.conf:2: connections.a.local_addrs: \"gw.example.org\" is a host name; expected own addresses"},
      {"remote_addrs = %any, 10.0.0.0/8, 10.0.0.1-10.0.0.9, ::1", ""},
      {"proposals = aes256-sha256",
       "E swanctl.conf:2: connections.a.proposals: proposal \"aes256-sha256\": no key exchange method; expected one such as "
       "x25519"},
      {"proposals = default, aes256gcm16-sha256-x25519",
       "E swanctl.conf:2: connections.a.proposals: proposal \"aes256gcm16-sha256-x25519\": integrity \"sha256\" beside the "
       "AEAD "
       "\"aes256gcm16\"; expected none (a PRF is written prfsha256, prfsha384 or prfsha512)"},
      {"proposals = des-md5-modp768",
       "E swanctl.conf:2: connections.a.proposals: proposal \"des-md5-modp768\": \"des\" is broken or withdrawn and not built "
       "in; expected an "
       "algorithm of RFC 8247 or RFC 8221"},
      {"proposals = aes128-sha1-modp2048",
       "E swanctl.conf:2: connections.a.proposals: proposal \"aes128-sha1-modp2048\": \"sha1\" is a legacy algorithm; "
       "expected another, or `profile = legacy`"},
      {"rekey_time = -1",
       "E swanctl.conf:2: connections.a.rekey_time: \"-1\" is no time; expected one such as 90, 30s, 5m, 4h or 1d"},
      {"rekey_time = 1e99",
       "E swanctl.conf:2: connections.a.rekey_time: \"1e99\" is no time; expected one such as 90, 30s, 5m, 4h or 1d"},
      {"rekey_time = 240m\n reauth_time = 0\n mobike = no\n fragmentation = no", ""},
      {"rand_time = 5h",
       "E swanctl.conf:2: connections.a.rand_time: leaves no time before rekeying; expected less than 14400s"},
      {"reauth_time = 1h\nrand_time = 1h",
       "E swanctl.conf:3: connections.a.rand_time: leaves no time before reauthentication; expected less than 3600s"},
      {"encap = maybe", "E swanctl.conf:2: connections.a.encap: \"maybe\"; expected yes or no"},
      {"mediation = yes", "E swanctl.conf:2: connections.a.mediation: refused: the mediation extension does not exist here"},
      {"dpd_timeout = 60s",
       "W swanctl.conf:2: connections.a.dpd_timeout: has no effect: IKEv1 only; IKEv2 gives up after its retransmissions"},
      {"unique = perhaps", "E swanctl.conf:2: connections.a.unique: \"perhaps\"; expected no, never, keep or replace"},
      {"local-2 { auth = psk\n }",
       "E swanctl.conf:1: connections.a: has 2 sections local: several rounds are not supported yet"},
      {"local { certs = me.pem\n }", ""},
      {"local { cert1 { handle = 01\n } }",
       "E swanctl.conf:2: connections.a.local.cert1.handle: not supported yet, and not to be ignored: its CKA_ID on a token|"
       "E swanctl.conf:2: connections.a.local.cert1.file: missing; expected a certificate's path"},
      {"remote { groups = staff\n }",
       "E swanctl.conf:2: connections.a.remote.groups: not supported yet, and not to be ignored: groups the peer must belong "
       "to"},
  };
  for (auto& c : cases) EXPECT_EQ(InConnection(c.text), c.expect) << c.text;
  EXPECT_EQ(Complain("connections { a { children { x { } } } }"),
            "E swanctl.conf:1: connections.a: has no section local; expected local { auth = psk ... }|"
            "E swanctl.conf:1: connections.a: has no section remote; expected remote { auth = psk ... }");
  EXPECT_EQ(Complain("connections { a { local { id = x\n }\nremote { auth = eap-tls\n } children { x { } } } }"),
            "E swanctl.conf:3: connections.a.remote.auth: \"eap-tls\" is not supported yet; expected psk or pubkey");
  EXPECT_EQ(Complain("connections { a { local { auth = rsa-sha1\n }\nremote { } children { x { } } } }"),
            "E swanctl.conf:1: connections.a.local.auth: sha1 is too weak for signatures; expected sha256, sha384 or sha512, or "
            "`profile = legacy`");
  EXPECT_EQ(Complain("connections { a { profile = windows\nlocal { }\nremote { auth = ike:rsa-sha256-sha1\n } children { x { } } } }"),
            "E swanctl.conf:3: connections.a.remote.auth: sha1 is too weak for signatures; expected sha256, sha384 or sha512, or "
            "`profile = legacy`");
  EXPECT_EQ(Complain(std::string("connections { a { ") + kRounds + "} }"),
            "W swanctl.conf:1: connections.a.children: none: the connection protects nothing");
}

TEST(LoadControl, ChildComplaints) {
  const Case cases[] = {
      {"", ""},
      {"esp_proposals = aes256",
       "E swanctl.conf:3: connections.a.children.x.esp_proposals: proposal \"aes256\": \"aes256\" without integrity; "
       "expected one such as sha256, or an AEAD such as aes256gcm16"},
      {"local_ts = 10.0.0.0/33",
       "E swanctl.conf:3: connections.a.children.x.local_ts: \"10.0.0.0/33\"; expected a subnet such as 10.1.0.0/24, a range "
       "a-b or dynamic"},
      {"local_ts = 10.0.0.0/8[tcp/70000]",
       "E swanctl.conf:3: connections.a.children.x.local_ts: port \"70000\"; expected 0 to 65535, a range, a service such as "
       "https, any or opaque"},
      {"local_ts = 10.0.0.0/8[/80]",
       "E swanctl.conf:3: connections.a.children.x.local_ts: a port without a protocol; expected one such as tcp before the "
       "\"/\""},
      {"local_ts = 10.0.0.0/8[tpc]",
       "E swanctl.conf:3: connections.a.children.x.local_ts: protocol \"tpc\"; expected a name such as tcp, or 0 to 255"},
      {"local_ts = 10.0.0.0/8[tcp",
       "E swanctl.conf:3: connections.a.children.x.local_ts: \"10.0.0.0/8[tcp\": expected a \"]\" at the end"},
      {"replay_window = 0", "E swanctl.conf:3: connections.a.children.x.replay_window: \"0\" is not between 1 and 65536"},
      {"replay_window = 8589934592",
       "E swanctl.conf:3: connections.a.children.x.replay_window: \"8589934592\" is not between 1 and 65536"},
      {"replay_window = 32", "W swanctl.conf:3: connections.a.children.x.replay_window: raised from 32 to 64"},
      {"life_time = 0",
       "E swanctl.conf:3: connections.a.children.x.life_time: 0 would let the keys live for ever; expected an end"},
      {"rekey_time = 0",
       "W swanctl.conf:3: connections.a.children.x.rekey_time: 0 without life_time, life_bytes or life_packets: the keys are "
       "used until their counters run out"},
      {"life_time = 30m\n rekey_time = 1h",
       "E swanctl.conf:3: connections.a.children.x.life_time: ends the SA before rekey_time rekeys it; expected more than "
       "3600"},
      {"rand_time = 2h",
       "E swanctl.conf:3: connections.a.children.x.rand_time: leaves no time before rekeying; expected less than 3600"},
      {"mode = transport", ""},
      {"mode = transport\n ah_proposals = sha256-ecp256-esn, default\n esp_proposals = aes128gcm16", ""},
      {"mode = transport\n start_action = trap",
       "W swanctl.conf:4: connections.a.children.x.start_action: catches nothing before there is an SA: local_addrs and "
       "remote_addrs would have to name one address each for transport mode"},
      {"ah_proposals = aes128-sha256",
       "E swanctl.conf:3: connections.a.children.x.ah_proposals: proposal \"aes128-sha256\": encryption in an AH proposal; "
       "expected integrity algorithms alone"},
      {"ah_proposals = sha1",
       "E swanctl.conf:3: connections.a.children.x.ah_proposals: proposal \"sha1\": \"sha1\" is a legacy algorithm; expected "
       "another, or `profile = legacy`"},
      {"ah_proposals = aes128gmac-sha256-esn", ""},
      {"mode = beet", "E swanctl.conf:3: connections.a.children.x.mode: refused: BEET mode does not exist here; use tunnel"},
      {"mark_in = 42",
       "E swanctl.conf:3: connections.a.children.x.mark_in: refused: netfilter marks do not exist here; use if_id_in and a "
       "tunnel interface"},
      {"ipcomp = yes",
       "W swanctl.conf:3: connections.a.children.x.ipcomp: has no effect: compression is accepted here but never negotiated"},
      {"ipcomp = no\n hostaccess = no\n policies = yes\n reqid = 0\n tfc_padding = 0", ""},
      {"tfc_padding = mtu\n copy_df = no", ""},
      {"tfc_padding = 1400", ""},
      {"dummy_packets = 10", ""},
      {"dummy_packets = 1001",
       "E swanctl.conf:3: connections.a.children.x.dummy_packets: \"1001\" is not between 0 and 1000"},
      {"tfc_padding = path",
       "E swanctl.conf:3: connections.a.children.x.tfc_padding: \"path\"; expected mtu or 0 to 9216 octets"},
      {"tfc_padding = 9217",
       "E swanctl.conf:3: connections.a.children.x.tfc_padding: \"9217\"; expected mtu or 0 to 9216 octets"},
      {"tfc_padding = 100\n mode = transport",
       "E swanctl.conf:3: connections.a.children.x.tfc_padding: only ESP in tunnel mode can be padded: a packet in transport "
       "mode does not say how long it is"},
      {"reqid = 7",
       "W swanctl.conf:3: connections.a.children.x.reqid: has no effect: a number of the kernel's policies; replies show a "
       "stable one"},
      {"hw_offload = crypto", ""},
      {"hw_offload = packet", ""},
      {"start_action = trap", ""},
      {"start_action = route",
       "E swanctl.conf:3: connections.a.children.x.start_action: \"route\"; expected none, trap, start, trap|start or "
       "start|trap"},
  };
  for (auto& c : cases) EXPECT_EQ(InChild(c.text), c.expect) << c.text;
  EXPECT_EQ(InConnection("children { y { start_action = trap\n } }"),
            "E swanctl.conf:2: connections.a.children.y.start_action: has no peer to call: remote_addrs of connections.a names "
            "no single address and no host");
}

TEST(LoadControl, ReadsCertificatesAndTheirRules) {
  auto conn = LoadOne(R"(connections { a { send_cert = always
    send_certreq = no
    local { auth = rsa/pss-sha384
      certs = a.pem, /opt/b.pem
      cert-2 { file = /opt/c.pem
      } }
    remote { cacerts = root.pem
      cacert1 { file = /opt/d.pem
      }
      certs = peer.pem
      revocation = ifuri
      id = b.example.org }
    children { x { } } } })");
  ASSERT_TRUE(conn);
  EXPECT_EQ(conn->send_cert, SendCert::kAlways);
  EXPECT_FALSE(conn->send_certreq);
  const AuthRound &local = conn->local[0], &remote = conn->remote[0];
  EXPECT_EQ(local.kind, AuthKind::kPubkey);
  ASSERT_EQ(local.rules.schemes.size(), 1u);
  EXPECT_TRUE(local.rules.schemes[0].pss && local.rules.schemes[0].hash_bits == 384);
  ASSERT_EQ(local.certs.size(), 3u);
  EXPECT_EQ(local.certs[0].path, "/etc/d/swanctl/x509/a.pem");
  EXPECT_EQ(local.certs[0].where, "swanctl.conf:4: connections.a.local.certs");
  EXPECT_EQ(local.certs[1].path, "/opt/b.pem");
  EXPECT_EQ(local.certs[2].path, "/opt/c.pem");
  EXPECT_EQ(remote.kind, AuthKind::kPubkey);
  ASSERT_EQ(remote.cacerts.size(), 2u);
  EXPECT_EQ(remote.cacerts[0].path, "/etc/d/swanctl/x509ca/root.pem");
  EXPECT_EQ(remote.certs[0].path, "/etc/d/swanctl/x509/peer.pem");
  EXPECT_EQ(remote.revocation, Revocation::kIfUri);
}

TEST(LoadControl, PassphrasesBelongToFiles) {
  Complaints complaints;
  auto control = Load(R"(secrets { private-a { file = a.pem
    secret = swordfish
    } pkcs12 { file = /opt/b.p12
    secret = 0x00 } })", complaints);
  ASSERT_TRUE(control) << Print(complaints);
  ASSERT_EQ(control->secrets.size(), 3u);
  EXPECT_EQ(control->secrets[0].kind, Secret::Kind::kKeyFile);
  EXPECT_EQ(control->secrets[0].file.path, "/etc/d/swanctl/private/a.pem");
  EXPECT_EQ(AsString(control->secrets[0].data.view()), "swordfish");
  EXPECT_EQ(control->secrets[1].file.path, "/opt/b.p12");
  EXPECT_EQ(control->secrets[1].data.size(), 1u);
}

TEST(LoadControl, SecretComplaints) {
  const Case cases[] = {
      {"secrets { rsa { secret = swordfish\n } }",
       "E swanctl.conf:1: secrets.rsa.file: missing; expected the name of a file in rsa/"},
      {"secrets { pkcs8-1 { file = a\n } }", "E swanctl.conf:1: secrets.pkcs8-1.secret: missing; expected the passphrase"},
      {"secrets { ike { secret = short\n } }",
       "W swanctl.conf:1: secrets.ike.secret: is only 5 octets long and may be guessed; expected at least 16"},
      {"secrets { ike-x { id = a\n } }",
       "E swanctl.conf:1: secrets.ike-x.secret: missing; expected text, 0x and hexadecimal, or 0s and base64"},
      {"secrets { ike { secret = 0x123\n } }",
       "E swanctl.conf:1: secrets.ike.secret: 0x without an even number of hexadecimal digits after it"},
      {"secrets { ike { secret = 0s!!!!\n } }", "E swanctl.conf:1: secrets.ike.secret: 0s without base64 after it"},
      {"secrets { eap-bob { id = bob\n secret = swordfish\n } }",
       ""},
      {"secrets { xauth { id = bob\n } }",
       "E swanctl.conf:1: secrets.xauth.secret: missing; expected text, 0x and hexadecimal, or 0s and base64"},
      {"secrets { psk { secret = x\n } }", "E swanctl.conf:1: secrets.psk: unknown section; did you mean \"ppk\"?"},
      {"secrets { ike { sceret = aaaaaaaaaaaaaaaaaaaa\n } }",
       "E swanctl.conf:1: secrets.ike.sceret: unknown key; did you mean \"secret\"?|"
       "E swanctl.conf:1: secrets.ike.secret: missing; expected text, 0x and hexadecimal, or 0s and base64"},
  };
  for (auto& c : cases) EXPECT_EQ(Complain(c.text), c.expect) << c.text;
}

TEST(LoadControl, ConnectionsWithoutASecretAreNamed) {
  auto load = [](const std::string& ids, const std::string& secrets) {
    MemoryFiles files;
    files.files["/etc/d/culvert.conf"].text =
        "control { connections { a { local { auth = psk\n id = me\n } remote { auth = psk\n" + ids +
        "\n } children { x { } } } }\n secrets {\n" + secrets + "} }";
    Complaints complaints;
    EXPECT_TRUE(LoadControl(files, "/etc/d", nullptr, complaints));
    return Print(complaints);
  };
  const std::string missing =
      "W culvert.conf:1: connections.a: no pre-shared key in these files belongs to its identities; expected a section in "
      "secrets { }";
  auto key = [](const std::string& owner) { return "ike { secret = 0123456789abcdef\n" + owner + "\n }\n"; };
  EXPECT_EQ(load("id = you", ""), missing);
  EXPECT_EQ(load("id = you", key("id = other")), missing);
  for (auto* owner :
       {"", "id = you", "id = YOU", "id = me", "id-1 = other\n id-2 = you", "id = *", "id = fqdn:you", "id = %any"}) {
    EXPECT_EQ(load("id = you", key(owner)), "") << owner;
  }
  EXPECT_EQ(load("id = *.example.org", key("id = other")), "");
  EXPECT_EQ(load("", key("id = 192.0.2.2")), "") << "the peer's address may be its identity";
}

TEST(LoadControl, SecretsInAFileForEverybodyAreRefused) {
  MemoryFiles files;
  files.files["/etc/d/culvert.conf"] = {"control { include swanctl.conf\n include secrets.conf\n }", true};
  files.files["/etc/d/swanctl.conf"] = {"connections { }", true};
  files.files["/etc/d/secrets.conf"] = {"secrets { ike { secret = 0123456789abcdef\n } }", false};
  Complaints complaints;
  EXPECT_TRUE(LoadControl(files, "/etc/d", nullptr, complaints)) << Print(complaints);
  files.files["/etc/d/secrets.conf"].world_readable = true;
  EXPECT_FALSE(LoadControl(files, "/etc/d", nullptr, complaints));
  EXPECT_EQ(Print(complaints),
            "E secrets.conf:1: secrets.ike.secret: stands in a file that everybody may read; expected mode 0640 or stricter");
}

TEST(LoadControl, OcspInsideIkeBothWays) {
  struct {
    const char* text;
    bool asks, answers;
  } rows[] = {{"", false, true}, {"ocsp = reply\n", false, true}, {"ocsp = request\n", true, false}, {"ocsp = both\n", true, true},
              {"ocsp = never\n", false, false}};
  for (const auto& row : rows) {
    auto c = LoadOne(std::string("connections { a { ") + row.text + kRounds + "children { x { } } } }");
    ASSERT_TRUE(c);
    EXPECT_EQ(c->remote.at(0).asks_ocsp, row.asks) << row.text;
    EXPECT_EQ(c->answers_ocsp, row.answers) << row.text;
    EXPECT_FALSE(c->local.at(0).asks_ocsp);
  }
}

TEST(LoadControl, PostQuantumKeys) {
  const std::string secret = "secret = 0123456789abcdef0123456789abcdef\n";
  auto conn = [](const std::string& keys) { return "connections { a { " + keys + kRounds + "children { x { } } } }\n"; };
  Complaints complaints;
  auto control = Load(conn("ppk_id = k1\n ppk_required = yes\n") + "secrets { ppk-1 { id-1 = k1\n id-2 = opaque:k2\n" + secret + "} }",
                      complaints);
  EXPECT_EQ(Print(complaints), "");
  ASSERT_TRUE(control);
  EXPECT_EQ(control->connections[0].ppk_id, "k1");
  EXPECT_TRUE(control->connections[0].ppk_required);
  const Secret& ppk = control->secrets[0];
  EXPECT_EQ(ppk.kind, Secret::Kind::kPpk);
  EXPECT_EQ(ppk.owners, (std::vector<std::string>{"k1", "opaque:k2"}));
  EXPECT_EQ(ppk.data.size(), 32u);

  const std::pair<std::string, const char*> cases[] = {
      {conn("ppk_id = k1\n"),
       "W swanctl.conf:1: connections.a.ppk_id: no post-quantum key in these files has it; expected a section in secrets { }"},
      {conn("ppk_id = k1\n") + "secrets { ppk { id = k2\n" + secret + "} }",
       "W swanctl.conf:1: connections.a.ppk_id: no post-quantum key in these files has it; expected a section in secrets { }"},
      {conn("ppk_id = k1\n") + "secrets { ppk { " + secret + "} }", ""},
      {conn("ppk_required = yes\n"), ""},
      {"secrets { ppk { id = k1\n secret = 0123456789abcdef\n } }",
       "W swanctl.conf:2: secrets.ppk.secret: is only 16 octets long and may be guessed; expected at least 32"},
      {"secrets { ppk { id = k1\n } }",
       "E swanctl.conf:1: secrets.ppk.secret: missing; expected text, 0x and hexadecimal, or 0s and base64"},
      {std::string("connections { a { remote_addrs = 192.0.2.1\n ppk_required = yes\n") + kRounds +
           "children { x { start_action = start\n } } } }",
       "E swanctl.conf:6: connections.a.children.x.start_action: has no post-quantum key to call with: connections.a has "
       "ppk_required and no ppk_id"},
  };
  for (auto& [text, expect] : cases) EXPECT_EQ(Complain(text), expect) << text;
}

TEST(LoadControl, NoComplaintShowsASecret) {
  const char* texts[] = {"secrets { ike { secret = 0xTOPSECRET\n } }", "secrets { ike { secret = 0sTOPSECRET!\n } }",
                         "secrets { ike { secret = TOPSECRET\n } }", "secrets { ntlm { secret = TOPSECRET\n } }",
                         "secrets { token { pin = TOPSECRET\n } }"};
  for (auto* text : texts) {
    auto said = Complain(text);
    EXPECT_NE(said, "") << text;
    EXPECT_EQ(said.find("TOPSECRET"), std::string::npos) << said;
  }
}

TEST(LoadControl, OverlappingSelectorsOfTwoPeersSayWhoWins) {
  auto conn = [](const std::string& name, const std::string& ts) {
    return name + " { " + kRounds + "children { x { " + ts + "\n} } }\n";
  };
  EXPECT_EQ(Complain("connections {\n" + conn("a", "local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16") +
                     conn("b", "local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16") + "}"),
            "W swanctl.conf:8: connections.b.children.x: protects packets that connections.a.children.x protects too: of "
            "10.2.0.0/16 and "
            "10.2.0.0/16 the longer prefix gets a packet, the first of equal ones");
  EXPECT_EQ(Complain("connections {\n" + conn("a", "local_ts = 10.1.0.0/16\n remote_ts = 10.0.0.0/8") +
                     conn("b", "local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16") + "}"),
            "W swanctl.conf:2: connections.a.children.x: protects packets that connections.b.children.x protects too: of "
            "10.0.0.0/8 and "
            "10.2.0.0/16 the longer prefix gets a packet, the first of equal ones");
  EXPECT_EQ(
      Complain("connections {\n" + conn("a", "local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16[tcp]") +
               conn("b", "local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16[udp]") +
               conn("c", "local_ts = 10.3.0.0/16\n remote_ts = 10.2.0.0/16") + conn("d", "remote_ts = 10.2.0.0/16") + "}"),
      "");
}

TEST(LoadControl, HoldsIdentitiesAgainstTheSpellingsOfTheIkeProcess) {
  MemoryFiles files;
  files.files["/etc/d/culvert.conf"].text = R"(control { connections { a : base { children { x { } }
local-1 { id = bad } remote { id = peer-only } ppk_id = peer-only } }
secrets { ike-a { id-1 = good
id-2 = bad
secret = 0123456789abcdef }
ppk-a { id-1 = peer-only
id-2 = ppk-only
secret = 0123456789abcdef0123456789abcdef } } }
base { local-1 { auth = psk } remote { auth = psk } }
)";
  Complaints complaints;
  auto check = [](std::string_view text, IdentityUse use) -> std::string {
    bool fine = text == "good" || (text == "peer-only" && use == IdentityUse::kPeer) ||
                (text == "ppk-only" && use == IdentityUse::kPpk);
    return fine ? "" : "is no identity";
  };
  EXPECT_FALSE(LoadControl(files, "/etc/d", check, complaints));
  EXPECT_EQ(Print(complaints), "E culvert.conf:2: connections.a.local-1.id: \"bad\" is no identity|"
                               "E culvert.conf:2: connections.a.ppk_id: \"peer-only\" is no identity|"
                               "E culvert.conf:4: secrets.ike-a.id-2: \"bad\" is no identity|"
                               "E culvert.conf:6: secrets.ppk-a.id-1: \"peer-only\" is no identity");
}

TEST(LoadControl, ReferencesAndTheTop) {
  const Case cases[] = {
      {"connections { a : base { children { x { } } } }\nbase { local { auth = psk\n } remote { auth = psk\n } }", ""},
      {"connections { a : base { children { x { } } } }\nbase { nonsense = 1\n local { auth = psk\n } remote { auth = psk\n } "
       "}\n"
       "connections.b : base { children { x { } } }",
       "E swanctl.conf:2: connections.a.nonsense: unknown key"},
      {"bsae { }", "E swanctl.conf:1: control.bsae: unknown section"},
  };
  for (auto& c : cases) EXPECT_EQ(Complain(c.text), c.expect) << c.text;
  MemoryFiles files;
  files.files["/etc/d/culvert.conf"].text =
      "contrl { }\nconnections { }\nk = 1\ncontrol : base { }\nbase { keep_alive = 9s }\n";
  Complaints complaints;
  EXPECT_FALSE(LoadControl(files, "/etc/d", nullptr, complaints));
  EXPECT_EQ(Print(complaints),
            "E culvert.conf:1: contrl: unknown section; did you mean \"control\"?|"
            "E culvert.conf:2: connections: unknown section; it belongs inside control { }|"
            "E culvert.conf:3: k: a key outside of dataplane { } and control { }");
}

}  // namespace
}  // namespace culvert::config
