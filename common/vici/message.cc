#include "common/vici/message.h"

#include <format>

namespace culvert::vici {
namespace {

enum Element : uint8_t { kSectionStart = 1, kSectionEnd, kKeyValue, kListStart, kListItem, kListEnd };

std::string ReadName(Reader& r) { return std::string(AsString(r.Take(r.U8()))); }
std::string ReadValue(Reader& r) { return std::string(AsString(r.Take(r.U16()))); }

bool DecodeList(Reader& r, Section::List& out) {
  while (r.ok() && !r.done()) {
    switch (r.U8()) {
      case kListItem: out.push_back(ReadValue(r)); break;
      case kListEnd: return r.ok();
      default: return false;
    }
  }
  return false;
}

// `nested`: a SECTION_END must close it; the root ends with the message.
bool DecodeSection(Reader& r, Section& out, size_t depth) {
  if (depth > kMaxDepth) return false;
  bool nested = depth > 0;
  while (r.ok() && !r.done()) {
    switch (r.U8()) {
      case kSectionStart: {
        std::string name = ReadName(r);
        Section child;
        if (!r.ok() || !DecodeSection(r, child, depth + 1)) return false;
        out.AddSection(name) = std::move(child);
        break;
      }
      case kSectionEnd: return nested && r.ok();
      case kKeyValue: {
        std::string name = ReadName(r), value = ReadValue(r);
        if (!r.ok()) return false;
        out.Add(name, value);
        break;
      }
      case kListStart: {
        std::string name = ReadName(r);
        Section::List list;
        if (!r.ok() || !DecodeList(r, list)) return false;
        out.AddList(name, std::move(list));
        break;
      }
      default: return false;
    }
  }
  return !nested && r.ok();
}

void WriteName(Writer& w, std::string_view name) {
  w.U8(static_cast<uint8_t>(name.size()));
  w.Put(AsBytes(name));
}
void WriteValue(Writer& w, std::string_view value) {
  w.U16(static_cast<uint16_t>(value.size()));
  w.Put(AsBytes(value));
}

}  // namespace

Section::Section() = default;
Section::Section(const Section&) = default;
Section::Section(Section&&) noexcept = default;
Section& Section::operator=(Section o) noexcept {
  items_.swap(o.items_);
  return *this;
}
Section::~Section() = default;

Section& Section::Add(std::string_view name, std::string_view value) {
  items_.push_back({std::string(name.substr(0, kMaxName)), std::string(value.substr(0, kMaxValue))});
  return *this;
}

Section& Section::Add(std::string_view name, uint64_t value) { return Add(name, std::format("{}", value)); }

Section& Section::AddList(std::string_view name, List values) {
  for (auto& v : values) v.resize(std::min(v.size(), kMaxValue));
  items_.push_back({std::string(name.substr(0, kMaxName)), std::move(values)});
  return *this;
}

Section& Section::AddSection(std::string_view name) {
  items_.push_back({std::string(name.substr(0, kMaxName)), Section()});
  return std::get<Section>(items_.back().value);
}

const Section* Section::Child(std::string_view name) const {
  for (const auto& i : items_) {
    if (auto* s = std::get_if<Section>(&i.value); s && i.name == name) return s;
  }
  return nullptr;
}

const Section::List* Section::FindList(std::string_view name) const {
  for (const auto& i : items_) {
    if (auto* l = std::get_if<List>(&i.value); l && i.name == name) return l;
  }
  return nullptr;
}

std::string_view Section::Get(std::string_view name) const {
  for (const auto& i : items_) {
    if (auto* v = std::get_if<std::string>(&i.value); v && i.name == name) return *v;
  }
  return {};
}

bool Section::Has(std::string_view name) const {
  for (const auto& i : items_) {
    if (i.name == name) return true;
  }
  return false;
}

Decoded<Section> DecodeMessage(Reader& r) {
  Section root;
  if (!DecodeSection(r, root, 0)) return std::unexpected(r.error(r.ok() ? Malformed::kBadValue : Malformed::kTruncated));
  return root;
}

void Encode(const Section& message, Writer& w) {
  for (const auto& item : message.items()) {
    if (auto* value = std::get_if<std::string>(&item.value)) {
      w.U8(kKeyValue);
      WriteName(w, item.name);
      WriteValue(w, *value);
    } else if (auto* list = std::get_if<Section::List>(&item.value)) {
      w.U8(kListStart);
      WriteName(w, item.name);
      for (const auto& v : *list) {
        w.U8(kListItem);
        WriteValue(w, v);
      }
      w.U8(kListEnd);
    } else {
      w.U8(kSectionStart);
      WriteName(w, item.name);
      Encode(std::get<Section>(item.value), w);
      w.U8(kSectionEnd);
    }
  }
}

Decoded<Packet> DecodePacket(ByteView body) {
  Reader r(body);
  Packet p;
  uint8_t type = r.U8();
  if (type > static_cast<uint8_t>(PacketType::kEvent)) return std::unexpected(r.error(Malformed::kBadValue));
  p.type = static_cast<PacketType>(type);
  switch (p.type) {
    case PacketType::kCommandRequest:
    case PacketType::kEventRegister:
    case PacketType::kEventUnregister:
    case PacketType::kEvent: p.name = ReadName(r); break;
    default: break;
  }
  if (!r.ok()) return std::unexpected(r.error());
  auto message = DecodeMessage(r);
  if (!message) return std::unexpected(message.error());
  p.message = std::move(*message);
  return p;
}

Bytes EncodeRecord(const Packet& packet) {
  Writer w;
  w.U32(0);
  w.U8(static_cast<uint8_t>(packet.type));
  switch (packet.type) {
    case PacketType::kCommandRequest:
    case PacketType::kEventRegister:
    case PacketType::kEventUnregister:
    case PacketType::kEvent: WriteName(w, packet.name); break;
    default: break;
  }
  Encode(packet.message, w);
  w.PatchU32(0, static_cast<uint32_t>(w.size() - 4));
  return w.Release();
}

RecordBuffer::State RecordBuffer::Next(Bytes& body) {
  Reader r(data_);
  uint32_t length = r.U32();
  if (!r.ok()) return State::kNeedMore;
  if (length > kMaxBody) return State::kTooLong;
  ByteView view = r.Take(length);
  if (!r.ok()) return State::kNeedMore;
  body = ToBytes(view);
  data_.erase(data_.begin(), data_.begin() + 4 + length);
  return State::kRecord;
}

}  // namespace culvert::vici
