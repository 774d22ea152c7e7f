#include "tests/control/sadb/sadb_fixture.h"

namespace culvert::sadb {
namespace {

TEST_F(SadbTest, SyncsPoliciesThenOpensForwarding) {
  Sync();
  EXPECT_TRUE(dataplane->database.forwarding);
  ASSERT_EQ(dataplane->database.policies.size(), 1u);
  const auto& p = dataplane->database.policies.begin()->second;
  EXPECT_EQ(p.config.action, channel::PolicyAction::kProtect);
  EXPECT_EQ(ToString(p.local) + " " + ToString(p.remote), "10.1.0.0/24 10.2.0.0/24");
  EXPECT_EQ(channel::GetName(p.config.child), "net");
  EXPECT_EQ(control->network().links.size(), 1u);
}

TEST_F(SadbTest, InstallsAndRemovesBothHalves) {
  Sync();
  const Spi spi = Up(1);
  const auto installed = Take<ike::ChildInstalled>();
  ASSERT_EQ(installed.size(), 2u);
  for (const auto& i : installed) EXPECT_EQ(i.status, ike::InstallStatus::kOk);
  const auto& in = Half(spi, Direction::kInbound).config;
  const auto& out = Half(spi, Direction::kOutbound).config;
  EXPECT_EQ(in.spi, spi);
  EXPECT_EQ(out.spi, 0xabcd0001u);
  EXPECT_EQ(in.child_id, out.child_id);
  EXPECT_EQ(out.policy_id, dataplane->database.policies.begin()->first);
  EXPECT_EQ(out.sequence, 0u);
  EXPECT_EQ(out.iv_generation, 0u);
  Down(1, spi);
  EXPECT_TRUE(dataplane->database.sas.empty());
  EXPECT_TRUE(control->registry().all().empty());
  EXPECT_TRUE(events.empty());
}

TEST_F(SadbTest, RemovalAskedWhileTheInstallIsUnderWay) {
  Sync();
  const Spi spi = control->spis().Draw(9);
  control->Install(Sa(1, true, spi));
  control->Remove(ike::RemoveChild{1, true, spi});
  Run();
  EXPECT_TRUE(dataplane->database.sas.empty());
  EXPECT_EQ(dataplane->database.installs, 1u);
  EXPECT_EQ(dataplane->database.removals, 1u);
}

TEST_F(SadbTest, TellsTheCoreOfRefusals) {
  Sync();
  const Spi spi = control->spis().Draw(9);
  dataplane->database.refuse[SaIndex(spi)] = channel::Status::kUnsupported;
  control->Install(Sa(1, true, spi));
  Run();
  auto installed = Take<ike::ChildInstalled>();
  ASSERT_EQ(installed.size(), 1u);
  EXPECT_EQ(installed[0].status, ike::InstallStatus::kRefused);
  control->Remove(ike::RemoveChild{1, true, spi});
  control->Install(Sa(2, false, 0xabcd0002));
  Run();
  installed = Take<ike::ChildInstalled>();
  ASSERT_EQ(installed.size(), 1u) << "an outbound half without its inbound one";
  EXPECT_EQ(installed[0].status, ike::InstallStatus::kRefused);
  control->Install(Sa(3, true, 0x01234567));
  Run();
  EXPECT_EQ(Take<ike::ChildInstalled>().size(), 1u) << "an SPI nobody drew";
  EXPECT_TRUE(control->registry().all().empty());
}

TEST_F(SadbTest, TriesAgainWhereTheDataplaneIsBusy) {
  Sync();
  const Spi spi = control->spis().Draw(9);
  dataplane->database.refuse[SaIndex(spi)] = channel::Status::kBusy;
  control->Install(Sa(1, true, spi));
  Run();
  EXPECT_TRUE(events.empty());
  dataplane->database.refuse.clear();
  Run(milliseconds(200));
  ASSERT_EQ(Take<ike::ChildInstalled>().size(), 1u);
  EXPECT_GT(control->counters().busy_retries, 0u);

  const Spi never = control->spis().Draw(9);
  dataplane->database.refuse[SaIndex(never)] = channel::Status::kBusy;
  control->Install(Sa(2, true, never));
  Run(seconds(15));
  const auto installed = Take<ike::ChildInstalled>();
  ASSERT_EQ(installed.size(), 1u);
  EXPECT_EQ(installed[0].status, ike::InstallStatus::kNoResources);
}

TEST_F(SadbTest, WaitsForADataplaneThatIsNotThereYet) {
  Sync();
  dataplane.reset();
  Run(seconds(3));
  const Spi spi = control->spis().Draw(9);
  control->Install(Sa(1, true, spi));
  control->QuerySource({.query = 5, .destination = IpAddress::V4(192, 0, 2, 9)});
  Run();
  EXPECT_TRUE(events.empty());
  StartDataplane();
  Run(seconds(2));
  EXPECT_EQ(Take<ike::ChildInstalled>().size(), 1u);
  EXPECT_EQ(Take<ike::SourceFound>().size(), 1u);
  EXPECT_EQ(Half(spi, Direction::kInbound).config.iv_generation, 0u) << "the first install of this key";
}

TEST_F(SadbTest, ReplaysEverythingIntoARestartedDataplane) {
  control->Add(Sadb::Address{"wan", {IpAddress::V4(10, 9, 0, 1), 32}});
  Sync();
  const Spi spi = Up(1);
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(dataplane->database.Seal(Half(spi, Direction::kOutbound)));
  for (uint64_t s = 1; s <= 777; ++s) ASSERT_TRUE(dataplane->database.Open(Half(spi, Direction::kInbound), s));
  events.clear();

  dataplane.reset();
  StartDataplane();
  Run(seconds(2));
  ASSERT_TRUE(control->synced());
  EXPECT_TRUE(dataplane->database.forwarding);
  EXPECT_EQ(dataplane->database.policies.size(), 1u);
  EXPECT_EQ(dataplane->gateway.addresses.size(), 1u);
  const auto& out = Half(spi, Direction::kOutbound);
  const auto& in = Half(spi, Direction::kInbound);
  EXPECT_EQ(out.sequence, 4096u + kOutboundJump) << "from the published number, not from the last one used";
  EXPECT_GT(out.sequence, 5000u);
  EXPECT_EQ(out.config.iv_generation, 1u);
  EXPECT_EQ(in.sequence, 777u) << "the window is full at the published edge";
  EXPECT_EQ(in.config.iv_generation, 1u);
  EXPECT_EQ(out.config.encr_key[0], 0x11);
  EXPECT_TRUE(Take<ike::ChildInstalled>().empty()) << "the core was told long ago";
  Run(seconds(61));
  EXPECT_EQ(Take<ike::ChildSoftExpired>().size(), 1u) << "each replayed child is rekeyed";
  EXPECT_EQ(control->counters().orphans_found, 0u);
}

// A second death before the dataplane published anything must not take the numbers back.
TEST_F(SadbTest, NumbersNeverGoBackOverManyRestarts) {
  Sync();
  const Spi spi = Up(1);
  uint64_t last_out = 0, last_in = 0;
  for (uint16_t generation = 0; generation < 20; ++generation) {
    auto& out = Half(spi, Direction::kOutbound);
    EXPECT_EQ(out.config.iv_generation, generation);
    EXPECT_GE(out.sequence, last_out);
    EXPECT_GE(Half(spi, Direction::kInbound).sequence, last_in);
    for (int i = 0; i < generation % 3 * 700; ++i) ASSERT_TRUE(dataplane->database.Seal(out));
    ASSERT_TRUE(dataplane->database.Open(Half(spi, Direction::kInbound), last_in + 5));
    last_out = out.sequence;
    last_in += 5;
    dataplane.reset();
    StartDataplane();
    Run(seconds(2));
  }
}

TEST_F(SadbTest, SpreadsTheRekeysOverAMinute) {
  Sync();
  for (ike::ChildId child = 1; child <= 60; ++child) Up(child);
  events.clear();
  dataplane.reset();
  StartDataplane();
  Run(seconds(1));
  size_t seen = 0;
  for (int tenth = 0; tenth < 6; ++tenth) {
    Run(seconds(10));
    const size_t n = Take<ike::ChildSoftExpired>().size();
    EXPECT_LE(n, 13u);
    seen += n;
  }
  Run(seconds(2));
  EXPECT_EQ(seen + Take<ike::ChildSoftExpired>().size(), 60u);
}

TEST_F(SadbTest, ExpiresWhatCannotBeContinued) {
  Sync();
  const Spi near = Up(1, false), end = Up(2, false), esn = Up(3, true);
  // 2^16 packets short of the end there is no room for the jump; 2^20 short there is, but no time to wait.
  for (auto [spi, at] : {std::pair{near, 0xfff00000u}, {end, 0xffff8000u}, {esn, 0xffff8000u}}) {
    auto& out = Half(spi, Direction::kOutbound);
    out.sequence = at - kPublishEvery;
    out.published = 0;
    ASSERT_TRUE(dataplane->database.Seal(out));
  }
  events.clear();
  dataplane.reset();
  StartDataplane();
  Run(seconds(1));
  const auto dead = Take<ike::ChildHardExpired>();
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].child, 2u);
  EXPECT_FALSE(dataplane->database.sas.contains({SaIndex(end), Direction::kOutbound}));
  EXPECT_EQ(Half(esn, Direction::kOutbound).sequence >> 32, 1u) << "an ESN SA goes on into the next subspace";
  const auto rekeys = Take<ike::ChildSoftExpired>();
  EXPECT_TRUE(std::ranges::any_of(rekeys, [](const auto& e) { return e.child == 1; })) << "at once";
  EXPECT_EQ(control->counters().not_replayed, 1u);
}

