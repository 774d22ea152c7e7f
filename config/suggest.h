#pragma once

#include <span>
#include <string>
#include <string_view>

namespace culvert::config {

// "; did you mean \"aes256\"?" where one of the names is near enough to `text` for a slip of the fingers, else empty.
// Case is ignored. Cost is bounded: what is longer than any name can be is not compared.
std::string DidYouMean(std::string_view text, std::span<const std::string_view> names);

}  // namespace culvert::config
