#include "control/ike/v1/phase1_grammar.h"

#include <algorithm>
#include <span>

#include "common/base/limits.h"
#include "control/ike/cat.h"

namespace culvert::ike::v1 {
namespace {

using enum PayloadType;

struct Occurs {
  PayloadType type;
  unsigned least, most;
};
constexpr unsigned kMany = kMaxPayloadsOfOneType;

constexpr Occurs kSaRows[] = {{kSa, 1, 1}};
constexpr Occurs kKeyRows[] = {{kKe, 1, 1}, {kNonce, 1, 1}, {kCertReq, 0, kMany}, {kNatD, 0, kMany}, {kNatDDraft, 0, kMany}};
constexpr Occurs kAuthRows[] = {{kId, 1, 1}, {kCertReq, 0, kMany}};
constexpr Occurs kFirstRows[] = {{kSa, 1, 1}, {kKe, 1, 1}, {kNonce, 1, 1}, {kId, 1, 1}, {kCertReq, 0, kMany}};
constexpr Occurs kAnswerRows[] = {{kSa, 1, 1},           {kKe, 1, 1},        {kNonce, 1, 1},         {kId, 1, 1},
                                  {kCertReq, 0, kMany}, {kNatD, 0, kMany}, {kNatDDraft, 0, kMany}};
constexpr Occurs kProofRows[] = {{kCertReq, 0, kMany}, {kNatD, 0, kMany}, {kNatDDraft, 0, kMany}};

// Of a proof. B56: a certificate alone is none, and where HASH is due none goes with it.
constexpr Occurs kSigned[] = {{kSignature, 1, 1}, {kCert, 0, kMaxCertPayloads}};
constexpr Occurs kHashed[] = {{kHash, 1, 1}};

// Those that have a place, each in its own message; of others nobody knows what they mean.
constexpr PayloadType kPlaced[] = {kSa,   kKe,        kId,      kCert, kCertReq, kHash,      kSignature, kNonce,
                                   kDelete, kAttributes, kNatD, kNatOa, kNatDDraft, kNatOaDraft, kFragment};

std::span<const Occurs> RowsOf(Phase1Form form) {
  switch (form) {
    case Phase1Form::kSa: return kSaRows;
    case Phase1Form::kKey: return kKeyRows;
    case Phase1Form::kAuth: return kAuthRows;
    case Phase1Form::kFirst: return kFirstRows;
    case Phase1Form::kAnswer: return kAnswerRows;
    case Phase1Form::kProof: return kProofRows;
  }
  return {};
}

bool HasProof(Phase1Form form) {
  return form == Phase1Form::kAuth || form == Phase1Form::kAnswer || form == Phase1Form::kProof;
}

}  // namespace

std::string CheckPhase1(Phase1Form form, bool signature, const Chain& chain) {
  std::span<const Occurs> proof;
  if (HasProof(form)) proof = signature ? std::span<const Occurs>(kSigned) : std::span<const Occurs>(kHashed);
  const std::span<const Occurs> parts[] = {RowsOf(form), proof};
  auto count = [&](PayloadType type) {
    return std::ranges::count(chain.items, type, [](const Item& item) { return TypeOf(item.payload); });
  };
  for (std::span<const Occurs> rows : parts) {
    for (const Occurs& row : rows) {
      const auto there = count(row.type);
      if (there < row.least) return Cat("no ", Name(row.type), " payload");
      if (there > row.most) return Cat("too many ", Name(row.type), " payloads");
    }
  }
  for (const Item& item : chain.items) {
    const PayloadType type = TypeOf(item.payload);
    const bool listed = std::ranges::any_of(parts, [type](std::span<const Occurs> rows) {
      return std::ranges::contains(rows, type, &Occurs::type);
    });
    if (!listed && std::ranges::contains(kPlaced, type)) return Cat("a ", Name(type), " payload has no place in it");
  }
  return {};
}

}  // namespace culvert::ike::v1
