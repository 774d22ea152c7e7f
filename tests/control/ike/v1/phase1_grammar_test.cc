#include "control/ike/v1/phase1_grammar.h"

#include <gtest/gtest.h>

#include "control/ike/v1/payload_list.h"

namespace culvert::ike::v1 {
namespace {

using enum PayloadType;
constexpr auto kUnknown = static_cast<PayloadType>(77);

// The least that is a payload of that type.
void AddOf(PayloadType type, PayloadList& list) {
  switch (type) {
    case kSa: return list.AddOpaque(type, Bytes{0, 0, 0, 2, 0, 0, 0, 1});   // of another DOI: nothing need follow
    case kId: return list.Add(IdPayload{.type = IdType::kFqdn, .data = AsBytes("a")});
    case kCert:
    case kCertReq: return list.Add(CertPayload{type, 4, {}});
    case kNotify: return list.Add(NotifyPayload{.type = NotifyType::kInitialContact, .spi = {}, .data = {}});
    case kDelete: return list.Add(DeletePayload{.protocol = ProtocolId::kEsp, .spis = {}});
    case kAttributes: return list.Add(AttributesPayload{.type = TransactionType::kSet, .id = 1, .attributes = {}});
    case kFragment: return list.Add(FragmentPayload{.id = 1, .data = AsBytes("a")});
    case kNatOa:
    case kNatOaDraft: return list.Add(NatOaPayload{type, IdType::kIpv4, AsBytes("abcd")});
    default: return list.AddOpaque(type, Bytes{1, 2, 3});
  }
}

std::string Check(Phase1Form form, bool signature, const std::vector<PayloadType>& types) {
  PayloadList list;
  for (PayloadType t : types) AddOf(t, list);
  const Bytes octets = EncodeChain(list.view());
  auto chain = DecodeChain(types.empty() ? kNone : types[0], octets, Tail::kNone);
  EXPECT_TRUE(chain);
  return chain ? CheckPhase1(form, signature, *chain) : "malformed";
}

struct Form {
  Phase1Form form;
  bool signature;
  std::vector<PayloadType> least, may;
};
const Form kForms[] = {
    {Phase1Form::kSa, false, {kSa}, {}},
    {Phase1Form::kKey, false, {kKe, kNonce}, {kCertReq, kNatD, kNatDDraft}},
    {Phase1Form::kAuth, false, {kId, kHash}, {kCertReq}},
    {Phase1Form::kAuth, true, {kId, kSignature}, {kCertReq, kCert}},
    {Phase1Form::kFirst, false, {kSa, kKe, kNonce, kId}, {kCertReq}},
    {Phase1Form::kAnswer, false, {kSa, kKe, kNonce, kId, kHash}, {kCertReq, kNatD, kNatDDraft}},
    {Phase1Form::kAnswer, true, {kSa, kKe, kNonce, kId, kSignature}, {kCertReq, kNatD, kNatDDraft, kCert}},
    {Phase1Form::kProof, false, {kHash}, {kCertReq, kNatD, kNatDDraft}},
    {Phase1Form::kProof, true, {kSignature}, {kCertReq, kNatD, kNatDDraft, kCert}},
};

TEST(Phase1Grammar, TakesEachFormAndNothingThatHasNoPlaceInIt) {
  constexpr PayloadType kAll[] = {kSa,       kKe,     kId,         kCert, kCertReq, kHash,      kSignature,  kNonce,
                                  kNotify,   kDelete, kAttributes, kNatD, kNatOa,   kNatDDraft, kNatOaDraft, kFragment,
                                  kVendorId, kUnknown};
  for (const Form& f : kForms) {
    const std::string which = testing::PrintToString(static_cast<int>(f.form)) + (f.signature ? " signed" : "");
    EXPECT_EQ(Check(f.form, f.signature, f.least), "") << which;
    for (size_t missing = 0; missing < f.least.size(); ++missing) {
      auto without = f.least;
      without.erase(without.begin() + static_cast<ptrdiff_t>(missing));
      EXPECT_NE(Check(f.form, f.signature, without), "") << which << " without " << Name(f.least[missing]);
    }
    for (PayloadType more : kAll) {
      auto with = f.least;
      with.push_back(more);
      const bool anywhere = more == kNotify || more == kVendorId || more == kUnknown;
      const bool may = anywhere || std::ranges::find(f.may, more) != f.may.end();
      EXPECT_EQ(Check(f.form, f.signature, with).empty(), may) << which << " with " << Name(more);
    }
  }
}

// B56
TEST(Phase1Grammar, TakesNoCertificateForASignature) {
  EXPECT_EQ(Check(Phase1Form::kAuth, true, {kId, kCert}), "no SIG payload");
  EXPECT_EQ(Check(Phase1Form::kAuth, true, {kId, kHash}), "no SIG payload");
  EXPECT_EQ(Check(Phase1Form::kAuth, false, {kId, kSignature}), "no HASH payload");
}

}  // namespace
}  // namespace culvert::ike::v1
