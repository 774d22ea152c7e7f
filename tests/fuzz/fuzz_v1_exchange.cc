#include <deque>

#include <gtest/gtest.h>

#include "absl/log/check.h"
#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "tests/fuzz/v2_repair.h"
#include "tests/support/peers_v1.h"
#include "tests/support/raw_peer_v1.h"

// Two gateways that speak IKEv1, a scheduler that wishes them ill, and one who has good keys and keeps no rule.
//
// Input: an octet of Scene, then steps of two octets, an Op and its operand; kForge takes a forgery's octets as well. What is on
// its way waits in a queue: the steps say which of it arrives, when, how often and how damaged, what the operators want meanwhile,
// and who forgets everything. With kRogueResponder there is only a, and whom it calls says what it likes. Then the network heals.
// Whatever came before, both sides must have the same SAs and nothing else once lifetimes have passed (nobody acknowledges a
// Delete); where somebody put in messages of its own, each side's books must at least be in order.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

constexpr size_t kMaxSteps = 40;
enum Scene : uint8_t { kAggressive = 1, kPfs = 2, kXauth = 4, kModeConfig = 8, kSmallFragments = 16, kSlowInstalls = 32, kNotUpYet = 64, kRogueResponder = 128 };
enum class Op : uint8_t { kDeed, kDeliver, kDeliverLast, kDrop, kTwice, kDamage, kWait, kForge, kCount };
enum class Deed : uint8_t { kUp, kUpOther, kRekeyChild, kRekeyIke, kDownChild, kDownIke, kReload, kCrash };
enum class Forged : uint8_t { kRaw, kQuick, kThird, kDelete, kNotify, kTransaction, kInClear, kFragment };

class Run {
 public:
  explicit Run(ByteView input) : choices_(input), scene_(choices_.U8()) {
    p_.AddChild("other", 1);
    UseIkev1(p_, {.aggressive = (scene_ & kAggressive) != 0, .xauth = (scene_ & kXauth) != 0, .mode_config = (scene_ & kModeConfig) != 0,
                  .esp = scene_ & kPfs ? "aes128gcm16-ecp256" : "aes128gcm16"});
    p_.ForBoth([&](SimPeer& peer) {
      config::Connection& c = p_.ConnectionOf(peer);
      c.unique = config::Unique::kNo;
      c.rekey_time = 200s;
      c.over_time = 30s;
      c.rand_time = 10s;
      for (config::Child& child : c.children) child.seconds_ = {200, 240, 10};
      if (scene_ & kSmallFragments) peer.control.settings.fragment_size_v4 = 150;
      if (scene_ & kSlowInstalls) peer.install_delay = 300ms;
    });
    // The rogue is one of b's peers, from another place than a.
    p_.ConnectionOf(p_.b).remote_addrs = {"192.0.2.1", "192.0.2.3"};
    p_.network.on_send = [this](const SimPacket& packet) {
      if (held_) on_way_.push_back(packet);
    };
    p_.a.Start();
    if (scene_ & kRogueResponder) {
      BeRogueResponder();
      return;
    }
    p_.b.Start();
    p_.a.Up("net");
    if (!(scene_ & kNotUpYet)) p_.RunFor(2s);
    held_ = true;
    p_.network.fate = [](const SimPacket&) { return Fate{.arrivals = {}}; };
    p_.RunFor(1ms);
  }

  void Steps() {
    for (size_t n = 0; n < kMaxSteps && !choices_.done(); ++n) {
      const auto op = static_cast<Op>(choices_.U8() % static_cast<uint8_t>(Op::kCount));
      Step(op, choices_.U8());
      p_.RunFor(1ms);
    }
  }

  void Heal() {
    held_ = false;
    p_.network.fate = nullptr;
    p_.ForBoth([](SimPeer& peer) { peer.install_delay = {}; });
    while (!on_way_.empty()) Deliver(Take(0));
    p_.RunFor(300s);
    std::string wrong = Wrong();
    for (int tries = 0; tries < 100 && !wrong.empty(); ++tries) {
      p_.RunFor(5s);
      wrong = Wrong();
    }
    CHECK_EQ(wrong, "");
  }

 private:
  void BeRogueResponder() {
    rogue_.emplace(v1::RawPeer::World{p_.clock, p_.network, p_.a}, p_.b.address, false);
    rogue_->id = "b.example.org";
    forged_ = true;
    p_.a.Up("net");
    if (!(scene_ & (kNotUpYet | kAggressive)) && rogue_->AnswerMainMode()) SendFifth();
  }
  void SendFifth() {
    rogue_->Send(rogue_->Seal(v1::ExchangeType::kMain, 0, rogue_->Main5()));
    rogue_->last_block = rogue_->chains[0];
    p_.RunFor(10ms);
  }

