#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "common/bytes/secret.h"
#include "common/ipsec/traffic_selector.h"
#include "config/proposal.h"

// What the operator wrote, as plain values with their defaults and units. config/load.h fills it; nothing here validates.
namespace culvert::config {

using std::chrono::seconds;

// ---- dataplane { } ----
struct Port {
  std::string name;
  std::string device;                     // a PCI address or a vdev's arguments
  std::vector<IpPrefix> addrs;            // host bits kept: address is the port's own, length its subnet's
  uint32_t mtu = 1500;                    // octets
  bool tap = false;
  enum class Inline : uint8_t { kAuto, kNo, kSoftware };
  Inline inline_ipsec = Inline::kAuto;    // rte_security of the device
  uint16_t vlan = 0;                      // VLAN ID; then there is no device, but
  std::string parent;                     // the port whose frames have that tag
};
// What packets of SAs are lent to (rte_cryptodev).
struct CryptoDevice {
  std::string name;
  std::string device;                     // as a port's
  uint32_t sessions = 2048;               // one for each direction of an SA
  enum class Lookaside : uint8_t { kAuto, kNo, kSoftware };
  Lookaside lookaside_ipsec = Lookaside::kAuto;  // rte_security of the device
};
inline constexpr size_t kMaxCryptoDevices = 16;
inline constexpr size_t kMaxTunnels = 1024;   // their addresses are looked through one by one
// An interface that is a way into Child SAs and out of them: those with its number.
struct Tunnel {
  std::string name;
  uint32_t if_id = 0;
  std::vector<IpPrefix> addrs;            // as a port's
};
struct Route {
  std::string name;
  IpPrefix to;
  std::optional<IpAddress> via;           // absent: on-link through `port`
  std::string port;                       // or tunnel
};
enum class HwOffload : uint8_t { kAuto, kNo, kCrypto, kPacket };
// An SA with a static key, of one direction, that no IKE owns. `local` is this gateway's side, whichever way it goes.
struct ManualSa {
  std::string name;
  std::string where;                      // "culvert.conf:12: dataplane.sas.x", for what shows only at start
  bool inbound = false, ah = false, transport = false;
  uint32_t spi = 0;
  EspSuite suite;
  bool counts_nonces = false;             // so that a static key uses some again
  SecretBytes encr_key, integ_key;        // cipher key, then salt; AES-GMAC of AH is integrity
  IpAddress local, remote;                // outer
  bool encap = false;
  uint16_t local_port = 0, remote_port = 0;  // with encap
  SelectorList local_ts, remote_ts;       // in transport mode at the two ends
  std::optional<unsigned> worker;         // default: the one with the fewest SAs
  std::string over;                       // of ESP under AH: the name of the AH
  bool carrier = false;                   // AH that others go under, and nothing else
  uint32_t replay_window = 0;             // packets, a power of two; 0: none
  uint16_t tfc_padding = 0;               // as a child's
  uint32_t dummy_packets = 0;             // likewise; outbound
  bool copy_df = true, copy_ecn = true, copy_dscp = true;
  HwOffload hw_offload = HwOffload::kAuto;
  std::string hw_offload_where;           // as `where`, of the key
  uint32_t priority = 0;                  // as a child's; one for all of the same selectors
  uint32_t if_id = 0;
  seconds life_time{0};                   // from start; 0: for ever
  uint64_t life_bytes = 0, life_packets = 0;  // 0: without end
};
enum class Hugepages : uint8_t { kAuto, kNo, kMiB };
enum class Idle : uint8_t { kPoll, kAdaptive };
struct Dataplane {
  std::vector<unsigned> worker_cores;     // `workers = N` is the last N cores; a list names them
  Hugepages hugepages = Hugepages::kAuto;
  uint32_t hugepages_mib = 0;             // with kMiB
  std::optional<Idle> idle;               // default: adaptive where a port is virtual, else poll
  bool rebalance = true;                  // SAs move from busy workers to idle ones
  bool default_forward = true;            // what matches no policy
  bool forward_without_ike = false;
  bool lab = false;                       // static keys in counter mode are admitted
  enum class Mss : uint8_t { kNo, kAuto, kOctets };
  Mss mss = Mss::kNo;
  uint16_t mss_octets = 0;                // with kOctets
  std::vector<Port> ports;
  std::vector<CryptoDevice> crypto_devices;  // in order of preference
  std::vector<Tunnel> tunnels;
  std::vector<Route> routes;
  std::vector<ManualSa> sas;
};

// ---- control { } ----
struct Retransmit {                       // hostile.md D08; charon's keys override
  double timeout_s = 1.0;                 // first interval
  double base = 1.8;
  double limit_s = 10.0;                  // longest interval
  double jitter = 0.2;                    // fraction
  unsigned tries = 7;                     // retransmissions before giving up; with the values above under 60 s
};
struct Dos {                              // hostile.md D01, D02
  unsigned cookie_threshold_ip = 3;       // half-open from one source
  unsigned cookie_threshold = 5000;       // in all: 10 % of the cap
  unsigned block_threshold = 16;          // half-open from one source
  unsigned half_open_cap = 50000;
  seconds half_open_timeout{30};
};
struct ControlSettings {
  std::string vici_socket;                // "unix:///..."; empty: RUN/vici.sock
  std::string user = "culvert-ike";
  Retransmit retransmit;
  Dos dos;
  // Largest IP datagram of IKE, in octets: what is larger goes in fragments (RFC 7383), where the peer takes them.
  uint16_t fragment_size_v4 = 1280, fragment_size_v6 = 1280;
  seconds keep_alive{20};                 // NAT keepalive
  seconds retry_initiate_interval{0};     // before a host name that led nowhere is asked for again; 0: a growing wait
  seconds delete_rekeyed_delay{5};
  bool delete_on_stop = false;
  Profile profile = Profile::kDefault;    // of connections that name none
  // charon's i_dont_care_about_security_and_use_aggressive_mode_psk, without which no connection may ask for both.
  bool aggressive_psk = false;
  bool cisco_unity = false;               // IKEv1: sends Cisco's Unity vendor id
  std::vector<IpAddress> dns, nbns;       // for clients of any pool
};

// Whom `xauth-radius` asks, by charon's names and with its defaults. Sorted: the preferred one first.
struct RadiusServer {
  std::string name;
  IpAddress address;
  uint16_t auth_port = 1812;
  SecretBytes secret;                     // never empty
  std::string nas_identifier;
  double timeout_s = 2.0;                 // first wait for an answer
  double base = 1.4;                      // each wait is the one before times this
  unsigned tries = 4;                     // packets sent before the next server is asked
};

// ---- connections { }, as in swanctl.conf ----
enum class StartAction : uint8_t { kNone = 0, kTrap = 1, kStart = 2, kTrapStart = 3 };
enum class CloseAction : uint8_t { kNone, kTrap, kStart };
enum class DpdAction : uint8_t { kClear, kTrap, kRestart };
enum class ChildMode : uint8_t { kTunnel, kTransport, kPass, kDrop };
// A policy without SAs: its packets pass as they are, or are dropped.
inline bool IsShunt(ChildMode m) { return m == ChildMode::kPass || m == ChildMode::kDrop; }
struct Lifetime {                         // rekey at rekey_* minus a random part of rand_*; the end at life_*; 0 = never
  uint64_t rekey = 0, life = 0, rand = 0;
};
struct Ts {                               // `dynamic` is the outer address until it is narrowed or leased
  bool dynamic = false;
  TrafficSelector selector;               // with dynamic: only protocol and ports count
};
inline constexpr uint16_t kTfcToMtu = 0xffff;
struct Child {
  std::string name;
  std::vector<EspProposal> esp_proposals;
  std::vector<EspProposal> ah_proposals;
  // What of them IKEv1 can say (config/ikev1.h); empty with version 2. The first of a proposal's `groups` is what the caller
  // offers, kNone: no PFS; any of them is accepted.
  std::vector<EspProposal> esp_proposals_v1, ah_proposals_v1;
  std::vector<Ts> local_ts, remote_ts;    // default: one dynamic each
  ChildMode mode = ChildMode::kTunnel;
  Lifetime seconds_{3600, 3960, 360};     // rekey_time, life_time, rand_time
  Lifetime bytes, packets;
  StartAction start_action = StartAction::kNone;
  CloseAction close_action = CloseAction::kNone;
  DpdAction dpd_action = DpdAction::kClear;
  bool policies = true;
  uint32_t priority = 0;                  // lower is looked at first; 0: by mode, then by specificity
  uint32_t if_id_in = 0, if_id_out = 0;   // of a Tunnel; 0: reached by its selectors, through any port
  uint32_t replay_window = 1024;          // packets
  HwOffload hw_offload = HwOffload::kAuto;
  bool copy_df = true, copy_ecn = true;
  bool copy_dscp_out = true, copy_dscp_in = false;
  uint16_t tfc_padding = 0;               // octets an inner packet has at least; kTfcToMtu: what the path takes; 0: none
  uint32_t dummy_packets = 0;             // to be sent a second, by ESP
  seconds inactivity{0};
  std::string updown;
  std::string interface;                  // port name
};
enum class AuthKind : uint8_t { kPsk, kPubkey, kEap, kXauth, kAny };
// What a signature may be made with and by: `auth = ecdsa-256-sha256`. Empty lists admit whatever is safe.
enum class KeyType : uint8_t { kRsa, kEcdsa, kEd25519, kEd448 };
struct KeyRule {
  KeyType type{};
  unsigned min_bits = 0;                  // of the modulus or the field
};
struct SchemeRule {
  KeyType type{};
  unsigned hash_bits = 0;                 // SHA-2's; 160: SHA-1; 0: the curve's own
  bool pss = false;                       // RSA's padding: PSS, else PKCS#1 v1.5
};
// Where a signature by SHA-1 counts (RFC 8247 4: nowhere): by the connection's profile.
enum class Sha1Use : uint8_t {
  kNever,
  kMethod1,                               // AUTH by method 1, which names no hash: so the client of Windows signs
  kAnywhere,                              // AUTH by any method, and the certificates of a chain
};
struct PubkeyRules {
  std::vector<KeyRule> keys;
  std::vector<SchemeRule> schemes;
  bool chain = true;                      // the schemes also bind the certificates' signatures; not so with `ike:`
  Sha1Use sha1 = Sha1Use::kNever;
};
struct CredentialFile {
  std::string path;                       // absolute, or under the configuration directory
  std::string where;                      // "swanctl.conf:12: connections.a.local.certs", for complaints about it
};
// Who knows the password that a peer's XAUTH tells: the secrets of eap and xauth sections, or a RADIUS server.
enum class XauthBackend : uint8_t { kGeneric, kRadius };
enum class Revocation : uint8_t { kRelaxed, kIfUri, kStrict };
struct AuthRound {
  AuthKind kind = AuthKind::kPsk;
  std::string auth;                       // as written: "psk", "ecdsa-256-sha256", ...
  std::string id;                         // as written; empty or "%any": whatever comes
  PubkeyRules rules;                      // with kPubkey
  XauthBackend xauth = XauthBackend::kGeneric;   // with kXauth
  std::string xauth_id;                   // local, with kXauth: the user's name; empty: `id`
  std::vector<CredentialFile> certs;      // local: to choose from; remote: the only ones to accept. None: any that fit
  std::vector<CredentialFile> cacerts;    // remote: one of them is in the chain. None: any authority
  Revocation revocation = Revocation::kRelaxed;
  bool asks_ocsp = false;                 // remote: OCSP responses are asked of the peer, and count (RFC 4806)
  std::string where;                      // "swanctl.conf:10: connections.a.local", for complaints about it
};
enum class SendCert : uint8_t { kIfAsked, kAlways, kNever };
enum class Unique : uint8_t { kNo, kNever, kKeep, kReplace };
enum class Fragmentation : uint8_t { kYes, kAccept, kForce, kNo };
enum class Childless : uint8_t { kAllow, kPrefer, kForce, kNever };
struct Connection {
  std::string name;
  uint8_t version = 2;                    // 0, 1 or 2
  std::vector<std::string> local_addrs, remote_addrs;   // addresses, %any, prefixes, ranges, host names; empty = %any
  uint16_t local_port = 500, remote_port = 500;
  Profile profile = Profile::kDefault;    // the floor under this and its children's proposals
  std::vector<IkeProposal> proposals;
  std::vector<IkeProposal> proposals_v1;  // what of them IKEv1 can say (config/ikev1.h); empty with version 2
  bool aggressive = false;                // IKEv1: with a pre-shared key only under ControlSettings::aggressive_psk
  bool pull = true;                       // IKEv1 mode config: the client asks; else the responder pushes
  bool encap = false;                     // force UDP by a fake NAT-D
  bool mobike = true;
  std::string ppk_id;                     // as written; empty: no PPK of its own (RFC 8784)
  bool ppk_required = false;
  seconds dpd_delay{0};
  seconds dpd_timeout{150};               // IKEv1: silence after which the peer is dead; never 0
  Fragmentation fragmentation = Fragmentation::kYes;
  Childless childless = Childless::kAllow;   // RFC 6023
  unsigned keyingtries = 1;               // 0 = for ever
  Unique unique = Unique::kNo;
  seconds reauth_time{0}, rekey_time{14400}, over_time{1440}, rand_time{1440};
  // Never empty. An XAUTH round is the last of its side, and on one side only: in `remote` it asks the peer. Where it is the
  // only one of its side, the authentication is hybrid: the other side signs.
  std::vector<AuthRound> local, remote;
  std::vector<IpAddress> vips;            // to ask for; an unspecified one is any of its family
  std::vector<std::string> pools;         // to lease from, in turn; "radius": what the RADIUS server says
  bool send_certreq = true;
  SendCert send_cert = SendCert::kIfAsked;
  bool answers_ocsp = true;               // shows OCSP responses about its own certificate to a peer that asks (RFC 4806)
  std::vector<Child> children;
};
struct Secret {
  std::string name;                       // section name: "ike-1"
  enum class Kind : uint8_t { kIke, kEap, kXauth, kNtlm, kPpk, kKeyFile } kind = Kind::kIke;
  SecretBytes data;                       // of kKeyFile: the passphrase
  std::vector<std::string> owners;        // identities; none: anyone
  CredentialFile file;                    // of kKeyFile
};
struct PoolAttribute {
  enum class Kind : uint8_t {
    kDns, kNbns, kDhcp, kNetmask, kServer, kPCscf,       // an address; the mask is IPv4's
    kSubnet, kSplitInclude, kSplitExclude,               // a prefix; split_* are IPv4's
    kNumber,                                             // any of them
  } kind = Kind::kNumber;
  uint16_t number = 0;                    // with kNumber: the attribute's type on the wire
  std::variant<IpAddress, IpPrefix, std::vector<uint8_t>> value;
};
struct Pool {
  std::string name;
  // What may be leased: of a prefix, from the written address on and without the block's ends; absent: attributes only.
  std::optional<IpRange> addrs;
  std::vector<PoolAttribute> attributes;  // in the order written
};
struct Control {
  ControlSettings settings;
  std::vector<Connection> connections;
  std::vector<Secret> secrets;
  std::vector<Pool> pools;                // names are unique, ranges do not overlap
  std::vector<RadiusServer> radius;
  std::string credentials_dir;            // holds x509, x509ca, x509crl, private, rsa, ecdsa, pkcs8, pkcs12; empty: none
};

}  // namespace culvert::config
