// Z11: rules and packets through the policy match, against a slow second opinion that looks at every rule. The input is a
// script, octet by octet: add a rule, take one away, or ask about a packet. Addresses are few, so that rules overlap.
#include <cstdlib>
#include <iostream>

#include "tests/support/policy_duel.h"

namespace {

using culvert::Family;
using culvert::IpAddress;
using culvert::IpRange;
using culvert::SelectorList;
using culvert::TrafficSelector;
using culvert::testing::PolicyDuel;
using culvert::testing::SlowPacket;
using culvert::testing::SlowRule;

constexpr size_t kMaxRules = 24;

class Script {
 public:
  Script(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  bool over() const { return at_ == end_; }
  uint8_t Octet() { return over() ? 0 : *at_++; }

  // The first octet's high bits choose what the rest of the address is filled with.
  IpAddress Address(Family family) {
    IpAddress a = IpAddress::Any(family);
    const uint8_t head = Octet();
    for (size_t i = 0; i < a.size(); ++i) a.octets[i] = head & 0x80 ? 0xff : 0;
    if (head & 0x40) a.octets[a.size() / 2] = Octet();
    a.octets[0] ^= head & 0x0f;
    a.octets[a.size() - 1] = Octet();
    return a;
  }
  IpRange Range(Family family) {
    const uint8_t kind = Octet();
    IpAddress a = Address(family);
    if (kind & 0x80) return IpRange::Of({a, static_cast<uint8_t>((kind & 0x7f) % (a.bits() + 1))});
    IpAddress b = a;
    if (kind & 0x40 && wide_left_ > 0) {
      --wide_left_;
      b = Address(family);
    } else {
      b.octets[b.size() - 1] = Octet();
    }
    return b < a ? IpRange{b, a} : IpRange{a, b};
  }
  SelectorList Selectors() {
    SelectorList list;
    const uint8_t n = Octet();
    for (unsigned i = 0; i <= n % 4u; ++i) {
      const uint8_t form = Octet();
      TrafficSelector ts{.addresses = Range(form & 1 ? Family::kV6 : Family::kV4)};
      if (form & 2) ts.protocol = Octet();
      if (form & 4) {
        ts.port_first = Octet();
        ts.port_last = std::max<uint16_t>(ts.port_first, Octet());
      } else if (form & 8) {
        ts.port_first = 65535;
        ts.port_last = 0;
      }
      list.push_back(ts);
    }
    return list;
  }
  SlowRule Rule() {
    SlowRule r;
    const uint8_t head = Octet();
    r.rank = head & 3;
    r.if_id_out = head >> 2 & 3;
    r.if_id_in = head & 0x80 ? head >> 4 & 3 : r.if_id_out;
    r.local = Selectors();
    r.remote = Selectors();
    return r;
  }
  SlowPacket Packet() {
    const uint8_t head = Octet();
    const Family family = head & 1 ? Family::kV6 : Family::kV4;
    SlowPacket p;
    p.source = Address(family);
    p.destination = Address(family);
    p.protocol = Octet();
    if (head & 2) {
      p.source_port = Octet();
      p.destination_port = Octet();
    }
    return p;
  }

 private:
  const uint8_t *at_, *end_;
  int wide_left_ = 2;  // ranges whose ends are far apart: two of them can make 65,000 entries
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Script script(data, size);
  PolicyDuel duel;
  while (!script.over()) {
    const uint8_t deed = script.Octet();
    if (deed % 4 == 0 && duel.rules().size() < kMaxRules) {
      duel.Add(script.Rule());
    } else if (deed % 4 == 1 && !duel.rules().empty()) {
      duel.Remove(script.Octet() % duel.rules().size());
    } else if (auto why = duel.Disagreement(script.Packet()); !why.empty()) {
      std::cerr << why << '\n';
      std::abort();
    }
  }
  return 0;
}
