#include "tests/support/raw_peer_v1.h"

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

namespace culvert::ike::v1 {
namespace {

Bytes Be32(uint32_t v) {
  Writer w;
  w.U32(v);
  return w.Release();
}

Bytes Be64(uint64_t v) {
  Writer w;
  w.U64(v);
  return w.Release();
}

Bytes BodyOf(const Payload& p) {
  Writer w;
  EncodeBody(p, w);
  return w.Release();
}

ByteView BodyIn(const Chain& chain, PayloadType type) {
  const Item* item = chain.Find(type);
  return item ? item->body() : ByteView();
}

constexpr size_t kBlock = 16;   // octets: AES

}  // namespace

RawPeer::RawPeer(World world, const IpAddress& address, bool as_initiator, uint64_t seed)
    : initiator(as_initiator), local{address, 500, 0}, remote{world.target.address, 500, 0}, world_(world),
      key_(KeyExchange::Create(KeGroup::kEcp256, KeRole::kRequester)) {
  public_value = ToBytes(key_->public_value());
  cookie_i += seed;
  if (!initiator) cookie_r = std::exchange(cookie_i, 0);
  world_.network.Attach(address, [this](SimPacket p) { received_.push_back(std::move(p.data)); });
}

Attribute RawPeer::Number(uint16_t type, uint16_t value) {
  return {type, true, kept_.emplace_back(Bytes{static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)})};
}

SaPayload RawPeer::Offer(const std::vector<IkeOffer>& transforms) {
  Proposal proposal;
  for (const IkeOffer& o : transforms) {
    Transform t{.number = static_cast<uint8_t>(proposal.transforms.size() + 1), .id = 1, .attributes = {}};
    auto add = [&](IkeAttribute a, uint16_t v) { t.attributes.push_back(Number(static_cast<uint16_t>(a), v)); };
    add(IkeAttribute::kEncryption, static_cast<uint16_t>(o.cipher));
    if (o.key_bits) add(IkeAttribute::kKeyLength, *o.key_bits);
    add(IkeAttribute::kHash, static_cast<uint16_t>(o.hash));
    add(IkeAttribute::kAuthMethod, static_cast<uint16_t>(o.method));
    add(IkeAttribute::kGroup, o.group);
    add(IkeAttribute::kLifeType, static_cast<uint16_t>(LifeType::kSeconds));
    add(IkeAttribute::kLifeDuration, o.seconds);
    proposal.transforms.push_back(std::move(t));
  }
  return {.proposals = {std::move(proposal)}};
}

SaPayload RawPeer::Offer(const EspOffer& o) {
  Transform t{.number = 1, .id = static_cast<uint8_t>(o.transform), .attributes = {}};
  auto add = [&](IpsecAttribute a, uint16_t v) { t.attributes.push_back(Number(static_cast<uint16_t>(a), v)); };
  add(IpsecAttribute::kMode, static_cast<uint16_t>(o.mode));
  if (o.key_bits) add(IpsecAttribute::kKeyLength, *o.key_bits);
  if (o.auth) add(IpsecAttribute::kAuthAlgorithm, static_cast<uint16_t>(*o.auth));
  if (o.group) add(IpsecAttribute::kGroup, *o.group);
  Proposal proposal{.protocol = ProtocolId::kEsp, .spi = kept_.emplace_back(Be32(o.spi)), .transforms = {std::move(t)}};
  return {.proposals = {std::move(proposal)}};
}

void RawPeer::Send(Bytes datagram, const Endpoint& from, const Endpoint& to) {
  world_.target.Post(DatagramIn{to, from, from.port != 500, std::move(datagram)});
}

std::vector<Bytes> RawPeer::Ask(Bytes datagram) {
  received_.clear();
  Send(std::move(datagram));
  world_.clock.RunFor(std::chrono::milliseconds(50));
  return Heard();
}

Header RawPeer::HeaderOf(ExchangeType exchange, uint32_t message_id) const {
  return {.cookie_i = cookie_i, .cookie_r = cookie_r, .exchange = exchange, .message_id = message_id};
}