TEST_F(SadbTest, ExpiresAKeyWhoseIvGenerationsAreUsedUp) {
  Sync();
  const Spi spi = Up(1);
  for (unsigned restart = 0; restart < kMaxIvGeneration; ++restart) {
    dataplane.reset();
    StartDataplane();
    control->Poll(now);   // sees the death
    for (int i = 0; i < 20 && (i == 0 || !control->synced()); ++i) {
      control->Poll(now += milliseconds(10));
      dataplane->server->Poll(now);
    }
    ASSERT_EQ(Half(spi, Direction::kOutbound).config.iv_generation, restart + 1);
  }
  events.clear();
  dataplane.reset();
  StartDataplane();
  Run(seconds(1));
  EXPECT_TRUE(dataplane->database.sas.empty());
  EXPECT_FALSE(Take<ike::ChildHardExpired>().empty());
}

// Nobody died: one end closed the connection, because the other seemed to break a rule.
TEST_F(SadbTest, MatchesWhatLivedThroughALostConnection) {
  Sync();
  const Spi keep = Up(1), remove = Up(2), expire = Up(3);
  ASSERT_TRUE(dataplane->database.Seal(Half(keep, Direction::kOutbound)));
  events.clear();
  dataplane->server->Report(channel::NewEvent(channel::EventType::kLink));   // a link without a name
  control->Poll(now);
  EXPECT_EQ(control->link_counters().violations[static_cast<size_t>(channel::Violation::kValue)], 1u);
  EXPECT_FALSE(control->synced());
  control->Remove(ike::RemoveChild{2, true, remove});
  control->Remove(ike::RemoveChild{2, false, 0});
  control->Update(ike::UpdateChild{1, true, {IpAddress::V4(192, 0, 2, 1), 4500, 0}, {IpAddress::V4(192, 0, 2, 3), 4500, 0}});
  for (auto d : {Direction::kInbound, Direction::kOutbound}) dataplane->database.Expire({SaIndex(expire), d}, true);
  Run(seconds(1));
  ASSERT_TRUE(control->synced());
  EXPECT_EQ(dataplane->database.installs, 6u) << "nothing was installed twice";
  EXPECT_EQ(dataplane->database.sas.size(), 2u);
  EXPECT_EQ(Half(keep, Direction::kOutbound).config.iv_generation, 0u);
  EXPECT_EQ(Half(keep, Direction::kOutbound).sequence, 1u);
  EXPECT_EQ(Half(keep, Direction::kOutbound).config.udp_encap, 1) << "what was asked meanwhile is done";
  EXPECT_EQ(control->counters().matched, 2u);
  EXPECT_TRUE(control->orphans().empty());
  EXPECT_TRUE(Take<ike::ChildSoftExpired>().empty());
  const auto dead = Take<ike::ChildHardExpired>();
  ASSERT_FALSE(dead.empty());
  for (const auto& d : dead) EXPECT_EQ(d.child, 3u);
}

