#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "common/channel/end.h"
#include "common/channel/hello.h"
#include "common/channel/local_socket.h"
#include "tests/support/channel_messages.h"

namespace culvert::testing {

// A directory for sockets, removed at the end.
struct RunDir {
  RunDir() { path = mkdtemp(name); }
  ~RunDir() { std::filesystem::remove_all(path); }
  char name[32] = "/tmp/culvert-run-XXXXXX";
  std::string path;
};

// A culvert-ike that does what a test tells it, rules or no rules.
struct ScriptedControl {
  explicit ScriptedControl(const std::string& run_dir) {
    auto s = channel::ConnectLocal(run_dir + "/dataplane.sock");
    if (s.ok()) socket = std::move(*s);
  }
  // False: not there yet, or a refusal (see hello).
  bool ReadHello() {
    auto fds = channel::ReceiveWithFds(socket.get(), {reinterpret_cast<uint8_t*>(&hello), sizeof hello});
    if (!fds.ok() || fds->size() != 3) return false;
    auto region = shm::Region::Adopt(std::move((*fds)[0]), sizeof(channel::Rings));
    if (!region.ok()) return false;
    rings = static_cast<channel::Rings*>(region->data());
    rings_fd = region->fd();
    wake_dataplane = UniqueFd(dup((*fds)[1].get()));
    end.emplace(std::move(*region), std::move((*fds)[2]), std::move((*fds)[1]), hello.epoch);
    return true;
  }
  bool SendHello() {
    channel::ControlHello mine = {};
    mine.magic = channel::kHelloMagic;
    mine.geometry = channel::kGeometry;
    mine.epoch = hello.epoch;
    return SendHello(mine);
  }
  bool SendHello(const channel::ControlHello& mine) {
    auto region = shm::Region::Create("page", sizeof(channel::StatePage), shm::Region::Fill::kSparse);
    page = std::move(*region);
    return channel::SendWithFds(socket.get(), {reinterpret_cast<const uint8_t*>(&mine), sizeof mine}, {page.fd()}).ok();
  }
  channel::StatePage* state() { return static_cast<channel::StatePage*>(page.data()); }

  // Sends one message as it stands but for the epoch and the transaction number.
  void Send(channel::Command c) {
    c.txn = ++txn;
    ASSERT_EQ(end->Write(std::span(&c, 1)), channel::Sent::kDone);
    end->Flush();
  }
  std::vector<channel::Event> Events() {
    std::vector<channel::Event> all;
    channel::Event e;
    channel::Violation v{};
    while (end->Read(e, v)) all.push_back(e);
    EXPECT_EQ(v, channel::Violation::kNone);
    return all;
  }
  bool Closed() {
    uint8_t octet;
    return absl::IsOutOfRange(channel::ReceiveWithFds(socket.get(), {&octet, 1}).status());
  }

  UniqueFd socket, wake_dataplane;
  channel::DataplaneHello hello = {};
  channel::Rings* rings = nullptr;
  int rings_fd = -1;                 // owned by `end`
  std::optional<channel::ControlEnd> end;
  shm::Region page;
  uint64_t txn = 0;
};

}  // namespace culvert::testing