Bytes RawPeer::InClear(ExchangeType exchange, const Payloads& payloads, uint32_t message_id) const {
  return EncodeMessage(HeaderOf(exchange, message_id), payloads.view());
}

// RFC 2409 appendix B
Bytes& RawPeer::ChainOf(uint32_t message_id) {
  auto [it, fresh] = chains.try_emplace(message_id);
  if (fresh) it->second = FirstIv(prf_, last_block, Be32(message_id), kBlock);
  return it->second;
}

Bytes RawPeer::Seal(ExchangeType exchange, uint32_t message_id, PayloadType first, Bytes body, bool commit) {
  body.resize((body.size() + kBlock - 1) / kBlock * kBlock);
  Bytes& iv = ChainOf(message_id);
  cipher_.Encrypt(iv, body);
  if (!body.empty()) iv.assign(body.end() - kBlock, body.end());
  Header h = HeaderOf(exchange, message_id);
  h.next_payload = first;
  h.encrypted = true;
  h.commit = commit;
  Bytes m = EncodeHeader(h, body.size());
  Append(m, body);
  return m;
}

Bytes RawPeer::SealHashed(ExchangeType exchange, uint32_t message_id, const Payloads& payloads, ByteView of_second) {
  const Bytes rest = payloads.Encode();
  Payloads all;
  all.Add(PayloadType::kHash, Mac({Be32(message_id), of_second, rest}));
  for (const Payload& p : payloads.view()) all.Add(p);
  return Seal(exchange, message_id, all);
}

Bytes RawPeer::SealHashed(ExchangeType exchange, uint32_t message_id, PayloadType first, Bytes body) {
  const Bytes mac = Mac({Be32(message_id), body});
  Bytes all = {static_cast<uint8_t>(first), 0, 0, static_cast<uint8_t>(4 + mac.size())};
  Append(all, mac);
  Append(all, body);
  return Seal(exchange, message_id, PayloadType::kHash, std::move(all));
}

Chain RawPeer::Open(const Bytes& datagram) {
  auto h = DecodeHeader(datagram);
  const size_t size = datagram.size() - kHeaderSize;
  if (!h || !h->encrypted || size == 0 || size % kBlock != 0 || h->cookie_i != cookie_i || h->cookie_r != cookie_r) return {};
  Bytes& iv = ChainOf(h->message_id);
  plain_.assign(datagram.begin() + kHeaderSize, datagram.end());
  cipher_.Decrypt(iv, plain_);
  auto chain = DecodeChain(h->next_payload, plain_, Tail::kPadding);
  if (!chain) return {};
  iv.assign(datagram.end() - kBlock, datagram.end());
  return *std::move(chain);
}

Chain RawPeer::InClear(const Bytes& datagram) {
  auto h = DecodeHeader(datagram);
  if (!h || h->encrypted) return {};
  plain_.assign(datagram.begin() + kHeaderSize, datagram.end());
  return DecodeChain(h->next_payload, plain_, Tail::kNone).value_or(Chain{});
}

NotifyType RawPeer::NotifyIn(const Bytes& datagram) {
  auto h = DecodeHeader(datagram);
  if (!h || h->exchange != ExchangeType::kInformational) return {};
  const Chain chain = h->encrypted ? Open(datagram) : InClear(datagram);
  auto* n = chain.Get<NotifyPayload>();
  return n ? n->type : NotifyType{};
}

Bytes RawPeer::IdBody() const { return BodyOf(IdPayload{.type = id_type, .data = AsBytes(id)}); }

Bytes RawPeer::Mac(std::initializer_list<ByteView> parts) const { return ToBytes(Prf(prf_, keys.a.view(), parts).view()); }

// RFC 2409 5
Bytes RawPeer::HashOf(bool of_initiator) const {
  const bool ours = of_initiator == initiator;
  const Bytes id_body = ours ? IdBody() : their_id_;
  const ByteView mine = ours ? public_value : their_public_, other = ours ? their_public_ : public_value;
  const Bytes first = Be64(of_initiator ? cookie_i : cookie_r), second = Be64(of_initiator ? cookie_r : cookie_i);
  return ToBytes(Prf(prf_, skeyid_.view(), {mine, other, first, second, sa_i_, id_body}).view());
}

