#include "control/ike/wire/registry.h"

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

// IANA, "Internet Key Exchange Version 2 (IKEv2) Parameters": number and name side by side, so that neither slips.
TEST(Registry, NamesNumbersAsIanaDoes) {
  EXPECT_EQ(Name(static_cast<ExchangeType>(34)), "IKE_SA_INIT");
  EXPECT_EQ(Name(static_cast<ExchangeType>(43)), "IKE_INTERMEDIATE");
  EXPECT_EQ(Name(static_cast<ExchangeType>(44)), "IKE_FOLLOWUP_KE");
  EXPECT_EQ(Name(static_cast<PayloadType>(33)), "SA");
  EXPECT_EQ(Name(static_cast<PayloadType>(36)), "IDr");
  EXPECT_EQ(Name(static_cast<PayloadType>(46)), "SK");
  EXPECT_EQ(Name(static_cast<PayloadType>(53)), "SKF");
  EXPECT_EQ(Name(static_cast<TransformType>(4)), "KE");
  EXPECT_EQ(Name(static_cast<TransformType>(12)), "ADDKE7");
  EXPECT_EQ(Name(static_cast<NotifyType>(7)), "INVALID_SYNTAX");
  EXPECT_EQ(Name(static_cast<NotifyType>(14)), "NO_PROPOSAL_CHOSEN");
  EXPECT_EQ(Name(static_cast<NotifyType>(24)), "AUTHENTICATION_FAILED");
  EXPECT_EQ(Name(static_cast<NotifyType>(38)), "TS_UNACCEPTABLE");
  EXPECT_EQ(Name(static_cast<NotifyType>(44)), "CHILD_SA_NOT_FOUND");
  EXPECT_EQ(Name(static_cast<NotifyType>(16390)), "COOKIE");
  EXPECT_EQ(Name(static_cast<NotifyType>(16393)), "REKEY_SA");
  EXPECT_EQ(Name(static_cast<NotifyType>(16430)), "IKEV2_FRAGMENTATION_SUPPORTED");
  EXPECT_EQ(Name(static_cast<NotifyType>(16441)), "ADDITIONAL_KEY_EXCHANGE");
  EXPECT_EQ(Name(static_cast<IdType>(9)), "ID_DER_ASN1_DN");
  EXPECT_EQ(Name(static_cast<AuthMethod>(2)), "SHARED_KEY_MIC");
}

TEST(Registry, PrintsUnknownNumbers) {
  EXPECT_EQ(Name(static_cast<ExchangeType>(33)), "33");
  EXPECT_EQ(Name(static_cast<PayloadType>(255)), "255");
  EXPECT_EQ(Name(static_cast<TransformType>(13)), "13");
  EXPECT_EQ(Name(static_cast<NotifyType>(65535)), "65535");
  EXPECT_EQ(Name(static_cast<IdType>(250)), "250");
  EXPECT_EQ(Name(static_cast<AuthMethod>(255)), "255");
}

TEST(Registry, ErrorsAreBelow16384) {
  EXPECT_TRUE(IsError(static_cast<NotifyType>(0)));
  EXPECT_TRUE(IsError(static_cast<NotifyType>(16383)));
  EXPECT_FALSE(IsError(static_cast<NotifyType>(16384)));
}

}  // namespace
}  // namespace culvert::ike
