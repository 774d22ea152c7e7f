#include "tests/support/sim_peer.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

#include "config/ikev1.h"
#include "control/ike/resolver.h"
#include "control/ike/wire/header.h"

namespace culvert::ike {
namespace {

class NameTable final : public Resolver {
 public:
  explicit NameTable(const SimPeer& peer) : peer_(peer) {}
  Answer Resolve(const std::string& name) override {
    auto it = peer_.names.find(name);
    return it == peer_.names.end() ? Answer{{}, "no such name"} : Answer{it->second, "no address"};
  }

 private:
  const SimPeer& peer_;
};

bool IsAt(const SelectorList& list, const IpAddress& a) {
  const IpRange only{a, a};
  return std::ranges::all_of(list, [&only](const TrafficSelector& ts) { return ts.addresses == only; });
}

// What a data plane relies on, whichever way the SA came to be.
void ExpectInstallable(const InstallChild& i) {
  const bool ah = i.protocol == IpsecProtocol::kAh, transport = i.mode == config::ChildMode::kTransport;
  EXPECT_FALSE(ah && (i.udp_encap || !i.sa.encr_key.empty()));
  EXPECT_EQ(i.original.has_value(), transport && i.udp_encap && i.inbound);
  if (!transport) return;
  EXPECT_TRUE(IsAt(i.local_ts, i.local.address) && IsAt(i.remote_ts, i.remote.address))
      << ToString(i.local_ts) << " === " << ToString(i.remote_ts) << " between " << i.local.ToString() << " and " << i.remote.ToString();
}

}  // namespace

SimPeer::SimPeer(World world, std::string peer_name, const IpAddress& peer_address)
    : name(std::move(peer_name)), address(peer_address), addresses{peer_address}, spis(world.seed * 2 + 1), world_(world), random_(world.seed) {
  print = std::getenv("CULVERT_SIM_PRINT") != nullptr;
}

SimPeer::~SimPeer() {
  for (size_t i = 0; print && core && i < kCounts; ++i) {
    const auto count = static_cast<Count>(i);
    if (Counted(count) != 0) Trace(std::string(Name(count)) + ": " + std::to_string(Counted(count)));
  }
  core.reset();  // negotiations under way give their SPIs back to `spis`, which would go first
  for (const IpAddress& a : addresses) world_.network.Detach(a);
}

void SimPeer::Attach(const IpAddress& a) {
  world_.network.Attach(a, [this](SimPacket p) { Receive(std::move(p)); });
}

void SimPeer::Start() {
  for (config::Connection& c : control.connections) config::DeriveIkev1Proposals(c);
  core = std::make_unique<Core>(control, random_, spis);
  if (credentials) core->set_credentials(credentials);
  core->set_resolver(std::make_shared<NameTable>(*this));
  for (const IpAddress& a : addresses) Attach(a);
  Post(LocalAddresses{addresses});
  Post(ConfigChanged{});
}

void SimPeer::AddAddress(const IpAddress& a) {
  Trace("has " + a.ToString());
  addresses.push_back(a);
  if (!core) return;
  Attach(a);
  Post(LocalAddresses{addresses});
}

void SimPeer::RemoveAddress(const IpAddress& a) {
  Trace("has no longer " + a.ToString());
  std::erase(addresses, a);
  world_.network.Detach(a);
  Post(LocalAddresses{addresses});
}

void SimPeer::Crash() {
  for (const IpAddress& a : addresses) world_.network.Detach(a);
  ++life_;
  events_.clear();
  timers_.clear();
  installed.clear();
  core.reset();
  spis.drawn.clear();
  committed_ = 0;
}

void SimPeer::Post(Event event) {
  events_.push_back(std::move(event));
  if (!running_) Run();
}

void SimPeer::Run() {
  running_ = true;
  while (!events_.empty()) {
    Event e = std::move(events_.front());
    events_.pop_front();
    Actions out;
    core->Handle(std::move(e), world_.clock.now(), out);
    for (auto& a : out) Perform(std::move(a));
  }
  running_ = false;
}

void SimPeer::Later(Duration delay, Event event) {
  auto shared = std::make_shared<Event>(std::move(event));
  world_.clock.At(world_.clock.now() + delay, [this, shared, life = life_] {
    if (life == life_) Post(std::move(*shared));
  });
}

void SimPeer::Perform(Action action) {
  std::visit([this](auto&& a) { Do(std::move(a)); }, std::move(action));
}

void SimPeer::Receive(SimPacket p) { Post(DatagramIn{p.to, p.from, p.marker, std::move(p.data)}); }

void SimPeer::Trace(const std::string& text) const {
  double t = static_cast<double>(ToNanos(world_.clock.now() - std::chrono::hours(1))) / 1e9;
  if (print) std::fprintf(stderr, "%10.3f %s: %s\n", t, name.c_str(), text.c_str());
}

void SimPeer::Do(SendDatagram a) {
  if (auto h = DecodeHeader(a.data)) {
    Trace("    sends " + Name(h->exchange) + (h->response ? " response " : " request ") + std::to_string(h->message_id) + " of " +
          std::to_string(h->spi_i) + " (" + std::to_string(a.data.size()) + ")");
  }
  EXPECT_LE(a.after_commit, committed_) << "sent before what it tells is durable";
  EXPECT_TRUE(std::ranges::contains(addresses, a.local.address)) << name << " sends from " << a.local.ToString();
  world_.network.Send({a.local, a.remote, a.marker, std::move(a.data)});
}

void SimPeer::Do(ArmTimer a) {
  uint64_t arming = next_arming_++;
  timers_[a.timer] = arming;
  world_.clock.At(a.at, [this, id = a.timer, arming, life = life_] {
    auto it = timers_.find(id);
    if (life != life_ || it == timers_.end() || it->second != arming) return;
    timers_.erase(it);
    Post(TimerFired{id});
  });
}

void SimPeer::Do(CancelTimer a) { timers_.erase(a.timer); }

void SimPeer::Do(RunJob a) {
  a.job->Run();
  Later(job_delay, JobDone{a.id, std::move(a.job)});
}

void SimPeer::Do(InstallChild a) {
  Half half{a.child, a.inbound};
  EXPECT_FALSE(installed.contains(half)) << name << ": installed twice: child " << a.child << (a.inbound ? " in" : " out");
  EXPECT_FALSE(a.local_ts.empty() || a.remote_ts.empty());
  EXPECT_FALSE(a.sa.encr_key.empty() && a.sa.integ_key.empty());
  ExpectInstallable(a);
  InstallStatus status = install_status ? install_status(a) : InstallStatus::kOk;
  ChildInstalled answer{a.child, a.inbound, status};
  installed.emplace(half, Installed{std::move(a)});
  Later(install_delay, answer);
}

void SimPeer::Do(RemoveChild a) {
  auto it = installed.find({a.child, a.inbound});
  if (it == installed.end()) {
    ADD_FAILURE() << name << ": removed, but never installed: child " << a.child;
    return;
  }
  EXPECT_EQ(it->second.what.sa.spi, a.spi);
  if (a.inbound) spis.Release(a.spi);
  installed.erase(it);
}

void SimPeer::Do(UpdateChild a) {
  for (auto& [half, sa] : installed) {
    if (half.first != a.child) continue;
    sa.what.udp_encap = a.udp_encap;
    sa.what.local = a.local;
    sa.what.remote = a.remote;
    ExpectInstallable(sa.what);
  }
}

void SimPeer::Do(QueryChildUse a) {
  ChildUse use{.child = a.child, .last_inbound = {}, .last_outbound = {}};
  if (auto in = installed.find({a.child, true}); in != installed.end()) use.last_inbound = in->second.last_in;
  if (auto out = installed.find({a.child, false}); out != installed.end()) use.last_outbound = out->second.last_out;
  Later({}, use);
}

void SimPeer::Do(QuerySource a) {
  auto source = std::ranges::find(addresses, a.destination.family, &IpAddress::family);
  const bool found = routes && source != addresses.end();
  Later({}, SourceFound{a.query, {found ? *source : IpAddress::Any(a.destination.family), 0, 0}});
}

void SimPeer::Do(Audit a) {
  Trace(a.text);
  log.push_back(std::move(a.text));
}

void SimPeer::Do(Reply a) {
  EXPECT_TRUE(replies.emplace(a.request, a).second) << name << ": request " << a.request << " answered twice";
}

RequestId SimPeer::Up(const std::string& child, const std::string& ike) {
  Trace("initiate " + child);
  Post(Initiate{next_request_, ike, child});
  return next_request_++;
}

RequestId SimPeer::Down(const std::string& ike, const std::string& child) {
  Trace("terminate " + ike + child);
  Post(Terminate{.request = next_request_, .ike = ike, .child = child});
  return next_request_++;
}

RequestId SimPeer::RekeyChildren(const std::string& child) {
  Trace("rekey child " + child);
  Post(Rekey{.request = next_request_, .ike = "", .child = child});
  return next_request_++;
}

RequestId SimPeer::RekeyIke(const std::string& ike) {
  Trace("rekey IKE");
  Post(Rekey{.request = next_request_, .ike = ike, .child = ""});
  return next_request_++;
}

std::vector<IkeView> SimPeer::Established() const {
  std::vector<IkeView> list = core->List();
  std::erase_if(list, [](const IkeView& v) { return v.state != "ESTABLISHED" && v.state != "REKEYING"; });
  return list;
}

std::vector<ChildView> SimPeer::LiveChildren() const {
  std::vector<ChildView> live;
  for (const auto& ike : core->List()) {
    for (const auto& c : ike.children) {
      if (c.state == "INSTALLED" || c.state == "REKEYING" || c.state == "INSTALLING") live.push_back(c);
    }
  }
  return live;
}

bool SimPeer::Logged(std::string_view text) const {
  return std::ranges::any_of(log, [text](const std::string& l) { return l.find(text) != std::string::npos; });
}

std::string SimPeer::Untidiness() const {
  const size_t live = LiveChildren().size();
  if (installed.size() != 2 * live) {
    return name + " has " + std::to_string(installed.size()) + " halves installed of " + std::to_string(live) + " children";
  }
  return spis.drawn.size() == live ? "" : name + " holds " + std::to_string(spis.drawn.size()) + " SPIs";
}

const InstallChild* SimPeer::Sends(const std::string& child) const {
  const InstallChild* best = nullptr;
  for (const auto& [half, sa] : installed) {
    if (half.second || sa.what.name != child) continue;
    if (!best || sa.what.preference > best->preference) best = &sa.what;
  }
  return best;
}

bool SimPeer::Receives(const ChildSaDirection& sealed) {
  for (auto& [half, sa] : installed) {
    const ChildSaDirection& ours = sa.what.sa;
    if (!half.second || ours.spi != sealed.spi) continue;
    const bool same = Equal(ours.encr_key.view(), sealed.encr_key.view()) && Equal(ours.integ_key.view(), sealed.integ_key.view());
    if (!same) return false;
    sa.last_in = world_.clock.now();
    return true;
  }
  return false;
}

}  // namespace culvert::ike
