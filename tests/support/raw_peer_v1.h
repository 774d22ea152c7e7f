#pragma once

#include <deque>
#include <map>
#include <optional>

#include "control/ike/crypto/cbc.h"
#include "control/ike/crypto/kdf_v1.h"
#include "control/ike/crypto/key_exchange.h"
#include "control/ike/wire/v1/message.h"
#include "tests/support/sim_peer.h"

namespace culvert::ike::v1 {

// Payloads, and the octets that they borrow where nobody else has them.
class Payloads {
 public:
  Payloads() = default;
  Payloads(std::initializer_list<Payload> list) : list_(list) {}
  Payloads(Payloads&&) = default;
  Payloads& operator=(Payloads&&) = default;

  void Add(Payload p) { list_.push_back(std::move(p)); }
  void Add(PayloadType type, Bytes body) { Add(OpaquePayload{type, Keep(std::move(body))}); }
  ByteView Keep(Bytes b) { return kept_.emplace_back(std::move(b)); }
  std::vector<Payload>& list() { return list_; }
  std::span<const Payload> view() const { return list_; }
  Bytes Encode() const { return EncodeChain(list_); }
  PayloadType first() const { return list_.empty() ? PayloadType::kNone : TypeOf(list_.front()); }

 private:
  std::vector<Payload> list_;
  std::deque<Bytes> kept_;
};

// A party to IKEv1 that keeps no rule: every message is put together by the test, with valid keys where it wants them. Speaks to
// one SimPeer over the simulated network, as initiator or responder; of what it does itself nothing comes from control/ike/v1.
// AES-128-CBC, SHA-256, ECP-256 and ESP with AES-128-GCM in tunnel mode, and a pre-shared key, until told otherwise.
class RawPeer {
 public:
  struct World {
    SimClock& clock;
    SimNetwork& network;
    SimPeer& target;
  };
  RawPeer(World world, const IpAddress& address, bool initiator = true, uint64_t seed = 99);

  struct IkeOffer {
    Cipher cipher = Cipher::kAesCbc;
    std::optional<uint16_t> key_bits = uint16_t{128};
    Hash hash = Hash::kSha256;
    AuthMethod method = AuthMethod::kPreSharedKey;
    uint16_t group = 19;
    uint16_t seconds = 3600;
  };
  struct EspOffer {
    uint32_t spi = 0x0a0b0c0d;
    EspTransform transform = EspTransform::kAesGcm16;
    std::optional<uint16_t> key_bits = uint16_t{128};
    Encapsulation mode = Encapsulation::kTunnel;
    std::optional<uint16_t> group{};
    std::optional<AuthAlgorithm> auth{};
  };
  SaPayload Offer(const std::vector<IkeOffer>& transforms);   // borrows from this peer, as long as it lives
  SaPayload Offer(const EspOffer& esp);

  // ---- sending and hearing
  // Sends, lets the network and the target work, and returns what came back.
  std::vector<Bytes> Ask(Bytes datagram);
  void Send(Bytes datagram) { Send(std::move(datagram), local, remote); }
  void Send(Bytes datagram, const Endpoint& from, const Endpoint& to);
  // What came since the last call.
  std::vector<Bytes> Heard() { return std::exchange(received_, {}); }

  Header HeaderOf(ExchangeType exchange, uint32_t message_id) const;
  Bytes InClear(ExchangeType exchange, const Payloads& payloads, uint32_t message_id = 0) const;
  // In the chain of that message ID, 0 for phase 1, which goes on from there: who wants to send another in the place of one that
  // is not going to be heard puts `chains` back as it was. `body` need not be payloads.
  Bytes Seal(ExchangeType exchange, uint32_t message_id, PayloadType first, Bytes body, bool commit = false);
  Bytes Seal(ExchangeType exchange, uint32_t message_id, const Payloads& payloads) {
    return Seal(exchange, message_id, payloads.first(), payloads.Encode());
  }
  // With HASH in front: of a first message, or with `nonce` the second (RFC 2409 5.5).
  Bytes SealHashed(ExchangeType exchange, uint32_t message_id, const Payloads& payloads, ByteView nonce = {});
  Bytes SealHashed(ExchangeType exchange, uint32_t message_id, PayloadType first, Bytes body);
  // What a sealed message holds, in its chain, which goes on from there; empty where it is not for these keys. Borrowed until the
  // next call.
  Chain Open(const Bytes& datagram);
  Chain InClear(const Bytes& datagram);      // as above, of a message in clear
  // Of an informational message, sealed or in clear; 0: it is none.
  NotifyType NotifyIn(const Bytes& datagram);

