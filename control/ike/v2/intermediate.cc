#include "control/ike/v2/intermediate.h"

#include <algorithm>

#include "common/bytes/writer.h"
#include "control/ike/cat.h"
#include "control/ike/v2/auth.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/reply.h"
#include "control/ike/v2/rivals.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"
#include "control/ike/wire/chain.h"

namespace culvert::ike {
namespace {

// RFC 9242 3.3.2: a message as IntAuth sees it, in one piece and with lengths that count neither IV nor padding nor ICV:
// its header, the SK payload's own header, and what that holds.
struct Seen {
  Bytes up_to_contents;
  ByteView contents;
};

Seen SeenOf(const IkeHeader& header, const Chain& chain) {
  return {EncodeUpToBody(header, SkPayload{chain.first, {}}, chain.body.size()), chain.body};
}

// The peer's header is taken as it came, reserved bits and all, but for what fragmentation changes.
Seen SeenOf(const Inbound& in) {
  Writer w;
  w.Put(ByteView(in.datagram.data).first(kIkeHeaderSize));
  w.U8(std::to_underlying(in.first));
  w.U8(0);
  w.U16(static_cast<uint16_t>(kGenericHeaderSize + in.plain.size()));
  w.PatchU32(kIkeLengthOffset, static_cast<uint32_t>(kIkeHeaderSize + kGenericHeaderSize + in.plain.size()));
  Bytes up_to_contents = w.Release();
  constexpr size_t kNextPayloadOffset = 16;
  up_to_contents[kNextPayloadOffset] = std::to_underlying(PayloadType::kSk);
  return {std::move(up_to_contents), in.plain};
}

// By the keys the message itself was sealed with, not those it leads to.
void Cover(const IkeSa& sa, bool by_initiator, const Seen& seen) {
  Intermediate& m = *sa.intermediate;
  Bytes& chained = by_initiator ? m.auth_i : m.auth_r;
  const SecretBytes& sk_p = by_initiator ? sa.keying->keys.sk_pi : sa.keying->keys.sk_pr;
  chained = ToBytes(Prf(sa.suite.prf, sk_p.view(), {chained, seen.up_to_contents, seen.contents}).view());
}

IkeHeader HeaderOf(const IkeSa& sa, bool response) {
  return {.spi_i = sa.spi_i, .spi_r = sa.spi_r, .exchange = ExchangeType::kIkeIntermediate, .initiator = sa.initiator,
          .response = response, .message_id = sa.intermediate->rounds + 1};
}

// RFC 9370 2.2.2: SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr).
void AdvanceKeys(Context& cx, IkeSa& sa, const SecretBytes& secret, ByteView nonce_i, ByteView nonce_r) {
  SecretBytes seed = SkeySeedRekey(sa.suite.prf, sa.keying->keys.sk_d.view(), secret.view(), nonce_i, nonce_r);
  SetKeys(cx, sa, seed, nonce_i, nonce_r);
  ++sa.intermediate->rounds;
  PopFirst(sa.intermediate->left);
}

void Fail(Context& cx, IkeSa& sa, std::string_view why) {
  if (GoOnWithRival(cx, sa)) return;
  FailCall(cx, sa, Cat("IKE_INTERMEDIATE: ", why));
}

}  // namespace

void GoOnFromKeys(Context& cx, IkeSa& sa) {
  if (!sa.intermediate && Any(sa.suite.additional)) {
    sa.intermediate = std::make_unique<Intermediate>();
    sa.intermediate->left = sa.suite.additional;
  }
  if (!AwaitsRound(sa)) return BeginAuth(cx, sa);
  sa.state = IkeState::kRoundKeying;
  sa.initiating->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(First(sa.intermediate->left), Bytes{}));
}

