#include <algorithm>
#include <deque>

#include <gtest/gtest.h>

#include "absl/log/check.h"
#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "control/ike/crypto/key_exchange.h"
#include "control/ike/negotiate/proposal.h"
#include "tests/fuzz/v2_repair.h"
#include "tests/support/insider.h"
#include "tests/support/two_peers.h"

// Two gateways, and a scheduler that wishes them ill.
//
// Input: an octet of Scene, then steps of two octets, an Op and its operand; kForge takes a Forgery's octets as well. What is
// on its way waits in a queue: the steps say which of it arrives, when, how often and how damaged, what the operators want
// meanwhile, and who forgets everything. Then the network heals. Whatever came before, both sides must then have the same SAs
// and nothing else; where an insider with the keys put in messages of its own, each side's books must at least be in order.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

constexpr size_t kMaxSteps = 40;
enum Scene : uint8_t { kPfs = 1, kSmallFragments = 2, kNoUnique = 4, kCloseRestarts = 8, kSlowInstalls = 16, kRekeysSoon = 32, kNotUpYet = 64 };
enum class Op : uint8_t { kDeed, kDeliver, kDeliverLast, kDrop, kTwice, kDamage, kWait, kForge, kCount };
enum class Deed : uint8_t { kUp, kUpOther, kRekeyChild, kRekeyIke, kDownChild, kDownIke, kReload, kCrash };
enum class Forged : uint8_t { kNothing, kDeleteIke, kDeleteChild, kRekeyChild, kNewChild, kRekeyIke, kNotify, kRaw };

class Run {
 public:
  explicit Run(ByteView input) : choices_(input) {
    const uint8_t scene = choices_.U8();
    p_.AddChild("other", 1);
    p_.ForBoth([&](SimPeer& peer) {
      config::Connection& c = p_.ConnectionOf(peer);
      c.dpd_delay = 10s;
      c.unique = scene & kNoUnique ? config::Unique::kNo : config::Unique::kReplace;
      if (scene & kSmallFragments) peer.control.settings.fragment_size_v4 = 150;
      if (scene & kRekeysSoon) c.rekey_time = 40s;
      if (scene & kSlowInstalls) peer.install_delay = 300ms;
      for (config::Child& child : c.children) {
        if (scene & kPfs) child.esp_proposals = {*config::ParseEspProposal("aes128gcm16-x25519", false)};
        if (scene & kCloseRestarts) child.close_action = config::CloseAction::kStart;
      }
    });
    auto check_repeats = p_.network.on_send;
    p_.network.on_send = [this, check_repeats](const SimPacket& packet) {
      if (!forged_) check_repeats(packet);
      if (held_) on_way_.push_back(packet);
    };
    p_.ForBoth([](SimPeer& peer) { Revive(peer); });
    p_.a.Up("net");
    if (!(scene & kNotUpYet)) p_.RunFor(2s);
    held_ = true;
    p_.network.fate = [](const SimPacket&) { return Fate{.arrivals = {}}; };
    p_.RunFor(1ms);
  }

  void Steps() {
    for (size_t n = 0; n < kMaxSteps && !choices_.done(); ++n) {
      Step(static_cast<Op>(choices_.U8() % static_cast<uint8_t>(Op::kCount)), choices_.U8());
      p_.RunFor(1ms);
    }
  }

  void Heal() {
    held_ = false;
    p_.network.fate = nullptr;
    p_.ForBoth([&](SimPeer& peer) {
      p_.ConnectionOf(peer).rekey_time = 0s;
      peer.install_delay = {};
    });
    while (!on_way_.empty()) Deliver(Take(0));
    p_.RunFor(400s);
    std::string wrong = Wrong();
    for (int tries = 0; tries < 400 && !wrong.empty(); ++tries) {
      p_.RunFor(500ms);
      wrong = Wrong();
    }
    CHECK_EQ(wrong, "");
  }

 private:
  static void Revive(SimPeer& peer) {
    peer.Start();
    peer.core->set_key_logging(true);
  }

  SimPacket Take(size_t n) {
    auto it = on_way_.begin() + static_cast<ptrdiff_t>(n % on_way_.size());
    SimPacket packet = std::move(*it);
    on_way_.erase(it);
    return packet;
  }
  void Deliver(SimPacket packet) {
    SimPeer& to = packet.to.address == p_.a.address ? p_.a : p_.b;
    to.Post(DatagramIn{packet.to, packet.from, packet.marker, std::move(packet.data)});
  }

