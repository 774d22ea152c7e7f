#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/bytes/hex.h"
#include "control/ike/wire/v1/config_attribute.h"
#include "control/radius/client.h"
#include "tests/support/against_raw_peer_v1.h"

// XAUTH and mode config: who is let in, who gets which address, and peers with habits of their own.
namespace culvert::ike::v1 {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Type = ConfigAttribute;

constexpr SpeakV1 kUserAndAddress{.xauth = true, .mode_config = true};

size_t Times(const SimPeer& p, std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(p.log, [&](const std::string& l) { return l.find(text) != l.npos; }));
}

std::string ErrorOf(SimPeer& p, RequestId r) {
  if (!p.replies.contains(r)) return "never answered";
  return p.replies[r].ok ? "" : p.replies[r].error;
}

void ExpectNothing(TwoPeers& p) {
  p.ForBoth([](SimPeer& peer) {
    EXPECT_THAT(peer.core->List(), IsEmpty()) << peer.name;
    EXPECT_EQ(peer.Untidiness(), "");
  });
}

// A transaction as it came.
struct Said {
  uint32_t message_id = 0;
  TransactionType type{};
  uint16_t id = 0;
  std::map<Type, std::string> values;   // in hexadecimal
};

// A raw peer that has gone through phase 1 with XAUTH.
struct RawUser {
  explicit RawUser(const SpeakV1& how, const std::function<void(TwoPeers&)>& change = {}) : t(how, change) {
    t.raw->offer.method = AuthMethod::kXauthInitPreShared;
    EXPECT_TRUE(t.raw->MainMode());
  }

  // The next transaction of the gateway's that is no repeat; nullopt: none in ten seconds.
  std::optional<Said> Next() {
    for (int i = 0; i < 20; ++i) {
      for (const Bytes& d : t.raw->Heard()) {
        auto h = DecodeHeader(d);
        if (!h || h->exchange != ExchangeType::kTransaction || !seen.insert(d).second) continue;
        const Chain chain = t.raw->Open(d);
        const auto* p = chain.Get<AttributesPayload>();
        if (!p) continue;
        Said said{.message_id = h->message_id, .type = p->type, .id = p->id, .values = {}};
        for (const Attribute& a : p->attributes) said.values[TypeOf(a)] = ToHex(a.value);
        return said;
      }
      t.p.RunFor(500ms);
    }
    return std::nullopt;
  }
  void Say(uint32_t message_id, TransactionType type, uint16_t id, const AttributeList& list) {
    t.raw->Send(t.raw->SealHashed(ExchangeType::kTransaction, message_id, Payloads{list.Payload(type, id)}));
    t.p.RunFor(20ms);
  }
  void Answer(const Said& to, const AttributeList& list) {
    Say(to.message_id, to.type == TransactionType::kRequest ? TransactionType::kReply : TransactionType::kAck, to.id, list);
  }
  // As alice, up to and without the ACK of how it ended.
  std::optional<Said> Login(std::string_view password = "what alice knows") {
    const auto asked = Next();
    if (!asked) return std::nullopt;
    EXPECT_EQ(asked->type, TransactionType::kRequest);
    EXPECT_EQ(asked->values, (std::map<Type, std::string>{{Type::kXauthUserName, ""}, {Type::kXauthUserPassword, ""}}));
    AttributeList reply;
    reply.Add(Type::kXauthUserName, AsBytes("alice"));
    reply.Add(Type::kXauthUserPassword, AsBytes(password));
    Answer(*asked, reply);
    return Next();
  }

  Target t;
  std::set<Bytes> seen;
};