void OnRoundJob(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  Intermediate& m = *sa.intermediate;
  if (sa.state == IkeState::kRoundKeying) {
    m.key = job.TakeKey();
    if (!m.key) return Fail(cx, sa, Cat("no key exchange ", Name(First(m.left)), " in this build"));
    PayloadList list;
    list.Add(KePayload{First(m.left), m.key->public_value()});
    const Chain chain = list.Encode();
    Cover(sa, true, SeenOf(HeaderOf(sa, false), chain));
    sa.state = IkeState::kRoundSent;
    return SendRequest(cx, sa, ExchangeType::kIkeIntermediate, chain);
  }
  if (!job.secret()) {
    cx.Bump(Count::kPublicValueRefused);
    return Fail(cx, sa, "the peer's public value is not valid");
  }
  AdvanceKeys(cx, sa, *job.secret(), sa.initiating->nonce_i, sa.initiating->nonce_r);
  GoOnFromKeys(cx, sa);
}

void OnIntermediateResponse(Context& cx, IkeSa& sa, const Inbound& in) {
  Intermediate& m = *sa.intermediate;
  if (in.form == MessageForm::kRefusal) return Fail(cx, sa, Cat("the peer answers ", Name(in.Error()->type)));
  auto* ke = in.Get<KePayload>();
  const KeGroup group = First(m.left);
  if (!ke || ke->group != group || ke->data.size() != Find(group)->responder_public) {
    return Fail(cx, sa, Cat("the answer has no KE payload of ", Name(group)));
  }
  Cover(sa, false, SeenOf(in));
  sa.state = IkeState::kRoundDeriving;
  sa.initiating->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(std::move(m.key), ToBytes(ke->data)));
}

void OnIntermediateRequest(Context& cx, IkeSa& sa, const Inbound& in) {
  // B49: more of them than were agreed on, or with another method. RFC 9370 2.2.2 knows no second try.
  auto* ke = in.Get<KePayload>();
  const KeGroup group = sa.intermediate ? First(sa.intermediate->left) : KeGroup::kNone;
  if (!ke || group == KeGroup::kNone || ke->group != group || ke->data.size() != Find(group)->initiator_public) {
    cx.Log(Severity::kWarning, sa, Cat("IKE_INTERMEDIATE without a KE payload of ",
                                       group == KeGroup::kNone ? "a method agreed on" : Name(group)));
    return ReplyNotify(cx, sa, in.header, NotifyType::kInvalidSyntax);
  }
  Cover(sa, true, SeenOf(in));
  ResponderHandshake& h = *sa.answering;
  sa.state = IkeState::kRoundAnswering;
  h.job = cx.Run(sa, std::make_unique<KeyExchangeJob>(group, ToBytes(ke->data)));
  cx.half_open.JobStarted(h.job, h.key.address);
}

void OnRoundReplyJob(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  Intermediate& m = *sa.intermediate;
  const IkeHeader answer = HeaderOf(sa, true);
  std::unique_ptr<KeyExchange> key = job.TakeKey();
  if (!job.secret() || !key) {
    cx.Bump(Count::kPublicValueRefused);
    return ReplyNotify(cx, sa, answer, NotifyType::kInvalidSyntax);
  }
  PayloadList list;
  list.Add(KePayload{First(m.left), key->public_value()});
  const Chain chain = list.Encode();
  Cover(sa, false, SeenOf(answer, chain));
  SendReply(cx, sa, answer, chain);
  m.last_open = std::move(sa.keying->open);
  AdvanceKeys(cx, sa, *job.secret(), sa.answering->nonce_i, sa.answering->nonce_r);
  sa.state = IkeState::kKeyed;
}

Bytes IntAuthOf(const IkeSa& sa) {
  if (!sa.intermediate || sa.intermediate->rounds == 0) return {};
  Writer w;
  w.Put(sa.intermediate->auth_i);
  w.Put(sa.intermediate->auth_r);
  w.U32(sa.intermediate->rounds + 1);
  return w.Release();
}

}  // namespace culvert::ike