  SimPacket Take(size_t n) {
    auto it = on_way_.begin() + static_cast<ptrdiff_t>(n % on_way_.size());
    SimPacket packet = std::move(*it);
    on_way_.erase(it);
    return packet;
  }
  void Deliver(SimPacket packet) { p_.network.Deliver(std::move(packet)); }

  void Step(Op op, uint8_t operand) {
    switch (op) {
      case Op::kDeed: return Do(operand & 1 || scene_ & kRogueResponder ? p_.a : p_.b, static_cast<Deed>(operand >> 1 & 7));
      case Op::kWait: return p_.RunFor(std::chrono::milliseconds(operand * operand));
      case Op::kForge: return Forge(operand);
      default: break;
    }
    if (on_way_.empty()) return;
    if (op == Op::kDeliverLast) return Deliver(Take(on_way_.size() - 1));
    SimPacket packet = Take(operand);
    if (op == Op::kDrop) return;
    if (op == Op::kTwice) on_way_.push_back(packet);
    // What is in clear is not protected: HASH then fails, and rightly.
    if (op == Op::kDamage && !IsInClear(packet.data)) packet.data[operand % packet.data.size()] ^= operand | 1;
    Deliver(std::move(packet));
  }

  void Do(SimPeer& who, Deed deed) {
    switch (deed) {
      case Deed::kUp: who.Up("net"); return;
      case Deed::kUpOther: who.Up("other"); return;
      case Deed::kRekeyChild: who.RekeyChildren("net"); return;
      case Deed::kRekeyIke: who.RekeyIke("gw"); return;
      case Deed::kDownChild: who.Down("gw", "net"); return;
      case Deed::kDownIke: who.Down("gw"); return;
      case Deed::kReload: who.Post(ConfigChanged{}); return;
      case Deed::kCrash:
        who.Crash();
        who.Start();
        return;
    }
  }

  // What: 1 octet, message ID: 1, and what that takes. It first makes itself known, as the scene wants it.
  void Forge(uint8_t how) {
    if (!rogue_) Introduce();
    const uint8_t what = choices_.U8(), id = choices_.U8();
    // The two gateways' own messages wait meanwhile; the rogue's come at once.
    v1::RawPeer& r = *rogue_;
    if (r.chains.empty()) return SendInClear(id);
    if (how & 1) r.chains.erase(id + 1u);
    Say(static_cast<Forged>(what & 7), what >> 3, id + 1u);
    for (const Bytes& heard : r.Heard()) r.Open(heard);
  }

  void Introduce() {
    rogue_.emplace(v1::RawPeer::World{p_.clock, p_.network, p_.b}, Address("192.0.2.3"));
    forged_ = true;
    const bool held = std::exchange(held_, false);
    auto fate = std::exchange(p_.network.fate, nullptr);
    if (scene_ & kXauth) rogue_->offer.method = v1::AuthMethod::kXauthInitPreShared;
    scene_ & kAggressive ? rogue_->AggressiveMode() : rogue_->MainMode();
    held_ = held;
    p_.network.fate = std::move(fate);
  }

  void SendInClear(uint8_t id) {
    v1::Header h = rogue_->HeaderOf(static_cast<v1::ExchangeType>(choices_.U8()), id & 1 ? id : 0u);
    h.next_payload = static_cast<v1::PayloadType>(choices_.U8());
    Bytes body = Octets(choices_.U8());
    if (id & 2) RepairChain(body);
    Bytes m = EncodeHeader(h, body.size());
    Append(m, body);
    rogue_->Send(std::move(m));
  }

  void Say(Forged what, uint8_t more, uint32_t id) {
    v1::RawPeer& r = *rogue_;
    using v1::ExchangeType;
    switch (what) {
      case Forged::kQuick:
        return r.Send(r.SealHashed(ExchangeType::kQuick, id, v1::PayloadType::kSa, Edited(r.Quick1({.spi = 0x1000u + more}).Encode(), more)));
      case Forged::kThird: return r.Send(r.Quick3(id));
      case Forged::kDelete: return r.Send(r.SealHashed(ExchangeType::kInformational, id, Deletes(more)));
      case Forged::kNotify: return r.Send(r.SealHashed(ExchangeType::kInformational, id, Notifies(more)));
      case Forged::kTransaction: return r.Send(r.SealHashed(ExchangeType::kTransaction, id, Attributes(more)));
      case Forged::kInClear: return SendInClear(static_cast<uint8_t>(id));
      case Forged::kFragment: return SendFragment(more);
      case Forged::kRaw: break;
    }
    const auto exchange = static_cast<ExchangeType>(choices_.U8() % 34);
    const auto first = static_cast<v1::PayloadType>(choices_.U8() % 22);
    Bytes body = Octets(choices_.U8());
    if (more & 1) RepairChain(body);
    r.Send(more & 2 ? r.Seal(exchange, more & 4 ? 0 : id, first, std::move(body))
                    : r.SealHashed(exchange, id, first, std::move(body)));
  }