TEST_F(SadbTest, OrphansAreShownKeptAndReplaced) {
  Sync();
  const Spi old = Up(1);
  control.reset();
  events.clear();
  Run();
  EXPECT_EQ(dataplane->database.sas.size(), 2u) << "live SAs forward on";
  StartControl();
  Run(seconds(1));
  ASSERT_EQ(control->orphans().size(), 1u);
  const Orphan& o = control->orphans().begin()->second;
  EXPECT_EQ(o.spi_in, old);
  EXPECT_EQ(o.spi_out, 0xabcd0001u);
  EXPECT_EQ(o.peer_id, "b.example.org");
  EXPECT_EQ(ToString(o.local_ts), "10.1.0.0/24");
  const auto calls = Take<ike::Initiate>();
  ASSERT_EQ(calls.size(), 1u) << "its peer has a known address";
  EXPECT_EQ(calls[0].child, "net");
  Run(seconds(30));
  EXPECT_EQ(dataplane->database.sas.size(), 2u);

  const Spi fresh = Up(1);
  EXPECT_NE(SaIndex(fresh), SaIndex(old));
  EXPECT_FALSE(dataplane->database.sas.contains({SaIndex(old), Direction::kOutbound}));
  EXPECT_TRUE(dataplane->database.sas.contains({SaIndex(old), Direction::kInbound})) << "for what is under way";
  Run(seconds(6));
  EXPECT_FALSE(dataplane->database.sas.contains({SaIndex(old), Direction::kInbound}));
  EXPECT_TRUE(control->orphans().empty());
  EXPECT_EQ(dataplane->database.sas.size(), 2u);
}

