#include "dataplane/main/ipsec_service.h"

#include <pwd.h>
#include <rte_cycles.h>

#include <algorithm>
#include <utility>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "dataplane/main/manual_sas.h"

namespace culvert::dp {
namespace {

// Workers pass a grace point within microseconds, a sleeping one at once: main looks again that often before it goes to sleep
// and leaves the rest to the loop's next turn.
constexpr int kTurnsForWorkers = 1000;

constexpr uint16_t kEarlyPackets = 32;  // of each worker; as EspWorker::Options has it

}  // namespace

absl::StatusOr<std::unique_ptr<IpsecService>> IpsecService::Create(Gateway& gateway, Options options) {
  std::unique_ptr<IpsecService> service(new IpsecService(gateway));
  std::set<uint32_t> tunnels;
  for (const auto& t : gateway.network().tunnels()) tunnels.insert(t.if_id);
  auto port_of = [&network = gateway.network()](const IpAddress& a) { return network.PortOf(a); };
  auto ipsec = Ipsec::Create(gateway.workers(), gateway.grace(),
                             {.tsc_hz = rte_get_tsc_hz(),
                              .tunnels = std::move(tunnels),
                              .engines = options.engines,
                              .port_of = port_of},
                             {.default_forward = options.default_forward, .early = kEarlyPackets, .mss = options.mss});
  if (!ipsec.ok()) return ipsec.status();
  service->ipsec_ = std::move(*ipsec);
  auto channel = ChannelServer::Create(options.channel, service->database(), gateway);
  if (!channel.ok()) return channel.status();
  service->channel_ = std::move(*channel);

  for (unsigned i = 0; i < gateway.workers(); ++i) gateway.SetIpsec(i, &service->ipsec_->worker(i));
  auto* s = service.get();
  gateway.network().SetListener([s](const channel::Event& e) { s->channel_->Report(e); });
  gateway.ike().SetSink([s](const channel::DatagramInfo& info, ByteView payload) { return s->channel_->Punt(info, payload); });
  gateway.loop().Add(s->channel_->fd(), EPOLLIN, [s](uint32_t) { s->channel_->Poll(std::chrono::steady_clock::now()); });
  gateway.loop().AddPoller([s] { return s->Poll(); });
  if (auto taken = InstallManualSas(std::move(options.sas), service->ipsec_->database()); !taken.ok()) return taken;
  if (options.without_ike) s->database().OpenForwarding();
  return service;
}

IpsecService::~IpsecService() {
  if (channel_ != nullptr) gateway_.loop().Remove(channel_->fd());
}

bool IpsecService::Poll() {
  channel_->Poll(std::chrono::steady_clock::now());
  if (!ipsec_->database().busy()) {
    turns_waited_ = 0;
    return false;
  }
  return ++turns_waited_ < kTurnsForWorkers;
}

nlohmann::ordered_json IpsecService::Move(const nlohmann::json& what) {
  constexpr const char* error = "error";
  const bool whole = what.is_object() && what.contains("child") && what["child"].is_string() && what.contains("worker") &&
                     what["worker"].is_number_unsigned();
  if (!whole) return {{error, "expected a child's name and a worker's number"}};
  const auto name = what["child"].get<std::string>();
  const auto worker = what["worker"].get<uint64_t>();
  if (worker >= gateway_.workers()) return {{error, absl::StrCat("no worker ", worker, "; there are ", gateway_.workers())}};
  WorkerDatabase& sas = ipsec_->database();
  const auto places = sas.SasNamed(name);
  if (places.empty()) return {{error, absl::StrCat("no SA of a child or connection ", name)}};
  const auto moved = std::ranges::count_if(places, [&](uint32_t i) { return sas.Move(i, static_cast<uint32_t>(worker)); });
  return {{"moving", moved}, {"there_or_pinned", static_cast<int64_t>(places.size()) - moved}};
}

std::string IpsecService::crypto() const {
  return "IPsec-MB " + crypto::MbEngine::LibraryVersion() + ", " + ipsec_->worker(0).engine().arch();
}

uid_t ControlUser(const std::string& name) {
  if (const passwd* p = getpwnam(name.c_str()); p != nullptr) return p->pw_uid;
  const passwd* nobody = getpwnam("nobody");
  LOG(WARNING) << "no user " << name << ": culvert-ike is admitted as nobody";
  return nobody == nullptr ? 65534 : nobody->pw_uid;
}

}  // namespace culvert::dp
