#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/vici/message.h"
#include "tools/culvertctl/socket.h"

namespace culvert::ctl {

// Speaks VICI to culvert-ike.
class ViciClient {
 public:
  static absl::StatusOr<ViciClient> Connect(const std::string& path);

  using OnEvent = std::function<void(const vici::Section&)>;
  // Runs one command; `event` (may be empty) is registered around it and each occurrence given to `on_event`. An answer
  // with success=no is an error with its errmsg.
  absl::StatusOr<vici::Section> Run(const std::string& command, const vici::Section& request, const std::string& event = {},
                                    const OnEvent& on_event = {});

 private:
  explicit ViciClient(Socket socket) : socket_(std::move(socket)) {}
  absl::StatusOr<vici::Packet> Next();
  absl::Status Register(vici::PacketType type, const std::string& event, const OnEvent& on_event);

  Socket socket_;
  vici::RecordBuffer in_;
};

}  // namespace culvert::ctl
