#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/decoded.h"
#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

namespace culvert::vici {

inline constexpr size_t kMaxBody = 512 * 1024;  // octets of one record's body, both ways; libvici refuses more
inline constexpr size_t kMaxName = 255;         // octets of an element's name
inline constexpr size_t kMaxValue = 65535;      // octets of a value: its length field has 16 bits
inline constexpr size_t kMaxDepth = 32;         // nested sections; bounds recursion on a client's input

// A VICI message: an ordered tree of sections, key-values and lists of values. Values are octet strings; numbers are
// decimal text, booleans "yes" or absent.
class Section {
 public:
  using List = std::vector<std::string>;
  struct Item;

  Section();
  Section(const Section&);
  Section(Section&&) noexcept;
  Section& operator=(Section) noexcept;
  ~Section();

  // Appends; names and values longer than the format carries are cut.
  Section& Add(std::string_view name, std::string_view value);
  Section& Add(std::string_view name, uint64_t value);
  Section& AddList(std::string_view name, List values);
  Section& AddSection(std::string_view name);  // the new child, valid until this section changes

  // First of that name and kind; nullptr or "" where there is none.
  const Section* Child(std::string_view name) const;
  const List* FindList(std::string_view name) const;
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  const std::vector<Item>& items() const { return items_; }

 private:
  std::vector<Item> items_;
};

struct Section::Item {
  std::string name;
  std::variant<std::string, List, Section> value;
};

// The element encoding: SECTION_START 1, SECTION_END 2, KEY_VALUE 3, LIST_START 4, LIST_ITEM 5, LIST_END 6.
[[nodiscard]] Decoded<Section> DecodeMessage(Reader& r);  // to the end of r; unbalanced or too deep is an error
void Encode(const Section& message, Writer& w);

enum class PacketType : uint8_t {
  kCommandRequest = 0,
  kCommandResponse = 1,
  kCommandUnknown = 2,
  kEventRegister = 3,
  kEventUnregister = 4,
  kEventConfirm = 5,
  kEventUnknown = 6,
  kEvent = 7,
};
struct Packet {
  PacketType type{};
  std::string name;  // of requests, registrations and events
  Section message;   // of requests, responses and events
};
[[nodiscard]] Decoded<Packet> DecodePacket(ByteView body);
// With its 4-octet length in front, as it goes on the socket.
[[nodiscard]] Bytes EncodeRecord(const Packet& packet);

// Cuts a byte stream into records. Feed appends; Next yields a body when one is whole.
class RecordBuffer {
 public:
  void Feed(ByteView data) { Append(data_, data); }
  enum class State : uint8_t { kNeedMore, kRecord, kTooLong };
  State Next(Bytes& body);  // kTooLong: the stream can't be resynchronised, close it
  bool empty() const { return data_.empty(); }

 private:
  Bytes data_;
};

}  // namespace culvert::vici