  void Step(Op op, uint8_t operand) {
    switch (op) {
      case Op::kDeed: return Do(operand & 1 ? p_.a : p_.b, static_cast<Deed>(operand >> 1 & 7));
      case Op::kWait: return p_.RunFor(std::chrono::milliseconds(operand * operand));
      case Op::kForge: return Forge(operand & 1 ? p_.a : p_.b, operand >> 1);
      default: break;
    }
    if (on_way_.empty()) return;
    if (op == Op::kDeliverLast) return Deliver(Take(on_way_.size() - 1));
    SimPacket packet = Take(operand);
    if (op == Op::kDrop) return;
    if (op == Op::kTwice) on_way_.push_back(packet);
    // IKE_SA_INIT is not protected: AUTH then fails, and rightly.
    const bool protected_ = DecodeHeader(packet.data)->exchange != ExchangeType::kIkeSaInit;
    if (op == Op::kDamage && protected_) packet.data[operand % packet.data.size()] ^= operand | 1;
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
        Revive(who);
        return;
    }
  }

  // An insider speaks as `as`: exchange 1 octet, flags 1 (response, the wrong initiator bit, which SA), message ID 1, what 1.
  void Forge(SimPeer& as, uint8_t which) {
    SimPeer& to = &as == &p_.a ? p_.b : p_.a;
    const uint8_t exchange = choices_.U8(), flags = choices_.U8(), id = choices_.U8(), what = choices_.U8();
    const auto list = to.core->List();
    if (list.empty()) return;
    const IkeView& sa = list[which % list.size()];
    const bool initiator = !sa.initiator;   // is the one we speak as
    const Chain chain = ForgedChain(static_cast<Forged>(what & 7), what >> 3, sa);
    IkeHeader h{.spi_i = sa.spi_i, .spi_r = sa.spi_r, .exchange = static_cast<ExchangeType>(34 + exchange % 12),
                .initiator = initiator != ((flags & 2) != 0), .response = (flags & 1) != 0, .message_id = id % 32u};
    auto message = Insider(to).Seal(h, initiator, chain);
    if (!message) return;
    forged_ = true;
    Deliver({.from = sa.remote, .to = sa.local, .marker = sa.local.port == 4500, .data = *std::move(message)});
  }

  Chain ForgedChain(Forged what, uint8_t more, const IkeView& sa) {
    PayloadList list;
    const uint32_t spi = sa.children.empty() ? 1u : sa.children[more % sa.children.size()].spi_out;
    auto offer_child = [&](uint32_t ours) {
      list.Add(OfferEsp({*config::ParseEspProposal("aes128gcm16", false)}, IpsecProtocol::kEsp, ours, false));
      list.Add(NoncePayload{list.Keep(random_.Take(32))});
      list.Add(TsPayload{.type = PayloadType::kTsI, .selectors = Selectors({"0.0.0.0/0"})});
      list.Add(TsPayload{.type = PayloadType::kTsR, .selectors = Selectors({"0.0.0.0/0"})});
    };
    switch (what) {
      case Forged::kNothing: break;
      case Forged::kDeleteIke: list.Add(DeletePayload{.protocol = IpsecProtocol::kIke, .spis = {}}); break;
      case Forged::kDeleteChild:
        list.Add(DeletePayload{.protocol = IpsecProtocol::kEsp, .spis = {spi}});
        break;
      case Forged::kRekeyChild:
        list.Add(NotifyPayload{.protocol = IpsecProtocol::kEsp, .type = NotifyType::kRekeySa, .spi = list.Keep(SpiOctets(spi)), .data = {}});
        offer_child(0x1000u + more);
        break;
      case Forged::kNewChild: offer_child(0x1000u + more); break;
      case Forged::kRekeyIke:
        list.Add(OfferIke({*config::ParseIkeProposal("aes128gcm16-prfsha256-x25519")}, list.Keep(random_.Take(8))));
        list.Add(NoncePayload{list.Keep(random_.Take(32))});
        list.Add(KePayload{KeGroup::kX25519, list.Keep(ToBytes(key_->public_value()))});
        break;
      case Forged::kNotify:
        list.AddNotify(static_cast<NotifyType>(choices_.U8() << 8 | choices_.U8()), Octets(more));
        break;
      case Forged::kRaw: {
        Chain raw{static_cast<PayloadType>(33 + choices_.U8() % 21), Octets(choices_.U8() * 2u)};
        if (more & 1) RepairChain(raw.body);
        return raw;
      }
    }
    return list.Encode();
  }
  Bytes Octets(size_t n) {
    Bytes b;
    for (size_t i = 0; i < n; ++i) b.push_back(choices_.U8());
    return b;
  }

  static Bytes SpiOctets(uint32_t spi) {
    Writer w;
    w.U32(spi);
    return w.Release();
  }

  std::string Wrong() {
    if (!forged_) return p_.Disagreement();
    for (SimPeer* peer : {&p_.a, &p_.b}) {
      if (std::string untidy = peer->Untidiness(); !untidy.empty()) return untidy;
      if (peer->core->List().size() != peer->Established().size()) return peer->name + ": IKE SAs neither up nor gone";
    }
    return "";
  }

  Reader choices_;   // zero when it has ended
  TwoPeers p_;
  SeededRandom random_{17};
  std::unique_ptr<KeyExchange> key_ = KeyExchange::Create(KeGroup::kX25519, KeRole::kRequester);
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
