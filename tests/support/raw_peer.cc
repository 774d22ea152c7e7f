#include "tests/support/raw_peer.h"

#include <algorithm>

#include "control/ike/crypto/psk_auth.h"
#include "control/ike/negotiate/proposal.h"
#include "control/ike/wire/message.h"

namespace culvert::ike {
namespace {

TrafficSelector Range(std::string_view prefix) { return {.addresses = IpRange::Of(*IpPrefix::Parse(prefix))}; }

Bytes FqdnBody(std::string_view name) {
  Bytes body = {static_cast<uint8_t>(IdType::kFqdn), 0, 0, 0};
  Append(body, AsBytes(name));
  return body;
}

}  // namespace

RawPeer::RawPeer(World world, const IpAddress& address, uint64_t seed)
    : local{address, 500, 0}, remote{world.target.address, 500, 0}, world_(world), random_(seed) {
  world_.network.Attach(address, [this](SimPacket p) { received_.push_back(std::move(p.data)); });
}

void RawPeer::Use(const config::IkeProposal& p) {
  proposal_ = p;
  suite_ = {p.encrs[0].id, p.encrs[0].key_bits, p.integs.empty() ? IntegId::kNone : p.integs[0], p.prfs[0], p.groups[0]};
}

Bytes RawPeer::InitRequest(const Init& init) {
  if (!key_) key_ = KeyExchange::Create(suite_.group, KeRole::kRequester);
  nonce_i_ = init.nonce;
  PayloadList list;
  auto cookie = [&] {
    if (!init.cookie.empty()) list.AddNotify(NotifyType::kCookie, init.cookie);
  };
  if (!init.cookie_last) cookie();
  list.Add(init.offer ? *init.offer : OfferIke({proposal_}, {}));
  list.Add(KePayload{init.group.value_or(suite_.group), list.Keep(init.public_value.value_or(ToBytes(key_->public_value())))});
  list.Add(NoncePayload{nonce_i_});
  for (const auto& p : init.more) list.Add(p);
  if (init.cookie_last) cookie();
  spi_i = init.spi_i;
  request_ = EncodeMessage({.spi_i = init.spi_i, .exchange = ExchangeType::kIkeSaInit, .initiator = true}, list.view());
  return request_;
}

std::vector<Bytes> RawPeer::Ask(Bytes datagram, const Endpoint& from, const Endpoint& to, bool marker) {
  received_.clear();
  world_.target.Post(DatagramIn{to, from, marker, std::move(datagram)});
  world_.clock.RunFor(std::chrono::milliseconds(50));
  return std::exchange(received_, {});
}

std::vector<Bytes> RawPeer::Ask(Bytes datagram) { return Ask(std::move(datagram), local, remote, local.port != 500); }

bool RawPeer::Handshake(const Init& init) {
  auto answers = Ask(InitRequest(init));
  if (answers.size() != 1) return false;
  response_ = answers[0];
  auto m = DecodeMessage(response_);
  if (!m || !m->Get<KePayload>() || !m->Get<NoncePayload>()) return false;
  spi_r = m->header.spi_r;
  nonce_r_ = ToBytes(m->Get<NoncePayload>()->data);
  auto secret = key_->Derive(m->Get<KePayload>()->data);
  if (!secret) return false;
  SecretBytes seed = SkeySeed(suite_.prf, nonce_i_, nonce_r_, secret->view());
  keys = DeriveIkeKeys(suite_, seed.view(), nonce_i_, nonce_r_, spi_i, spi_r);
  seal_ = SkCipher::Create(suite_, keys.sk_ei.view(), keys.sk_ai.view(), 0, random_);
  open_ = SkCipher::Create(suite_, keys.sk_er.view(), keys.sk_ar.view(), 0, random_);
  return true;
}

bool RawPeer::Establish() {
  if (!Handshake()) return false;
  auto answers = Ask(Seal(ExchangeType::kIkeAuth, 1, AuthRequest()));
  if (answers.size() != 1) return false;
  auto payloads = Open(answers[0]);
  auto* sa = FindPayload(payloads, PayloadType::kSa);
  if (!sa) return false;
  target_child_spi = Reader(std::get<SaPayload>(*sa).proposals[0].spi).U32();
  return true;
}

Bytes RawPeer::Seal(ExchangeType exchange, uint32_t message_id, const Chain& chain, bool response) {
  IkeHeader h{.spi_i = spi_i, .spi_r = spi_r, .exchange = exchange, .initiator = true, .response = response, .message_id = message_id};
  Bytes m = EncodeUpToBody(h, SkPayload{chain.first, {}}, seal_->SealedSize(chain.body.size()));
  Append(m, seal_->Seal(m, chain.body));
  return m;
}

Bytes RawPeer::SealFragment(ExchangeType exchange, uint32_t message_id, const Fragment& f, ByteView piece) {
  IkeHeader h{.spi_i = spi_i, .spi_r = spi_r, .exchange = exchange, .initiator = true, .message_id = message_id};
  Bytes m = EncodeUpToBody(h, SkfPayload{f.first, f.number, f.total, {}}, seal_->SealedSize(piece.size()));
  Append(m, seal_->Seal(m, piece));
  return m;
}

std::vector<Bytes> RawPeer::SealFragments(ExchangeType exchange, uint32_t message_id, const Chain& chain, uint16_t total) {
  std::vector<Bytes> out;
  const size_t piece = chain.body.size() / total;
  for (uint16_t n = 1; n <= total; ++n) {
    ByteView part = ByteView(chain.body).subspan((n - 1u) * piece);
    if (n < total) part = part.first(piece);
    out.push_back(SealFragment(exchange, message_id, {n, total, n == 1 ? chain.first : PayloadType::kNone}, part));
  }
  return out;
}

std::optional<Chain> RawPeer::Join(const std::vector<Bytes>& datagrams) {
  std::map<uint16_t, Bytes> pieces;
  Chain chain;
  for (const Bytes& d : datagrams) {
    auto m = DecodeMessage(d);
    auto* skf = m ? m->Get<SkfPayload>() : nullptr;
    if (!skf || skf->total != datagrams.size()) return std::nullopt;
    auto plain = open_->Open(UpToBody(d, skf->body), skf->body);
    if (!plain || (skf->number > 1 && skf->first_inner != PayloadType::kNone)) return std::nullopt;
    if (skf->number == 1) chain.first = skf->first_inner;
    pieces[skf->number] = *std::move(plain);
  }
  if (pieces.size() != datagrams.size()) return std::nullopt;
  for (const auto& [number, piece] : pieces) Append(chain.body, piece);
  return chain;
}

std::vector<Payload> RawPeer::Open(const Bytes& datagram) {
  auto m = DecodeMessage(datagram);
  auto* sk = m ? m->Get<SkPayload>() : nullptr;
  auto plain = sk ? open_->Open(UpToBody(datagram, sk->body), sk->body) : std::nullopt;
  if (!plain) return {};
  plain_ = *std::move(plain);
  return DecodeChain(sk->first_inner, plain_).value_or(std::vector<Payload>{});
}

NotifyType RawPeer::NotifyIn(const Bytes& datagram) {
  auto payloads = Open(datagram);
  auto* n = FindPayload(payloads, PayloadType::kNotify);
  return n ? std::get<NotifyPayload>(*n).type : NotifyType{};
}

NotifyType RawPeer::NotifyInClear(const Bytes& datagram) {
  auto m = DecodeMessage(datagram);
  auto* n = m ? m->Get<NotifyPayload>() : nullptr;
  return n ? n->type : NotifyType{};
}

SaPayload RawPeer::EspOffer(uint32_t spi, std::optional<KeGroup> group) {
  SaPayload sa = OfferEsp({*config::ParseEspProposal("aes128gcm16", false)}, IpsecProtocol::kEsp, spi, false);
  if (group) sa.proposals[0].transforms.push_back({.type = TransformType::kKe, .id = static_cast<uint16_t>(*group)});
  return sa;
}

Bytes RawPeer::OwnAuth() const { return PskAuth(suite_.prf, psk, request_, nonce_r_, keys.sk_pi.view(), FqdnBody(id)); }

Bytes RawPeer::TargetsAuth(std::string_view fqdn) const {
  return PskAuth(suite_.prf, psk, response_, nonce_i_, keys.sk_pr.view(), FqdnBody(fqdn));
}

Bytes RawPeer::SignedOctets() const {
  return AuthOctets(suite_.prf, request_, nonce_r_, keys.sk_pi.view(), FqdnBody(id));
}

PayloadList RawPeer::AuthRequest(std::initializer_list<Part> without) {
  auto has = [&](Part p) { return std::ranges::find(without, p) == without.end(); };
  PayloadList list;
  if (has(Part::kIdI)) list.Add(IdPayload{PayloadType::kIdI, IdType::kFqdn, list.Keep(ToBytes(AsBytes(id))), {}});
  if (has(Part::kAuth)) list.Add(AuthPayload{AuthMethod::kSharedKey, list.Keep(OwnAuth())});
  if (has(Part::kSa)) list.Add(EspOffer(child_spi));
  if (has(Part::kTsI)) list.Add(TsPayload{.type = PayloadType::kTsI, .selectors = {Range("10.1.0.0/16")}});
  if (has(Part::kTsR)) list.Add(TsPayload{.type = PayloadType::kTsR, .selectors = {Range("10.2.0.0/16")}});
  return list;
}

PayloadList RawPeer::ChildRequest(uint32_t spi, std::optional<NotifyPayload> rekey) {
  PayloadList list;
  if (rekey) list.Add(*rekey);
  list.Add(EspOffer(spi));
  list.Add(NoncePayload{list.Keep(random_.Take(32))});
  list.Add(TsPayload{.type = PayloadType::kTsI, .selectors = {Range("10.1.0.0/16")}});
  list.Add(TsPayload{.type = PayloadType::kTsR, .selectors = {Range("10.2.0.0/16")}});
  return list;
}

}  // namespace culvert::ike
