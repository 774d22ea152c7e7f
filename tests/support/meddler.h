#pragma once

#include <algorithm>

#include <gtest/gtest.h>

#include "control/ike/wire/message.h"
#include "tests/support/insider.h"
#include "tests/support/two_peers.h"

namespace culvert::ike {

// Somebody between TwoPeers' a and b who changes what their handshake's messages say: those in clear as anybody on the path
// could, those that are protected with the keys out of a's key log, as a peer that keeps no rule would. Made after Start().
class Meddler {
 public:
  // What is left of the payloads goes on, so does what is added; data is the test's own.
  using Change = std::function<void(std::vector<Payload>&)>;

  explicit Meddler(TwoPeers& peers) : peers_(peers) {
    peers_.a.core->set_key_logging(true);
    peers_.network.fate = [this](const SimPacket& p) { return Meddle(p) ? Fate{.arrivals = {}} : Fate{}; };
  }

  ~Meddler() { peers_.network.fate = nullptr; }
  Meddler(const Meddler&) = delete;
  Meddler& operator=(const Meddler&) = delete;

  void InRequests(ExchangeType exchange, Change change) { changes_[{exchange, false}] = std::move(change); }
  void InAnswers(ExchangeType exchange, Change change) { changes_[{exchange, true}] = std::move(change); }

  static void Drop(std::vector<Payload>& payloads, NotifyType type) {
    std::erase_if(payloads, [type](const Payload& p) {
      auto* n = std::get_if<NotifyPayload>(&p);
      return n && n->type == type;
    });
  }
  static Payload Notify(NotifyType type, ByteView data = {}) {
    return NotifyPayload{.protocol = {}, .type = type, .spi = {}, .data = data};
  }

 private:
  bool Meddle(const SimPacket& packet) {
    auto message = DecodeMessage(packet.data);
    auto change = message ? changes_.find({message->header.exchange, message->header.response}) : changes_.end();
    if (change == changes_.end()) return false;
    Bytes changed = message->Get<SkPayload>() ? Reseal(packet.data, message->header, change->second) : InClear(*message, change->second);
    SimPacket instead{packet.from, packet.to, packet.marker, std::move(changed), packet.number};
    peers_.clock.At(peers_.clock.now() + std::chrono::milliseconds(5),
                    [this, instead = std::move(instead)]() mutable { peers_.network.Deliver(std::move(instead)); });
    return true;
  }

  static Bytes InClear(const Message& message, const Change& change) {
    std::vector<Payload> payloads = message.payloads;
    change(payloads);
    return EncodeMessage(message.header, payloads);
  }

  Bytes Reseal(const Bytes& datagram, const IkeHeader& header, const Change& change) {
    auto payloads = insider_.Open(datagram);
    EXPECT_TRUE(payloads) << "not with these keys";
    if (!payloads) return datagram;
    change(*payloads);
    const Chain chain{payloads->empty() ? PayloadType::kNone : TypeOf(payloads->front()), EncodeChain(*payloads)};
    return *insider_.Seal(header, header.initiator, chain);
  }

  TwoPeers& peers_;
  Insider insider_{peers_.a};
  std::map<std::pair<ExchangeType, bool>, Change> changes_;
};

}  // namespace culvert::ike