TEST(XauthServer, ToldInManyWays) {
  struct Case {
    const char* name;
    std::vector<std::pair<Type, std::string>> reply;
    bool good;
    const char* logged;
  };
  const std::string nul(1, '\0');
  const std::pair<Type, std::string> alice{Type::kXauthUserName, "alice"}, knows{Type::kXauthUserPassword, "what alice knows"};
  const Case cases[] = {
      {"name and password", {alice, knows}, true, "user \"alice\" is authenticated"},
      {"strings as C has them", {{alice.first, alice.second + nul}, {knows.first, knows.second + nul}}, true, "user \"alice\""},
      {"with a domain", {{Type::kXauthDomain, "example"}, alice, knows}, true, "user \"alice\""},
      {"another password", {alice, {knows.first, "what alice forgot"}}, false, "another password"},
      {"an empty password", {alice, {knows.first, ""}}, false, "another password"},
      {"another user", {{alice.first, "mallory"}, knows}, false, "user \"mallory\" is refused"},
      {"a user who writes in the log", {{alice.first, "a\"\n"}, knows}, false, "user \"a\\x22\\x0a\" is refused"},
      {"no name", {knows}, false, "told no user name"},
      {"no password", {alice}, false, "told no user name and password"},
      {"nothing", {}, false, "told no user name"},
      {"a name of 254 octets", {{alice.first, std::string(254, 'a')}, knows}, false, "longer"},
      {"no, it says", {{Type::kXauthStatus, ""}, alice, knows}, false, "told no user name"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    RawUser u({.xauth = true});
    const auto asked = u.Next();
    ASSERT_TRUE(asked);
    AttributeList reply;
    for (const auto& [type, value] : c.reply) reply.Add(type, AsBytes(value));
    u.Answer(*asked, reply);
    const auto status = u.Next();
    ASSERT_TRUE(status);
    EXPECT_EQ(status->type, TransactionType::kSet);
    EXPECT_THAT(status->values, UnorderedElementsAre(std::pair(Type::kXauthStatus, c.good ? "0001" : "0000")));
    EXPECT_TRUE(u.t.b.Logged(c.logged));
    u.t.Expect(0, 0);
    AttributeList ack;
    ack.Add(Type::kXauthStatus);
    u.Answer(*status, ack);
    u.t.Expect(c.good ? 1 : 0, 0);
    EXPECT_EQ(u.t.b.core->List().size(), c.good ? 1u : 0u);
    EXPECT_EQ(u.t.b.Counted(Count::kAuthenticationFailed), c.good ? 0u : 1u);
  }
}

TEST(XauthServer, AskedOfAPeerThatIsSilent) {
  RawUser u({.xauth = true});
  EXPECT_TRUE(u.Next());
  u.t.p.RunFor(200s);
  EXPECT_THAT(u.t.b.core->List(), IsEmpty());
}

TEST(XauthServer, AnsweredWithWhatIsNoAnswer) {
  RawUser u({.xauth = true});
  const auto asked = u.Next();
  ASSERT_TRUE(asked);
  u.Say(asked->message_id, TransactionType::kAck, asked->id, {});
  EXPECT_THAT(u.t.b.core->List(), IsEmpty());
}

// vpnc asks for everything at once, and may be faster than its ACK.
TEST(ModeConfigServer, AskedBeforeXauthIsAcknowledged) {
  RawUser u(kUserAndAddress, [](TwoPeers& p) {
    p.b.control.settings.dns = {Address("10.2.0.53")};
    p.b.control.pools[0].attributes = {
        {.kind = config::PoolAttribute::Kind::kNumber, .number = 28672, .value = std::vector<uint8_t>{'h', 'i'}},
        {.kind = config::PoolAttribute::Kind::kNumber, .number = 28673, .value = std::vector<uint8_t>{'1'}},
        {.kind = config::PoolAttribute::Kind::kNbns, .value = Address("10.2.0.42")},
        {.kind = config::PoolAttribute::Kind::kSplitInclude, .value = *IpPrefix::Parse("10.2.0.0/16")}};
  });
  ASSERT_TRUE(u.Login());
  AttributeList request;
  request.Add(Type::kIp4Address);
  for (Type t : {Type::kIp4Netmask, Type::kIp4Dns, Type::kUnityBanner, Type::kUnitySavePassword, Type::kUnitySplitInclude,
                 Type::kUnityFirewall, Type::kApplicationVersion, static_cast<Type>(31000)}) {
    request.Add(t);
  }
  u.Say(0x77, TransactionType::kRequest, 20, request);
  const auto reply = u.Next();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->message_id, 0x77u);
  EXPECT_EQ(reply->type, TransactionType::kReply);
  EXPECT_EQ(reply->id, 20);
  // Neither what nobody configured nor what nobody asked for.
  EXPECT_THAT(reply->values,
              UnorderedElementsAre(std::pair(Type::kIp4Address, "0a090001"), std::pair(Type::kIp4Dns, "0a020035"),
                                   std::pair(Type::kUnityBanner, "6869"), std::pair(Type::kUnitySavePassword, "0001"),
                                   std::pair(Type::kUnitySplitInclude, "0a020000ffff0000000000000000"),
                                   std::pair(Type::kApplicationVersion, ToHex(AsBytes("Culvert")))));
  u.t.Expect(1, 0);
}