TEST_F(SadbTest, ChildrenOfOtherPeersOrSelectorsReplaceNoOrphan) {
  Sync();
  Up(1);
  control.reset();
  StartControl();
  Run(seconds(1));
  for (int what = 0; what < 3; ++what) {
    const ike::ChildId child = 10 + static_cast<ike::ChildId>(what);
    const Spi spi = control->spis().Draw(9);
    for (bool inbound : {true, false}) {
      auto sa = Sa(child, inbound, inbound ? spi : 0xabcd0010);
      if (what == 0) sa.peer_id = "c.example.org";
      if (what == 1) sa.remote_ts = {Selector("10.2.0.0/25")};
      if (what == 2) sa.local_ts = {Selector("10.7.0.0/16")};
      control->Install(std::move(sa));
    }
    Run(seconds(6));
    EXPECT_EQ(control->orphans().size(), 1u) << what;
  }
}

TEST_F(SadbTest, AnOrphanEndsAtItsHardLifetime) {
  Sync();
  const Spi spi = Up(1);
  control.reset();
  StartControl();
  Run(seconds(1));
  events.clear();
  dataplane->database.Expire({SaIndex(spi), Direction::kOutbound}, true);
  dataplane->database.Expire({SaIndex(spi), Direction::kInbound}, true);
  Run();
  EXPECT_TRUE(control->orphans().empty());
  EXPECT_TRUE(events.empty());
}

TEST_F(SadbTest, RelaysExpiriesAcquiresAndMoves) {
  Sync();
  const Spi spi = Up(1);
  events.clear();
  dataplane->database.Expire({SaIndex(spi), Direction::kOutbound}, false);
  channel::Event acquire = channel::NewEvent(channel::EventType::kAcquire);
  acquire.acquire.policy_id = dataplane->database.policies.begin()->first;
  acquire.acquire.local = channel::ToWire(Selector("10.1.0.5"));
  acquire.acquire.remote = channel::ToWire(Selector("10.2.0.7"));
  dataplane->database.reports.push_back(acquire);
  channel::Event moved = channel::NewEvent(channel::EventType::kPeerMoved);
  moved.moved.spi = spi;
  moved.moved.sa_index = SaIndex(spi);
  moved.moved.local = channel::ToWire(Endpoint{IpAddress::V4(192, 0, 2, 1), 4500, 0});
  moved.moved.remote = channel::ToWire(Endpoint{IpAddress::V4(198, 51, 100, 1), 1024, 0});
  dataplane->database.reports.push_back(moved);
  Run();
  EXPECT_EQ(Take<ike::ChildSoftExpired>().size(), 1u);
  const auto hits = Take<ike::TrapHit>();
  ASSERT_EQ(hits.size(), 1u);
  EXPECT_EQ(hits[0].connection + "/" + hits[0].child, "c/net");
  const auto moves = Take<ike::PeerMovedByEsp>();
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].remote.ToString(), "198.51.100.1:1024");
  control->Update(ike::UpdateChild{1, true, moves[0].local, moves[0].remote});
  Run();
  EXPECT_EQ(dataplane->database.updates, 2u);
  EXPECT_EQ(Half(spi, Direction::kOutbound).config.udp_encap, 1);
  dataplane->database.Expire({SaIndex(spi), Direction::kOutbound}, true);
  Run();
  EXPECT_EQ(Take<ike::ChildHardExpired>().size(), 1u);
  Down(1, spi);
  EXPECT_TRUE(control->registry().all().empty());
}

