#include "tools/culvertctl/vici_client.h"

#include <format>

namespace culvert::ctl {

using vici::PacketType;

absl::StatusOr<ViciClient> ViciClient::Connect(const std::string& path) {
  auto socket = Socket::Connect(path);
  if (!socket.ok()) return socket.status();
  return ViciClient(std::move(*socket));
}

absl::StatusOr<vici::Packet> ViciClient::Next() {
  Bytes body;
  for (;;) {
    switch (in_.Next(body)) {
      case vici::RecordBuffer::State::kTooLong:
        return absl::DataLossError("vici: the answer is longer than the protocol allows");
      case vici::RecordBuffer::State::kRecord: {
        auto packet = vici::DecodePacket(body);
        if (!packet) return absl::DataLossError(std::format("vici: malformed answer: {}", Name(packet.error().what)));
        return std::move(*packet);
      }
      case vici::RecordBuffer::State::kNeedMore: break;
    }
    auto more = socket_.Receive(std::chrono::milliseconds::zero());
    if (!more.ok()) return more.status();
    in_.Feed(*more);
  }
}

absl::Status ViciClient::Register(PacketType type, const std::string& event, const OnEvent& on_event) {
  if (auto s = socket_.Send(vici::EncodeRecord({type, event, {}})); !s.ok()) return s;
  for (;;) {
    auto packet = Next();
    if (!packet.ok()) return packet.status();
    if (packet->type == PacketType::kEventConfirm) return absl::OkStatus();
    if (packet->type == PacketType::kEventUnknown)
      return absl::UnimplementedError(std::format("vici: event '{}' is unknown", event));
    if (packet->type == PacketType::kEvent && on_event) on_event(packet->message);
  }
}

absl::StatusOr<vici::Section> ViciClient::Run(const std::string& command, const vici::Section& request,
                                              const std::string& event, const OnEvent& on_event) {
  if (!event.empty()) {
    if (auto s = Register(PacketType::kEventRegister, event, on_event); !s.ok()) return s;
  }
  if (auto s = socket_.Send(vici::EncodeRecord({PacketType::kCommandRequest, command, request})); !s.ok()) return s;
  absl::StatusOr<vici::Packet> packet = absl::UnknownError("");
  do {
    packet = Next();
    if (!packet.ok()) return packet.status();
    if (packet->type == PacketType::kEvent && on_event) on_event(packet->message);
  } while (packet->type == PacketType::kEvent);
  if (packet->type == PacketType::kCommandUnknown)
    return absl::UnimplementedError(std::format("vici: command '{}' is unknown", command));
  if (!event.empty()) {
    if (auto s = Register(PacketType::kEventUnregister, event, on_event); !s.ok()) return s;
  }
  if (packet->message.Get("success") == "no") return absl::AbortedError(std::string(packet->message.Get("errmsg")));
  return std::move(packet->message);
}

}  // namespace culvert::ctl
