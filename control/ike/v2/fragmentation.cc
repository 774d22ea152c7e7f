#include "control/ike/v2/fragmentation.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/wire/chain.h"

namespace culvert::ike {
namespace {

constexpr size_t kFragmentFields = 4;

size_t Less(size_t datagram, size_t overhead) { return datagram > overhead ? datagram - overhead : 0; }

Bytes SealWhole(SkCipher& cipher, const IkeHeader& header, const Chain& chain) {
  Bytes message = EncodeUpToBody(header, SkPayload{chain.first, {}}, cipher.SealedSize(chain.body.size()));
  Append(message, cipher.Seal(message, chain.body));
  return message;
}

Bytes SealFragment(SkCipher& cipher, const IkeHeader& header, const SkfPayload& skf, ByteView piece) {
  Bytes message = EncodeUpToBody(header, skf, cipher.SealedSize(piece.size()));
  Append(message, cipher.Seal(message, piece));
  return message;
}

// Octets of contents in a fragment of `room` octets: padding makes the step from one to the other uneven.
size_t PieceSize(const SkCipher& cipher, size_t contents, size_t room) {
  constexpr size_t kFixed = kIkeHeaderSize + kGenericHeaderSize + kFragmentFields;
  size_t piece = std::min(contents, Less(room, kFixed));
  while (piece > 0 && kFixed + cipher.SealedSize(piece) > room) --piece;
  // hostile.md D05: what we would not take ourselves is not sent either.
  size_t least = (contents + kMaxFragments - 1) / kMaxFragments;
  return std::max({piece, least, size_t{1}});
}

Incoming& IncomingOf(IkeSa& sa, bool response) { return sa.incoming[response ? 1 : 0]; }

void CountRefused(Context& cx, Reassembly::Verdict verdict) {
  cx.Bump(verdict == Reassembly::Verdict::kRepeat ? Count::kFragmentRepeat : Count::kFragmentRefused);
}

}  // namespace

size_t ReplyRoom(const config::ControlSettings& settings, const IkeSa& sa) {
  size_t room = MessageRoom(settings, sa.reply_path);
  return sa.reply_room == 0 ? room : std::min(room, std::max(sa.reply_room, SmallestRoom(sa.reply_path)));
}

bool MayFragment(const IkeSa& sa) {
  return sa.fragments && !(sa.connection && sa.connection->fragmentation == config::Fragmentation::kAccept);
}

Datagrams SealMessage(IkeSa& sa, const IkeHeader& header, const Chain& chain, size_t room) {
  SkCipher& cipher = *sa.keying->seal;
  const ByteView contents = chain.body;
  const size_t whole = kIkeHeaderSize + kGenericHeaderSize + cipher.SealedSize(contents.size());
  if (whole <= room || contents.empty() || !MayFragment(sa)) return {SealWhole(cipher, header, chain)};
  const size_t piece = PieceSize(cipher, contents.size(), room);
  const auto total = static_cast<uint16_t>((contents.size() + piece - 1) / piece);
  if (total == 1) return {SealWhole(cipher, header, chain)};
  Datagrams out;
  for (uint16_t n = 1; n <= total; ++n) {
    const size_t at = (n - 1u) * piece;
    // RFC 7383 2.5: Next Payload is zero in all fragments but the first.
    SkfPayload skf{n == 1 ? chain.first : PayloadType::kNone, n, total, {}};
    out.push_back(SealFragment(cipher, header, skf, contents.subspan(at, std::min(piece, contents.size() - at))));
  }
  return out;
}

std::optional<Sealed> SealedPart(const Message& message) {
  if (auto* sk = message.Get<SkPayload>()) return Sealed{sk->body, sk->first_inner, std::nullopt, false};
  auto* skf = message.Get<SkfPayload>();
  if (!skf) return std::nullopt;
  const IkeHeader& h = message.header;
  return Sealed{skf->body, skf->first_inner, FragmentPlace{h.message_id, h.exchange, skf->number, skf->total}, false};
}

bool WantsFragment(Context& cx, const IkeSa& sa, const IkeHeader& header, const FragmentPlace& place) {
  auto verdict = sa.incoming[header.response ? 1 : 0].message.Judge(place);
  if (verdict == Reassembly::Verdict::kWanted) return true;
  CountRefused(cx, verdict);
  return false;
}

std::optional<Plain> TakeFragment(Context& cx, IkeSa& sa, const IkeHeader& header, const FragmentPlace& place, Plain contents) {
  Incoming& in = IncomingOf(sa, header.response);
  // Another responder's keys may have opened it (rivals.h), and so brought its own half-read message here.
  auto verdict = in.message.Judge(place);
  if (verdict != Reassembly::Verdict::kWanted) {
    CountRefused(cx, verdict);
    return std::nullopt;
  }
  const Incoming& other = IncomingOf(sa, !header.response);
  if (in.message.empty()) in = Incoming{.message = {}, .since = cx.now, .largest = 0};
  const auto taken = in.message.Add(place, std::move(contents), kMaxReassembly - other.message.octets());
  if (taken == Reassembly::Taken::kTooLarge) {
    cx.Bump(Count::kFragmentRefused);
    return std::nullopt;
  }
  in.largest = std::max<size_t>(in.largest, header.length);
  if (taken == Reassembly::Taken::kMore) {
    if (in.since == cx.now && other.message.empty()) cx.Arm(TimerKind::kReassembly, sa.id, in.since + kReassemblyLife);
    return std::nullopt;
  }
  cx.Bump(Count::kReassembled);
  cx.Log(Severity::kDebug, sa, Cat(Name(header.exchange), " came in ", place.total, " fragments"));
  if (!header.response) sa.reply_room = in.largest;
  return in.message.Take();
}

void ForgetFragments(IkeSa& sa, bool response) {
  if (!response) sa.reply_room = 0;
  IncomingOf(sa, response) = {};
}

void OnReassemblyTimer(Context& cx, IkeSa& sa) {
  for (Incoming& in : sa.incoming) {
    const Reassembly& message = in.message;
    if (message.empty()) continue;
    if (in.since + kReassemblyLife > cx.now) {
      cx.Arm(TimerKind::kReassembly, sa.id, in.since + kReassemblyLife);
      continue;
    }
    cx.Bump(Count::kReassemblyExpired);
    cx.Log(Severity::kInfo, sa, Cat(Name(message.exchange()), " given up: of ", message.total(), " fragments only ",
                                    message.count(), " came"));
    in = {};
  }
}

}  // namespace culvert::ike