TEST_F(SadbTest, AnswersUseAndSourceQueries) {
  Sync();
  const Spi spi = Up(1);
  events.clear();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(dataplane->database.Seal(Half(spi, Direction::kOutbound)));
  control->QueryUse({1});
  control->QueryUse({99});
  dataplane->gateway.addresses.insert({"wan", {IpAddress::V4(192, 0, 2, 1), 24}});
  control->QuerySource({.query = 1, .destination = IpAddress::V4(192, 0, 2, 9)});
  control->QuerySource({.query = 2, .destination = IpAddress::V4(198, 51, 100, 9)});
  Run();
  auto uses = Take<ike::ChildUse>();
  ASSERT_EQ(uses.size(), 2u);
  std::ranges::sort(uses, {}, &ike::ChildUse::child);
  EXPECT_EQ(uses[0].packets_out, 3u);
  EXPECT_EQ(uses[0].packets_in, 0u);
  EXPECT_EQ(uses[1].child, 99u);
  auto sources = Take<ike::SourceFound>();
  ASSERT_EQ(sources.size(), 2u);
  EXPECT_EQ(sources[0].local.address, IpAddress::V4(192, 0, 2, 1));
  EXPECT_TRUE(sources[1].local.address.is_unspecified());
}

TEST_F(SadbTest, CarriesDatagramsBothWays) {
  const channel::DatagramInfo info{{IpAddress::V4(192, 0, 2, 1), 4500, 0}, {IpAddress::V4(192, 0, 2, 2), 4500, 0}, true};
  Sync();
  EXPECT_TRUE(dataplane->server->Punt(info, Bytes(3000, 5)));
  ike::SendDatagram out;
  out.local = info.local;
  out.remote = info.remote;
  out.marker = true;
  out.data = Bytes(5000, 6);
  control->Send(std::move(out));
  Run();
  const auto in = Take<ike::DatagramIn>();
  ASSERT_EQ(in.size(), 1u);
  EXPECT_TRUE(in[0].marker);
  EXPECT_EQ(in[0].data, Bytes(3000, 5));
  ASSERT_EQ(dataplane->gateway.injected.size(), 1u);
  EXPECT_EQ(dataplane->gateway.injected[0].payload, Bytes(5000, 6));
}

TEST_F(SadbTest, LosesNoCommandWhenTheRingIsFull) {
  Sync();
  dataplane->database.hold = true;
  constexpr ike::ChildId kChildren = 3000;
  for (ike::ChildId child = 1; child <= kChildren; ++child) control->Install(Sa(child, true, control->spis().Draw(static_cast<uint8_t>(child))));
  Run();
  EXPECT_GT(control->commands_queued(), 1000u);
  EXPECT_TRUE(events.empty());
  dataplane->database.hold = false;
  Run();
  Run();
  EXPECT_EQ(Take<ike::ChildInstalled>().size(), kChildren);
  EXPECT_EQ(dataplane->database.sas.size(), kChildren);
}

// F05: the inject ring.
TEST_F(SadbTest, DatagramsWaitForRoomAndWhatIsTooMuchIsCounted) {
  Sync();
  constexpr size_t kWaiting = 4096, kTooMany = 50, kSent = channel::kInjectSlots + kWaiting + kTooMany;
  for (size_t i = 0; i < kSent; ++i) {
    ike::SendDatagram out;
    out.local = {IpAddress::V4(192, 0, 2, 1), 500, 0};
    out.remote = {IpAddress::V4(192, 0, 2, 2), 500, 0};
    out.data = {static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
    control->Send(std::move(out));
  }
  EXPECT_GT(control->link_counters().datagrams_stalled, 0u);
  EXPECT_EQ(control->link_counters().datagrams_dropped, kTooMany);
  for (int i = 0; i < 20; ++i) Run();
  const auto& injected = dataplane->gateway.injected;
  ASSERT_EQ(injected.size(), kSent - kTooMany);
  for (size_t i = 0; i < injected.size(); ++i) {
    EXPECT_EQ(injected[i].payload, (Bytes{static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)})) << "in their order";
  }
}