TEST(ModeConfigServer, NotHeardBeforeXauthIsOver) {
  RawUser u(kUserAndAddress);
  AttributeList request;
  request.Add(Type::kIp4Address);
  const auto asked = u.Next();
  ASSERT_TRUE(asked);
  u.Say(0x77, TransactionType::kRequest, 20, request);
  EXPECT_FALSE(u.Next());
  EXPECT_FALSE(u.t.b.Logged("10.9.0.1"));
  AttributeList reply;
  reply.Add(Type::kXauthUserName, AsBytes("mallory"));
  reply.Add(Type::kXauthUserPassword, AsBytes("guess"));
  u.Answer(*asked, reply);
  ASSERT_TRUE(u.Next());
  u.Say(0x78, TransactionType::kRequest, 20, request);
  EXPECT_FALSE(u.Next());
  EXPECT_FALSE(u.t.b.Logged("10.9.0.1"));
}

TEST(ModeConfigServer, GivesTheAddressAskedForWhereItIsFree) {
  for (auto [wanted, given] : {std::pair("0a09004d", "10.9.0.77"), std::pair("0a09014d", "10.9.0.1"), std::pair("0a09", "")}) {
    SCOPED_TRACE(wanted);
    RawUser u(kUserAndAddress);
    const auto status = u.Login();
    ASSERT_TRUE(status);
    u.Answer(*status, {});
    AttributeList request;
    request.Add(Type::kIp4Address, *FromHex(wanted));
    u.Say(0x77, TransactionType::kRequest, 20, request);
    auto reply = u.Next();
    ASSERT_TRUE(reply);
    const std::string value = *given ? ToHex(Address(given).bytes()) : "";
    EXPECT_EQ(reply->values[Type::kIp4Address], value);
    u.t.Expect(1, 0);
  }
}

TEST(ModeConfig, PushedAndPulledAddressesAreTheChildsOwn) {
  for (bool pull : {true, false}) {
    for (bool xauth : {true, false}) {
      SCOPED_TRACE(pull);
      TwoPeers p;
      UseIkev1(p, {.xauth = xauth, .mode_config = true, .pull = pull});
      p.ConnectionOf(p.a).vips = {Address("0.0.0.0"), Address("::")};
      p.ConnectionOf(p.b).pools.push_back("clients6");
      const auto range = *IpRange::Parse("2001:db8:9::1-2001:db8:9::ff");
      p.b.control.pools.push_back({.name = "clients6", .addrs = range, .attributes = {}});
      p.Establish();
      EXPECT_EQ(p.b.LiveChildren().at(0).remote_ts, Selectors({"10.9.0.1/32"}));
      EXPECT_TRUE(p.a.Logged("2001:db8:9::1"));
    }
  }
}

// Members of a group share its name and its secret: each is who XAUTH says it is. Alice is up.
struct Group : TwoPeers {
  Group(const char* addresses, bool pull) {
    UseIkev1(*this, {.xauth = true, .mode_config = true, .pull = pull});
    b.control.pools[0].addrs = *IpRange::Parse(addresses);
    ForBoth([](SimPeer& peer) {
      config::Secret s{.name = "xauth-2", .kind = config::Secret::Kind::kXauth, .owners = {"bob"}};
      s.data = SecretBytes(AsBytes("what bob knows"));
      peer.control.secrets.push_back(std::move(s));
    });
    config::Connection of_bob = a.control.connections[0];
    of_bob.name = "of-bob";
    of_bob.children[0].name = "of-bob";
    of_bob.local[1].xauth_id = "bob";
    a.control.connections.push_back(std::move(of_bob));
    Start();
    EXPECT_EQ(Calls("net"), "");
  }
  // What comes of it: nothing, or an error.
  std::string Calls(const char* child) {
    const RequestId r = a.Up(child);
    RunFor(100s);
    return ErrorOf(a, r);
  }
};

