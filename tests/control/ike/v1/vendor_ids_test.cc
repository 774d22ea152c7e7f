#include "control/ike/v1/vendor_ids.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "common/bytes/hex.h"

namespace culvert::ike::v1 {
namespace {

using NatT = Abilities::NatT;

// A chain of these, and the octets it borrows.
struct Ids {
  Bytes octets;
  Chain chain;

  explicit Ids(const std::vector<Bytes>& ids) {
    PayloadList list;
    for (const Bytes& id : ids) list.AddOpaque(PayloadType::kVendorId, Bytes(id));
    Read(list);
  }
  explicit Ids(const PayloadList& list) { Read(list); }
  Ids(const Ids&) = delete;

 private:
  void Read(const PayloadList& list) {
    octets = EncodeChain(list.view());
    auto decoded = DecodeChain(list.view().empty() ? PayloadType::kNone : PayloadType::kVendorId, octets, Tail::kNone);
    EXPECT_TRUE(decoded);
    if (decoded) chain = *std::move(decoded);
  }
};

Bytes Md5(std::string_view text) {
  Bytes out(16);
  EXPECT_EQ(EVP_Digest(text.data(), text.size(), out.data(), nullptr, EVP_md5(), nullptr), 1);
  return out;
}
Bytes Hex(std::string_view text) { return FromHex(text).value(); }

// Where an id is the hash of a phrase, the table's numbers are that.
TEST(VendorIds, AreTheHashesOfTheirPhrases) {
  struct Case {
    const char* phrase;
    const char* name;
  };
  constexpr Case kCases[] = {{"RFC 3947", "NAT-T (RFC 3947)"},
                             {"draft-ietf-ipsec-nat-t-ike-03", "NAT-T (draft-03)"},
                             {"draft-ietf-ipsec-nat-t-ike-02", "NAT-T (draft-02)"},
                             {"draft-ietf-ipsec-nat-t-ike-02\n", "NAT-T (draft-02)"},
                             {"draft-ietf-ipsec-nat-t-ike-00", "NAT-T (draft-00)"},
                             {"strongSwan", "strongSwan"},
                             {"KAME/racoon", "racoon"},
                             {"FRAGMENTATION", "FRAGMENTATION"},
                             {"GSSAPI", "GSSAPI"},
                             {"Vid-Initial-Contact", "Microsoft initial contact"},
                             {"MS-Negotiation Discovery Capable", "Microsoft negotiation discovery"}};
  for (const Case& c : kCases) EXPECT_EQ(DescribeVendors(Ids({Md5(c.phrase)}).chain), c.name) << c.phrase;
  Bytes windows = Md5("MS NT5 ISAKMPOAKLEY");
  Append(windows, Hex("00000009"));
  EXPECT_EQ(DescribeVendors(Ids({windows}).chain), "Microsoft Windows");
}

TEST(VendorIds, NameThePeerAndCountTheRest) {
  const std::string_view libreswan = "OE-Libreswan-5.2";
  EXPECT_EQ(DescribeVendors(Ids({ToBytes(AsBytes(libreswan)), Hex("afcad71368a1f1c96b8696fc77570100"),
                                 Hex("09002689dfd6b712"), Hex("12f5f28c457168a9702d9fe274cc0204")}).chain),
            "libreswan, DPD, XAUTH, Cisco Unity");
  EXPECT_EQ(DescribeVendors(Ids({Hex("01"), Hex("02"), Hex("03"), Hex("04"), Hex("05"), Hex("06")}).chain),
            "01, 02, 03, 04, and 2 unknown ones");
  EXPECT_EQ(DescribeVendors(Ids(std::vector<Bytes>{}).chain), "");
  // One octet short of an id is another.
  EXPECT_EQ(DescribeVendors(Ids({Hex("09002689dfd6b7")}).chain), "09002689dfd6b7");
}

TEST(VendorIds, OfOursAreUnderstoodByUs) {
  for (bool all : {false, true}) {
    const Announced ours{.fragments = all, .unity = all};
    PayloadList list;
    AddVendorIds(ours, list);
    const Ids sent(list);
    const Abilities a = AgreedAbilities(ours, sent.chain);
    EXPECT_TRUE(a.xauth && a.dpd);
    EXPECT_EQ(a.nat_t, NatT::kRfc3947);
    EXPECT_EQ(a.fragments, all);
    EXPECT_EQ(a.unity, all);
  }
}

// hostile.md D07: what answers is no larger than what it answers.
TEST(VendorIds, AnswerOnlyWhatWasSaid) {
  struct Case {
    const char* name;
    std::vector<Bytes> said;
    std::vector<Bytes> answered;
    NatT nat_t;
  };
  const Bytes xauth = Hex("09002689dfd6b712"), dpd = Hex("afcad71368a1f1c96b8696fc77570100"), rfc = Md5("RFC 3947"),
              draft3 = Md5("draft-ietf-ipsec-nat-t-ike-03"), draft2 = Md5("draft-ietf-ipsec-nat-t-ike-02"),
              draft2n = Md5("draft-ietf-ipsec-nat-t-ike-02\n"), unity = Hex("12f5f28c457168a9702d9fe274cc0100"),
              fragments = Md5("FRAGMENTATION");
  Bytes with_flags = fragments, cisco_flags = fragments;
  Append(with_flags, Hex("80000000"));
  Append(cisco_flags, Hex("c0000000"));
  const Case kCases[] = {
      {"nothing", {}, {}, NatT::kNone},
      {"what nobody knows", {Hex("0102030405060708")}, {}, NatT::kNone},
      {"all", {draft2, draft2n, draft3, rfc, dpd, xauth, unity}, {xauth, dpd, rfc, unity}, NatT::kRfc3947},
      {"drafts alone", {draft2n, draft2, draft3}, {draft3}, NatT::kDraft03},
      {"the first of draft 02's", {draft2n}, {draft2n}, NatT::kDraft02},
      {"an early draft", {Md5("draft-ietf-ipsec-nat-t-ike-00")}, {}, NatT::kNone},
      {"fragments as Windows has them", {fragments}, {fragments}, NatT::kNone},
      {"fragments with flags", {cisco_flags}, {with_flags}, NatT::kNone},
  };
  const Announced ours{.fragments = true, .unity = true};
  for (const Case& c : kCases) {
    const Ids said(c.said);
    PayloadList list;
    AnswerVendorIds(ours, said.chain, list);
    const Ids answer(list), expected(c.answered);
    EXPECT_EQ(answer.octets, expected.octets) << c.name;
    EXPECT_LE(answer.octets.size(), said.octets.size()) << c.name;
    EXPECT_EQ(AgreedAbilities(ours, said.chain).nat_t, c.nat_t) << c.name;
  }
  PayloadList none;
  AnswerVendorIds({}, Ids({unity, fragments}).chain, none);
  EXPECT_TRUE(none.view().empty()) << "neither is ours to say here";
  EXPECT_FALSE(AgreedAbilities({}, Ids({fragments}).chain).fragments);
}

}  // namespace
}  // namespace culvert::ike::v1
