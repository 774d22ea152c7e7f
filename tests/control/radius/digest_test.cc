#include "control/radius/digest.h"

#include <gtest/gtest.h>

#include "common/bytes/hex.h"

namespace culvert::radius {
namespace {

// RFC 1321 A.5.
TEST(Digest, Md5) {
  EXPECT_EQ(ToHex(Md5({})), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(ToHex(Md5({AsBytes("message digest")})), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(ToHex(Md5({AsBytes("message"), {}, AsBytes(" digest")})), "f96b697d7cb7938d525a2f31aaf161d0");
}

// RFC 2202 2.
TEST(Digest, HmacMd5) {
  EXPECT_EQ(ToHex(HmacMd5(Bytes(16, 0x0b), {AsBytes("Hi There")})), "9294727a3638bb1c13f48ef8158bfc9d");
  EXPECT_EQ(ToHex(HmacMd5(AsBytes("Jefe"), {AsBytes("what do ya want "), AsBytes("for nothing?")})),
            "750c783e6ab0b503eaa86e310a5db738");
  EXPECT_EQ(ToHex(HmacMd5(Bytes(80, 0xaa), {AsBytes("Test Using Larger Than Block-Size Key - Hash Key First")})),
            "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
}

}  // namespace
}  // namespace culvert::radius