TEST(ModeConfig, UsersOfAGroupDoNotDriveOutEachOther) {
  Group p("10.9.0.1-10.9.0.200", true);
  EXPECT_EQ(p.Calls("of-bob"), "");
  EXPECT_EQ(p.b.Established().size(), 2u);
  ASSERT_EQ(p.b.LiveChildren().size(), 2u);
  EXPECT_NE(p.b.LiveChildren()[0].remote_ts, p.b.LiveChildren()[1].remote_ts);
}

TEST(ModeConfig, WithoutAFreeAddressPhase1Ends) {
  for (bool pull : {true, false}) {
    SCOPED_TRACE(pull);
    Group p("10.9.0.1-10.9.0.1", pull);
    EXPECT_NE(p.Calls("of-bob"), "");
    EXPECT_TRUE(p.b.Logged("no address for bob: every address is leased"));
    EXPECT_EQ(p.b.core->List().size(), 1u);
    EXPECT_EQ(p.a.core->List().size(), 1u);
    // Who goes makes room.
    p.a.Down("gw");
    EXPECT_EQ(p.Calls("of-bob"), "");
    EXPECT_EQ(p.b.LiveChildren().at(0).remote_ts, Selectors({"10.9.0.1/32"}));
  }
}

TEST(Xauth, IsAskedAgainWithEachPhase1AndTheAddressStays) {
  for (bool pull : {true, false}) {
    SCOPED_TRACE(pull);
    TwoPeers p;
    UseIkev1(p, {.xauth = true, .mode_config = true, .pull = pull});
    p.Establish();
    p.WatchTraffic();
    for (int round = 0; round < 3; ++round) {
      const RequestId r = p.a.RekeyIke("gw");
      p.RunFor(10s);
      EXPECT_EQ(ErrorOf(p.a, r), "");
    }
    EXPECT_EQ(p.lost, 0u) << p.first_loss;
    EXPECT_EQ(Times(p.b, "is authenticated (XAUTH)"), 4u);
    EXPECT_EQ(p.b.Established().size(), 1u);
    EXPECT_EQ(p.b.LiveChildren().at(0).remote_ts, Selectors({"10.9.0.1/32"}));
    EXPECT_FALSE(p.b.Logged("10.9.0.2"));
    p.a.Down("gw");
    p.RunFor(5s);
    ExpectNothing(p);
  }
}

TEST(XauthClient, WithAWrongPasswordIsToldSo) {
  TwoPeers p;
  UseIkev1(p, {.xauth = true});
  p.ConnectionOf(p.a).keyingtries = 5;
  p.a.control.secrets[1].data = SecretBytes(AsBytes("what alice forgot"));
  p.Start();
  const RequestId r = p.a.Up("net");
  p.RunFor(200s);
  EXPECT_THAT(ErrorOf(p.a, r), HasSubstr("the peer refuses user \"alice\" or its password"));
  // To call again would have the user locked out.
  EXPECT_EQ(p.b.Counted(Count::kAuthenticationFailed), 1u);
  ExpectNothing(p);
}

TEST(XauthClient, WithoutAPasswordSaysSoAndTellsNone) {
  TwoPeers p;
  UseIkev1(p, {.xauth = true});
  p.a.control.secrets.pop_back();
  p.Start();
  const RequestId r = p.a.Up("net");
  p.RunFor(200s);
  EXPECT_THAT(ErrorOf(p.a, r), HasSubstr("no secret is the password of user \"alice\""));
  EXPECT_TRUE(p.b.Logged("told no user name and password"));
  ExpectNothing(p);
}

