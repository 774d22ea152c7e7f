#include "tools/culvertctl/vici_json.h"

#include <algorithm>
#include <charconv>

namespace culvert::ctl {
namespace {

// SPIs and unique names stay strings whatever their digits.
bool IsText(std::string_view key) {
  return key.find("spi") != std::string_view::npos || key.find("id") == key.size() - 2 || key == "name";
}

nlohmann::ordered_json Scalar(std::string_view key, const std::string& value) {
  if (value == "yes") return true;
  if (value == "no") return false;
  uint64_t n = 0;
  auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), n);
  bool number = ec == std::errc{} && end == value.data() + value.size() && (value.size() == 1 || value[0] != '0');
  if (number && !(IsText(key) && key != "uniqueid" && key != "reqid")) return n;
  return value;
}

}  // namespace

nlohmann::ordered_json ToJson(const vici::Section& section) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  for (const auto& item : section.items()) {
    std::string key = item.name;
    std::ranges::replace(key, '-', '_');
    if (auto* value = std::get_if<std::string>(&item.value)) {
      out[key] = Scalar(item.name, *value);
    } else if (auto* list = std::get_if<vici::Section::List>(&item.value)) {
      out[key] = *list;
    } else {
      out[key] = ToJson(std::get<vici::Section>(item.value));
    }
  }
  return out;
}

}  // namespace culvert::ctl
