#pragma once

#include <expected>

#include "control/ike/context.h"
#include "control/ike/v2/payload_list.h"
#include "control/ike/v2/receive.h"

// What a Child SA is to be: proposing it, answering a proposal, judging an answer (RFC 7296 1.3.1, 2.9, 3.3).
namespace culvert::ike {

// Why there will be no Child SA: what the peer is told, and what the operator is.
struct Refusal {
  NotifyType type{};
  std::string why;
  Bytes data;
};

// Whether CREATE_CHILD_SA's KE transforms take part; IKE_AUTH has none (RFC 7296 1.2).
enum class Ke : uint8_t { kWithout, kWith };

// A proposal for `child`, or for the successor of `rekeyed` with exactly its selectors. Draws the SPI.
struct Wish {
  const config::Child* child = nullptr;
  const ChildSa* rekeyed = nullptr;
  std::optional<TriggeringPacket> packet{};
  bool only_packet = false;   // SINGLE_PAIR_REQUIRED (RFC 7296 2.9)
  Ke ke = Ke::kWith;
};
std::expected<ChildNegotiation, std::string> MakeOffer(Context& cx, const IkeSa& sa, const Wish& wish);
// USE_TRANSPORT_MODE where that is the mode wanted, or agreed on.
void AddMode(const ChildNegotiation& n, PayloadList& list);
// Its mode, SA, TSi and TSr.
void AddOffer(const ChildNegotiation& n, PayloadList& list);
// The replier's answer, into `n`. What is refused here stands on the peer's side already and is to be deleted there.
std::optional<Refusal> JudgeAnswer(const IkeSa& sa, const Inbound& in, Ke ke, ChildNegotiation& n);

// The answer to the peer's proposal, by the connection's children or for the successor of `rekeyed`. Draws the SPI.
std::expected<ChildReply, Refusal> AnswerOffer(Context& cx, IkeSa& sa, const Inbound& in, const ChildSa* rekeyed);
// Its TSi and TSr, with ADDITIONAL_TS_POSSIBLE where that is so; with its mode and SA before them.
void AddSelectors(const ChildReply& r, PayloadList& list);
void AddAnswer(const ChildReply& r, PayloadList& list);
// For the operator: the peer would take another Child SA for what this one leaves out.
void TellMorePossible(Context& cx, const IkeSa& sa, const ChildNegotiation& n);
// The offer of that task was refused because the peer wants single pairs, and there is one to come again with.
bool WantsSinglePair(const NotifyPayload* error, const Task& task);

}  // namespace culvert::ike