// Knows alice, or is out of reach.
class FakeRadius final : public radius::Client {
 public:
  radius::Verdict Ask(const radius::Login& login) override {
    using Kind = radius::Verdict::Kind;
    ++asked;
    if (silent) return {.kind = Kind::kNoAnswer, .why = "no RADIUS server answers"};
    const bool good = login.user == "alice" && AsString(login.password.view()) == "what alice knows";
    return {.kind = good ? Kind::kAccept : Kind::kReject, .server = "aaa", .message = "a word", .framed_ip = framed};
  }

  unsigned asked = 0;
  bool silent = false;
  std::optional<IpAddress> framed;
};

struct ByRadius : TwoPeers {
  explicit ByRadius(const SpeakV1& how) {
    UseIkev1(*this, how);
    ConnectionOf(b).remote.back().xauth = config::XauthBackend::kRadius;
    std::erase_if(b.control.secrets, [](const config::Secret& s) { return s.kind == config::Secret::Kind::kXauth; });
  }
  std::string Outcome() {
    Start();
    b.core->set_radius(server);
    const RequestId r = a.Up("net");
    RunFor(100s);
    return ErrorOf(a, r);
  }

  std::shared_ptr<FakeRadius> server = std::make_shared<FakeRadius>();
};

TEST(XauthServer, AsksRadius) {
  for (Duration delay : {Duration(0), Duration(9s)}) {
    ByRadius p({.xauth = true});
    p.b.job_delay = delay;
    EXPECT_EQ(p.Outcome(), "");
    EXPECT_EQ(p.server->asked, 1u);
    EXPECT_TRUE(p.b.Logged("user \"alice\" is authenticated"));
  }
  ByRadius wrong({.xauth = true});
  wrong.a.control.secrets[1].data = SecretBytes(AsBytes("what alice forgot"));
  EXPECT_THAT(wrong.Outcome(), HasSubstr("refuses"));
  EXPECT_TRUE(wrong.b.Logged("RADIUS server aaa says no: \"a word\""));
  ExpectNothing(wrong);
  ByRadius silent({.xauth = true});
  silent.server->silent = true;
  EXPECT_THAT(silent.Outcome(), HasSubstr("refuses"));
  EXPECT_TRUE(silent.b.Logged("no RADIUS server answers"));
  ByRadius nobody({.xauth = true});
  nobody.server = nullptr;
  EXPECT_THAT(nobody.Outcome(), HasSubstr("refuses"));
  EXPECT_TRUE(nobody.b.Logged("no RADIUS server is configured"));
}

TEST(ModeConfigServer, GivesTheAddressRadiusSays) {
  for (bool pull : {true, false}) {
    ByRadius p({.xauth = true, .mode_config = true, .pull = pull});
    p.server->framed = Address("10.9.7.7");
    p.ConnectionOf(p.b).pools = {"radius", "clients"};
    EXPECT_EQ(p.Outcome(), "");
    EXPECT_EQ(p.b.LiveChildren().at(0).remote_ts, Selectors({"10.9.7.7/32"}));
    ASSERT_EQ(p.b.Established().size(), 1u);
    EXPECT_EQ(p.b.Established()[0].remote_user, "alice");
    EXPECT_EQ(p.b.Established()[0].remote_vips, std::vector{Address("10.9.7.7")});
    EXPECT_EQ(p.a.Established().at(0).local_vips, std::vector{Address("10.9.7.7")});
    // It says nothing: a pool does.
    ByRadius q({.xauth = true, .mode_config = true, .pull = pull});
    q.ConnectionOf(q.b).pools = {"radius", "clients"};
    EXPECT_EQ(q.Outcome(), "");
    EXPECT_EQ(q.b.LiveChildren().at(0).remote_ts, Selectors({"10.9.0.1/32"}));
  }
}

