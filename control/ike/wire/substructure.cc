#include "control/ike/wire/substructure.h"

namespace culvert::ike {
namespace {

constexpr size_t kHeader = 4;  // octets

}  // namespace

Decoded<Reader> NextSubstructure(Reader& list, uint8_t more) {
  const size_t at = list.offset();
  const uint8_t first = list.U8();
  list.Skip(1);
  const uint16_t length = list.U16();
  if (!list.ok()) return std::unexpected(list.error());
  if (length < kHeader) return Refuse(Malformed::kBadLength, at);
  Reader rest = list.Sub(length - kHeader);
  if (!list.ok()) return std::unexpected(list.error());
  if (first != (list.done() ? 0 : more)) return Refuse(Malformed::kBadValue, at);
  return rest;
}

}  // namespace culvert::ike