  // ---- phase 1 as initiator
  Payloads Main1() { return Payloads{Offer({offer})}; }
  Payloads Main3();                          // KE and NONCE: also Main4 of a responder
  Payloads Main5();                          // ID and HASH: also Main6 of a responder
  Payloads Aggressive1();
  Payloads Aggressive3();                    // HASH, to be sealed
  // Hears the second message of aggressive mode, or the second or fourth of main mode; true: it was one.
  bool Hear(const Bytes& datagram);
  // Main mode up to having keys; the whole of it; of aggressive mode; with quick mode.
  bool MainModeKeys();
  bool MainMode();
  bool AggressiveMode();
  bool Establish() { return MainMode() && QuickMode(); }
  // The first and second message out, the third to be sent: false where there was no answer.
  bool QuickMode(uint32_t message_id = 0x51);
  bool HearQuickAnswer(const Bytes& datagram);   // the second; false: it is none
  Payloads Quick1() { return Quick1(EspOffer{}); }
  Payloads Quick1(const EspOffer& esp);
  Bytes Quick3(uint32_t message_id);
  // Answers what an initiator has sent, message by message; false where what came is not what it should be.
  bool AnswerMainMode();
  // The first message of a quick mode that it has sent; nullopt: it is none.
  struct Asked {
    uint32_t message_id = 0, spi = 0;
    Bytes nonce;
  };
  std::optional<Asked> HearQuick(const Bytes& datagram);

  Bytes HashOf(bool initiator) const;        // HASH_I, HASH_R with what there is
  Bytes Mac(std::initializer_list<ByteView> parts) const;      // of SKEYID_a
  Bytes IdBody() const;                      // of our name

  const bool initiator;
  IkeOffer offer;
  uint64_t cookie_i = 0x1122334455667788, cookie_r = 0;
  Bytes nonce = Bytes(32, 0x42);             // ours, of phase 1
  Bytes quick_nonce = Bytes(32, 0x43);
  std::string id = "a.example.org";
  IdType id_type = IdType::kFqdn;
  Bytes vendor_id;                           // said in the second message of main mode, as responder
  PayloadType nat_d = PayloadType::kNone;    // of hashes that fit nothing, in the fourth; goes on from port 4500 then
  Bytes third;                               // of main mode, as it was heard
  bool signs = false;                        // keys are those of signatures, which the test makes itself
  Bytes psk = ToBytes(AsBytes("a secret of both, and long enough"));
  Bytes public_value;                        // ours
  std::string client_i = "10.1.0.0/16", client_r = "10.2.0.0/16";
  Endpoint local, remote;
  std::map<uint32_t, Bytes> chains;          // IVs, by message ID
  Bytes last_block;                          // of phase 1
  uint32_t target_spi = 0;                   // of the last quick mode's
  Skeys keys;

 private:
  void Derive();
  Attribute Number(uint16_t type, uint16_t value);
  Payload ClientId(const std::string& prefix);
  Bytes& ChainOf(uint32_t message_id);

  World world_;
  PrfId prf_ = PrfId::kHmacSha256;
  std::vector<Bytes> received_;
  std::unique_ptr<KeyExchange> key_;
  CbcCipher cipher_;
  SecretBytes skeyid_;
  Bytes sa_i_, their_public_, their_nonce_, their_id_;
  Bytes plain_, quick_nonce_r_;
  uint32_t quick_modes_ = 0;                 // done: each has an SPI of its own
  std::deque<Bytes> kept_;
};

}  // namespace culvert::ike::v1