  void SendFragment(uint8_t more) {
    v1::Payloads p;
    const ByteView data = p.Keep(Octets(1u + choices_.U8()));
    p.Add(v1::FragmentPayload{.id = static_cast<uint16_t>(1 + (more & 3)), .number = static_cast<uint8_t>(1 + choices_.U8() % 20), .last = (more & 4) != 0, .data = data});
    rogue_->Send(rogue_->InClear(v1::ExchangeType::kMain, p));
  }

  // A good first message with an octet of it changed, HASH made anew.
  Bytes Edited(Bytes body, uint8_t more) {
    if (more & 1) body.at(choices_.U8() % body.size()) ^= choices_.U8();
    return body;
  }

  v1::Payloads Deletes(uint8_t more) {
    v1::Payloads p;
    v1::DeletePayload d{.protocol = static_cast<v1::ProtocolId>(more % 5), .spis = {}};
    const bool isakmp = d.protocol == v1::ProtocolId::kIsakmp;
    for (unsigned n = 0; n < 1u + more / 16u; ++n) {
      Writer w;
      if (isakmp) w.U64(rogue_->cookie_i), w.U64(rogue_->cookie_r);
      else w.U32(SpiOf(choices_.U8()));
      d.spis.push_back(p.Keep(w.Release()));
    }
    p.Add(std::move(d));
    return p;
  }
  v1::Payloads Notifies(uint8_t more) {
    static constexpr v1::NotifyType kTypes[] = {v1::NotifyType::kDpdRequest, v1::NotifyType::kDpdAck, v1::NotifyType::kInitialContact, v1::NotifyType::kConnected,
                                                v1::NotifyType::kResponderLifetime, v1::NotifyType::kInvalidSpi, v1::NotifyType::kNoProposalChosen, v1::NotifyType::kUnityLoadBalance};
    v1::Payloads p;
    Writer cookies, spi;
    cookies.U64(rogue_->cookie_i);
    cookies.U64(rogue_->cookie_r);
    spi.U32(SpiOf(choices_.U8()));
    const ByteView about = p.Keep(more & 8 ? cookies.Release() : spi.Release());
    p.Add(v1::NotifyPayload{.protocol = more & 16 ? v1::ProtocolId::kEsp : v1::ProtocolId::kIsakmp, .type = kTypes[more & 7], .spi = about, .data = p.Keep(Octets(choices_.U8() % 32u))});
    return p;
  }
  v1::Payloads Attributes(uint8_t more) {
    v1::Payloads p;
    v1::AttributesPayload a{.type = static_cast<v1::TransactionType>(1 + (more & 3)), .id = static_cast<uint16_t>(choices_.U8()), .attributes = {}};
    for (unsigned n = 0; n < 1u + more / 8u; ++n) {
      const uint8_t type = choices_.U8(), size = choices_.U8();
      const bool basic = (size & 1) != 0, xauth = (type & 0x80) != 0;
      a.attributes.push_back({static_cast<uint16_t>(xauth ? 16520 + (type & 15) : type), basic, p.Keep(Octets(basic ? 2u : size / 8u))});
    }
    p.Add(std::move(a));
    return p;
  }

  uint32_t SpiOf(uint8_t which) {
    SimPeer& target = scene_ & kRogueResponder ? p_.a : p_.b;
    const auto live = target.LiveChildren();
    if (live.empty()) return which;
    return which & 1 ? live[which % live.size()].spi_out : live[which % live.size()].spi_in;
  }
  Bytes Octets(size_t n) {
    Bytes b;
    for (size_t i = 0; i < n; ++i) b.push_back(choices_.U8());
    return b;
  }

  std::string Wrong() {
    if (!forged_) return p_.Disagreement();
    for (SimPeer* peer : {&p_.a, &p_.b}) {
      if (!peer->core) continue;
      if (std::string untidy = peer->Untidiness(); !untidy.empty()) return untidy;
    }
    return "";
  }

  Reader choices_;   // zero when it has ended
  const uint8_t scene_;
  TwoPeers p_;
  std::optional<v1::RawPeer> rogue_;
  std::deque<SimPacket> on_way_;
  bool held_ = false, forged_ = false;
};

}  // namespace
}  // namespace culvert::ike

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  GTEST_FLAG_SET(break_on_failure, true);   // the simulation's own checks are EXPECTs
  culvert::ike::Run run(culvert::ByteView(data, size));
  run.Steps();
  run.Heal();
  return 0;
}