void RawPeer::Derive() {
  auto secret = key_->Derive(their_public_);
  if (!secret) return;
  const Bytes& nonce_i = initiator ? nonce : their_nonce_;
  const Bytes& nonce_r = initiator ? their_nonce_ : nonce;
  skeyid_ = signs ? SkeyIdOfSignature(prf_, nonce_i, nonce_r, secret->view()) : SkeyIdOfSecret(prf_, psk, nonce_i, nonce_r);
  keys = DeriveSkeys(prf_, skeyid_.view(), secret->view(), cookie_i, cookie_r);
  cipher_ = CbcCipher(EncrId::kAesCbc, 128, CipherKey(prf_, keys.e.view(), kBlock));
  const Bytes& public_i = initiator ? public_value : their_public_;
  chains[0] = FirstIv(prf_, public_i, initiator ? their_public_ : public_value, kBlock);
}

Payloads RawPeer::Main3() {
  Payloads p;
  p.Add(PayloadType::kKe, public_value);
  p.Add(PayloadType::kNonce, nonce);
  return p;
}

Payloads RawPeer::Main5() {
  Payloads p;
  p.Add(PayloadType::kId, IdBody());
  p.Add(PayloadType::kHash, HashOf(initiator));
  return p;
}

Payloads RawPeer::Aggressive1() {
  Payloads p{Offer({offer})};
  p.Add(PayloadType::kKe, public_value);
  p.Add(PayloadType::kNonce, nonce);
  p.Add(PayloadType::kId, IdBody());
  return p;
}

Payloads RawPeer::Aggressive3() {
  Payloads p;
  p.Add(PayloadType::kHash, HashOf(initiator));
  return p;
}

bool RawPeer::Hear(const Bytes& datagram) {
  auto h = DecodeHeader(datagram);
  if (!h || h->cookie_i != cookie_i) return false;
  cookie_r = h->cookie_r;
  const Chain chain = InClear(datagram);
  const ByteView ke = BodyIn(chain, PayloadType::kKe), n = BodyIn(chain, PayloadType::kNonce);
  if (ke.empty() || n.empty()) return chain.Get<SaPayload>() != nullptr;
  their_public_ = ToBytes(ke);
  their_nonce_ = ToBytes(n);
  their_id_ = ToBytes(BodyIn(chain, PayloadType::kId));
  if (sa_i_.empty()) sa_i_ = BodyOf(Offer({offer}));
  Derive();
  const ByteView hash = BodyIn(chain, PayloadType::kHash);
  return hash.empty() || Equal(hash, HashOf(false));
}

bool RawPeer::MainModeKeys() {
  sa_i_ = BodyOf(Offer({offer}));
  auto answers = Ask(InClear(ExchangeType::kMain, Main1()));
  if (answers.size() != 1 || !Hear(answers[0])) return false;
  answers = Ask(InClear(ExchangeType::kMain, Main3()));
  return answers.size() == 1 && Hear(answers[0]);
}

bool RawPeer::MainMode() {
  if (!MainModeKeys()) return false;
  auto answers = Ask(Seal(ExchangeType::kMain, 0, Main5()));
  if (answers.empty()) return false;
  const Chain chain = Open(answers[0]);
  their_id_ = ToBytes(BodyIn(chain, PayloadType::kId));
  last_block = chains[0];
  return Equal(BodyIn(chain, PayloadType::kHash), HashOf(false));
}

bool RawPeer::AggressiveMode() {
  sa_i_ = BodyOf(Offer({offer}));
  auto answers = Ask(InClear(ExchangeType::kAggressive, Aggressive1()));
  if (answers.size() != 1 || !Hear(answers[0])) return false;
  Ask(Seal(ExchangeType::kAggressive, 0, Aggressive3()));
  last_block = chains[0];
  return true;
}

Payload RawPeer::ClientId(const std::string& prefix) {
  const IpPrefix p = *IpPrefix::Parse(prefix);
  const IpRange range = IpRange::Of(p);
  Bytes data(range.first.octets.begin(), range.first.octets.begin() + 4);
  const uint32_t mask = p.length == 0 ? 0 : ~uint32_t{0} << (32 - p.length);
  Append(data, Be32(mask));
  return IdPayload{.type = IdType::kIpv4Subnet, .data = kept_.emplace_back(std::move(data))};
}