TEST_F(SadbTest, AReloadChangesPoliciesInPlace) {
  Sync();
  const uint32_t id = dataplane->database.policies.begin()->first;
  connections[0].children[0] = Child("net", "10.1.0.0/24", "10.3.0.0/24");
  connections[0].children.push_back(Child("more", "10.1.0.0/24", "10.4.0.0/24"));
  control->Load(connections);
  Run();
  EXPECT_EQ(dataplane->database.policies.size(), 2u);
  EXPECT_EQ(ToString(dataplane->database.policies.at(id).remote), "10.3.0.0/24");
  connections[0].children.erase(connections[0].children.begin());
  control->Load(connections);
  Run();
  EXPECT_FALSE(dataplane->database.policies.contains(id));
}

TEST_F(SadbTest, ANarrowedChildBringsItsPolicy) {
  connections[0].children[0].remote_ts = {{.dynamic = true, .selector = {}}};
  control->Load(connections);
  Sync();
  EXPECT_TRUE(dataplane->database.policies.empty());
  const Spi spi = Up(1);
  ASSERT_EQ(dataplane->database.policies.size(), 1u);
  EXPECT_EQ(Half(spi, Direction::kOutbound).config.policy_id, dataplane->database.policies.begin()->first);
  const Spi next = Up(2);
  Down(1, spi);
  EXPECT_EQ(dataplane->database.policies.size(), 1u) << "its successor has the same selectors";
  Down(2, next);
  EXPECT_TRUE(dataplane->database.policies.empty());
}

// RFC 7296 2.23.1: the addresses that a NAT hides reach the data plane, and reach it again when it is another.
TEST_F(SadbTest, TransportModeThroughANatTellsWhatThePeerWrites) {
  Sync();
  auto transport = [this](bool inbound, Spi spi) {
    ike::InstallChild i = Sa(1, inbound, spi);
    i.mode = config::ChildMode::kTransport;
    i.udp_encap = true;
    i.local.port = i.remote.port = 4500;
    i.local_ts = {{.addresses = {i.local.address, i.local.address}}};
    i.remote_ts = {{.addresses = {i.remote.address, i.remote.address}}};
    if (inbound) i.original = {{IpAddress::V4(198, 51, 100, 1), IpAddress::V4(10, 0, 0, 1)}};
    return i;
  };
  const Spi spi = control->spis().Draw(9);
  control->Install(transport(true, spi));
  control->Install(transport(false, 0xabcd0001));
  for (bool again : {false, true}) {
    if (again) {
      dataplane.reset();
      Run();
      StartDataplane();
      Sync();
    }
    Run();
    const channel::InstallSa& in = Half(spi, Direction::kInbound).config;
    EXPECT_EQ(in.mode, channel::Mode::kTransport);
    IpAddress local, remote;
    ASSERT_TRUE(FromWire(in.original_local, local) && FromWire(in.original_remote, remote));
    EXPECT_EQ(local, IpAddress::V4(198, 51, 100, 1));
    EXPECT_EQ(remote, IpAddress::V4(10, 0, 0, 1));
    EXPECT_EQ(Half(spi, Direction::kOutbound).config.original_local.family, 0);
  }
}

