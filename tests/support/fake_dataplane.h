#pragma once

#include <deque>
#include <map>
#include <set>

#include "dataplane/main/gateway_control.h"
#include "dataplane/sa/database.h"

// Stand-ins for what lies behind the dataplane's end of the channel. They keep the contracts of SaDatabase and GatewayControl,
// answer from Poll() as workers would, and seal and open nothing.
namespace culvert::testing {

class FakeDatabase final : public dp::SaDatabase {
 public:
  struct Key {
    uint32_t sa_index;
    channel::Direction direction;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Sa {
    channel::InstallSa config;
    SelectorList local, remote;
    uint64_t sequence = 0;     // outbound: last used; inbound: right edge
    uint64_t packets = 0;
    uint64_t published = 0;
  };

  void Install(const channel::InstallSa& sa, SelectorList local, SelectorList remote, Done done) override;
  void Update(const channel::UpdateSa& u, Done done) override;
  void Remove(const channel::RemoveSa& r, Done done) override;
  channel::Status AddPolicy(const channel::AddPolicy& p, SelectorList local, SelectorList remote) override;
  channel::Status RemovePolicy(uint32_t policy_id) override;
  channel::Status QueryUse(const channel::QueryUse& q, channel::Ack& answer) override;
  void Inventory(const Visit& visit) const override;
  dp::EngineUse UseOfEngines() const override { return {}; }
  std::vector<dp::SasOfWorker> SasByWorker() const override { return {}; }
  std::optional<dp::SaLabel> LabelOf(channel::Direction, uint32_t) const override { return std::nullopt; }
  std::vector<uint32_t> SasNamed(const std::string&) const override { return {}; }
  std::map<uint32_t, dp::TunnelUse> UseOfTunnels() const override { return {}; }
  void BeginSync() override;
  void OpenForwarding() override;
  void SetStatePage(channel::StatePage* page, std::function<void()> released) override;
  void Poll(const std::function<void(const channel::Event&)>& sink) override;

  // The next outbound sequence number, published as a worker would; nullopt where the SA may send no more.
  std::optional<uint64_t> Seal(Sa& sa);
  // What the replay window says to a sequence number in order: true moves the edge, and publishes it before it returns.
  bool Open(Sa& sa, uint64_t sequence);
  void Expire(Key key, bool hard);

  std::map<Key, Sa> sas;
  struct Policy {
    channel::AddPolicy config;
    SelectorList local, remote;
  };
  std::map<uint32_t, Policy> policies;                 // in force
  bool forwarding = false;
  bool hold = false;                                   // workers answer nothing while set
  std::map<uint32_t, channel::Status> refuse;          // sa_index → what Install answers
  std::deque<channel::Event> reports;                  // told at the next Poll()
  unsigned installs = 0, removals = 0, updates = 0;

 private:
  void Publish(Key key, Sa& sa);

  channel::StatePage* page_ = nullptr;
  std::map<uint32_t, Policy> coming_;                  // of this connection, in force after sync-done
  bool synced_ = false;
  std::deque<std::function<void()>> work_;
};

class FakeGateway final : public dp::GatewayControl {
 public:
  channel::Status AddAddress(const std::string& port, const IpPrefix& address) override {
    return addresses.insert({port, address}).second ? channel::Status::kOk : channel::Status::kExists;
  }
  channel::Status RemoveAddress(const std::string& port, const IpPrefix& address) override {
    return addresses.erase({port, address}) ? channel::Status::kOk : channel::Status::kNotFound;
  }
  channel::Status AddRoute(const Route& r) override { return routes.insert(r).second ? channel::Status::kOk : channel::Status::kExists; }
  channel::Status RemoveRoute(const Route& r) override { return routes.erase(r) ? channel::Status::kOk : channel::Status::kNotFound; }
  std::optional<Source> SourceFor(const IpAddress& destination) override;
  void Describe(const std::function<void(const channel::Event&)>& sink) override;
  void Inject(const channel::DatagramInfo& info, ByteView payload) override { injected.push_back({info, ToBytes(payload)}); }

  std::set<std::pair<std::string, IpPrefix>> addresses;
  std::set<Route> routes;
  std::vector<channel::Datagram> injected;
};

}  // namespace culvert::testing
