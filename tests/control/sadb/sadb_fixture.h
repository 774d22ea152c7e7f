#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include "control/sadb/sadb.h"
#include "dataplane/main/channel_server.h"
#include "tests/support/fake_dataplane.h"
#include "tests/support/scripted_control.h"
#include "tests/support/seeded_random.h"

namespace culvert::sadb {

using channel::Direction;
using testing::FakeDatabase;
using testing::Selector;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Both ends of the channel in one process, over a real socket and real memfds. A dataplane that is dropped here has died as
// one killed by -9 has: nothing is told to anybody.
struct SadbTest : ::testing::Test {
  struct Dataplane {
    FakeDatabase database;
    testing::FakeGateway gateway;
    std::unique_ptr<dp::ChannelServer> server;
  };
  void StartDataplane() {
    dataplane = std::make_unique<Dataplane>();
    auto s = dp::ChannelServer::Create({.run_dir = dir.path, .control_uid = getuid()}, dataplane->database, dataplane->gateway);
    ASSERT_TRUE(s.ok()) << s.status();
    dataplane->server = std::move(*s);
  }
  void StartControl() {
    control = std::make_unique<Sadb>(Sadb::Options{.run_dir = dir.path, .delete_delay = seconds(5)}, random,
                                     [this](ike::Event e) {
                                       auto* own = std::get_if<ike::LocalAddresses>(&e);
                                       own ? own_addresses.push_back(own->addresses) : events.push_back(std::move(e));
                                     });
    control->Load(connections);
  }
  void SetUp() override {
    connections.push_back({});
    connections[0].name = "c";
    connections[0].remote_addrs = {"192.0.2.2"};
    connections[0].children.push_back(Child("net", "10.1.0.0/24", "10.2.0.0/24"));
    StartDataplane();
    StartControl();
  }
  static config::Child Child(const char* name, const char* local, const char* remote) {
    config::Child c;
    c.name = name;
    c.local_ts = {{false, Selector(local)}};
    c.remote_ts = {{false, Selector(remote)}};
    return c;
  }
  static bool Readable(int fd) {
    pollfd p = {.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&p, 1, 0) == 1;
  }
  void Run(Duration step = milliseconds(30)) {
    for (int i = 0; i < 40; ++i) {
      now += step / 40;
      if (control) control->Poll(now);
      if (dataplane) dataplane->server->Poll(now);
    }
    if (dataplane) { EXPECT_FALSE(Readable(dataplane->server->fd())) << "main would never sleep again"; }
  }
  void Sync() {
    Run();
    Run();
    ASSERT_TRUE(control->synced());
  }
  ike::InstallChild Sa(ike::ChildId child, bool inbound, Spi spi, bool esn = true) {
    ike::InstallChild i;
    i.child = child;
    i.ike = 1;
    i.inbound = inbound;
    i.connection = "c";
    i.name = "net";
    i.peer_id = "b.example.org";
    i.suite = {.encr = EncrId::kAesGcm16, .encr_key_bits = 128, .integ = IntegId::kNone, .esn = esn};
    i.sa.spi = spi;
    i.sa.encr_key = SecretBytes(ByteView(Bytes(20, static_cast<uint8_t>(0x10 + child))));
    i.local = {IpAddress::V4(192, 0, 2, 1), 0, 0};
    i.remote = {IpAddress::V4(192, 0, 2, 2), 0, 0};
    i.local_ts = {Selector("10.1.0.0/24")};
    i.remote_ts = {Selector("10.2.0.0/24")};
    return i;
  }
  // Draws an SPI and installs both halves.
  Spi Up(ike::ChildId child, bool esn = true) {
    const Spi spi = control->spis().Draw(9);
    EXPECT_NE(spi, 0u);
    control->Install(Sa(child, true, spi, esn));
    control->Install(Sa(child, false, 0xabcd0000 + static_cast<Spi>(child), esn));
    Run();
    return spi;
  }
  void Down(ike::ChildId child, Spi spi) {
    control->Remove(ike::RemoveChild{child, true, spi});
    control->Remove(ike::RemoveChild{child, false, 0});
    Run();
  }
  FakeDatabase::Sa& Half(Spi spi, Direction d) { return dataplane->database.sas.at({SaIndex(spi), d}); }
  template <typename E>
  std::vector<E> Take() {
    std::vector<E> out;
    std::erase_if(events, [&](ike::Event& e) {
      if (!std::holds_alternative<E>(e)) return false;
      out.push_back(std::move(std::get<E>(e)));
      return true;
    });
    return out;
  }

  testing::RunDir dir;
  ike::SeededRandom random{1};
  std::vector<config::Connection> connections;
  std::unique_ptr<Dataplane> dataplane;
  std::unique_ptr<Sadb> control;
  std::vector<ike::Event> events;            // but for:
  std::vector<std::vector<IpAddress>> own_addresses;
  Time now = FromNanos(1000000000);
};

}  // namespace culvert::sadb
