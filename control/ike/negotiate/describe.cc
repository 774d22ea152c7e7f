#include "control/ike/negotiate/proposal.h"

namespace culvert::ike {
namespace {

constexpr size_t kLongest = 1000;  // characters: a peer may send thousands of transforms, a log line shows their beginning

}  // namespace

std::string Name(const Transform& t) {
  switch (t.type) {
    case TransformType::kEncr:
      return Name(static_cast<EncrId>(t.id)) + (t.key_bits ? "-" + std::to_string(t.key_bits) : "");
    case TransformType::kPrf: return Name(static_cast<PrfId>(t.id));
    case TransformType::kInteg: return Name(static_cast<IntegId>(t.id));
    case TransformType::kKe: return Name(static_cast<KeGroup>(t.id));
    case TransformType::kEsn: return t.id == 0 ? "NO_EXT_SEQ" : t.id == 1 ? "EXT_SEQ" : "ESN_" + std::to_string(t.id);
    default: break;
  }
  if (t.type >= TransformType::kAddKe1 && t.type <= TransformType::kAddKe7) {
    unsigned round = static_cast<unsigned>(t.type) - static_cast<unsigned>(TransformType::kAddKe1) + 1;
    return "KE" + std::to_string(round) + "_" + Name(static_cast<KeGroup>(t.id));
  }
  return "TYPE_" + std::to_string(static_cast<unsigned>(t.type)) + "_" + std::to_string(t.id);
}

std::string Describe(const SaPayload& sa) {
  std::string out;
  for (const Proposal& p : sa.proposals) {
    if (!out.empty()) out += ", ";
    if (p.protocol == IpsecProtocol::kAh) out += "AH ";
    bool first = true;
    for (const Transform& t : p.transforms) {
      if (out.size() > kLongest) return out + "...";
      if (!first) out += '/';
      first = false;
      out += Name(t);
    }
  }
  return out;
}

}  // namespace culvert::ike
