#include "control/ike/ppk_id.h"

#include <algorithm>
#include <utility>

#include "common/bytes/hex.h"
#include "control/ike/identity.h"

namespace culvert::ike {
namespace {

constexpr std::string_view kOpaquePrefix = "opaque:";

}  // namespace

std::optional<Bytes> ParsePpkId(std::string_view text) {
  const bool opaque = text.starts_with(kOpaquePrefix);
  if (opaque) text.remove_prefix(kOpaquePrefix.size());
  auto id = Identity::Parse(text);
  if (!id || id->data.empty() || text.contains('*')) return std::nullopt;
  Bytes out = {std::to_underlying(opaque ? PpkIdType::kOpaque : PpkIdType::kFixed)};
  Append(out, id->data);
  return out;
}

bool IsPpkId(ByteView id) {
  return id.size() > 1 && (id[0] == std::to_underlying(PpkIdType::kOpaque) || id[0] == std::to_underlying(PpkIdType::kFixed));
}

std::string PpkIdToString(ByteView id) {
  if (!IsPpkId(id)) return Escape("#" + ToHex(id));
  const ByteView name = id.subspan(1);
  const bool readable = std::ranges::all_of(name, [](uint8_t c) { return c >= 0x20 && c < 0x7f; });
  std::string text = id[0] == std::to_underlying(PpkIdType::kOpaque) ? std::string(kOpaquePrefix) : "";
  return Escape(text + (readable ? std::string(AsString(name)) : "@#" + ToHex(name)));
}

}  // namespace culvert::ike