// RFC 3948 5.2: L2TP's clients of one NAT all speak from port 1701.
TEST_F(SadbTest, ClientsOfOneNatGetPortsOfTheirOwn) {
  connections[0].children[0].remote_ts = {{.dynamic = true, .selector = {}}};
  control->Load(connections);
  Sync();
  struct Client { const char* id; IpAddress behind; uint16_t nat; };
  const Client first = {"first", IpAddress::V4(10, 0, 0, 1), 20001}, second = {"second", IpAddress::V4(10, 0, 0, 2), 20002};
  auto install = [this](ike::ChildId child, const Client& client, uint16_t port) {
    const Spi spi = control->spis().Draw(9);
    for (bool inbound : {true, false}) {
      ike::InstallChild i = Sa(child, inbound, inbound ? spi : Spi{0xabcd0000} + static_cast<Spi>(child));
      i.mode = config::ChildMode::kTransport;
      i.udp_encap = true;
      i.peer_id = client.id;
      i.local.port = 4500;
      i.remote.port = client.nat;
      i.local_ts = {{{i.local.address, i.local.address}, 17, 1701, 1701}};
      i.remote_ts = {{{i.remote.address, i.remote.address}, 17, port, port}};
      if (inbound) i.original = {{i.local.address, client.behind}};
      control->Install(std::move(i));
    }
    Run();
    return spi;
  };
  // The port that the peer writes where the host sees another, and the one it sees.
  auto ports = [this](Spi spi) {
    std::pair<uint16_t, uint16_t> found;
    for (Direction d : {Direction::kInbound, Direction::kOutbound}) {
      const auto& half = Half(spi, d);
      found = {half.config.wire_port, half.remote[0].port_first};
      if (d == Direction::kOutbound) {
        EXPECT_EQ(dataplane->database.policies.at(half.config.policy_id).remote, half.remote);
      }
    }
    return found;
  };
  using Ports = std::pair<uint16_t, uint16_t>;
  const Spi a = install(1, first, 1701), b = install(2, second, 1701);
  EXPECT_EQ(ports(a), Ports(0, 1701));
  EXPECT_EQ(ports(b), Ports(1701, 20002));
  // A rekeyed child keeps its port, also where the NAT has forgotten the client meanwhile, and so does what is another's.
  const Spi b2 = install(3, {"second", second.behind, 20003}, 1701);
  EXPECT_EQ(ports(b2), Ports(1701, 20002));
  Down(2, b);
  EXPECT_EQ(ports(b2), Ports(1701, 20002));
  const Spi other = install(4, {"third", IpAddress::V4(10, 0, 0, 3), 20002}, 1701);
  EXPECT_EQ(ports(other), Ports(1701, 20003));
  // Free again once nobody has it.
  Down(1, a);
  const Spi next = install(5, {"fourth", IpAddress::V4(10, 0, 0, 4), 20004}, 1701);
  EXPECT_EQ(ports(next), Ports(0, 1701));
  // A dataplane that comes anew is told the same.
  dataplane.reset();
  Run();
  StartDataplane();
  Sync();
  Run();
  EXPECT_EQ(ports(b2), Ports(1701, 20002));
}

TEST_F(SadbTest, AhIsInstalledAsAh) {
  Sync();
  const Spi spi = control->spis().Draw(9);
  for (bool inbound : {true, false}) {
    ike::InstallChild i = Sa(1, inbound, inbound ? spi : 0xabcd0001);
    i.protocol = IpsecProtocol::kAh;
    i.suite = {.integ = IntegId::kHmacSha256_128, .esn = true};
    i.sa.encr_key = {};
    i.sa.integ_key = SecretBytes(ByteView(Bytes(32, 7)));
    control->Install(std::move(i));
  }
  Run();
  const channel::InstallSa& in = Half(spi, Direction::kInbound).config;
  EXPECT_EQ(in.protocol, 51);
  EXPECT_EQ(in.encr, 0);
  EXPECT_EQ(in.encr_key_len, 0);
  EXPECT_EQ(in.integ_key_len, 32);
}

TEST_F(SadbTest, RefusesADataplaneOfAnotherGeometry) {
  dataplane.reset();
  control.reset();
  auto listener = channel::ListenLocal(dir.path + "/dataplane.sock", getuid());
  ASSERT_TRUE(listener.ok());
  StartControl();
  control->Poll(now);
  auto socket = channel::AcceptLocal(listener->get());
  ASSERT_TRUE(socket.ok());
  channel::DataplaneHello hello = {};
  hello.magic = channel::kHelloMagic;
  hello.geometry = channel::kGeometry + 1;
  hello.epoch = 1;
  ASSERT_TRUE(channel::SendWithFds(socket->get(), {reinterpret_cast<uint8_t*>(&hello), sizeof hello}, {}).ok());
  Run();
  EXPECT_EQ(control->link_counters().connections, 0u);
  EXPECT_GT(control->link_counters().attempts_failed, 0u);
}

}  // namespace
}  // namespace culvert::sadb
