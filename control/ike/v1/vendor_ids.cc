#include "control/ike/v1/vendor_ids.h"

#include <algorithm>

#include "absl/log/check.h"
#include "common/bytes/hex.h"
#include "control/ike/cat.h"

namespace culvert::ike::v1 {
namespace {

enum class Means : uint8_t { kName, kXauth, kDpd, kUnity, kFragments, kDraft02, kDraft03, kRfc3947 };

// Mostly the MD5 hash of a phrase; versions follow in some.
struct Row {
  std::string_view hex;        // how it begins
  size_t least, most;          // octets it may have
  std::string_view name;
  Means means = Means::kName;
};
constexpr size_t kAny = 2048;
constexpr std::string_view kPadding = "Culvert padding";
constexpr std::string_view kXauthId = "09002689dfd6b712", kDpdId = "afcad71368a1f1c96b8696fc77570100",
                           kUnityId = "12f5f28c457168a9702d9fe274cc0100", kFragmentsId = "4048b7d56ebce88525e7de7f00d6c2d3",
                           kRfc3947Id = "4a131c81070358455c5728f20e95452f", kDraft03Id = "7d9419a65310ca6f2c179d9215529d56",
                           kDraft02Id = "cd60464335df21f87cfdb2fc68b6a448", kDraft02nId = "90cb80913ebb696e086381b5ec427b1f";
constexpr Row kRows[] = {
    {kXauthId, 8, 8, "XAUTH", Means::kXauth},
    {"afcad71368a1f1c96b8696fc7757", 16, 16, "DPD", Means::kDpd},          // RFC 3706 5.1: two octets of version behind
    {"12f5f28c457168a9702d9fe274cc", 16, 16, "Cisco Unity", Means::kUnity},
    {kFragmentsId, 16, 20, "FRAGMENTATION", Means::kFragments},
    {kRfc3947Id, 16, 16, "NAT-T (RFC 3947)", Means::kRfc3947},
    {kDraft03Id, 16, 16, "NAT-T (draft-03)", Means::kDraft03},
    {kDraft02Id, 16, 16, "NAT-T (draft-02)", Means::kDraft02},
    {kDraft02nId, 16, 16, "NAT-T (draft-02)", Means::kDraft02},            // hashed with a line feed behind
    {"4485152d18b6bbcd0be8a8469579ddcc", 16, 16, "NAT-T (draft-00)"},
    {"16f6ca16e4a4066d83821a0f0aeaa862", 16, 16, "NAT-T (draft-01)"},
    {"9909b64eed937c6573de52ace952fa6b", 16, 16, "NAT-T (draft-04)"},
    {"80d0bb3def54565ee84645d4c85ce3ee", 16, 16, "NAT-T (draft-05)"},
    {"4d1e0e136deafa34c4f3ea9f02ec7285", 16, 16, "NAT-T (draft-06)"},
    {"439b59f8ba676c4c7737ae22eab8f582", 16, 16, "NAT-T (draft-07)"},
    {"8f8d83826d246b6fc7a8a6a428c11de8", 16, 16, "NAT-T (draft-08)"},
    {"4df37928e9fc4fd1b3262170d515c662", 16, 16, "NAT-T (draft)"},
    {"882fe56d6fd20dbc2251613b2ebe5beb", 16, 16, "strongSwan"},
    {"4f452d4c696272657377616e2d", 14, kAny, "libreswan"},                 // "OE-Libreswan-" and its version
    {"4f4568", 12, 12, "Openswan"},                                        // "OEh" and nine letters of a hash
    {"4f45", 12, 12, "Openswan or libreswan"},
    {"7003cbc1097dbe9c2600ba6983bc8b35", 16, 16, "racoon"},
    {"1f07f70eaa6514d3b0fa96542a", 16, 16, "Cisco VPN 3000"},
    {"1e2b516905991c7d7c96fcbfb587e461", 16, 24, "Microsoft Windows"},
    {"26244d38eddb61b3172a36e3d0cfb819", 16, 16, "Microsoft initial contact"},
    {"fb1de3cdf341b7ea16b7e5be0855f120", 16, 16, "Microsoft negotiation discovery"},
    {"e3a5966a76379fe707228231e5ce8652", 16, 16, "Microsoft CGA"},
    {"621b04bb09882ac1e15935fefa24aeee", 16, 16, "GSSAPI"},
    {"f4ed19e0c114eb516faaac0ee37daf2807b4381f", 20, kAny, "Check Point"},
    {"404bf439522ca3f6", 8, 8, "SonicWall"},
    {"975b7816f69789600dda89040576e0db", 16, 16, "SonicWall client"},
    {"da8e9378", 8, 8, "SafeNet or SonicWall client"},
    {"47bbe7c993f1fc13b4e6d0db565c68e5", 16, kAny, "SafeNet SoftRemote"},
    {"4865617274426561745f4e6f74696679", 16, kAny, "NetScreen heartbeat"},
    {"9b096d9ac3275a7d6fe8b91c583111b09efed1a0", 20, 28, "NetScreen"},
    {"92d27a9ecb31d99246986d3453d0c3d57a222a61", 20, 28, "NetScreen"},
    {"424e4553", 8, 8, "Nortel Contivity"},
    {"43756c766572742070616464696e67", 15, kAny, "Culvert"},               // kPadding
    {"b858d1addd08c1e8adafea150608aa4497aa6cc8", 20, 20, "ZyXEL ZyWALL"},
    {"f758f22668750f03b08df6ebe1d0", 14, 14, "ZyXEL ZyWALL"},
    {"625027749d5ab97f5616c1602765cf480a3b7d0b", 20, 20, "ZyXEL ZyWALL"},
};

// Of FRAGMENTATION's four octets behind it: main and aggressive mode are cut too.
constexpr std::string_view kFragmentsWithFlags = "4048b7d56ebce88525e7de7f00d6c2d380000000";
constexpr size_t kMaxUnknownNamed = 4;

const Row* Find(ByteView id) {
  const std::string hex = ToHex(id.first(std::min<size_t>(id.size(), 32)));
  auto it = std::ranges::find_if(kRows, [&](const Row& r) {
    return id.size() >= r.least && id.size() <= r.most && hex.starts_with(r.hex);
  });
  return it == std::end(kRows) ? nullptr : it;
}

template <typename F>
void ForEachId(const Chain& chain, F f) {
  for (const Item& item : chain.items) {
    if (TypeOf(item.payload) == PayloadType::kVendorId) f(item.body());
  }
}

// The first that means it; empty: none.
ByteView IdOf(const Chain& chain, Means means) {
  ByteView found;
  ForEachId(chain, [&](ByteView id) {
    const Row* row = Find(id);
    if (found.empty() && row && row->means == means) found = id;
  });
  return found;
}
bool Has(const Chain& chain, Means means) { return !IdOf(chain, means).empty(); }

void Add(std::string_view hex, PayloadList& list) {
  auto id = FromHex(hex);
  CHECK(id);
  list.AddOpaque(PayloadType::kVendorId, *std::move(id));
}

}  // namespace

void AddVendorIds(const Announced& ours, PayloadList& list) {
  for (std::string_view id : {kXauthId, kDpdId, kRfc3947Id, kDraft03Id, kDraft02nId, kDraft02Id}) Add(id, list);
  if (ours.unity) Add(kUnityId, list);
  if (ours.fragments) Add(kFragmentsWithFlags, list);
}

void AddPadding(size_t octets, PayloadList& list) {
  Bytes id = ToBytes(AsBytes(kPadding));
  id.resize(std::max(octets, id.size()));
  list.AddOpaque(PayloadType::kVendorId, std::move(id));
}

void AnswerVendorIds(const Announced& ours, const Chain& theirs, PayloadList& list) {
  if (Has(theirs, Means::kXauth)) Add(kXauthId, list);
  if (Has(theirs, Means::kDpd)) Add(kDpdId, list);
  for (Means nat : {Means::kRfc3947, Means::kDraft03, Means::kDraft02}) {
    const ByteView id = IdOf(theirs, nat);
    if (id.empty()) continue;
    list.AddOpaque(PayloadType::kVendorId, ToBytes(id));
    break;
  }
  if (ours.unity && Has(theirs, Means::kUnity)) Add(kUnityId, list);
  const ByteView fragments = IdOf(theirs, Means::kFragments);
  if (ours.fragments && !fragments.empty()) Add(kFragmentsWithFlags.substr(0, fragments.size() >= 20 ? 40 : 32), list);
}

Abilities AgreedAbilities(const Announced& ours, const Chain& theirs) {
  using NatT = Abilities::NatT;
  Abilities a{.xauth = Has(theirs, Means::kXauth), .dpd = Has(theirs, Means::kDpd), .unity = Has(theirs, Means::kUnity),
              .fragments = ours.fragments && Has(theirs, Means::kFragments), .nat_t = NatT::kNone};
  if (Has(theirs, Means::kDraft02)) a.nat_t = NatT::kDraft02;
  if (Has(theirs, Means::kDraft03)) a.nat_t = NatT::kDraft03;
  if (Has(theirs, Means::kRfc3947)) a.nat_t = NatT::kRfc3947;
  return a;
}

std::string DescribeVendors(const Chain& theirs) {
  std::vector<std::string> names;
  size_t unknown = 0;
  ForEachId(theirs, [&](ByteView id) {
    const Row* row = Find(id);
    std::string name = row ? std::string(row->name) : ToHex(id.first(std::min<size_t>(id.size(), 32)));
    if (!row && ++unknown > kMaxUnknownNamed) return;
    if (!std::ranges::contains(names, name)) names.push_back(std::move(name));
  });
  std::string out = Join(names, ", ");
  return unknown > kMaxUnknownNamed ? Cat(out, ", and ", unknown - kMaxUnknownNamed, " unknown ones") : out;
}

}  // namespace culvert::ike::v1
