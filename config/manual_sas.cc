#include "config/manual_sas.h"

#include <algorithm>

#include "common/base/limits.h"
#include "common/bytes/hex.h"
#include "common/ipsec/nonces.h"
#include "config/connections.h"
#include "config/selectors.h"
#include "config/text.h"

namespace culvert::config {
namespace {

constexpr size_t kMaxSaName = 31;            // characters: what the data plane keeps of it
constexpr uint64_t kNattPort = 4500;

std::string Quote(std::string_view text) { return Cat("\"", Escape(text), "\""); }

bool IsOwn(const Dataplane& dataplane, const IpAddress& address) {
  return std::ranges::any_of(dataplane.ports,
                             [&](const Port& p) { return std::ranges::contains(p.addrs, address, &IpPrefix::address); });
}

bool Demand(const SectionReader& in, std::string_view key, std::string_view expected) {
  if (!in.Has(key)) in.Error(key, Cat("missing; expected ", expected));
  return in.Has(key);
}

std::optional<IpAddress> ReadEnd(const SectionReader& in, std::string_view key) {
  if (!Demand(in, key, "the outer address")) return std::nullopt;
  auto address = IpAddress::Parse(in.Text(key));
  if (!address) return std::nullopt;  // reported by type already
  if (!address->is_unspecified() && !address->is_multicast() && !address->is_link_local()) return address;
  in.Error(key, Cat(address->ToString(), "; expected a unicast address that is routed"));
  return std::nullopt;
}

bool ReadEnds(const SectionReader& in, const Dataplane& dataplane, ManualSa& sa) {
  auto src = ReadEnd(in, "src"), dst = ReadEnd(in, "dst");
  if (!src || !dst) return false;
  if (src->family != dst->family) {
    in.Error("dst", "is of another address family than src");
    return false;
  }
  sa.local = sa.inbound ? *dst : *src;
  sa.remote = sa.inbound ? *src : *dst;
  const char* own = sa.inbound ? "dst" : "src";
  const char* other = sa.inbound ? "src" : "dst";
  if (!IsOwn(dataplane, sa.local)) in.Error(own, Cat(sa.local.ToString(), " is no address of a port of this gateway"));
  if (IsOwn(dataplane, sa.remote)) in.Error(other, Cat(sa.remote.ToString(), " is this gateway's own; expected the peer's"));
  return true;
}

bool ReadSuite(const SectionReader& in, const Dataplane& dataplane, ManualSa& sa) {
  if (!Demand(in, "suite", sa.ah ? "an AH proposal such as sha256" : "an ESP proposal such as aes256-sha256")) return false;
  auto proposal = ParseEspProposal(in.Text("suite"), sa.ah, Profile::kLegacy);
  if (!proposal) {
    in.Error("suite", proposal.error());
    return false;
  }
  const bool aead = !sa.ah && proposal->integs.empty();
  const bool one = proposal->encrs.size() == (sa.ah ? 0 : 1) && proposal->integs.size() == (aead ? 0 : 1);
  if (!one || proposal->esn.size() != 1 || !proposal->groups.empty()) {
    in.Error("suite", "offers a choice; expected one algorithm of each kind, with esn or noesn, and no key exchange");
    return false;
  }
  if (!sa.ah) {
    sa.suite.encr = proposal->encrs.front().id;
    sa.suite.encr_key_bits = proposal->encrs.front().key_bits;
  }
  if (!aead) sa.suite.integ = proposal->integs.front();
  sa.suite.esn = proposal->esn.front() == EsnId::kYes;
  sa.counts_nonces = CountsNonces(sa.suite.encr, sa.suite.integ);
  if (sa.counts_nonces && !dataplane.lab) {
    in.Error("suite", Cat(Name(sa.suite), " with a static key uses each nonce again after every start (RFC 4106 2); expected a "
                                          "suite such as aes256-sha256, or lab = yes where nothing is at stake"));
  }
  return true;
}

// "16 octets of cipher key, 4 of salt": of what is there.
std::string PartsOfKey(const ManualSa& sa) {
  std::string out;
  auto add = [&out](size_t octets, const char* what) {
    if (octets != 0) out += Cat(out.empty() ? "" : ", ", octets, " of ", what);
  };
  const EncrInfo* encr = Find(sa.suite.encr);
  const size_t salt = encr ? encr->salt : IsGmac(sa.suite.integ) ? 4 : 0;
  const size_t integ = sa.suite.integ_keymat();
  add(sa.suite.encr_key_bits / 8u, "cipher key");
  add(IsGmac(sa.suite.integ) ? integ - salt : 0, "cipher key");
  add(salt, "salt");
  add(IsGmac(sa.suite.integ) ? 0 : integ, "integrity key");
  return out;
}

void ReadKey(const SectionReader& in, ManualSa& sa) {
  CheckHidden(in, "key");
  if (!Demand(in, "key", "0x and hexadecimal digits")) return;
  const std::string text = in.Text("key");
  auto key = ParseSecret(text);
  if (!key) return;  // reported by type already
  const size_t encr = sa.suite.encr_keymat(), integ = sa.suite.integ_keymat();
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (!hex) return in.Error("key", "is no hexadecimal number; expected 0x and digits");
  if (key->size() != encr + integ) {
    const std::string wanted = Cat(Name(sa.suite), " takes ", encr + integ, ": ", PartsOfKey(sa));
    return in.Error("key", Cat("has ", key->size(), " octets; ", wanted));
  }
  sa.encr_key = SecretBytes(key->view().first(encr));
  sa.integ_key = SecretBytes(key->view().subspan(encr));
}

SelectorList SelectorsOf(const SectionReader& in, std::string_view key, const IpAddress& end, bool transport) {
  std::vector<Ts> written;
  for (const std::string& text : in.List(key)) {
    if (auto ts = ParseSelector(text)) written.push_back(*ts);
  }
  if (written.size() > kMaxSelectorsPerSa) {
    in.Error(key, Cat(written.size(), " selectors; expected at most ", kMaxSelectorsPerSa));
    written.resize(kMaxSelectorsPerSa);
  }
  if (written.empty() || transport) {
    SelectorList out = AtHost(written, end);
    if (out.empty()) {
      in.Error(key, Cat("leaves out the SA's end ", end.ToString(), "; transport mode is between the ends alone"));
    }
    return out;
  }
  SelectorList out;
  for (Ts& ts : written) {
    if (ts.dynamic) ts.selector.addresses = {end, end};
    out.push_back(ts.selector);
  }
  return out;
}

void ReadEncap(const SectionReader& in, ManualSa& sa) {
  sa.encap = in.Bool("encap", false);
  for (const char* key : {"src_port", "dst_port"}) {
    if (in.Has(key) && !sa.encap) in.Error(key, "says nothing without encap");
  }
  if (!sa.encap) return;
  if (sa.ah) in.Error("encap", "is for ESP: AH covers the addresses, and goes through no NAT");
  auto src = static_cast<uint16_t>(in.Integer("src_port", kNattPort));
  auto dst = static_cast<uint16_t>(in.Integer("dst_port", kNattPort));
  if (sa.inbound && dst != kNattPort) in.Error("dst_port", "ESP in UDP arrives at port 4500 of this gateway, and at no other");
  sa.local_port = sa.inbound ? dst : src;
  sa.remote_port = sa.inbound ? src : dst;
}

void ReadWindow(const SectionReader& in, ManualSa& sa) {
  if (in.Has("replay_window") && !sa.inbound) in.Error("replay_window", "says nothing of what is sent");
  sa.replay_window = ReadReplayWindow(in, 0);
}

void ReadPadding(const SectionReader& in, ManualSa& sa) {
  sa.tfc_padding = ReadTfcPadding(in);
  const bool may = !sa.inbound && !sa.ah && !sa.transport;
  if (sa.tfc_padding != 0 && !may) in.Error("tfc_padding", "only what goes out by ESP in tunnel mode can be padded");
}

void ReadDataPath(const SectionReader& in, const Dataplane& dataplane, ManualSa& sa) {
  sa.dummy_packets = static_cast<uint32_t>(in.Integer("dummy_packets", 0));
  if (sa.dummy_packets != 0 && (sa.inbound || sa.ah)) {
    in.Error("dummy_packets", "only what goes out by ESP can be of no meaning");
  }
  ReadEncap(in, sa);
  ReadWindow(in, sa);
  ReadPadding(in, sa);
  sa.hw_offload = ReadHwOffload(in);
  sa.hw_offload_where = in.Where("hw_offload");
  sa.priority = static_cast<uint32_t>(in.Integer("priority", 0));
  sa.copy_df = in.Bool("copy_df", true);
  sa.copy_ecn = in.Bool("copy_ecn", true);
  sa.copy_dscp = in.Bool("copy_dscp", !sa.inbound);
  sa.if_id = static_cast<uint32_t>(in.Integer("if_id", 0));
  if (sa.if_id != 0 && !std::ranges::contains(dataplane.tunnels, sa.if_id, &Tunnel::if_id)) {
    in.Error("if_id", Cat("no tunnel of this gateway has ", sa.if_id));
  }
  sa.life_time = in.Seconds("life_time", seconds(0));
  sa.life_bytes = in.Size("life_bytes", 0);
  sa.life_packets = in.Size("life_packets", 0);
  auto worker = in.Text("worker", "auto");
  if (worker == "auto") return;
  auto number = ParseInteger(worker, 0, dataplane.worker_cores.empty() ? 0 : dataplane.worker_cores.size() - 1);
  if (!number) return in.Error("worker", Cat(number.error(), ": the number of a worker; or expected auto"));
  sa.worker = static_cast<unsigned>(*number);
}

std::optional<ManualSa> ReadManualSa(const SectionReader& in, const Dataplane& dataplane) {
  ManualSa sa;
  sa.name = in.section().name;
  sa.where = in.Where("");
  if (sa.name.size() > kMaxSaName) in.Error(Cat("the name is too long; expected at most ", kMaxSaName, " characters"));
  const bool directed = Demand(in, "direction", "in or out"), numbered = Demand(in, "spi", "a number from 256 on");
  sa.inbound = in.Text("direction") == "in";
  sa.spi = static_cast<uint32_t>(in.Integer("spi", 0));
  sa.ah = in.Text("protocol", "esp") == "ah";
  sa.transport = in.Text("mode", "tunnel") == "transport";
  if (!directed || !numbered || !ReadEnds(in, dataplane, sa) || !ReadSuite(in, dataplane, sa)) return std::nullopt;
  ReadKey(in, sa);
  ReadDataPath(in, dataplane, sa);
  sa.over = in.Text("over");
  const bool insists = sa.hw_offload == HwOffload::kCrypto || sa.hw_offload == HwOffload::kPacket;
  if (insists && (sa.ah || !sa.over.empty())) {
    in.Error("hw_offload", "only ESP that is not under AH can go to an engine beside the processor; expected auto or no");
  }
  sa.local_ts = SelectorsOf(in, "local_ts", sa.local, sa.transport);
  sa.remote_ts = SelectorsOf(in, "remote_ts", sa.remote, sa.transport);
  return sa;
}

// RFC 4301 4.2: ESP inside, AH in transport mode around it, between the same ends.
std::string ProblemOfBundle(const ManualSa& sa, const ManualSa* over) {
  if (sa.ah) return "is for ESP: AH goes under nothing";
  if (sa.encap) return "and encap: AH covers the addresses, and goes through no NAT";
  if (over == nullptr) return Cat(Quote(sa.over), " is no SA of these");
  const bool fits = over->ah && over->transport && over->inbound == sa.inbound && over->over.empty();
  if (!fits) return Cat(Quote(sa.over), " is none by AH in transport mode of the same direction");
  if (over->local != sa.local || over->remote != sa.remote) return Cat(Quote(sa.over), " is between other ends");
  if (sa.worker) return "and worker: it runs where the AH runs; expected the AH's worker";
  return "";
}

void Bundle(const SectionReader& in, std::vector<ManualSa>& sas) {
  constexpr uint8_t kEsp = 50;
  for (const ManualSa& sa : sas) {
    if (sa.over.empty()) continue;
    auto over = std::ranges::find(sas, sa.over, &ManualSa::name);
    SectionReader reader = in.Child(*in.section().FindSection(sa.name));
    if (auto problem = ProblemOfBundle(sa, over == sas.end() ? nullptr : &*over); !problem.empty()) {
      reader.Error("over", problem);
      continue;
    }
    SectionReader carrier = in.Child(*in.section().FindSection(over->name));
    for (const char* key : {"local_ts", "remote_ts", "priority"}) {
      if (carrier.Has(key)) carrier.Error(key, Cat("is for the SAs that go over it, such as ", Quote(sa.name), ", to say"));
    }
    over->carrier = true;
    over->local_ts = {{.addresses = {over->local, over->local}, .protocol = kEsp}};
    over->remote_ts = {{.addresses = {over->remote, over->remote}, .protocol = kEsp}};
  }
}

// One policy stands for all SAs of the same selectors.
void CheckPriorities(const SectionReader& in, const std::vector<ManualSa>& sas) {
  for (auto sa = sas.begin(); sa != sas.end(); ++sa) {
    auto differs = [&](const ManualSa& o) {
      return !o.carrier && o.if_id == sa->if_id && o.local_ts == sa->local_ts && o.remote_ts == sa->remote_ts &&
             o.priority != sa->priority;
    };
    auto other = std::find_if(sas.begin(), sa, differs);
    if (other == sa || sa->carrier) continue;
    in.Child(*in.section().FindSection(sa->name))
        .Error("priority", Cat(sa->priority, "; expected ", other->priority, ", as SA ", Quote(other->name),
                               " of the same selectors has"));
  }
}

}  // namespace

void ReadManualSas(const SectionReader& in, Dataplane& out) {
  for (const Section& s : in.section().sections()) {
    SectionReader reader = in.Child(s);
    auto sa = ReadManualSa(reader, out);
    if (!sa) continue;
    auto same = std::ranges::find_if(out.sas, [&](const ManualSa& o) { return o.inbound == sa->inbound && o.spi == sa->spi; });
    if (same != out.sas.end()) {
      reader.Error("spi", Cat("is that of SA ", Quote(same->name), " of this direction too"));
      continue;
    }
    out.sas.push_back(*std::move(sa));
  }
  Bundle(in, out.sas);
  CheckPriorities(in, out.sas);
  if (out.sas.size() > kMaxManualSas) in.Error(Cat(out.sas.size(), " SAs; expected at most ", kMaxManualSas));
}

}  // namespace culvert::config
