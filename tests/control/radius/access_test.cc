#include "control/radius/access.h"

#include <gtest/gtest.h>

#include "common/bytes/hex.h"
#include "tests/control/radius/reply.h"

namespace culvert::radius {
namespace {

Bytes Hex(const std::string& text) { return *FromHex(text); }
constexpr uint8_t kId = 9;
const Bytes kSecret = ToBytes(AsBytes("radsecret"));

Exchange TheExchange() {
  Exchange e{.id = kId, .secret = kSecret};
  std::ranges::copy(Hex("0f403f9473978057bd83d5cb98f4227a"), e.authenticator.begin());
  return e;
}
Login TheLogin() {
  return {.user = "nemo", .password = SecretBytes(AsBytes("arctangent")), .local = IpAddress::V4(192, 0, 2, 1),
          .peer = IpAddress::V4(192, 0, 2, 2)};
}

// RFC 2865 7.1: the same user, password, authenticator and secret.
TEST(Access, HidesAPasswordAsTheRfcsExample) {
  const Bytes secret = ToBytes(AsBytes("xyzzy5461"));
  Exchange exchange = TheExchange();
  exchange.secret = secret;
  const Bytes request = MakeRequest(TheLogin(), exchange, "gw");
  auto p = Decode(request);
  ASSERT_TRUE(p);
  EXPECT_EQ(ToHex(p->Find(Type::kUserPassword)->value), "0dbe708d93d413ce3196e43f782a0aee");
}

// The same section's reply: its authenticator is right, but it is from before Message-Authenticator.
TEST(Access, TakesNoReplyWithoutMessageAuthenticator) {
  const Bytes secret = ToBytes(AsBytes("xyzzy5461"));
  Exchange exchange = TheExchange();
  exchange.id = 0;
  exchange.secret = secret;
  const Bytes reply = Hex("0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103");
  EXPECT_EQ(ReadReply(reply, exchange).error(), Discard::kUnsigned);
}

TEST(Access, ARequestSaysWhoAsksAndForWhom) {
  Login login = TheLogin();
  login.state = {1, 2, 3};
  const Bytes request = MakeRequest(login, TheExchange(), "gw");
  auto p = Decode(request);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->code, 1);
  EXPECT_EQ(p->id, kId);
  EXPECT_EQ(p->octets.size(), request.size());
  EXPECT_EQ(p->attributes.front().type, static_cast<uint8_t>(Type::kMessageAuthenticator));
  struct {
    Type type;
    std::string value;
  } const rows[] = {{Type::kUserName, ToHex(AsBytes("nemo"))},     {Type::kNasIpAddress, "c0000201"},
                    {Type::kNasIdentifier, ToHex(AsBytes("gw"))},  {Type::kCallingStationId, ToHex(AsBytes("192.0.2.2"))},
                    {Type::kServiceType, "00000002"},              {Type::kNasPortType, "00000005"},
                    {Type::kState, "010203"}};
  for (const auto& row : rows) {
    ASSERT_EQ(p->Count(row.type), 1u) << static_cast<int>(row.type);
    EXPECT_EQ(ToHex(p->Find(row.type)->value), row.value);
  }
  // RFC 3579 3.2: over the request with zeros for it.
  Bytes zeroed = request;
  std::fill_n(zeroed.begin() + 22, kAuthenticator, uint8_t{0});
  EXPECT_TRUE(Equal(p->attributes.front().value, HmacMd5(kSecret, {zeroed})));

  login.local = *IpAddress::Parse("2001:db8::1");
  const Bytes v6 = MakeRequest(login, TheExchange(), "gw");
  EXPECT_EQ(Decode(v6)->Count(Type::kNasIpAddress), 0u);
  EXPECT_EQ(Decode(v6)->Find(Type::kNasIpv6Address)->value.size(), 16u);
}

// RFC 2865 5.2, undone as a server does.
std::string Reveal(ByteView hidden, const Exchange& exchange) {
  Bytes out;
  ByteView before = exchange.authenticator;
  for (size_t at = 0; at < hidden.size(); at += 16) {
    const Digest mask = Md5({exchange.secret, before});
    for (size_t i = 0; i < 16; ++i) out.push_back(static_cast<uint8_t>(hidden[at + i] ^ mask[i]));
    before = hidden.subspan(at, 16);
  }
  while (!out.empty() && out.back() == 0) out.pop_back();
  return std::string(AsString(out));
}

TEST(Access, PasswordsOfAllLengths) {
  for (size_t size : {0u, 1u, 15u, 16u, 17u, 32u, 127u, 128u}) {
    Login login = TheLogin();
    const std::string password(size, 'p');
    login.password = SecretBytes(AsBytes(password));
    ASSERT_TRUE(Fits(login)) << size;
    const Bytes request = MakeRequest(login, TheExchange(), "gw");
    const ByteView hidden = Decode(request)->Find(Type::kUserPassword)->value;
    EXPECT_EQ(hidden.size(), std::max<size_t>(16, (size + 15) / 16 * 16)) << size;
    EXPECT_EQ(Reveal(hidden, TheExchange()), password);
  }
  Login login = TheLogin();
  login.password = SecretBytes(size_t{129});
  EXPECT_FALSE(Fits(login));
  login = TheLogin();
  for (size_t size : {0u, 254u}) {
    login.user = std::string(size, 'u');
    EXPECT_FALSE(Fits(login)) << size;
  }
  login.user = std::string(253, 'u');
  login.state = Bytes(253, 1);
  EXPECT_TRUE(Fits(login));
  EXPECT_TRUE(Decode(MakeRequest(login, TheExchange(), std::string(253, 'n'))));
}

TEST(Access, ReadsWhatAnAcceptSays) {
  const MakeReply reply{.attributes = {{Type::kFramedIpAddress, {10, 3, 0, 77}},
                                       {Type::kFramedIpNetmask, {255, 255, 255, 0}},
                                       {Type::kClass, {1}},
                                       {Type::kClass, {2, 3}},
                                       {Type::kSessionTimeout, {0, 0, 14, 16}},
                                       {Type::kReplyMessage, {'h', 'i'}},
                                       {Type::kReplyMessage, {'!', '\n'}}}};
  auto verdict = ReadReply(reply.For(TheExchange()), TheExchange());
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, Verdict::Kind::kAccept);
  EXPECT_EQ(verdict->framed_ip, IpAddress::V4(10, 3, 0, 77));
  EXPECT_EQ(verdict->framed_netmask, IpAddress::V4(255, 255, 255, 0));
  EXPECT_EQ(verdict->classes, (std::vector<Bytes>{{1}, {2, 3}}));
  EXPECT_EQ(verdict->session_timeout, std::chrono::seconds(3600));
  EXPECT_EQ(verdict->message, "hi!\n");
  EXPECT_TRUE(verdict->state.empty());
}

