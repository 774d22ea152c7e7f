#include "config/schema/reader.h"

#include <limits>

#include "common/bytes/hex.h"
#include "config/text.h"

namespace culvert::config {
namespace {

constexpr uint64_t kAny = std::numeric_limits<uint64_t>::max();

template <typename T, typename Parse>
T Read(const Section& section, std::string_view key, T fallback, Parse parse) {
  const Value* v = section.FindValue(key);
  if (!v) return fallback;
  auto parsed = parse(v->text);
  return parsed ? *parsed : fallback;
}

}  // namespace

bool SectionReader::Bool(std::string_view key, bool fallback) const { return Read(section_, key, fallback, ParseBool); }

uint64_t SectionReader::Integer(std::string_view key, uint64_t fallback) const {
  return Read(section_, key, fallback, [](std::string_view text) { return ParseInteger(text, 0, kAny); });
}

double SectionReader::Fraction(std::string_view key, double fallback) const {
  return Read(section_, key, fallback, [](std::string_view text) { return ParseFraction(text, 0, 1e6); });
}

uint64_t SectionReader::Time(std::string_view key, uint64_t fallback) const { return Read(section_, key, fallback, ParseTime); }

std::chrono::seconds SectionReader::Seconds(std::string_view key, std::chrono::seconds fallback) const {
  return std::chrono::seconds(Time(key, static_cast<uint64_t>(fallback.count())));
}

uint64_t SectionReader::Size(std::string_view key, uint64_t fallback) const { return Read(section_, key, fallback, ParseSize); }

std::string SectionReader::Text(std::string_view key, std::string_view fallback) const {
  const Value* v = section_.FindValue(key);
  return v ? v->text : std::string(fallback);
}

std::vector<std::string> SectionReader::List(std::string_view key) const {
  const Value* v = section_.FindValue(key);
  return v ? Items(*v) : std::vector<std::string>{};
}

Origin SectionReader::OriginOf(std::string_view key) const {
  const Value* v = section_.FindValue(key);
  return v ? v->origin : section_.origin;
}

std::string SectionReader::PathOf(std::string_view key) const {
  std::string name = Escape(key);
  return shown_.empty() ? name : Cat(shown_, ".", name);
}

}  // namespace culvert::config
