#include "config/tree.h"

#include <algorithm>

#include "common/bytes/hex.h"
#include "common/bytes/secret.h"
#include "config/text.h"

namespace culvert::config {
namespace {

constexpr size_t kIndexedFrom = 16;  // entries; below, a linear look is cheaper than a hash

template <typename T>
const T* Find(const std::vector<T>& list, const auto& index, std::string_view name) {
  if (index) {
    auto it = index->find(std::string(name));
    return it == index->end() ? nullptr : &list[it->second];
  }
  auto it = std::ranges::find(list, name, &T::name);
  return it == list.end() ? nullptr : &*it;
}

template <typename T, typename Index>
T& Add(std::vector<T>& list, std::unique_ptr<Index>& index, T item) {
  list.push_back(std::move(item));
  if (!index && list.size() >= kIndexedFrom) {
    index = std::make_unique<Index>();
    for (uint32_t i = 0; i < list.size(); ++i) index->emplace(list[i].name, i);
  } else if (index) {
    index->emplace(list.back().name, static_cast<uint32_t>(list.size() - 1));
  }
  return list.back();
}

}  // namespace

void WipeText(std::string& text) {
  text.resize(text.capacity());  // a moved-from short string still holds its characters
  WipeBytes({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  text.clear();
}

Value::Value(std::string key, std::string value, Origin where) : name(std::move(key)), text(std::move(value)), origin(where) {
  WipeText(value);
}

Value::Value(Value&& o) noexcept
    : name(std::move(o.name)), text(std::move(o.text)), list(std::move(o.list)), origin(o.origin), unset(o.unset) {
  WipeText(o.text);
}

Value& Value::operator=(Value&& o) noexcept {
  if (this != &o) {
    WipeText(text);
    name = std::move(o.name);
    text = std::move(o.text);
    list = std::move(o.list);
    origin = o.origin;
    unset = o.unset;
    WipeText(o.text);
  }
  return *this;
}

Value::~Value() {
  WipeText(text);
  if (list) std::ranges::for_each(*list, WipeText);
}

Value Value::Clone() const {
  Value copy(name, text, origin);
  if (list) copy.list = std::make_unique<std::vector<std::string>>(*list);
  copy.unset = unset;
  return copy;
}

const Value* Section::FindValue(std::string_view key) const { return Find(values_, value_index_, key); }
const Section* Section::FindSection(std::string_view child) const { return Find(sections_, section_index_, child); }
Value& Section::AddValue(Value value) { return Add(values_, value_index_, std::move(value)); }
Section& Section::AddSection(Section child) { return Add(sections_, section_index_, std::move(child)); }

std::string Tree::Where(Origin o) const {
  std::string file = o.file < files.size() ? Escape(files[o.file]) : "?";
  return o.line ? Cat(file, ":", o.line) : file;
}

}  // namespace culvert::config
