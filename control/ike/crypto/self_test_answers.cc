#include "control/ike/crypto/self_test.h"

namespace culvert::ike {
namespace {

constexpr KnownAnswer kAnswers[] = {
    {.name = "HMAC-SHA-1, RFC 2202 3",
     .kind = KnownAnswer::Kind::kPrf,
     .prf = PrfId::kHmacSha1,
     .f = {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
           "4869205468657265",
           "b617318655057264e28bc0b6fb378c8ef146be00"}},
    {.name = "HMAC-SHA-256, RFC 4231 4.2",
     .kind = KnownAnswer::Kind::kPrf,
     .prf = PrfId::kHmacSha256,
     .f = {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
           "4869205468657265",
           "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"}},
    {.name = "HMAC-SHA-384, RFC 4231 4.2",
     .kind = KnownAnswer::Kind::kPrf,
     .prf = PrfId::kHmacSha384,
     .f = {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
           "4869205468657265",
           "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6"}},
    {.name = "HMAC-SHA-512, RFC 4231 4.2",
     .kind = KnownAnswer::Kind::kPrf,
     .prf = PrfId::kHmacSha512,
     .f = {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
           "4869205468657265",
           "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1"
           "702e696c203a126854"}},
    {.name = "AES-CMAC, RFC 4615 4",
     .kind = KnownAnswer::Kind::kPrf,
     .prf = PrfId::kAesCmac,
     .f = {"000102030405060708090a0b0c0d0e0fedcb",
           "000102030405060708090a0b0c0d0e0f10111213",
           "84a348a4a45d235babfffc0d2b4da09a"}},
    {.name = "prf+, NIST CAVS ikev2.rsp",
     .kind = KnownAnswer::Kind::kPrfPlus,
     .prf = PrfId::kHmacSha1,
     .f = {"cd2e8050137832245f1dbacc6e4f0a92f94d45d6",
           "3651fef5c9c35e93c09a8b90a3f04d598e5c3ae507221684b1f201bb155c3acd",
           "6f1b12cad3cbe097b35430356d869d54cddb0198ec859174d53ceb92dddedbe2436db69f60977c58fa63bbb667f8d36920b109baae8f6c"
           "61a9ac49fe"}},
    {.name = "SK payload with AesGcm16-128, python3-cryptography",
     .kind = KnownAnswer::Kind::kSkPayload,
     .encr = EncrId::kAesGcm16, .key_bits = 128,
     .f = {"7785e81190a60c1f5ab69d51298667dcfe9a9032",
           "",
           "c33d75dc53789f3dbf81b9155e7c8974830caa605a4fc5f0bd38eabdbef0b35f",
           "ed706cd3a93de18a48329cf5a1a1a6c465a0dcd94fe93b2011dd47e2a93d8e90e54d86230dae4369594f288517",
           "0005000000000000ee69bc2ea94891df3c2ec0cf90a4c5ed79db36b5eebade41e41837898e4f09733335359443b5eb8ccb632e96c4018a"
           "79e0a598b5e2e94bac568f3e6a02c9"}},
    {.name = "SK payload with AesGcm16-256, python3-cryptography",
     .kind = KnownAnswer::Kind::kSkPayload,
     .encr = EncrId::kAesGcm16, .key_bits = 256,
     .f = {"49b41db720cd783e7fabec809ea70cf482be926d4c567dcdbeea43f0ef4eea68ddcc9bac",
           "",
           "c33d75dc53789f3dbf81b9155e7c8974830caa605a4fc5f0bd38eabdbef0b35f",
           "ed706cd3a93de18a48329cf5a1a1a6c465a0dcd94fe93b2011dd47e2a93d8e90e54d86230dae4369594f288517",
           "0005000000000000e75e9bdb206273a2fe91931b69f42b3094a1483511660e029baf53c6747abbf8195f44da2b7815a9fd60c6455123c3"
           "7cb8d5bcb09e03d16eba10357b51fc"}},
    {.name = "SK payload with ChaCha20Poly1305-256, python3-cryptography",
     .kind = KnownAnswer::Kind::kSkPayload,
     .encr = EncrId::kChaCha20Poly1305, .key_bits = 256,
     .f = {"85b789068745694e86c63ece21979b1b59d0fa62d8dde870fd1675b431863cd039f4cabd",
           "",
           "c33d75dc53789f3dbf81b9155e7c8974830caa605a4fc5f0bd38eabdbef0b35f",
           "ed706cd3a93de18a48329cf5a1a1a6c465a0dcd94fe93b2011dd47e2a93d8e90e54d86230dae4369594f288517",
           "000500000000000096314435b307c26de497e5292a5c7da17f9d68e8b3b7bedd41e569bb4379d042313f50fb98ad7887dbe0972d5d245d"
           "93cf3d841ecf9ed1d6b1142900dfd1"}},
    {.name = "SK payload with AesCcm16-256, python3-cryptography",
     .kind = KnownAnswer::Kind::kSkPayload,
     .encr = EncrId::kAesCcm16, .key_bits = 256,
     .f = {"778284916b8ab8fb327faf9640b6f9702c7b73ba7d7b2b6de0fba507aee7d4facc72b7",
           "",
           "c33d75dc53789f3dbf81b9155e7c8974830caa605a4fc5f0bd38eabdbef0b35f",
           "ed706cd3a93de18a48329cf5a1a1a6c465a0dcd94fe93b2011dd47e2a93d8e90e54d86230dae4369594f288517",
           "00050000000000002ca2a3eca05301313ad131dbf681e34fccfcef6ed099f30851ebd131528348c544c8dd7e8a26b8d032bd237be381cf"
           "5d4c981bb863f6e41f372f72267e6a"}},
    {.name = "SK payload with AesCbc-128 and HmacSha256_128, python3-cryptography",
     .kind = KnownAnswer::Kind::kSkPayload,
     .encr = EncrId::kAesCbc, .key_bits = 128, .integ = IntegId::kHmacSha256_128,
     .f = {"b804785fbcf094e2ae8db923684c4fa6",
           "4b23d86106ba0e8bbe7ced2b98e1036aa407d25cdec022c6f193fe6dba647ecd",
           "c33d75dc53789f3dbf81b9155e7c8974830caa605a4fc5f0bd38eabdbef0b35f",
           "ed706cd3a93de18a48329cf5a1a1a6c465a0dcd94fe93b2011dd47e2a93d8e90e54d86230dae4369594f288517",
           "dec921996907ef7ddecc0fbb4db93a7211d84c00f3c5b0a4525c82bcc9981a1445cc8ab46b3968ab4a051595efa53487d54e25b0b477e3"
           "71c87c2ed773dabbbffd6f99d976436b69c2b763435008d20b"}},
    {.name = "SK payload with AesCbc-256 and HmacSha512_256, python3-cryptography",
     .kind = KnownAnswer::Kind::kSkPayload,
     .encr = EncrId::kAesCbc, .key_bits = 256, .integ = IntegId::kHmacSha512_256,
     .f = {"03c818e85e4a8ea950e3826ca32f40c7bd96beda1cea3a831563a79090429d7d",
           "a5264f15bbf138dc7291a184bb022e66b946792e2e068f8cea272ff8b035732024adadc406ba008f83b7f67b95512c487abac545e096dc"
           "63517195a80a9644e0",
           "c33d75dc53789f3dbf81b9155e7c8974830caa605a4fc5f0bd38eabdbef0b35f",
           "ed706cd3a93de18a48329cf5a1a1a6c465a0dcd94fe93b2011dd47e2a93d8e90e54d86230dae4369594f288517",
           "dec921996907ef7ddecc0fbb4db93a724cc563762c90844ff6d1d25bd0c262e602aa77b5a2cd0fc4b7c9a40375f397c4b0e0e958b823fc"
           "1dc60c9f8bf2e88e7f1d7ad9c143039f31a04923e48c2d752b9f0633565d21a7ee1818820aa87f01c2"}},
    {.name = "SK payload with AesCtr-256 and HmacSha256_128, python3-cryptography",
     .kind = KnownAnswer::Kind::kSkPayload,
     .encr = EncrId::kAesCtr, .key_bits = 256, .integ = IntegId::kHmacSha256_128,
     .f = {"df05386cb912812fb278ae0bed275d9f18dd80041d5a401ee4035c60642f707d85075419",
           "4b23d86106ba0e8bbe7ced2b98e1036aa407d25cdec022c6f193fe6dba647ecd",
           "c33d75dc53789f3dbf81b9155e7c8974830caa605a4fc5f0bd38eabdbef0b35f",
           "ed706cd3a93de18a48329cf5a1a1a6c465a0dcd94fe93b2011dd47e2a93d8e90e54d86230dae4369594f288517",
           "000500000000000063ec2d002572edb1086ebd5421571f5ae152f0dac612e283eca4996bcdb9e3135ed8d10f7b01d6ca31122cee402a1a"
           "0bbc5c18d1103ccd8f623bd8c358c6"}},
    {.name = "X25519, RFC 7748 6.1",
     .kind = KnownAnswer::Kind::kKeyExchange,
     .group = KeGroup::kX25519,
     .f = {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
           "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
           "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
           "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
           "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"}},
    {.name = "X448, RFC 7748 6.2",
     .kind = KnownAnswer::Kind::kKeyExchange,
     .group = KeGroup::kX448,
     .f = {"9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a59872"
           "6b",
           "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41f"
           "a0",
           "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b6517399"
           "2d",
           "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf336"
           "09",
           "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a87"
           "9d"}},
    {.name = "Ecp256, RFC 5903 8.1",
     .kind = KnownAnswer::Kind::kKeyExchange,
     .group = KeGroup::kEcp256,
     .f = {"c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
           "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f"
           "58389e0577b8990bb3",
           "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
           "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f"
           "8353e74f33039872ab",
           "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"}},
    {.name = "Ecp384, RFC 5903 8.2",
     .kind = KnownAnswer::Kind::kKeyExchange,
     .group = KeGroup::kEcp384,
     .f = {"099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
           "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa9482ed1fc0eeb9"
           "cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
           "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc",
           "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571dcfbec7aacf319"
           "6472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
           "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746"}},
    {.name = "Ecp521, RFC 5903 8.3",
     .kind = KnownAnswer::Kind::kKeyExchange,
     .group = KeGroup::kEcp521,
     .f = {"0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f5957b2639bab0"
           "72462f68c27a57382d4a52",
           "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42e00b8e380aeae57c2d107564941885942af5a7"
           "f4601723c4195d176ced3e017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799dc75e"
           "7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f9582",
           "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4"
           "a4effc311f5cb151685eb9",
           "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6c2912d4ef2d043"
           "3ced2b6171640012d9460f015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e"
           "86d678ae49cb57091f4732296579ab44fcd17f0fc56a",
           "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3a8cc31"
           "51f2bee417996d19f3ddea"}},
    {.name = "MODP-2048, Python's integers",
     .kind = KnownAnswer::Kind::kKeyExchange,
     .group = KeGroup::kModp2048,
     .f = {"7937349de4176fe0204e490ac0859baa2a8865db5f4cc3c34d4d6d91af40f64a",
           "89b36a982c7d3aa9dcdcc7ae2ebdc1320c505353fc8123fdcb9295a5fec8e685ccadf98a5a9b89ea16516f81423dcdaa00d99b7b816b06"
           "843a248b2d74be8c98e56a040fb1bc51a08cd7ce026f12266b9e8bfc42d1a2465ac71608b55bb345fdcde44977ebc3fb3d5492249c3097"
           "f7952075dd99ca8a2273a59ec4f07edbf3e8cd1594ea90d7f514f006c85abe1a90eb58cca2a526f1890d8f9d5ecebb9c1887487f2d2cc4"
           "6c083ace7e9199b8feb905f64282e549c6da0a9f3d4bb7cb2625ea6f9be91ebc7a49f4ae851cccd78f9f576464f57016594d33235b7da6"
           "07042830c9435f1433ca9e066a8ae0ee530d4cb92a8b99c5a490976dd761e9a9030f444f",
           "57b99a37360418466d2dea59979925549d75a275a0ccc38669d3987f9b8e239e",
           "9dd72cfbdbd84fb68bc2ffce5fbda51259e898d804e0fe9523c5c22641daf525d2a276b6697a7e234a8e0a3f65ecbb64365f28389c0604"
           "3d513cbe5b391d8e38a8eb1220816db131f97d100afb7d15c88e712f8e4a88805325c3fe0ba211bd125ae55ed451e68164398117cc72e0"
           "36bd64214a053008e016701b57f34418a722094b05e8f5480dca4408334712f8c801f27e4c98787325ebae38b286d97320ab649567b377"
           "b9dcf1584296413358991c86579091f767ae67b6e1dfb53817a94e4f0151cc767fc5230d81739e0835252d825fc0a5efc3ce70b904bf47"
           "8b03b5fc9fd4db5064d317579c80d1fd54bebce62d4caa792d8a53d5e7c02a0248e20e13",
           "80ea9434fe92d9aca6d7a8b4851b710f4e308488e7cb3537fdb43b734bf96c787b593419ec7492885cc0e9be8572e8caa9ca2e6854d2af"
           "afaf18c2d5233e53959deacb79dec1c2c4ec79ec6dda1d96ce535d0ffda361047828967ecb50e9ec85709d60826dcb24ec522027f7b631"
           "8184d97ce39db466cfa91b3d52bf1acb1f2a6da0f7eb16117473433f346746433cd9cc8ee822fae6a17fda02a288640d8a6667e603e9ab"
           "3b42d91550cbccb54b5fe58ba4f97901d15413514f8451384dc3c6187d0acb024e597f5b32721f2efab8a6b0102bd799e1f9ddac008c98"
           "2d3fec83dcd5a5394ca32dc40b7d288707666de2e80b44e50e977b5dfa4a536bb378fbc3"}},
};

}  // namespace

std::span<const KnownAnswer> SelfTestAnswers() { return kAnswers; }

}  // namespace culvert::ike
