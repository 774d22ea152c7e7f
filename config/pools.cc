#include <algorithm>

#include "common/bytes/hex.h"
#include "config/connections.h"
#include "config/text.h"

namespace culvert::config {
namespace {

using Kind = PoolAttribute::Kind;

struct Row {
  std::string_view key;
  Kind kind;
  bool prefix, v4_only;
};
constexpr Row kRows[] = {{"dns", Kind::kDns, false, false},
                         {"nbns", Kind::kNbns, false, false},
                         {"dhcp", Kind::kDhcp, false, false},
                         {"netmask", Kind::kNetmask, false, true},
                         {"server", Kind::kServer, false, false},
                         {"p_cscf", Kind::kPCscf, false, false},
                         {"subnet", Kind::kSubnet, true, false},
                         {"split_include", Kind::kSplitInclude, true, true},
                         {"split_exclude", Kind::kSplitExclude, true, true}};
constexpr uint16_t kMaxType = 0x7fff;   // RFC 7296 3.15.1: 15 bits
constexpr size_t kMaxValue = 1024;      // octets of one attribute
constexpr uint16_t kIp4Address = 1, kIp6Address = 8;

std::string Quote(std::string_view text) { return Cat("\"", Escape(text), "\""); }

// RFC 4632 3.1: ones, then zeros.
bool IsMask(const IpAddress& a) {
  const uint32_t zeros = ~a.v4();
  return (zeros & (zeros + 1)) == 0;
}

void AddNamed(const SectionReader& in, const Row& row, const std::string& text, Pool& pool) {
  PoolAttribute out{.kind = row.kind, .value = {}};
  Family family = Family::kV4;
  if (row.prefix) {
    auto prefix = IpPrefix::Parse(text);
    if (!prefix) return in.Error(row.key, Cat(Quote(text), "; expected a subnet such as 10.1.0.0/16"));
    family = prefix->address.family;
    out.value = *prefix;
  } else {
    auto address = IpAddress::Parse(text);
    if (!address) return in.Error(row.key, Cat(Quote(text), "; expected an address"));
    family = address->family;
    if (row.kind == Kind::kNetmask && family == Family::kV4 && !IsMask(*address)) {
      return in.Error(row.key, Cat(Quote(text), "; expected a netmask such as 255.255.255.0"));
    }
    out.value = *address;
  }
  if (row.v4_only && family != Family::kV4) return in.Error(row.key, Cat(Quote(text), "; it is IPv4's alone"));
  pool.attributes.push_back(std::move(out));
}

void AddNumbered(const SectionReader& in, const std::string& key, const std::string& text, Pool& pool) {
  auto number = ParseInteger(key, 1, kMaxType);
  if (!number) return in.Error(key, "unknown key; expected an attribute of pools, or its number");
  PoolAttribute out{.kind = Kind::kNumber, .number = static_cast<uint16_t>(*number), .value = {}};
  if (out.number == kIp4Address || out.number == kIp6Address) {
    return in.Error(key, "is the leased address itself; expected `addrs`");
  }
  if (auto address = IpAddress::Parse(text)) {
    out.value = *address;
  } else if (auto prefix = IpPrefix::Parse(text)) {
    out.value = *prefix;
  } else if (text.starts_with("0x")) {
    auto octets = FromHex(std::string_view(text).substr(2));
    if (!octets) return in.Error(key, Cat(Quote(text), "; expected an even number of hexadecimal digits after 0x"));
    out.value = *std::move(octets);
  } else {
    out.value = std::vector<uint8_t>(text.begin(), text.end());
  }
  if (auto* octets = std::get_if<std::vector<uint8_t>>(&out.value); octets && octets->size() > kMaxValue) {
    return in.Error(key, Cat(octets->size(), " octets; expected at most ", kMaxValue));
  }
  pool.attributes.push_back(std::move(out));
}

IpAddress Step(IpAddress a, int by) {
  for (size_t i = a.size(); i-- > 0;) {
    const uint8_t was = a.octets[i];
    a.octets[i] = static_cast<uint8_t>(was + by);
    if (by > 0 ? was != 0xff : was != 0) break;
  }
  return a;
}

// As charon reads it: a prefix with host bits begins there, and one of more than two addresses spares its first and last.
std::optional<IpRange> ReadRange(const std::string& text) {
  auto range = IpRange::Parse(text);
  const auto slash = text.find('/');
  if (!range || slash == std::string::npos) return range;
  const auto written = IpAddress::Parse(Trim(std::string_view(text).substr(0, slash)));
  const bool small = range->first == range->last || Step(range->first, 1) == range->last;
  if (!written || small) return range;
  return IpRange{std::max(*written, Step(range->first, 1)), Step(range->last, -1)};
}

}  // namespace

Pool ReadPool(const SectionReader& in) {
  Pool pool{.name = in.section().name, .addrs = std::nullopt, .attributes = {}};
  if (pool.name == "radius" || pool.name == "dhcp") in.Error("the name is taken; expected another");
  if (in.Has("addrs")) {
    pool.addrs = ReadRange(in.Text("addrs"));
    if (!pool.addrs || pool.addrs->first > pool.addrs->last) {
      in.Error("addrs", Cat(Quote(in.Text("addrs")), "; expected a subnet such as 10.3.0.0/24, or a range a-b"));
      pool.addrs.reset();
    } else if (pool.addrs->first.is_unspecified() || pool.addrs->last.is_multicast()) {
      in.Error("addrs", "holds addresses that are no host's");
    }
  }
  for (const Value& v : in.section().values()) {
    if (v.name == "addrs") continue;
    auto* row = std::ranges::find(kRows, v.name, &Row::key);
    for (const std::string& text : Items(v)) {
      if (row != std::end(kRows)) AddNamed(in, *row, text, pool);
      else AddNumbered(in, v.name, text, pool);
    }
  }
  return pool;
}

std::vector<Pool> ReadPools(const SectionReader& in) {
  std::vector<Pool> out;
  for (const Section& s : in.section().sections()) out.push_back(ReadPool(in.Child(s)));
  std::vector<const Pool*> by_range;
  for (const Pool& p : out) {
    if (p.addrs) by_range.push_back(&p);
  }
  std::ranges::sort(by_range, {}, [](const Pool* p) { return *p->addrs; });
  for (size_t i = 1; i < by_range.size(); ++i) {
    const Pool &a = *by_range[i - 1], &b = *by_range[i];
    if (!a.addrs->Intersect(*b.addrs)) continue;
    in.Child(*in.section().FindSection(b.name)).Error("addrs", Cat("overlaps with pool ", Quote(a.name)));
  }
  return out;
}

void WarnOfMissingPools(const Control& control, const SectionReader& connections) {
  for (const Connection& conn : control.connections) {
    const Section* section = connections.section().FindSection(conn.name);
    for (const std::string& name : conn.pools) {
      if (!section || name == "radius" || std::ranges::contains(control.pools, name, &Pool::name)) continue;
      connections.Child(*section).Warn("pools", Cat("no pool in these files is called ", Quote(name)));
    }
  }
}

}  // namespace culvert::config
