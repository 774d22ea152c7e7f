#include <algorithm>
#include <array>
#include <utility>

#include "common/base/limits.h"
#include "control/ike/wire/message.h"

namespace culvert::ike {
namespace {

using enum PayloadType;

struct Occurs {
  PayloadType payload;
  uint8_t min, max;
};
constexpr uint8_t kMany = kMaxPayloadsOfOneType, kCerts = kMaxCertPayloads;

// RFC 7296 C.1
constexpr Occurs kSaInitRequest[] = {{kSa, 1, 1}, {kKe, 1, 1}, {kNonce, 1, 1}};
constexpr Occurs kSaInitResponse[] = {{kSa, 1, 1}, {kKe, 1, 1}, {kNonce, 1, 1}, {kCertReq, 0, kMany}};

// RFC 7296 C.2 and, with AUTH left out of the request, C.3
constexpr Occurs kAuthRequestChild[] = {{kIdI, 1, 1},  {kIdR, 0, 1}, {kCert, 0, kCerts}, {kCertReq, 0, kMany}, {kAuth, 0, 1},
                                        {kCp, 0, 1},   {kSa, 1, 1},  {kTsI, 1, 1},       {kTsR, 1, 1}};
constexpr Occurs kAuthResponseChild[] = {{kIdR, 1, 1}, {kCert, 0, kCerts}, {kAuth, 1, 1}, {kCp, 0, 1},
                                         {kSa, 1, 1},  {kTsI, 1, 1},       {kTsR, 1, 1}};
// RFC 6023 3; the response also where the Child SA failed (RFC 7296 C.2)
constexpr Occurs kAuthRequestChildless[] = {{kIdI, 1, 1}, {kIdR, 0, 1}, {kCert, 0, kCerts}, {kCertReq, 0, kMany},
                                            {kAuth, 0, 1}, {kCp, 0, 1}};
constexpr Occurs kAuthResponseChildless[] = {{kIdR, 1, 1}, {kCert, 0, kCerts}, {kAuth, 1, 1}, {kCp, 0, 1}};
// RFC 7296 C.3; the first response also says who the responder is, with no AUTH under RFC 5998
constexpr Occurs kEapRequest[] = {{kEap, 1, 1}};
constexpr Occurs kEapResponse[] = {{kIdR, 0, 1}, {kCert, 0, kCerts}, {kAuth, 0, 1}, {kEap, 1, 1}};
constexpr Occurs kAuthLastRequest[] = {{kAuth, 1, 1}};
constexpr Occurs kAuthLastResponseChild[] = {{kAuth, 1, 1}, {kCp, 0, 1}, {kSa, 1, 1}, {kTsI, 1, 1}, {kTsR, 1, 1}};
constexpr Occurs kAuthLastResponseChildless[] = {{kAuth, 1, 1}, {kCp, 0, 1}};

// RFC 7296 C.4 and C.5
constexpr Occurs kChildExchange[] = {{kCp, 0, 1},    {kSa, 1, 1},  {kNonce, 1, 1},
                                     {kKe, 0, 1},    {kTsI, 1, 1}, {kTsR, 1, 1}};
constexpr Occurs kRekeyIkeExchange[] = {{kSa, 1, 1}, {kNonce, 1, 1}, {kKe, 1, 1}};

// RFC 7296 C.6
constexpr Occurs kInformationalExchange[] = {{kDelete, 0, kMany}, {kCp, 0, 1}};

// RFC 9242 leaves the contents to its users; RFC 9370 2.2.2 and 2.2.4
constexpr Occurs kIntermediateExchange[] = {{kKe, 0, 1}};
constexpr Occurs kFollowupExchange[] = {{kKe, 1, 1}};

// The first row of the exchange and direction whose `if_holds` and `and_holds` are both in the message applies; kNone is
// always there.
struct Form {
  ExchangeType exchange;
  bool response;
  PayloadType if_holds, and_holds;
  MessageForm form;
  std::span<const Occurs> payloads;
};
constexpr bool kRequest = false, kResponse = true;
constexpr Form kForms[] = {
    {ExchangeType::kIkeSaInit, kRequest, kNone, kNone, MessageForm::kSaInit, kSaInitRequest},
    {ExchangeType::kIkeSaInit, kResponse, kNone, kNone, MessageForm::kSaInit, kSaInitResponse},

    {ExchangeType::kIkeAuth, kRequest, kEap, kNone, MessageForm::kAuthEap, kEapRequest},
    {ExchangeType::kIkeAuth, kRequest, kSa, kNone, MessageForm::kAuthChild, kAuthRequestChild},
    {ExchangeType::kIkeAuth, kRequest, kIdI, kNone, MessageForm::kAuthChildless, kAuthRequestChildless},
    {ExchangeType::kIkeAuth, kRequest, kNone, kNone, MessageForm::kAuthLast, kAuthLastRequest},
    {ExchangeType::kIkeAuth, kResponse, kEap, kNone, MessageForm::kAuthEap, kEapResponse},
    {ExchangeType::kIkeAuth, kResponse, kIdR, kSa, MessageForm::kAuthChild, kAuthResponseChild},
    {ExchangeType::kIkeAuth, kResponse, kIdR, kNone, MessageForm::kAuthChildless, kAuthResponseChildless},
    {ExchangeType::kIkeAuth, kResponse, kSa, kNone, MessageForm::kAuthLast, kAuthLastResponseChild},
    {ExchangeType::kIkeAuth, kResponse, kNone, kNone, MessageForm::kAuthLast, kAuthLastResponseChildless},

    {ExchangeType::kCreateChildSa, kRequest, kTsI, kNone, MessageForm::kChild, kChildExchange},
    {ExchangeType::kCreateChildSa, kRequest, kNone, kNone, MessageForm::kRekeyIke, kRekeyIkeExchange},
    {ExchangeType::kCreateChildSa, kResponse, kTsI, kNone, MessageForm::kChild, kChildExchange},
    {ExchangeType::kCreateChildSa, kResponse, kNone, kNone, MessageForm::kRekeyIke, kRekeyIkeExchange},

    {ExchangeType::kInformational, kRequest, kNone, kNone, MessageForm::kInformational, kInformationalExchange},
    {ExchangeType::kInformational, kResponse, kNone, kNone, MessageForm::kInformational, kInformationalExchange},
    {ExchangeType::kIkeIntermediate, kRequest, kNone, kNone, MessageForm::kIntermediate, kIntermediateExchange},
    {ExchangeType::kIkeIntermediate, kResponse, kNone, kNone, MessageForm::kIntermediate, kIntermediateExchange},
    {ExchangeType::kIkeFollowupKe, kRequest, kNone, kNone, MessageForm::kFollowupKe, kFollowupExchange},
    {ExchangeType::kIkeFollowupKe, kResponse, kNone, kNone, MessageForm::kFollowupKe, kFollowupExchange},
};

bool MayStandAnywhere(const Payload& p) {
  return std::holds_alternative<NotifyPayload>(p) || std::holds_alternative<VendorIdPayload>(p) ||
         std::holds_alternative<UnknownPayload>(p);
}

// RFC 7296 2.21, C.1: an error notify instead of the answer, or the two notifies that send an initiator round again.
bool IsRefusal(ExchangeType exchange, std::span<const Payload> inner) {
  if (exchange == ExchangeType::kInformational || !std::ranges::all_of(inner, MayStandAnywhere)) return false;
  return std::ranges::any_of(inner, [exchange](const Payload& p) {
    auto* n = std::get_if<NotifyPayload>(&p);
    if (!n) return false;
    bool again = n->type == NotifyType::kCookie || n->type == NotifyType::kRedirect;
    return IsError(n->type) || (again && exchange == ExchangeType::kIkeSaInit);
  });
}

const Form* FindForm(ExchangeType exchange, bool response, std::span<const Payload> inner) {
  auto holds = [inner](PayloadType t) { return t == kNone || FindPayload(inner, t); };
  for (const auto& f : kForms) {
    if (f.exchange == exchange && f.response == response && holds(f.if_holds) && holds(f.and_holds)) return &f;
  }
  return nullptr;
}

}  // namespace

GrammarResult CheckGrammar(ExchangeType exchange, bool response, std::span<const Payload> inner) {
  using enum GrammarVerdict;
  std::array<size_t, 256> count{};
  for (const auto& p : inner) {
    auto* unknown = std::get_if<UnknownPayload>(&p);
    if (unknown && unknown->critical) return {kUnknownCritical, TypeOf(p)};
    if (++count[std::to_underlying(TypeOf(p))] > kMany) return {kTooMany, TypeOf(p)};
  }
  if (response && IsRefusal(exchange, inner)) return {kOk, kNone, MessageForm::kRefusal};
  const Form* form = FindForm(exchange, response, inner);
  if (!form) return {kUnexpected, kNone};
  for (const auto& rule : form->payloads) {
    size_t n = count[std::to_underlying(rule.payload)];
    if (n < rule.min) return {kMissing, rule.payload, form->form};
    if (n > rule.max) return {kTooMany, rule.payload, form->form};
  }
  for (const auto& p : inner) {
    bool listed = std::ranges::any_of(form->payloads, [&p](const Occurs& o) { return o.payload == TypeOf(p); });
    if (!listed && !MayStandAnywhere(p)) return {kUnexpected, TypeOf(p), form->form};
  }
  return {kOk, kNone, form->form};
}

}  // namespace culvert::ike
