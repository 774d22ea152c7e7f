#include "control/ike/wire/v1/config_attribute.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/bytes/hex.h"
#include "common/bytes/writer.h"

namespace culvert::ike::v1 {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

IpPrefix Prefix(std::string_view text) { return *IpPrefix::Parse(text); }

std::string Encoded(const AttributesPayload& p) {
  Writer w;
  EncodeBody(Payload(p), w);
  return ToHex(w.view());
}

TEST(ConfigAttribute, IsKnownByItsName) {
  EXPECT_EQ(Name(ConfigAttribute::kIp4Address), "INTERNAL_IP4_ADDRESS");
  EXPECT_EQ(Name(ConfigAttribute::kUnityDdnsHostname), "UNITY_DDNS_HOSTNAME");
  EXPECT_EQ(Name(static_cast<ConfigAttribute>(0x7dff)), "32255");
}

TEST(ConfigAttribute, BelongsToOneOfThree) {
  EXPECT_TRUE(IsXauth(static_cast<ConfigAttribute>(16520)));
  EXPECT_TRUE(IsXauth(static_cast<ConfigAttribute>(16529)));
  EXPECT_FALSE(IsXauth(static_cast<ConfigAttribute>(16519)));
  EXPECT_FALSE(IsXauth(static_cast<ConfigAttribute>(16530)));
  EXPECT_TRUE(IsUnity(static_cast<ConfigAttribute>(28672)));
  EXPECT_TRUE(IsUnity(static_cast<ConfigAttribute>(28682)));
  EXPECT_FALSE(IsUnity(static_cast<ConfigAttribute>(28671)));
  EXPECT_FALSE(IsUnity(static_cast<ConfigAttribute>(28683)));
}

TEST(AttributeList, EncodesWhatServersAndClientsOfXauthSay) {
  AttributeList request;
  request.Add(ConfigAttribute::kXauthUserName);
  request.Add(ConfigAttribute::kXauthUserPassword);
  EXPECT_EQ(Encoded(request.Payload(TransactionType::kRequest, 0x1234)), "01001234" "40890000" "408a0000");

  AttributeList reply;
  reply.AddNumber(ConfigAttribute::kXauthType, 0);
  reply.Add(ConfigAttribute::kXauthUserName, AsBytes("bob"));
  EXPECT_EQ(Encoded(reply.Payload(TransactionType::kReply, 0x1234)), "02001234" "c0880000" "40890003626f62");

  AttributeList status;
  status.AddNumber(ConfigAttribute::kXauthStatus, XauthStatus::kOk);
  EXPECT_EQ(Encoded(status.Payload(TransactionType::kSet, 1)), "03000001" "c08f0001");
}

TEST(AttributeList, KeepsItsValuesWhileItGrows) {
  AttributeList list;
  for (int i = 0; i < 100; ++i) list.Add(ConfigAttribute::kIp4Dns, Bytes{10, 0, 0, static_cast<uint8_t>(i)});
  const AttributesPayload p = list.Payload(TransactionType::kReply, 0);
  ASSERT_EQ(p.attributes.size(), 100u);
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(p.attributes[i].value[3], i);
  EXPECT_TRUE(list.Has(ConfigAttribute::kIp4Dns));
  EXPECT_FALSE(list.Has(ConfigAttribute::kIp4Nbns));
}

TEST(UnityNetworks, AreFourteenOctetsEach) {
  const IpPrefix networks[] = {Prefix("10.1.0.0/16"), Prefix("2001:db8::/32"), Prefix("192.0.2.1/32")};
  const Bytes value = EncodeUnityNetworks(networks);
  EXPECT_EQ(ToHex(value), "0a010000ffff0000000000000000" "c0000201ffffffff000000000000");
  EXPECT_THAT(DecodeUnityNetworks(value), ElementsAre(networks[0], networks[2]));
}

TEST(UnityNetworks, EndAtWhatIsNone) {
  const Bytes good = EncodeUnityNetworks(std::vector{Prefix("10.1.0.0/16")});
  for (size_t cut = 0; cut < good.size(); ++cut) EXPECT_THAT(DecodeUnityNetworks(ByteView(good).first(cut)), IsEmpty()) << cut;
  Bytes holes = good;
  holes[6] = 0xff;   // 255.255.255.0 becomes ...
  holes[5] = 0x00;   // 255.0.255.0, which is no mask
  EXPECT_THAT(DecodeUnityNetworks(holes), IsEmpty());
  Bytes host_bits = good;
  host_bits[3] = 9;
  EXPECT_THAT(DecodeUnityNetworks(host_bits), ElementsAre(Prefix("10.1.0.0/16")));
}

TEST(UnityNetworks, AreNoMoreThanAChildMayHave) {
  const Bytes many = EncodeUnityNetworks(std::vector<IpPrefix>(kMaxUnityNetworks + 1, Prefix("10.1.0.0/16")));
  EXPECT_EQ(DecodeUnityNetworks(many).size(), kMaxUnityNetworks);
}

TEST(ConfigAttribute, OneMakesATransactionXauths) {
  AttributeList config;
  config.Add(ConfigAttribute::kIp4Address);
  EXPECT_FALSE(IsXauth(config.Payload(TransactionType::kRequest, 0)));
  config.Add(ConfigAttribute::kXauthDomain);
  EXPECT_TRUE(IsXauth(config.Payload(TransactionType::kRequest, 0)));
}

}  // namespace
}  // namespace culvert::ike::v1
