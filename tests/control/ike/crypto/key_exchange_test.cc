#include "control/ike/crypto/key_exchange.h"

#include <set>

#include <openssl/bn.h>

#include "control/ike/crypto/key_exchange_impl.h"
#include "control/ike/job.h"
#include "tests/control/ike/crypto/test_util.h"
#include "tests/control/ike/crypto/vectors.h"

namespace culvert::ike {
namespace {

constexpr KeGroup kAllGroups[] = {
    KeGroup::kModp1024, KeGroup::kModp1536,     KeGroup::kModp2048,     KeGroup::kModp3072,     KeGroup::kModp4096, KeGroup::kModp6144,
    KeGroup::kModp8192, KeGroup::kEcp256,       KeGroup::kEcp384,       KeGroup::kEcp521,       KeGroup::kBrainpool224,
    KeGroup::kBrainpool256, KeGroup::kBrainpool384, KeGroup::kBrainpool512, KeGroup::kX25519,   KeGroup::kX448,         KeGroup::kMlKem512,
    KeGroup::kMlKem768, KeGroup::kMlKem1024};
bool IsKem(KeGroup g) { return g == KeGroup::kMlKem512 || g == KeGroup::kMlKem768 || g == KeGroup::kMlKem1024; }

size_t SecretSize(KeGroup g) {
  if (IsKem(g)) return 32;
  size_t n = Find(g)->initiator_public;
  bool ecp = (g >= KeGroup::kEcp256 && g <= KeGroup::kEcp521) || (g >= KeGroup::kBrainpool224 && g <= KeGroup::kBrainpool512);
  return ecp ? n / 2 : n;
}

struct Agreement {
  const char* source;
  KeGroup group;
  const char *private_i, *public_i, *private_r, *public_r, *secret;
};
const Agreement kAgreements[] = {
    {"RFC 7748 6.1", KeGroup::kX25519, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
     "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
     "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
     "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
     "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
    {"RFC 7748 6.2", KeGroup::kX448,
     "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
     "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
     "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
     "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
     "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d"},
    {"RFC 5903 8.1", KeGroup::kEcp256, "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
     "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
     "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
     "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
     "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"},
    {"RFC 5903 8.2", KeGroup::kEcp384,
     "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
     "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa"
     "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
     "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc",
     "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571"
     "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
     "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746"},
    {"RFC 5903 8.3", KeGroup::kEcp521,
     "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
     "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176ced3e"
     "017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f9582",
     "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9",
     "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f"
     "015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a",
     "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea"},
    {"RFC 6932 A.1", KeGroup::kBrainpool224, "7c4b7a2c8a4bad1fbb7d79cc0955db7c6a4660ca64cc4778159b495e",
     "b104a67a6f6e85e14ec1825e1539e8ecdbbf584922367dd88c6bdcf246d782e7fdb5f60cd8404301ac5949c58edb26bc68ba07695b750a94",
     "63976d4aae6cd0f6dd18defef55d96569d0507c03e74d6486ffa28fb",
     "2a97089a9296147b71b21a4b574e1278245b536f14d8c2b9d07a874e9b900d7c77a709a797276b8ca1ba61bb95b546fc29f862e44d59d25b",
     "312dfd98783f9fb77b9704945a73beb6dccbe3b65d0f967dcab574eb"},
    {"RFC 7027 A.1", KeGroup::kBrainpool256, "81db1ee100150ff2ea338d708271be38300cb54241d79950f77b063039804f1d",
     "44106e913f92bc02a1705d9953a8414db95e1aaa49e81d9e85f929a8e3100be58ab4846f11caccb73ce49cbdd120f5a900a69fd32c2722"
     "23f789ef10eb089bdc",
     "55e40bc41e37e3e2ad25c3c6654511ffa8474a91a0032087593852d3e7d76bd3",
     "8d2d688c6cf93e1160ad04cc4429117dc2c41825e1e9fca0addd34e6f1b39f7b990c57520812be512641e47034832106bc7d3e8dd0e4c7"
     "f1136d7006547cec6a",
     "89afc39d41d3b327814b80940b042590f96556ec91e6ae7939bce31f3a18bf2b"},
    {"RFC 7027 A.2", KeGroup::kBrainpool384, "1e20f5e048a5886f1f157c74e91bde2b98c8b52d58e5003d57053fc4b0bd65d6f15eb5d1ee1610df870795143627d042",
     "68b665dd91c195800650cdd363c625f4e742e8134667b767b1b476793588f885ab698c852d4a6e77a252d6380fcaf06855bc91a39c9ec0"
     "1dee36017b7d673a931236d2f1f5c83942d049e3fa20607493e0d038ff2fd30c2ab67d15c85f7faa59",
     "032640bc6003c59260f7250c3db58ce647f98e1260acce4acda3dd869f74e01f8ba5e0324309db6a9831497abac96670",
     "4d44326f269a597a5b58bba565da5556ed7fd9a8a9eb76c25f46db69d19dc8ce6ad18e404b15738b2086df37e71d1eb462d692136de56c"
     "be93bf5fa3188ef58bc8a3a0ec6c1e151a21038a42e9185329b5b275903d192f8d4e1f32fe9cc78c48",
     "0bd9d3a7ea0b3d519d09d8e48d0785fb744a6b355e6304bc51c229fbbce239bbadf6403715c35d4fb2a5444f575d4f42"},
    {"RFC 7027 A.3", KeGroup::kBrainpool512, "16302ff0dbbb5a8d733dab7141c1b45acbc8715939677f6a56850a38bd87bd59b09e80279609ff333eb9d4c061231fb26f92eeb04982a5"
     "f1d1764cad57665422",
     "0a420517e406aac0acdce90fcd71487718d3b953efd7fbec5f7f27e28c6149999397e91e029e06457db2d3e640668b392c2a7e737a7f0b"
     "f04436d11640fd09fd72e6882e8db28aad36237cd25d580db23783961c8dc52dfa2ec138ad472a0fcef3887cf62b623b2a87de5c588301"
     "ea3e5fc269b373b60724f5e82a6ad147fde7",
     "230e18e1bcc88a362fa54e4ea3902009292f7f8033624fd471b5d8ace49d12cfabbc19963dab8e2f1eba00bffb29e4d72d13f2224562f4"
     "05cb80503666b25429",
     "9d45f66de5d67e2e6db6e93a59ce0bb48106097ff78a081de781cdb31fce8ccbaaea8dd4320c4119f1e9cd437a2eab3731fa9668ab268d"
     "871deda55a5473199f2fdc313095bcdd5fb3a91636f07a959c8e86b5636a1e930e8396049cb481961d365cc11453a06c719835475b12cb"
     "52fc3c383bce35e27ef194512b71876285fa",
     "a7927098655f1f9976fa50a9d566865dc530331846381c87256baf3226244b76d36403c024d7bbf0aa0803eaff405d3d24f11a9b5c0bef"
     "679fe1454b21c4cd1f"},
};

TEST(KeyExchange, GivesTheKnownAnswers) {
  for (const Agreement& a : kAgreements) {
    SCOPED_TRACE(a.source);
    Bytes private_i = Unhex(a.private_i), private_r = Unhex(a.private_r), public_i = Unhex(a.public_i), public_r = Unhex(a.public_r);
    auto i = KeyExchangeFrom(a.group, {private_i, public_i}), r = KeyExchangeFrom(a.group, {private_r, public_r});
    EXPECT_EQ(ToHex(i->public_value()), a.public_i);
    EXPECT_EQ(ToHex(r->public_value()), a.public_r);
    auto secret_i = i->Derive(public_r), secret_r = r->Derive(public_i);
    ASSERT_TRUE(secret_i && secret_r);
    EXPECT_EQ(ToHex(secret_i->view()), a.secret);
    EXPECT_EQ(ToHex(secret_r->view()), a.secret);
  }
}

TEST(KeyExchange, BothSidesAgreeInEveryGroup) {
  for (KeGroup group : kAllGroups) {
    SCOPED_TRACE(Name(group));
    ASSERT_TRUE(KeyExchange::Supports(group));
    auto a = KeyExchange::Create(group, KeRole::kRequester), b = KeyExchange::Create(group, KeRole::kReplier);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->group(), group);
    EXPECT_EQ(a->public_value().size(), Find(group)->initiator_public);
    auto secret_b = b->Derive(a->public_value());
    EXPECT_EQ(b->public_value().size(), Find(group)->responder_public);
    auto secret_a = a->Derive(b->public_value());
    ASSERT_TRUE(secret_a && secret_b);
    EXPECT_EQ(*secret_a, *secret_b);
    EXPECT_EQ(secret_a->size(), SecretSize(group));
  }
}

TEST(KeyExchange, HasNoGroupThatTheTableHasNot) {
  for (unsigned id = 0; id < 1100; ++id) {
    auto group = static_cast<KeGroup>(id);
    bool known = std::ranges::count(kAllGroups, group) != 0;
    EXPECT_EQ(KeyExchange::Supports(group), known) << id;
    if (known) continue;
    EXPECT_FALSE(KeyExchange::Create(group, KeRole::kRequester)) << id;
  }
}

// R1, B19: a key is made for one exchange.
TEST(KeyExchange, NeverMakesTheSameKeyTwice) {
  for (KeGroup group : {KeGroup::kX25519, KeGroup::kEcp256, KeGroup::kModp1024, KeGroup::kMlKem512}) {
    std::set<Bytes> seen;
    for (int i = 0; i < 200; ++i) {
      EXPECT_TRUE(seen.insert(ToBytes(KeyExchange::Create(group, KeRole::kRequester)->public_value())).second) << Name(group);
    }
  }
}

TEST(KeyExchange, RefusesEveryWrongLength) {
  for (KeGroup group : kAllGroups) {
    SCOPED_TRACE(Name(group));
    auto a = KeyExchange::Create(group, KeRole::kRequester), b = KeyExchange::Create(group, KeRole::kReplier);
    Bytes right = ToBytes(b->Derive(a->public_value()) ? b->public_value() : ByteView{});
    const Bytes right_key = ToBytes(a->public_value());
    EXPECT_FALSE(a->Derive(ByteView(right).first(right.size() - 1)));
    EXPECT_FALSE(KeyExchange::Create(group, KeRole::kReplier)->Derive(ByteView(right_key).first(right_key.size() - 1)));
    Bytes longer = right, longer_key = right_key;
    longer.push_back(0);
    longer_key.push_back(0);
    EXPECT_FALSE(a->Derive(longer));
    EXPECT_FALSE(KeyExchange::Create(group, KeRole::kReplier)->Derive(longer_key));
    EXPECT_FALSE(a->Derive({}));
    EXPECT_FALSE(b->Derive(Bytes(70000, 1)));
    EXPECT_TRUE(a->Derive(right)) << "refusals leave the key usable: a forged reply must not spoil the exchange";
  }
}

// RFC 8031 5, RFC 7748 6.1: points of small order give zero whatever the key.
TEST(KeyExchange, RefusesLowOrderPointsOfTheMontgomeryCurves) {
  const char* low_order_25519[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",   // p - 1
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",   // p
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};  // p + 1
  auto x25519 = KeyExchange::Create(KeGroup::kX25519, KeRole::kRequester);
  for (const char* point : low_order_25519) EXPECT_FALSE(x25519->Derive(Unhex(point))) << point;
  auto x448 = KeyExchange::Create(KeGroup::kX448, KeRole::kRequester);
  Bytes point(56, 0);
  EXPECT_FALSE(x448->Derive(point));
  point[0] = 1;
  EXPECT_FALSE(x448->Derive(point));
  Bytes p_minus_1(56, 0xff);  // p = 2^448 - 2^224 - 1
  p_minus_1[28] = 0xfe;
  p_minus_1[0] = 0xfe;
  EXPECT_FALSE(x448->Derive(p_minus_1));
}

// RFC 5903 9, RFC 6989 2.3.
TEST(KeyExchange, RefusesPointsThatAreNotOnTheCurve) {
  struct Curve {
    KeGroup group;
    const char* prime;
  };
  const Curve curves[] = {
      {KeGroup::kEcp256, "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"},
      {KeGroup::kEcp384, "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff"},
      {KeGroup::kEcp521,
       "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
      {KeGroup::kBrainpool224, "d7c134aa264366862a18302575d1d787b09f075797da89f57ec8c0ff"},
      {KeGroup::kBrainpool256, "a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377"},
      {KeGroup::kBrainpool384,
       "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53"},
      {KeGroup::kBrainpool512,
       "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3"}};
  for (const Curve& c : curves) {
    SCOPED_TRACE(Name(c.group));
    auto mine = KeyExchange::Create(c.group, KeRole::kReplier), peer = KeyExchange::Create(c.group, KeRole::kRequester);
    const Bytes good = ToBytes(peer->public_value());
    const size_t field = good.size() / 2;
    EXPECT_FALSE(mine->Derive(Bytes(good.size(), 0))) << "the origin";
    for (size_t at : {size_t{5}, good.size() - 1}) {
      Bytes off = good;
      off[at] ^= 1;
      EXPECT_FALSE(mine->Derive(off)) << "off the curve by octet " << at;
    }
    Bytes prime = Unhex(c.prime);
    for (size_t at : {size_t{0}, field}) {
      Bytes too_large = good;
      std::ranges::copy(prime, too_large.begin() + at);
      EXPECT_FALSE(mine->Derive(too_large)) << "a coordinate equal to p";
    }
    EXPECT_FALSE(mine->Derive(Bytes(good.size(), 0xff)));
    Bytes with_prefix{4};  // X9.62's prefix is not IKE's
    Append(with_prefix, good);
    EXPECT_FALSE(mine->Derive(with_prefix));
    EXPECT_TRUE(mine->Derive(good));
  }
}

class Bignum {
 public:
  explicit Bignum(BIGNUM* taken) : n_(taken) {}
  explicit Bignum(ByteView b) : n_(BN_bin2bn(b.data(), static_cast<int>(b.size()), nullptr)) {}
  ~Bignum() { BN_free(n_); }
  Bignum(const Bignum&) = delete;
  Bignum& operator=(const Bignum&) = delete;
  BIGNUM* get() const { return n_; }
  Bytes Padded(size_t size) const {
    Bytes out(size);
    EXPECT_EQ(BN_bn2binpad(n_, out.data(), static_cast<int>(size)), static_cast<int>(size));
    return out;
  }

 private:
  BIGNUM* n_;
};

BIGNUM* PrimeOf(KeGroup group) {
  switch (group) {
    case KeGroup::kModp1024: return BN_get_rfc2409_prime_1024(nullptr);
    case KeGroup::kModp1536: return BN_get_rfc3526_prime_1536(nullptr);
    case KeGroup::kModp2048: return BN_get_rfc3526_prime_2048(nullptr);
    case KeGroup::kModp3072: return BN_get_rfc3526_prime_3072(nullptr);
    case KeGroup::kModp4096: return BN_get_rfc3526_prime_4096(nullptr);
    case KeGroup::kModp6144: return BN_get_rfc3526_prime_6144(nullptr);
    default: return BN_get_rfc3526_prime_8192(nullptr);
  }
}

Bytes Power(ByteView base, ByteView exponent, const Bignum& p, size_t size) {
  Bignum b(base), e(exponent), r(BN_new());
  BN_CTX* ctx = BN_CTX_new();
  EXPECT_EQ(BN_mod_exp(r.get(), b.get(), e.get(), p.get(), ctx), 1);
  BN_CTX_free(ctx);
  return r.Padded(size);
}

// The primes are those that Python gets from RFC 2409's and RFC 3526's formulas over pi, and so are the secrets.
TEST(Modp, AgreesWithAnotherImplementation) {
  for (const vectors::Modp& v : vectors::kModp) {
    SCOPED_TRACE(Name(v.group));
    const size_t size = Find(v.group)->initiator_public;
    Bignum p(PrimeOf(v.group));
    EXPECT_EQ(Sha256Hex(p.Padded(size)), v.prime_sha256);
    Bytes a = Unhex(v.a), b = Unhex(v.b), two{2};
    Bytes public_a = Power(two, a, p, size), public_b = Power(two, b, p, size);
    auto i = KeyExchangeFrom(v.group, {a, public_a}), r = KeyExchangeFrom(v.group, {b, public_b});
    EXPECT_TRUE(Equal(i->public_value(), public_a));
    auto secret_i = i->Derive(r->public_value()), secret_r = r->Derive(i->public_value());
    ASSERT_TRUE(secret_i && secret_r);
    EXPECT_EQ(Sha256Hex(secret_i->view()), v.secret_sha256);
    EXPECT_EQ(*secret_i, *secret_r);
  }
}

// RFC 6989 2.1, B19: 2 <= r <= p - 2.
TEST(Modp, RefusesPublicValuesOutOfRange) {
  for (const vectors::Modp& v : vectors::kModp) {
    SCOPED_TRACE(Name(v.group));
    const size_t size = Find(v.group)->initiator_public;
    Bignum p(PrimeOf(v.group));
    auto mine = KeyExchange::Create(v.group, KeRole::kReplier);
    auto plus = [&](int64_t n) {
      Bignum value(BN_dup(p.get()));
      EXPECT_EQ(n < 0 ? BN_sub_word(value.get(), static_cast<BN_ULONG>(-n)) : BN_add_word(value.get(), static_cast<BN_ULONG>(n)), 1);
      return value.Padded(size);
    };
    Bytes small(size, 0);
    EXPECT_FALSE(mine->Derive(small)) << 0;
    small.back() = 1;
    EXPECT_FALSE(mine->Derive(small)) << 1;
    small.back() = 2;
    EXPECT_TRUE(mine->Derive(small)) << 2;
    EXPECT_TRUE(mine->Derive(plus(-2))) << "p - 2";
    for (int64_t n : {-1, 0, 1}) EXPECT_FALSE(mine->Derive(plus(n))) << "p + " << n;
    EXPECT_FALSE(mine->Derive(Bytes(size, 0xff)));
  }
}

// Trap 23, RFC 7296 2.14: g^ir is as long as the prime, leading zeros included; so are public values (3.4).
TEST(Modp, KeepsLeadingZeros) {
  const vectors::Modp& v = vectors::kModp[0];
  const size_t size = Find(v.group)->initiator_public;
  Bignum p(PrimeOf(v.group));
  Bytes a = Unhex(v.a), two{2};
  int zero_secrets = 0, zero_publics = 0;
  auto mine = KeyExchangeFrom(v.group, {a, Power(two, a, p, size)});
  for (uint16_t k = 1000; k < 2500; ++k) {
    Bytes exponent{static_cast<uint8_t>(k >> 8), static_cast<uint8_t>(k)};
    Bytes peer = Power(two, exponent, p, size);
    Bytes expected = Power(peer, a, p, size);
    if (peer[0] == 0) {
      ++zero_publics;
      auto theirs = KeyExchangeFrom(v.group, {exponent, peer});
      EXPECT_TRUE(Equal(theirs->public_value(), peer));
    }
    if (expected[0] != 0) continue;
    ++zero_secrets;
    auto secret = mine->Derive(peer);
    ASSERT_TRUE(secret);
    EXPECT_TRUE(Equal(secret->view(), expected));
  }
  EXPECT_GT(zero_secrets, 0);
  EXPECT_GT(zero_publics, 0);
}

// FIPS 203 7.2 and 7.3, B19.
TEST(MlKem, ChecksWhatThePeerSends) {
  for (KeGroup group : {KeGroup::kMlKem512, KeGroup::kMlKem768, KeGroup::kMlKem1024}) {
    SCOPED_TRACE(Name(group));
    auto requester = KeyExchange::Create(group, KeRole::kRequester), replier = KeyExchange::Create(group, KeRole::kReplier);
    EXPECT_TRUE(replier->public_value().empty());
    Bytes key = ToBytes(requester->public_value());
    key[0] = 0xff;  // the first twelve-bit coefficient becomes 4095, not below q = 3329
    key[1] |= 0x0f;
    EXPECT_FALSE(replier->Derive(key));
    auto secret = replier->Derive(requester->public_value());
    ASSERT_TRUE(secret);
    Bytes forged = ToBytes(replier->public_value());
    forged[7] ^= 1;
    auto other = requester->Derive(forged);  // implicit rejection: AUTH fails later
    ASSERT_TRUE(other);
    EXPECT_FALSE(*other == *secret);
    EXPECT_TRUE(*requester->Derive(replier->public_value()) == *secret);
  }
}

TEST(KeyExchangeJob, MakesAKeyAndDerivesWhereItCan) {
  for (KeGroup group : {KeGroup::kX25519, KeGroup::kMlKem768}) {
    KeyExchangeJob ask(group, {});
    ask.Run();
    EXPECT_FALSE(ask.wanted_secret());
    auto requester = ask.TakeKey();
    ASSERT_TRUE(requester);
    KeyExchangeJob answer(group, ToBytes(requester->public_value()));
    answer.Run();
    ASSERT_TRUE(answer.secret());
    Bytes replied = ToBytes(answer.TakeKey()->public_value());
    KeyExchangeJob finish(std::move(requester), replied);
    finish.Run();
    ASSERT_TRUE(finish.secret());
    EXPECT_EQ(*finish.secret(), *answer.secret());
  }
  KeyExchangeJob unknown(static_cast<KeGroup>(1), Bytes(32));
  unknown.Run();
  EXPECT_FALSE(unknown.TakeKey());
  EXPECT_FALSE(unknown.secret());
}

}  // namespace
}  // namespace culvert::ike