TEST(Access, AddressesThatLeaveTheChoiceOpen) {
  for (const char* address : {"ffffffff", "fffffffe", "00000000", "0a03004d00", "0a"}) {
    const MakeReply reply{.attributes = {{Type::kFramedIpAddress, Hex(address)}, {Type::kSessionTimeout, {1}}}};
    auto verdict = ReadReply(reply.For(TheExchange()), TheExchange());
    ASSERT_TRUE(verdict) << address;
    EXPECT_EQ(verdict->framed_ip, std::nullopt) << address;
    EXPECT_EQ(verdict->session_timeout, std::nullopt);
  }
}

TEST(Access, RejectAndChallenge) {
  const MakeReply reject{.code = Code::kAccessReject,
                         .attributes = {{Type::kFramedIpAddress, {10, 3, 0, 77}}, {Type::kReplyMessage, {'n', 'o'}}}};
  auto verdict = ReadReply(reject.For(TheExchange()), TheExchange());
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, Verdict::Kind::kReject);
  EXPECT_EQ(verdict->message, "no");
  EXPECT_EQ(verdict->framed_ip, std::nullopt);
  const MakeReply challenge{.code = Code::kAccessChallenge, .attributes = {{Type::kState, {7, 8}}}};
  verdict = ReadReply(challenge.For(TheExchange()), TheExchange());
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, Verdict::Kind::kChallenge);
  EXPECT_EQ(verdict->state, (Bytes{7, 8}));
}

TEST(Access, WhatIsNotProvenDoesNotCount) {
  const MakeReply good{.attributes = {{Type::kReplyMessage, {'h', 'i'}}}};
  const Bytes reply = good.For(TheExchange());
  ASSERT_TRUE(ReadReply(reply, TheExchange()));
  for (size_t i = 0; i < reply.size(); ++i) {
    for (uint8_t bit : {uint8_t{1}, uint8_t{0x80}}) {
      Bytes bad = reply;
      bad[i] = static_cast<uint8_t>(bad[i] ^ bit);
      EXPECT_FALSE(ReadReply(bad, TheExchange())) << i;
    }
  }
  for (size_t size = 0; size < reply.size(); ++size) EXPECT_FALSE(ReadReply(ByteView(reply).first(size), TheExchange())) << size;

  Exchange other = TheExchange();
  other.id = kId + 1;
  EXPECT_EQ(ReadReply(reply, other).error(), Discard::kOtherExchange);
  other = TheExchange();
  other.authenticator[3] = 0;
  EXPECT_EQ(ReadReply(reply, other).error(), Discard::kUnproven);
  other = TheExchange();
  const Bytes secret = ToBytes(AsBytes("another"));
  other.secret = secret;
  EXPECT_EQ(ReadReply(reply, other).error(), Discard::kUnproven);
  const MakeReply unsigned_one{.attributes = good.attributes, .sign = false};
  EXPECT_EQ(ReadReply(unsigned_one.For(TheExchange()), TheExchange()).error(), Discard::kUnsigned);
  const MakeReply twice{.attributes = {{Type::kMessageAuthenticator, Bytes(16)}}};
  EXPECT_EQ(ReadReply(twice.For(TheExchange()), TheExchange()).error(), Discard::kUnsigned);
  const MakeReply wrong{.attributes = {{Type::kMessageAuthenticator, Bytes(16, 1)}}, .sign = false};
  EXPECT_EQ(ReadReply(wrong.For(TheExchange()), TheExchange()).error(), Discard::kBadSignature);
  const MakeReply short_one{.attributes = {{Type::kMessageAuthenticator, Bytes(15, 1)}}, .sign = false};
  EXPECT_EQ(ReadReply(short_one.For(TheExchange()), TheExchange()).error(), Discard::kUnsigned);
  MakeReply accounting{.code = static_cast<Code>(5)};
  EXPECT_EQ(ReadReply(accounting.For(TheExchange()), TheExchange()).error(), Discard::kOtherCode);
  // Our own request comes back.
  EXPECT_EQ(ReadReply(MakeRequest(TheLogin(), TheExchange(), "gw"), TheExchange()).error(), Discard::kOtherCode);
}

}  // namespace
}  // namespace culvert::radius