// A gateway that asks in its own way.
struct RawServer {
  RawServer() {
    UseIkev1(p, {.xauth = true});
    p.a.Start();
    raw.offer.method = AuthMethod::kXauthInitPreShared;
    raw.id = "b.example.org";
    request = p.a.Up("net");
    EXPECT_TRUE(raw.AnswerMainMode());
    raw.Send(raw.Seal(ExchangeType::kMain, 0, raw.Main5()));
    raw.last_block = raw.chains[0];
    p.RunFor(20ms);
    raw.Heard();
  }
  std::map<Type, std::string> Ask(uint32_t message_id, TransactionType type, const AttributeList& list) {
    for (const Bytes& d : raw.Ask(raw.SealHashed(ExchangeType::kTransaction, message_id, Payloads{list.Payload(type, 1)}))) {
      auto h = DecodeHeader(d);
      if (!h || h->message_id != message_id) continue;
      const Chain chain = raw.Open(d);
      const auto* answer = chain.Get<AttributesPayload>();
      std::map<Type, std::string> values;
      for (const Attribute& a : answer->attributes) values[TypeOf(a)] = ToHex(a.value);
      return values;
    }
    return {};
  }
  std::string Error() {
    p.RunFor(200s);
    return ErrorOf(p.a, request);
  }

  TwoPeers p;
  RawPeer raw{RawPeer::World{p.clock, p.network, p.a}, p.b.address, false};
  RequestId request = 0;
};

TEST(XauthClient, AnswersOneThingAfterTheOther) {
  RawServer s;
  AttributeList name, password, ok;
  name.Add(Type::kXauthMessage, AsBytes("who?"));
  name.Add(Type::kXauthUserName);
  password.AddNumber(Type::kXauthType, 0);
  password.Add(Type::kXauthPasscode);
  password.Add(Type::kXauthDomain);
  ok.AddNumber(Type::kXauthStatus, XauthStatus::kOk);
  EXPECT_THAT(s.Ask(1, TransactionType::kRequest, name),
              UnorderedElementsAre(std::pair(Type::kXauthUserName, ToHex(AsBytes("alice")))));
  EXPECT_THAT(s.Ask(2, TransactionType::kRequest, password),
              UnorderedElementsAre(std::pair(Type::kXauthType, "0000"),
                                   std::pair(Type::kXauthPasscode, ToHex(AsBytes("what alice knows")))));
  EXPECT_TRUE(s.p.a.Logged("who?"));
  EXPECT_THAT(s.p.a.Established(), IsEmpty());
  EXPECT_THAT(s.Ask(3, TransactionType::kSet, ok), UnorderedElementsAre(std::pair(Type::kXauthStatus, "0001")));
  EXPECT_EQ(s.p.a.Established().size(), 1u);
}

TEST(XauthClient, TellsItsPasswordOnceAndOnlyAsItIs) {
  struct Case {
    const char* name;
    std::vector<Type> asked;
    uint16_t type;
    const char* error;
  };
  const Case cases[] = {
      {"a challenge", {Type::kXauthUserName, Type::kXauthUserPassword, Type::kXauthChallenge}, 0, "XAUTH_CHALLENGE"},
      {"RADIUS-CHAP", {Type::kXauthUserName, Type::kXauthUserPassword}, 1, "XAUTH of type 1"},
      {"a new PIN", {Type::kXauthNextPin}, 0, "XAUTH_NEXT_PIN"},
      {"an answer", {Type::kXauthAnswer}, 0, "XAUTH_ANSWER"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    RawServer s;
    AttributeList request;
    if (c.type != 0) request.AddNumber(Type::kXauthType, c.type);
    for (Type t : c.asked) request.Add(t);
    EXPECT_THAT(s.Ask(1, TransactionType::kRequest, request), UnorderedElementsAre(std::pair(Type::kXauthStatus, "0000")));
    EXPECT_THAT(s.Error(), HasSubstr(c.error));
  }
  RawServer s;
  AttributeList request;
  request.Add(Type::kXauthUserName);
  request.Add(Type::kXauthUserPassword);
  EXPECT_EQ(s.Ask(1, TransactionType::kRequest, request).size(), 2u);
  EXPECT_THAT(s.Ask(2, TransactionType::kRequest, request), UnorderedElementsAre(std::pair(Type::kXauthStatus, "0000")));
  EXPECT_THAT(s.Error(), HasSubstr("asks again for the password"));
}

TEST(XauthClient, GivesUpAServerThatNeverAsks) {
  RawServer s;
  EXPECT_THAT(s.Error(), HasSubstr("not asked for the user name and password"));
  EXPECT_THAT(s.p.a.core->List(), IsEmpty());
}

}  // namespace
}  // namespace culvert::ike::v1
