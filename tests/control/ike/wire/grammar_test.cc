#include <gtest/gtest.h>

#include <sstream>

#include "common/base/limits.h"
#include "control/ike/wire/message.h"

namespace culvert::ike {
namespace {

constexpr bool kRequest = false, kResponse = true;
using enum ExchangeType;
using enum GrammarVerdict;

// Payload names as the registry prints them; "N!" is an error notify, "COOKIE" and "REDIRECT" are those notifies, "?" an
// unknown payload and "?!" a critical one. "N*20" is twenty of them.
Payload One(const std::string& name) {
  static const Bytes kOctets(32, 1);
  auto notify = [](NotifyType t) { return NotifyPayload{.type = t, .spi = {}, .data = {}}; };
  if (name == "SA") return SaPayload{{Proposal{}}};
  if (name == "KE") return KePayload{KeGroup::kX25519, kOctets};
  if (name == "IDi") return IdPayload{.type = PayloadType::kIdI, .data = {}, .body = {}};
  if (name == "IDr") return IdPayload{.type = PayloadType::kIdR, .data = {}, .body = {}};
  if (name == "CERT") return CertPayload{};
  if (name == "CERTREQ") return CertReqPayload{};
  if (name == "AUTH") return AuthPayload{};
  if (name == "Nonce") return NoncePayload{kOctets};
  if (name == "N") return notify(NotifyType::kInitialContact);
  if (name == "N!") return notify(NotifyType::kNoProposalChosen);
  if (name == "COOKIE") return notify(NotifyType::kCookie);
  if (name == "REDIRECT") return notify(NotifyType::kRedirect);
  if (name == "D") return DeletePayload{};
  if (name == "V") return VendorIdPayload{};
  if (name == "TSi") return TsPayload{.type = PayloadType::kTsI, .selectors = {}};
  if (name == "TSr") return TsPayload{.type = PayloadType::kTsR, .selectors = {}};
  if (name == "SK") return SkPayload{};
  if (name == "SKF") return SkfPayload{};
  if (name == "CP") return CpPayload{};
  if (name == "EAP") return EapPayload{};
  EXPECT_TRUE(name.starts_with('?')) << name;
  return UnknownPayload{.type = 200, .critical = name == "?!", .body = {}};
}

std::vector<Payload> Make(const std::string& names) {
  std::vector<Payload> out;
  std::istringstream in(names);
  for (std::string word; in >> word;) {
    size_t star = word.find('*');
    int times = star == word.npos ? 1 : std::stoi(word.substr(star + 1));
    for (int i = 0; i < times; ++i) out.push_back(One(word.substr(0, star)));
  }
  return out;
}

struct Row {
  ExchangeType exchange;
  bool response;
  const char* payloads;
  MessageForm form;
};

// Every form, at its least and at its most.
constexpr Row kGood[] = {
    {kIkeSaInit, kRequest, "SA KE Nonce", MessageForm::kSaInit},
    {kIkeSaInit, kRequest, "COOKIE SA KE Nonce N V", MessageForm::kSaInit},
    {kIkeSaInit, kResponse, "SA KE Nonce", MessageForm::kSaInit},
    {kIkeSaInit, kResponse, "Nonce KE SA CERTREQ*9 N V", MessageForm::kSaInit},
    {kIkeSaInit, kResponse, "COOKIE", MessageForm::kRefusal},
    {kIkeSaInit, kResponse, "V COOKIE N", MessageForm::kRefusal},
    {kIkeSaInit, kResponse, "REDIRECT", MessageForm::kRefusal},
    {kIkeSaInit, kResponse, "N!", MessageForm::kRefusal},
    {kIkeAuth, kRequest, "IDi AUTH SA TSi TSr", MessageForm::kAuthChild},
    {kIkeAuth, kRequest, "IDi CERT*8 N CERTREQ*11 IDr AUTH CP SA TSi TSr", MessageForm::kAuthChild},
    {kIkeAuth, kRequest, "IDi SA TSi TSr", MessageForm::kAuthChild},
    {kIkeAuth, kRequest, "IDi AUTH", MessageForm::kAuthChildless},
    {kIkeAuth, kRequest, "IDi CERT CERTREQ IDr AUTH CP N", MessageForm::kAuthChildless},
    {kIkeAuth, kRequest, "EAP", MessageForm::kAuthEap},
    {kIkeAuth, kRequest, "AUTH", MessageForm::kAuthLast},
    {kIkeAuth, kResponse, "IDr AUTH SA TSi TSr", MessageForm::kAuthChild},
    {kIkeAuth, kResponse, "IDr CERT*8 AUTH CP SA TSi TSr N", MessageForm::kAuthChild},
    {kIkeAuth, kResponse, "IDr AUTH", MessageForm::kAuthChildless},
    {kIkeAuth, kResponse, "IDr CERT AUTH N!", MessageForm::kAuthChildless},
    {kIkeAuth, kResponse, "IDr CERT AUTH EAP", MessageForm::kAuthEap},
    {kIkeAuth, kResponse, "EAP", MessageForm::kAuthEap},
    {kIkeAuth, kResponse, "EAP N!", MessageForm::kAuthEap},
    {kIkeAuth, kResponse, "AUTH SA TSi TSr", MessageForm::kAuthLast},
    {kIkeAuth, kResponse, "AUTH CP SA TSi TSr N", MessageForm::kAuthLast},
    {kIkeAuth, kResponse, "AUTH N!", MessageForm::kAuthLast},
    {kIkeAuth, kResponse, "N!", MessageForm::kRefusal},
    {kCreateChildSa, kRequest, "SA Nonce TSi TSr", MessageForm::kChild},
    {kCreateChildSa, kRequest, "N CP SA Nonce KE TSi TSr", MessageForm::kChild},
    {kCreateChildSa, kRequest, "SA Nonce KE", MessageForm::kRekeyIke},
    {kCreateChildSa, kResponse, "SA Nonce TSi TSr", MessageForm::kChild},
    {kCreateChildSa, kResponse, "CP N SA Nonce KE TSi TSr", MessageForm::kChild},
    {kCreateChildSa, kResponse, "SA Nonce KE", MessageForm::kRekeyIke},
    {kCreateChildSa, kResponse, "N!", MessageForm::kRefusal},
    {kInformational, kRequest, "", MessageForm::kInformational},
    {kInformational, kRequest, "N*20 D*4 CP V", MessageForm::kInformational},
    {kInformational, kRequest, "N!", MessageForm::kInformational},
    {kInformational, kResponse, "", MessageForm::kInformational},
    {kInformational, kResponse, "D", MessageForm::kInformational},
    {kInformational, kResponse, "N!", MessageForm::kInformational},
    {kIkeIntermediate, kRequest, "KE", MessageForm::kIntermediate},
    {kIkeIntermediate, kRequest, "", MessageForm::kIntermediate},
    {kIkeIntermediate, kResponse, "KE N", MessageForm::kIntermediate},
    {kIkeIntermediate, kResponse, "N!", MessageForm::kRefusal},
    {kIkeFollowupKe, kRequest, "KE N", MessageForm::kFollowupKe},
    {kIkeFollowupKe, kResponse, "KE", MessageForm::kFollowupKe},
    {kIkeFollowupKe, kResponse, "N!", MessageForm::kRefusal},
};

TEST(Grammar, AdmitsEveryForm) {
  for (const Row& row : kGood) {
    auto result = CheckGrammar(row.exchange, row.response, Make(row.payloads));
    EXPECT_EQ(result.verdict, kOk) << Name(row.exchange) << " '" << row.payloads << "': " << Name(result.payload);
    EXPECT_EQ(result.form, row.form) << Name(row.exchange) << " '" << row.payloads << "'";
  }
}

// RFC 7296 2.5: unknown payloads, notifies and vendor IDs stand anywhere.
TEST(Grammar, AdmitsExtensionsEverywhere) {
  for (const Row& row : kGood) {
    for (const char* extra : {" N", " V", " ?", " N V ?"}) {
      auto result = CheckGrammar(row.exchange, row.response, Make(std::string(row.payloads).append(extra)));
      if (std::string(row.payloads).contains("*20")) continue;  // at its cap already
      EXPECT_EQ(result.verdict, kOk) << Name(row.exchange) << " '" << row.payloads << extra << "'";
      EXPECT_EQ(result.form, row.form);
    }
  }
}

// B14
TEST(Grammar, RefusesCriticalUnknownPayloads) {
  for (const Row& row : kGood) {
    auto result = CheckGrammar(row.exchange, row.response, Make(std::string(row.payloads).append(" ?!")));
    EXPECT_EQ(result.verdict, kUnknownCritical) << Name(row.exchange) << " '" << row.payloads << "'";
    EXPECT_EQ(static_cast<int>(result.payload), 200);
  }
}

TEST(Grammar, RefusesEncryptedPayloads) {
  for (const Row& row : kGood) {
    for (const char* sk : {" SK", " SKF"}) {
      auto result = CheckGrammar(row.exchange, row.response, Make(std::string(row.payloads).append(sk)));
      EXPECT_NE(result.verdict, kOk) << Name(row.exchange) << " '" << row.payloads << sk << "'";
    }
  }
}

struct BadRow {
  ExchangeType exchange;
  bool response;
  const char* payloads;
  GrammarVerdict verdict;
  PayloadType payload;
};

// B16, B31
constexpr BadRow kBad[] = {
    {kIkeSaInit, kRequest, "", kMissing, PayloadType::kSa},
    {kIkeSaInit, kRequest, "KE Nonce", kMissing, PayloadType::kSa},
    {kIkeSaInit, kRequest, "SA Nonce", kMissing, PayloadType::kKe},
    {kIkeSaInit, kRequest, "SA KE", kMissing, PayloadType::kNonce},
    {kIkeSaInit, kRequest, "SA SA KE Nonce", kTooMany, PayloadType::kSa},
    {kIkeSaInit, kRequest, "SA KE KE Nonce", kTooMany, PayloadType::kKe},
    {kIkeSaInit, kRequest, "SA KE Nonce Nonce", kTooMany, PayloadType::kNonce},
    {kIkeSaInit, kRequest, "SA KE Nonce AUTH", kUnexpected, PayloadType::kAuth},
    {kIkeSaInit, kRequest, "SA KE Nonce CERTREQ", kUnexpected, PayloadType::kCertReq},
    {kIkeSaInit, kRequest, "COOKIE", kMissing, PayloadType::kSa},   // a refusal is a response
    {kIkeSaInit, kRequest, "N!", kMissing, PayloadType::kSa},
    {kIkeSaInit, kResponse, "", kMissing, PayloadType::kSa},
    {kIkeSaInit, kResponse, "N", kMissing, PayloadType::kSa},
    {kIkeSaInit, kResponse, "KE Nonce", kMissing, PayloadType::kSa},
    {kIkeSaInit, kResponse, "SA KE Nonce SK", kUnexpected, PayloadType::kSk},
    {kIkeSaInit, kResponse, "N! AUTH", kMissing, PayloadType::kSa},
    {kIkeAuth, kRequest, "", kMissing, PayloadType::kAuth},
    {kIkeAuth, kRequest, "AUTH SA TSi TSr", kMissing, PayloadType::kIdI},
    {kIkeAuth, kRequest, "IDi AUTH TSi TSr", kUnexpected, PayloadType::kTsI},
    {kIkeAuth, kRequest, "IDi AUTH SA TSr", kMissing, PayloadType::kTsI},
    {kIkeAuth, kRequest, "IDi AUTH SA TSi", kMissing, PayloadType::kTsR},
    {kIkeAuth, kRequest, "IDi IDi AUTH SA TSi TSr", kTooMany, PayloadType::kIdI},
    {kIkeAuth, kRequest, "IDi AUTH AUTH SA TSi TSr", kTooMany, PayloadType::kAuth},
    {kIkeAuth, kRequest, "IDi AUTH SA SA TSi TSr", kTooMany, PayloadType::kSa},
    {kIkeAuth, kRequest, "IDi AUTH SA TSi TSi TSr", kTooMany, PayloadType::kTsI},
    {kIkeAuth, kRequest, "IDi CERT*9 AUTH SA TSi TSr", kTooMany, PayloadType::kCert},
    {kIkeAuth, kRequest, "IDi AUTH SA TSi TSr KE", kUnexpected, PayloadType::kKe},
    {kIkeAuth, kRequest, "IDi AUTH D", kUnexpected, PayloadType::kDelete},
    {kIkeAuth, kRequest, "EAP AUTH", kUnexpected, PayloadType::kAuth},
    {kIkeAuth, kRequest, "EAP EAP", kTooMany, PayloadType::kEap},
    {kIkeAuth, kResponse, "", kMissing, PayloadType::kAuth},
    {kIkeAuth, kResponse, "N", kMissing, PayloadType::kAuth},
    {kIkeAuth, kResponse, "REDIRECT", kMissing, PayloadType::kAuth},
    {kIkeAuth, kResponse, "IDr", kMissing, PayloadType::kAuth},
    {kIkeAuth, kResponse, "IDr SA TSi TSr", kMissing, PayloadType::kAuth},
    {kIkeAuth, kResponse, "IDr AUTH TSi TSr", kUnexpected, PayloadType::kTsI},
    {kIkeAuth, kResponse, "IDr AUTH SA TSr", kMissing, PayloadType::kTsI},
    {kIkeAuth, kResponse, "IDr AUTH SA TSi", kMissing, PayloadType::kTsR},
    {kIkeAuth, kResponse, "IDr IDr AUTH", kTooMany, PayloadType::kIdR},
    {kIkeAuth, kResponse, "IDi AUTH", kUnexpected, PayloadType::kIdI},
    {kIkeAuth, kResponse, "IDr AUTH EAP SA", kUnexpected, PayloadType::kSa},
    {kIkeAuth, kResponse, "AUTH SA TSi", kMissing, PayloadType::kTsR},
    {kCreateChildSa, kRequest, "", kMissing, PayloadType::kSa},
    {kCreateChildSa, kRequest, "Nonce TSi TSr", kMissing, PayloadType::kSa},
    {kCreateChildSa, kRequest, "SA TSi TSr", kMissing, PayloadType::kNonce},
    {kCreateChildSa, kRequest, "SA Nonce TSi", kMissing, PayloadType::kTsR},
    {kCreateChildSa, kRequest, "SA Nonce TSr", kMissing, PayloadType::kKe},
    {kCreateChildSa, kRequest, "SA Nonce", kMissing, PayloadType::kKe},   // RFC 7296 1.3.2: an IKE rekey has a KE
    {kCreateChildSa, kRequest, "SA Nonce KE KE TSi TSr", kTooMany, PayloadType::kKe},
    {kCreateChildSa, kRequest, "SA Nonce Nonce TSi TSr", kTooMany, PayloadType::kNonce},
    {kCreateChildSa, kRequest, "SA Nonce KE CP", kUnexpected, PayloadType::kCp},
    {kCreateChildSa, kRequest, "SA Nonce TSi TSr AUTH", kUnexpected, PayloadType::kAuth},
    {kCreateChildSa, kResponse, "COOKIE", kMissing, PayloadType::kSa},
    {kCreateChildSa, kResponse, "SA SA Nonce KE", kTooMany, PayloadType::kSa},
    {kInformational, kRequest, "AUTH", kUnexpected, PayloadType::kAuth},
    {kInformational, kRequest, "CP CP", kTooMany, PayloadType::kCp},
    {kInformational, kRequest, "SA", kUnexpected, PayloadType::kSa},
    {kIkeIntermediate, kRequest, "KE KE", kTooMany, PayloadType::kKe},
    {kIkeIntermediate, kRequest, "KE AUTH", kUnexpected, PayloadType::kAuth},
    {kIkeFollowupKe, kRequest, "N", kMissing, PayloadType::kKe},
    {kIkeFollowupKe, kRequest, "KE SA", kUnexpected, PayloadType::kSa},
    {kInformational, kRequest, "N*21", kTooMany, PayloadType::kNotify},
    {kInformational, kRequest, "V*21", kTooMany, PayloadType::kVendorId},
    {kInformational, kRequest, "?*21", kTooMany, static_cast<PayloadType>(200)},
};

TEST(Grammar, SaysWhatIsWrong) {
  for (const BadRow& row : kBad) {
    auto result = CheckGrammar(row.exchange, row.response, Make(row.payloads));
    EXPECT_EQ(result.verdict, row.verdict) << Name(row.exchange) << " '" << row.payloads << "'";
    EXPECT_EQ(result.payload, row.payload) << Name(row.exchange) << " '" << row.payloads << "': " << Name(result.payload);
  }
}

// RFC 7296 2: order is a recommendation to senders.
TEST(Grammar, OrderIsFree) {
  EXPECT_EQ(CheckGrammar(kIkeAuth, kRequest, Make("TSr TSi SA AUTH IDr N IDi")).verdict, kOk);
}

TEST(Grammar, UnknownExchanges) {
  for (int exchange : {0, 33, 38, 40, 45, 255}) {
    auto result = CheckGrammar(static_cast<ExchangeType>(exchange), kRequest, {});
    EXPECT_EQ(result.verdict, kUnexpected);
    EXPECT_EQ(result.form, MessageForm::kNone);
  }
}

}  // namespace
}  // namespace culvert::ike
