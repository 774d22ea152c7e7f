#include "config/connections.h"

#include <algorithm>
#include <bit>

#include "common/base/limits.h"
#include "common/bytes/hex.h"
#include "config/ikev1.h"
#include "config/peer_address.h"
#include "config/profile.h"
#include "config/selectors.h"
#include "config/text.h"

namespace culvert::config {
namespace {

using std::chrono::seconds;

constexpr size_t kMaxVips = 8;  // of one IKE SA; one of each family is usual

// charon's rule for each of time, octets and packets: without a rekey limit it follows from the end, the end is 10 % past the
// rekeying, and the random part is what lies between them.
Lifetime ReadLifetime(const SectionReader& in, std::string_view unit, uint64_t fallback_rekey) {
  std::string rekey = Cat("rekey_", unit), life = Cat("life_", unit), rand = Cat("rand_", unit);
  auto read = [&](const std::string& key, uint64_t fallback) {
    return unit == "time" ? in.Time(key, fallback) : in.Size(key, fallback);
  };
  Lifetime out;
  out.life = read(life, 0);
  if (in.Has(life) && out.life == 0) in.Error(life, "0 would let the keys live for ever; expected an end");
  out.rekey = read(rekey, in.Has(life) ? out.life * 10 / 11 : fallback_rekey);
  if (!in.Has(life)) out.life = out.rekey + out.rekey / 10;
  out.rand = read(rand, out.life - std::min(out.life, out.rekey));
  if (out.life && out.rekey > out.life)
    in.Error(life, Cat("ends the SA before ", rekey, " rekeys it; expected more than ", out.rekey));
  if (out.rekey && out.rand >= out.rekey) in.Error(rand, Cat("leaves no time before rekeying; expected less than ", out.rekey));
  return out;
}

std::vector<Ts> ReadSelectors(const SectionReader& in, std::string_view key) {
  std::vector<Ts> out;
  for (const std::string& text : in.List(key)) {
    if (auto ts = ParseSelector(text)) out.push_back(*ts);
  }
  if (out.size() > kMaxSelectorsPerSa) in.Error(key, Cat(out.size(), " selectors; expected at most ", kMaxSelectorsPerSa));
  if (out.empty()) out.push_back({.dynamic = true, .selector = {}});
  return out;
}

StartAction ReadStartAction(const std::string& word) {
  if (word == "trap") return StartAction::kTrap;
  if (word == "start") return StartAction::kStart;
  return word == "none" ? StartAction::kNone : StartAction::kTrapStart;
}

void ReadActions(const SectionReader& in, Child& child) {
  child.start_action = ReadStartAction(in.Text("start_action", "none"));
  auto close = in.Text("close_action", "none");
  child.close_action = close == "start" ? CloseAction::kStart : close == "trap" ? CloseAction::kTrap : CloseAction::kNone;
  auto dpd = in.Text("dpd_action", "clear");
  child.dpd_action = dpd == "restart" ? DpdAction::kRestart : dpd == "trap" ? DpdAction::kTrap : DpdAction::kClear;
}

// RFC 4303 2.7.
void ReadPadding(const SectionReader& in, Child& child) {
  child.tfc_padding = ReadTfcPadding(in);
  if (child.tfc_padding != 0 && child.mode == ChildMode::kTransport) {
    in.Error("tfc_padding", "only ESP in tunnel mode can be padded: a packet in transport mode does not say how long it is");
  }
}

void ReadDataPath(const SectionReader& in, Child& child) {
  child.replay_window = ReadReplayWindow(in, child.replay_window);
  child.hw_offload = ReadHwOffload(in);
  child.copy_df = in.Bool("copy_df", child.copy_df);
  child.copy_ecn = in.Bool("copy_ecn", child.copy_ecn);
  auto dscp = in.Text("copy_dscp", "out");
  child.copy_dscp_out = dscp == "out" || dscp == "yes";
  child.copy_dscp_in = dscp == "in" || dscp == "yes";
  ReadPadding(in, child);
  child.dummy_packets = static_cast<uint32_t>(in.Integer("dummy_packets", 0));
}

// Proposals as a list of texts says them. What would be wrong under any profile has been reported already (CheckKeys).
template <typename Proposal, typename Parse>
std::vector<Proposal> ReadProposals(const SectionReader& in, std::string_view key, const std::vector<Proposal>& expanded,
                                    Parse parse) {
  std::vector<Proposal> out;
  auto texts = in.List(key);
  if (texts.empty()) texts.emplace_back("default");
  for (const std::string& text : texts) {
    if (text == "default") {
      std::ranges::copy(expanded, std::back_inserter(out));
    } else if (auto p = parse(text); p) {
      out.push_back(std::move(*p));
    } else {
      in.Error(key, Cat("proposal \"", Escape(text), "\": ", p.error()));
    }
  }
  return out;
}

// As charon reads them: `default` is ESP's where neither list is written, and both may be.
void ReadChildProposals(const SectionReader& in, Profile profile, Child& child) {
  const auto ah = in.List("ah_proposals");
  if (ah.empty() || in.Has("esp_proposals")) {
    child.esp_proposals = ReadProposals(in, "esp_proposals", DefaultEspProposals(profile),
                                        [profile](const std::string& text) { return ParseEspProposal(text, false, profile); });
  }
  if (ah.empty()) return;
  const auto expanded = DefaultAhProposals(profile);
  if (expanded.empty() && std::ranges::contains(ah, "default")) {
    in.Error("ah_proposals", Cat("profile ", Name(profile), " has no integrity without encryption"));
  }
  child.ah_proposals = ReadProposals(in, "ah_proposals", expanded,
                                     [profile](const std::string& text) { return ParseEspProposal(text, true, profile); });
}

ChildMode ModeOf(const std::string& word) {
  if (word == "transport") return ChildMode::kTransport;
  if (word == "pass") return ChildMode::kPass;
  return word == "drop" ? ChildMode::kDrop : ChildMode::kTunnel;
}

Child ReadChild(const SectionReader& in, Profile profile) {
  Child child{.name = in.section().name};
  child.mode = ModeOf(in.Text("mode", "tunnel"));
  child.policies = in.Bool("policies", child.policies);
  child.priority = static_cast<uint32_t>(in.Integer("priority", child.priority));
  ReadChildProposals(in, profile, child);
  child.local_ts = ReadSelectors(in, "local_ts");
  child.remote_ts = ReadSelectors(in, "remote_ts");
  child.seconds_ = ReadLifetime(in, "time", child.seconds_.rekey);
  child.bytes = ReadLifetime(in, "bytes", 0);
  child.packets = ReadLifetime(in, "packets", 0);
  if (!in.Has("life_time") && !child.seconds_.life && !child.bytes.life && !child.packets.life) {
    in.Warn("rekey_time", "0 without life_time, life_bytes or life_packets: the keys are used until their counters run out");
  }
  ReadActions(in, child);
  ReadDataPath(in, child);
  return child;
}

// `%any` and its kind name nobody: a packet cannot call a peer that has no address.
void CheckStartable(const SectionReader& in, const Connection& conn, const SectionReader& child_in, const Child& child) {
  if (child.start_action == StartAction::kNone || IsShunt(child.mode)) return;
  if (!NamesSomebody(conn.remote_addrs)) {
    child_in.Error("start_action",
                   Cat("has no peer to call: remote_addrs of ", in.shown(), " names no single address and no host"));
  }
  // As the called side it takes any key of `secrets`.
  if (conn.ppk_required && conn.ppk_id.empty()) {
    child_in.Error("start_action",
                   Cat("has no post-quantum key to call with: ", in.shown(), " has ppk_required and no ppk_id"));
  }
}

// What can be seen to come to nothing before any peer is spoken to.
void CheckAh(const SectionReader& in, const Connection& conn, const Child& child) {
  if (child.ah_proposals.empty() || !conn.encap) return;
  // RFC 3948 is of ESP: the addresses are under AH's protection.
  if (child.esp_proposals.empty()) in.Error("ah_proposals", "AH does not go in UDP, which encap = yes demands");
  else in.Warn("ah_proposals", "of no use: AH does not go in UDP, which encap = yes demands");
}

// What the connection says is for children that need SAs and say nothing themselves.
void ReadTunnels(const SectionReader& in, const SectionReader& child_in, Child& child) {
  auto read = [&](const char* key) {
    const uint64_t fallback = IsShunt(child.mode) ? 0 : in.Integer(key, 0);
    return static_cast<uint32_t>(child_in.Integer(key, fallback));
  };
  child.if_id_in = read("if_id_in");
  child.if_id_out = read("if_id_out");
}

void CheckPolicies(const SectionReader& in, const Child& child) {
  for (auto [key, id] : {std::pair("if_id_in", child.if_id_in), {"if_id_out", child.if_id_out}}) {
    if (id != 0 && child.mode != ChildMode::kTunnel) in.Error(key, "names a tunnel interface, which is for mode = tunnel");
  }
  if (child.policies) return;
  if (IsShunt(child.mode)) in.Error("policies", "no, and nothing is left of a child that is a policy and no more");
  const bool traps = child.start_action == StartAction::kTrap || child.start_action == StartAction::kTrapStart;
  if (traps) in.Error("start_action", "has nothing to catch packets with: policies = no");
}

void CheckTransport(const SectionReader& in, const Connection& conn, const Child& child) {
  if (child.mode != ChildMode::kTransport) return;
  auto meets = [](const std::vector<Ts>& selectors, const std::vector<std::string>& ends) {
    return std::ranges::any_of(ends, [&](const std::string& end) {
      auto address = KindOf(end) == PeerAddress::kOne ? IpAddress::Parse(end) : std::nullopt;
      return !address || !AtHost(selectors, *address).empty();
    });
  };
  if (!conn.local_addrs.empty() && !meets(child.local_ts, conn.local_addrs)) {
    in.Error("local_ts", "transport mode protects own addresses; expected dynamic, or one of local_addrs among them");
  }
  if (!conn.remote_addrs.empty() && !meets(child.remote_ts, conn.remote_addrs)) {
    in.Error("remote_ts", "transport mode protects the peer's addresses; expected dynamic, or one of remote_addrs among them");
  }
  const bool traps = child.start_action == StartAction::kTrap || child.start_action == StartAction::kTrapStart;
  if (traps && !ProtectedBy(conn, child)) {
    in.Warn("start_action", "catches nothing before there is an SA: local_addrs and remote_addrs would have to name one address"
                            " each for transport mode");
  }
}

// As charon derives them: the random part defaults to the over-time, that to 10 % of the longer of the two times.
void ReadIkeTimes(const SectionReader& in, Connection& conn) {
  conn.rekey_time = in.Seconds("rekey_time", conn.rekey_time);
  conn.reauth_time = in.Seconds("reauth_time", conn.reauth_time);
  conn.over_time = in.Seconds("over_time", std::max(conn.rekey_time, conn.reauth_time) / 10);
  conn.rand_time = in.Seconds("rand_time", conn.over_time);
  if (conn.rekey_time != seconds(0) && conn.rand_time >= conn.rekey_time) {
    in.Error("rand_time", Cat("leaves no time before rekeying; expected less than ", conn.rekey_time.count(), "s"));
  }
  if (conn.reauth_time != seconds(0) && conn.rand_time >= conn.reauth_time) {
    in.Error("rand_time", Cat("leaves no time before reauthentication; expected less than ", conn.reauth_time.count(), "s"));
  }
  conn.dpd_delay = in.Seconds("dpd_delay", conn.dpd_delay);
  const seconds timeout = in.Seconds("dpd_timeout", seconds(0));
  if (timeout != seconds(0)) conn.dpd_timeout = timeout;
}

void ReadEndpoints(const SectionReader& in, Connection& conn) {
  conn.local_addrs = in.List("local_addrs");
  for (const std::string& own : conn.local_addrs) {
    if (KindOf(own) == PeerAddress::kHost) in.Error("local_addrs", Cat("\"", own, "\" is a host name; expected own addresses"));
  }
  conn.remote_addrs = in.List("remote_addrs");
  conn.local_port = static_cast<uint16_t>(in.Integer("local_port", conn.local_port));
  conn.remote_port = static_cast<uint16_t>(in.Integer("remote_port", conn.remote_port));
  if (conn.local_port != 500 && conn.local_port != 4500) in.Error("local_port", "the gateway's IKE ports are 500 and 4500");
}

void ReadVirtualAddresses(const SectionReader& in, Connection& conn) {
  for (const std::string& text : in.List("vips")) {
    auto address = text == "%any" || text == "%any4" ? IpAddress::Any(Family::kV4)
                   : text == "%any6"                 ? IpAddress::Any(Family::kV6)
                                                     : IpAddress::Parse(text);
    if (!address) in.Error("vips", Cat("\"", Escape(text), "\"; expected an address, 0.0.0.0 or ::"));
    else if (conn.vips.size() < kMaxVips) conn.vips.push_back(*address);
    else in.Error("vips", Cat("expected at most ", kMaxVips, " addresses"));
  }
  conn.pools = in.List("pools");
  if (std::ranges::contains(conn.pools, "dhcp")) {
    in.Error("pools", "\"dhcp\": addresses of a DHCP server are not handed on; expected pools of `pools { }`, or radius");
  }
}

Unique ReadUnique(const std::string& word) {
  if (word == "never") return Unique::kNever;
  if (word == "keep") return Unique::kKeep;
  return word == "replace" ? Unique::kReplace : Unique::kNo;
}

Fragmentation ReadFragmentation(const std::string& word) {
  if (word == "accept") return Fragmentation::kAccept;
  if (word == "force") return Fragmentation::kForce;
  return word == "no" ? Fragmentation::kNo : Fragmentation::kYes;
}

Childless ReadChildless(const std::string& word) {
  if (word == "prefer") return Childless::kPrefer;
  if (word == "force") return Childless::kForce;
  return word == "never" ? Childless::kNever : Childless::kAllow;
}

SendCert ReadSendCert(const std::string& word) {
  if (word == "always") return SendCert::kAlways;
  return word == "never" ? SendCert::kNever : SendCert::kIfAsked;
}

bool HoldsShuntsAlone(const Section* children) {
  auto shunt = [](const Section& child) {
    const Value* mode = child.FindValue("mode");
    return mode && IsShunt(ModeOf(mode->text));
  };
  return children && !children->sections().empty() && std::ranges::all_of(children->sections(), shunt);
}

}  // namespace

uint16_t ReadTfcPadding(const SectionReader& in) {
  constexpr uint64_t kMost = 9216;  // octets: no port carries more
  const std::string text = in.Text("tfc_padding", "0");
  if (text == "mtu") return kTfcToMtu;
  if (auto octets = ParseInteger(text, 0, kMost)) return static_cast<uint16_t>(*octets);
  in.Error("tfc_padding", Cat("\"", Escape(text), "\"; expected mtu or 0 to ", kMost, " octets"));
  return 0;
}

uint32_t ReadReplayWindow(const SectionReader& in, uint32_t otherwise) {
  const uint64_t written = in.Integer("replay_window", otherwise);
  if (written == 0 || written > kMaxReplayWindow) return otherwise;
  const uint32_t window = std::max(std::bit_ceil(static_cast<uint32_t>(written)), kMinReplayWindow);
  if (window != written) in.Warn("replay_window", Cat("raised from ", written, " to ", window));
  return window;
}

HwOffload ReadHwOffload(const SectionReader& in) {
  const auto word = in.Text("hw_offload", "auto");
  if (word == "no") return HwOffload::kNo;
  if (word == "crypto") return HwOffload::kCrypto;
  return word == "packet" ? HwOffload::kPacket : HwOffload::kAuto;
}

Connection ReadConnection(const SectionReader& in, const ControlSettings& settings, const std::string& credentials_dir) {
  Connection conn{.name = in.section().name};
  conn.profile = FindProfile(in.Text("profile")).value_or(settings.profile);
  conn.version = static_cast<uint8_t>(in.Integer("version", conn.version));
  conn.aggressive = in.Bool("aggressive", conn.aggressive);
  conn.pull = in.Bool("pull", conn.pull);
  ReadVirtualAddresses(in, conn);
  ReadEndpoints(in, conn);
  conn.proposals = ReadProposals(in, "proposals", DefaultIkeProposals(conn.profile),
                                 [&conn](const std::string& text) { return ParseIkeProposal(text, conn.profile); });
  conn.encap = in.Bool("encap", conn.encap);
  conn.mobike = in.Bool("mobike", conn.mobike);
  conn.fragmentation = ReadFragmentation(in.Text("fragmentation", "yes"));
  conn.childless = ReadChildless(in.Text("childless", "allow"));
  conn.ppk_id = in.Text("ppk_id");
  conn.ppk_required = in.Bool("ppk_required", conn.ppk_required);
  conn.keyingtries = static_cast<unsigned>(in.Integer("keyingtries", conn.keyingtries));
  conn.unique = ReadUnique(in.Text("unique", "no"));
  ReadIkeTimes(in, conn);
  const Section* children = in.section().FindSection("children");
  // A connection of shunts alone speaks to nobody, so it need not say how.
  const bool silent = HoldsShuntsAlone(children);
  auto rounds = [&](std::string_view prefix) {
    auto is = [prefix](const Section& s) { return std::string_view(s.name).starts_with(prefix); };
    const bool absent = std::ranges::none_of(in.section().sections(), is);
    return silent && absent ? std::vector<AuthRound>{} : ReadRounds(in, prefix, conn.profile, credentials_dir);
  };
  conn.local = rounds("local");
  conn.remote = rounds("remote");
  const std::string ocsp = in.Text("ocsp", "reply");
  conn.answers_ocsp = ocsp == "reply" || ocsp == "both";
  for (AuthRound& round : conn.remote) round.asks_ocsp = ocsp == "request" || ocsp == "both";
  conn.send_certreq = in.Bool("send_certreq", conn.send_certreq);
  conn.send_cert = ReadSendCert(in.Text("send_cert", "ifasked"));
  CheckVersion(in, settings, conn);
  if (children) {
    SectionReader all = in.Child(*children);
    for (const Section& s : children->sections()) {
      SectionReader child_in = all.Child(s);
      conn.children.push_back(ReadChild(child_in, conn.profile));
      ReadTunnels(in, child_in, conn.children.back());
      CheckStartable(in, conn, child_in, conn.children.back());
      CheckAh(child_in, conn, conn.children.back());
      CheckTransport(child_in, conn, conn.children.back());
      CheckPolicies(child_in, conn.children.back());
    }
  }
  DeriveIkev1Proposals(conn);
  CheckIkev1Proposals(in, conn);
  if (conn.children.empty()) in.Warn("children", "none: the connection protects nothing");
  return conn;
}

}  // namespace culvert::config