Payloads RawPeer::Quick1(const EspOffer& esp) {
  Payloads p{Offer(esp)};
  p.Add(PayloadType::kNonce, quick_nonce);
  p.Add(ClientId(client_i));
  p.Add(ClientId(client_r));
  return p;
}

Bytes RawPeer::Quick3(uint32_t message_id) {
  constexpr uint8_t kZero = 0;
  Payloads p;
  p.Add(PayloadType::kHash, Mac({{&kZero, 1}, Be32(message_id), quick_nonce, quick_nonce_r_}));
  return Seal(ExchangeType::kQuick, message_id, p);
}

bool RawPeer::HearQuickAnswer(const Bytes& datagram) {
  const auto h = DecodeHeader(datagram);
  const Chain chain = Open(datagram);
  const Item* hash = chain.Find(PayloadType::kHash);
  auto* sa = chain.Get<SaPayload>();
  if (!h || !hash || !sa || sa->proposals.empty()) return false;
  const ByteView rest = ByteView(plain_).subspan(hash->octets.size(), chain.size - hash->octets.size());
  if (!Equal(hash->body(), Mac({Be32(h->message_id), quick_nonce, rest}))) return false;
  quick_nonce_r_ = ToBytes(BodyIn(chain, PayloadType::kNonce));
  target_spi = Reader(sa->proposals[0].spi).U32();
  return true;
}

bool RawPeer::QuickMode(uint32_t message_id) {
  auto answers = Ask(SealHashed(ExchangeType::kQuick, message_id, Quick1({.spi = EspOffer{}.spi + quick_modes_++})));
  if (answers.size() != 1 || !HearQuickAnswer(answers[0])) return false;
  Ask(Quick3(message_id));
  return true;
}

bool RawPeer::AnswerMainMode() {
  auto take = [this]() -> Bytes {
    world_.clock.RunFor(std::chrono::milliseconds(50));
    auto heard = Heard();
    return heard.empty() ? Bytes() : heard[0];
  };
  Bytes m = take();
  auto h = DecodeHeader(m);
  if (!h) return false;
  cookie_i = h->cookie_i;
  sa_i_ = ToBytes(BodyIn(InClear(m), PayloadType::kSa));
  Payloads second = Main1();
  if (!vendor_id.empty()) second.Add(PayloadType::kVendorId, vendor_id);
  Send(InClear(ExchangeType::kMain, second));
  third = take();
  const Chain key = InClear(third);
  their_public_ = ToBytes(BodyIn(key, PayloadType::kKe));
  their_nonce_ = ToBytes(BodyIn(key, PayloadType::kNonce));
  if (their_public_.empty() || their_nonce_.empty()) return false;
  Derive();
  Payloads fourth = Main3();
  if (nat_d != PayloadType::kNone) {
    for (uint8_t n : {uint8_t{1}, uint8_t{2}}) fourth.Add(nat_d, Bytes(32, n));
  }
  Send(InClear(ExchangeType::kMain, fourth));
  if (nat_d != PayloadType::kNone) local.port = remote.port = 4500;
  m = take();
  const Chain fifth = Open(m);
  their_id_ = ToBytes(BodyIn(fifth, PayloadType::kId));
  return Equal(BodyIn(fifth, PayloadType::kHash), HashOf(true));
}

std::optional<RawPeer::Asked> RawPeer::HearQuick(const Bytes& datagram) {
  const auto h = DecodeHeader(datagram);
  if (!h || h->exchange != ExchangeType::kQuick) return std::nullopt;
  const Chain chain = Open(datagram);
  auto* sa = chain.Get<SaPayload>();
  if (!sa || sa->proposals.empty()) return std::nullopt;
  return Asked{h->message_id, Reader(sa->proposals[0].spi).U32(), ToBytes(BodyIn(chain, PayloadType::kNonce))};
}

}  // namespace culvert::ike::v1
