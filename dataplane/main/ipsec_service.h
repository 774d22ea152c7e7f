#pragma once

#include <sys/types.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/model.h"
#include "dataplane/ipsec.h"
#include "dataplane/main/channel_server.h"
#include "dataplane/main/gateway.h"

namespace culvert::dp {

// Joins the parts that do not know each other: IPsec in the workers, the channel to culvert-ike, the gateway's loop, network
// and IKE path. Main thread only.
class IpsecService {
 public:
  struct Options {
    bool default_forward = true;   // what becomes of packets that match no policy
    uint16_t mss = 0;              // as EspWorker::Options has it
    bool without_ike = false;      // forwarding is open from the start
    offload::Engines* engines = nullptr;  // beside the processor; borrowed
    std::vector<config::ManualSa> sas;
    ChannelServer::Options channel;
  };
  // Before gateway.Start(). The gateway is borrowed, and stopped before this is destroyed.
  static absl::StatusOr<std::unique_ptr<IpsecService>> Create(Gateway& gateway, Options options);
  ~IpsecService();

  SaDatabase& database() { return ipsec_->database(); }
  void Balance(const std::vector<double>& busy) { ipsec_->database().Balance(busy); }  // as WorkerDatabase has it
  // {"child": NAME, "worker": N}: the SAs of that child, or connection, go to that worker.
  nlohmann::ordered_json Move(const nlohmann::json& what);
  const ChannelServer& channel() const { return *channel_; }
  std::string crypto() const;      // "IPsec-MB 2.0.0, AVX512 type 2"

 private:
  explicit IpsecService(Gateway& gateway) : gateway_(gateway) {}
  bool Poll();

  Gateway& gateway_;
  std::unique_ptr<Ipsec> ipsec_;
  std::unique_ptr<ChannelServer> channel_;
  int turns_waited_ = 0;
};

// Whom the channel admits beside root: culvert-ike's user, or nobody where there is none.
uid_t ControlUser(const std::string& name);

}  // namespace culvert::dp
