#include "control/ike/negotiate/phase2_proposal.h"

#include <algorithm>

#include "common/base/limits.h"
#include "control/ike/crypto/key_exchange.h"
#include "control/ike/negotiate/floor.h"
#include "control/ike/negotiate/phase2_transform.h"

namespace culvert::ike::v1 {
namespace {

constexpr size_t kLongest = 1000;   // characters of a log line

// All that the proposals admit, in order; of each proposal apart.
using Choices = std::vector<std::vector<Phase2Suite>>;

std::vector<KeGroup> GroupsOf(const config::EspProposal& p) {
  std::vector<KeGroup> groups;
  for (KeGroup g : p.groups) {
    if (g == KeGroup::kNone || (HasNumber(g) && KeyExchange::Supports(g))) groups.push_back(g);
  }
  if (p.groups.empty() || p.accept_without_ke) groups.push_back(KeGroup::kNone);
  return groups;
}

void AddSuites(const config::EspProposal& p, const config::Cipher& cipher, std::vector<Phase2Suite>& to) {
  const bool ah = p.encrs.empty();
  const EncrInfo* row = Find(cipher.id);
  const bool aead = row && row->aead;
  const std::vector<IntegId> integs = aead ? std::vector{IntegId::kNone} : p.integs;
  for (IntegId integ : integs) {
    for (EsnId esn : p.esn) {
      for (KeGroup group : GroupsOf(p)) {
        Phase2Suite s{.protocol = ah ? IpsecProtocol::kAh : IpsecProtocol::kEsp,
                      .suite = {cipher.id, cipher.key_bits, integ, esn == EsnId::kYes}, .group = group};
        if (HasNumbers(s) && !std::ranges::contains(to, s)) to.push_back(s);
      }
    }
  }
}

Choices AllOf(const Phase2Policy& policy) {
  Choices out;
  // Who lists ESP and AH prefers ESP, as charon has it.
  for (const auto* list : {&policy.esp, &policy.ah}) {
    for (const config::EspProposal& p : *list) {
      std::vector<Phase2Suite> suites;
      for (const config::Cipher& c : p.encrs) AddSuites(p, c, suites);
      if (p.encrs.empty()) AddSuites(p, {}, suites);
      if (!suites.empty()) out.push_back(std::move(suites));
    }
  }
  return out;
}

// RFC 2409 5.5: what goes with one KE payload, or with none.
Choices WithGroup(Choices all, KeGroup group) {
  for (auto& suites : all) std::erase_if(suites, [group](const Phase2Suite& s) { return s.group != group; });
  std::erase_if(all, [](const auto& suites) { return suites.empty(); });
  return all;
}

Encapsulation OfferedMode(const Phase2Policy& p) {
  switch (p.udp) {
    case UdpNumbers::kNone: return p.transport ? Encapsulation::kTransport : Encapsulation::kTunnel;
    case UdpNumbers::kRfc3947: return p.transport ? Encapsulation::kUdpTransport : Encapsulation::kUdpTunnel;
    case UdpNumbers::kDraft: return p.transport ? Encapsulation::kUdpTransportDraft : Encapsulation::kUdpTunnelDraft;
  }
  return Encapsulation::kTunnel;
}

bool IsMode(const Phase2Policy& p, Encapsulation mode) {
  if (p.udp == UdpNumbers::kNone) return mode == OfferedMode(p);
  if (p.transport) return mode == Encapsulation::kUdpTransport || mode == Encapsulation::kUdpTransportDraft;
  return mode == Encapsulation::kUdpTunnel || mode == Encapsulation::kUdpTunnelDraft;
}

ProtocolId NumberOf(IpsecProtocol p) { return p == IpsecProtocol::kAh ? ProtocolId::kAh : ProtocolId::kEsp; }

Bytes SpiOctets(uint32_t spi) {
  Writer w;
  w.U32(spi);
  return w.Release();
}

bool StandsAlone(const SaPayload& sa, const Proposal& p) {
  return std::ranges::count(sa.proposals, p.number, &Proposal::number) == 1;
}

// As the profile's floor knows a suite (floor.h); empty where it is above.
std::string BelowFloorBy(config::Profile floor, const Phase2Suite& s) {
  ike::Proposal as_v2{.number = 1, .protocol = s.protocol, .spi = {}, .transforms = {}};
  const EncrInfo* row = Find(s.suite.encr);
  auto add = [&as_v2](TransformType type, auto id, uint16_t bits = 0) {
    as_v2.transforms.push_back({.type = type, .id = static_cast<uint16_t>(id), .key_bits = bits});
  };
  if (row) add(TransformType::kEncr, s.suite.encr, row->fixed_key ? uint16_t{0} : s.suite.encr_key_bits);
  if (s.suite.integ != IntegId::kNone) add(TransformType::kInteg, s.suite.integ);
  if (s.group != KeGroup::kNone) add(TransformType::kKe, s.group);
  auto judged = AboveFloor(floor, std::optional(ike::ChosenEsp{.suite = s.suite, .group = s.group, .protocol = s.protocol,
                                                               .answer = std::move(as_v2)}));
  return judged ? "" : judged.error().ToString({});
}

// A transform as its proposal has it, understood.
struct Candidate {
  const Proposal* proposal = nullptr;
  const Transform* transform = nullptr;
  Phase2Terms terms;
};

std::vector<Candidate> Understood(const Phase2Policy& policy, const SaPayload& sa) {
  std::vector<Candidate> out;
  for (const Proposal& p : sa.proposals) {
    if (!StandsAlone(sa, p) || (p.protocol != ProtocolId::kEsp && p.protocol != ProtocolId::kAh)) continue;
    for (const Transform& t : p.transforms) {
      auto terms = ReadTransform(p.protocol, t);
      if (terms && IsMode(policy, terms->mode)) out.push_back({&p, &t, *terms});
    }
  }
  return out;
}

Phase2Result Take(const Phase2Policy& policy, const Candidate& c) {
  const Phase2Suite& s = c.terms.suite;
  if (std::string below = BelowFloorBy(policy.floor, s); !below.empty()) return std::unexpected(below);
  return ChosenPhase2{.protocol = s.protocol, .suite = s.suite, .group = s.group,
                      .peer_spi = Reader(c.proposal->spi).U32(), .life = c.terms.life, .answer = {}};
}

uint64_t ShorterOf(uint64_t a, uint64_t b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

}  // namespace

SaLife Shorter(const SaLife& ours, const SaLife& theirs) {
  return {ShorterOf(ours.seconds, theirs.seconds), ShorterOf(ours.kilobytes, theirs.kilobytes)};
}

std::optional<Phase2Offer> OfferPhase2(const Phase2Policy& policy, uint32_t our_spi) {
  Choices all = AllOf(policy);
  if (all.empty()) return std::nullopt;
  const KeGroup group = all.front().front().group;
  all = WithGroup(std::move(all), group);
  const Bytes spi = SpiOctets(our_spi);
  TransformWriter writer;
  SaPayload sa;
  for (const auto& suites : all) {
    if (sa.proposals.size() == kMaxProposals) break;
    Proposal p{.number = static_cast<uint8_t>(sa.proposals.size() + 1), .protocol = NumberOf(suites.front().protocol),
               .spi = spi, .transforms = {}};
    for (const Phase2Suite& s : suites) {
      if (p.transforms.size() == kMaxTransformsPerProposal) break;
      Transform t = writer.Write({s, OfferedMode(policy), policy.life});
      t.number = static_cast<uint8_t>(p.transforms.size() + 1);
      p.transforms.push_back(std::move(t));
    }
    sa.proposals.push_back(std::move(p));
  }
  Writer w;
  Encode(sa, w);
  return Phase2Offer{w.Release(), all.front().front().protocol, group};
}

Phase2Result ChoosePhase2(const Phase2Policy& policy, const SaPayload& offered, uint32_t our_spi) {
  const std::vector<Candidate> candidates = Understood(policy, offered);
  for (const auto& suites : AllOf(policy)) {
    for (const Phase2Suite& ours : suites) {
      auto it = std::ranges::find(candidates, ours, [](const Candidate& c) { return c.terms.suite; });
      if (it == candidates.end()) continue;
      auto chosen = Take(policy, *it);
      if (!chosen) return chosen;
      const Bytes spi = SpiOctets(our_spi);
      Proposal p{.number = it->proposal->number, .protocol = it->proposal->protocol, .spi = spi, .transforms = {}};
      p.transforms.push_back(*it->transform);
      Writer w;
      Encode(SaPayload{.proposals = {std::move(p)}}, w);
      chosen->answer = w.Release();
      return chosen;
    }
  }
  return std::unexpected("");
}

Phase2Result AcceptPhase2(const Phase2Policy& policy, KeGroup group, const SaPayload& answer) {
  const bool one = answer.proposals.size() == 1 && answer.proposals[0].transforms.size() == 1;
  if (!one) return std::unexpected(", not one proposal of one transform");
  const std::vector<Candidate> candidates = Understood(policy, answer);
  if (candidates.empty()) return std::unexpected("");
  for (const auto& suites : WithGroup(AllOf(policy), group)) {
    if (std::ranges::contains(suites, candidates[0].terms.suite)) return Take(policy, candidates[0]);
  }
  return std::unexpected("");
}

std::string DescribePhase2(const SaPayload& sa) {
  std::string out;
  for (const Proposal& p : sa.proposals) {
    for (const Transform& t : p.transforms) {
      if (out.size() > kLongest) return out + "...";
      if (!out.empty()) out += ", ";
      auto terms = ReadTransform(p.protocol, t);
      out += terms ? Describe(*terms) : "transform " + std::to_string(t.id);
    }
  }
  return out.empty() ? "nothing" : out;
}

}  // namespace culvert::ike::v1
