#pragma once

#include <optional>

#include "control/ike/crypto/sk_cipher.h"
#include "control/ike/v2/payload_list.h"
#include "tests/support/sim_peer.h"

namespace culvert::ike {

// An initiator that keeps no rule: every message is put together by the test, with valid keys where it wants them. Speaks to
// one SimPeer over the simulated network; uses AES-128-GCM, PRF-HMAC-SHA-256 and X25519 as TwoPeers does, until told otherwise.
class RawPeer {
 public:
  struct World {
    SimClock& clock;
    SimNetwork& network;
    SimPeer& target;
  };
  RawPeer(World world, const IpAddress& address, uint64_t seed = 99);

  // From here on the IKE SA is to have the first of each of these, and no additional key exchange.
  void Use(const config::IkeProposal& p);

  struct Init {
    uint64_t spi_i = 0x1122334455667788;
    Bytes nonce = Bytes(32, 0x42);
    Bytes cookie{};
    bool cookie_last = false;
    std::vector<Payload> more{};
    std::optional<KeGroup> group{};          // in the KE payload; default ours, with a good public value
    std::optional<Bytes> public_value{};
    std::optional<SaPayload> offer{};
  };
  Bytes InitRequest(const Init& init);
  Bytes InitRequest() { return InitRequest(Init{}); }

  // Sends, lets the network and the target work, and returns what came back.
  std::vector<Bytes> Ask(Bytes datagram);
  std::vector<Bytes> Ask(Bytes datagram, const Endpoint& from, const Endpoint& to, bool marker);

  // IKE_SA_INIT with the target, up to having keys. False where it did not answer.
  bool Handshake(const Init& init);
  bool Handshake() { return Handshake(Init{}); }
  // The same and IKE_AUTH with one child; `net` is up afterwards.
  bool Establish();

  // Sealed with the SA's keys. `chain` need not be payloads.
  Bytes Seal(ExchangeType exchange, uint32_t message_id, const Chain& chain, bool response = false);
  // One fragment of a message, as it would be of `piece`; number and total need not fit anything.
  struct Fragment {
    uint16_t number = 1, total = 1;
    PayloadType first = PayloadType::kNone;
  };
  Bytes SealFragment(ExchangeType exchange, uint32_t message_id, const Fragment& f, ByteView piece);
  // The whole chain in `total` fragments.
  std::vector<Bytes> SealFragments(ExchangeType exchange, uint32_t message_id, const Chain& chain, uint16_t total);
  // An answer that came in fragments, put together; nullopt where they are no message.
  std::optional<Chain> Join(const std::vector<Bytes>& datagrams);
  Bytes Seal(ExchangeType exchange, uint32_t message_id, const PayloadList& list) {
    return Seal(exchange, message_id, list.Encode());
  }
  // What a sealed answer holds; empty where it is not for these keys. Borrowed until the next call.
  std::vector<Payload> Open(const Bytes& datagram);
  // The type of the first notify in a sealed answer, 0 where there is none.
  NotifyType NotifyIn(const Bytes& datagram);
  static NotifyType NotifyInClear(const Bytes& datagram);

  // Payloads of a good IKE_AUTH request, each of which a test may leave out or change.
  enum class Part : uint8_t { kIdI, kAuth, kSa, kTsI, kTsR };
  PayloadList AuthRequest(std::initializer_list<Part> without = {});
  // What AUTH of the target, who goes by that name, must be with the keys there are; also what AUTH of ours is.
  Bytes TargetsAuth(std::string_view fqdn) const;
  Bytes OwnAuth() const;
  Bytes SignedOctets() const;                // what an AUTH of ours must cover (RFC 7296 2.15)
  static SaPayload EspOffer(uint32_t spi, std::optional<KeGroup> group = std::nullopt);
  PayloadList ChildRequest(uint32_t spi, std::optional<NotifyPayload> rekey = std::nullopt);

  uint64_t spi_i = 0, spi_r = 0;
  uint32_t child_spi = 0x0a0b0c0d;           // ours, of the first child
  uint32_t target_child_spi = 0;
  std::string id = "a.example.org";
  Bytes psk = ToBytes(AsBytes("a secret of both, and long enough"));

  Endpoint local, remote;
  // The SA's keys after Handshake(); AUTH is made of what the test leaves there.
  IkeKeys keys;
  ByteView nonce_i() const { return nonce_i_; }
  ByteView nonce_r() const { return nonce_r_; }

 private:
  World world_;
  SeededRandom random_;
  std::vector<Bytes> received_;
  std::unique_ptr<KeyExchange> key_;
  config::IkeProposal proposal_ = *config::ParseIkeProposal("aes128gcm16-prfsha256-x25519");
  Bytes nonce_i_, nonce_r_, request_, response_;
  IkeSuite suite_{EncrId::kAesGcm16, 128, IntegId::kNone, PrfId::kHmacSha256, KeGroup::kX25519};
  std::unique_ptr<SkCipher> seal_, open_;
  Bytes plain_;
};

}  // namespace culvert::ike
