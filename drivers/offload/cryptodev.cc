#include <absl/strings/str_cat.h>
#include <rte_cryptodev.h>
#include <rte_errno.h>

#include <algorithm>

#include "drivers/eal/boot.h"
#include "drivers/offload/crypto_device.h"
#include "drivers/offload/lookaside.h"
#include "drivers/offload/session.h"

namespace culvert::offload {
namespace {

absl::Status Failed(const CryptoDeviceOptions& o, const std::string& what, int code) {
  return absl::UnavailableError(absl::StrCat("crypto device ", o.name, ": ", what, ": ", rte_strerror(-code)));
}

class Cryptodev final : public CryptoDevice {
 public:
  explicit Cryptodev(uint8_t id) : id_(id) { rte_cryptodev_info_get(id_, &info_); }
  ~Cryptodev() override {
    if (started_) {
      rte_cryptodev_stop(id_);
      rte_cryptodev_close(id_);
    }
    rte_mempool_free(sessions_);
  }

  uint16_t Enqueue(uint16_t pair, rte_crypto_op** ops, uint16_t n) override {
    return rte_cryptodev_enqueue_burst(id_, pair, ops, n);
  }
  uint16_t Dequeue(uint16_t pair, rte_crypto_op** ops, uint16_t n) override {
    return rte_cryptodev_dequeue_burst(id_, pair, ops, n);
  }

  std::string driver() const override { return info_.driver_name; }
  uint32_t most_sessions() const override { return info_.sym.max_nb_sessions; }
  bool Runs(const rte_crypto_sym_xform& x) const override { return DeviceRuns(id_, x); }
  void* CreateSession(const rte_crypto_sym_xform& x) override {
    return rte_cryptodev_sym_session_create(id_, const_cast<rte_crypto_sym_xform*>(&x), sessions_);
  }
  int DestroySession(void* session) override { return rte_cryptodev_sym_session_free(id_, session); }
  void* SecurityContext() override { return rte_cryptodev_get_sec_ctx(id_); }
  Stats stats() const override {
    rte_cryptodev_stats s{};
    (void)rte_cryptodev_stats_get(id_, &s);  // zeros where the device counts nothing
    return {s.enqueued_count, s.dequeued_count, s.enqueue_err_count + s.dequeue_err_count};
  }

  absl::Status Start(const CryptoDeviceOptions& o, unsigned workers);

 private:
  const uint8_t id_;  // DPDK's
  rte_cryptodev_info info_{};
  bool started_ = false;
  rte_mempool* sessions_ = nullptr;
};

absl::Status Cryptodev::Start(const CryptoDeviceOptions& o, unsigned workers) {
  if (!(info_.feature_flags & RTE_CRYPTODEV_FF_SYMMETRIC_CRYPTO))
    return absl::InvalidArgumentError(absl::StrCat("crypto device ", o.name, ": no symmetric ciphers"));
  if (info_.max_nb_queue_pairs < workers) {
    return absl::InvalidArgumentError(absl::StrCat("crypto device ", o.name, ": ", info_.max_nb_queue_pairs,
                                                   " queue pairs; expected one for each of ", workers, " workers"));
  }
  int socket = rte_cryptodev_socket_id(id_) < 0 ? SOCKET_ID_ANY : rte_cryptodev_socket_id(id_);
  rte_cryptodev_config config{};
  config.socket_id = socket;
  config.nb_queue_pairs = static_cast<uint16_t>(workers);
  config.ff_disable = RTE_CRYPTODEV_FF_ASYMMETRIC_CRYPTO;
  if (o.ipsec != CryptoDeviceOptions::Ipsec::kAuto) config.ff_disable |= RTE_CRYPTODEV_FF_SECURITY;
  if (int rc = rte_cryptodev_configure(id_, &config); rc < 0) return Failed(o, "configure", rc);
  sessions_ = rte_cryptodev_sym_session_pool_create(absl::StrCat("sessions-", id_).c_str(), o.sessions,
                                                    rte_cryptodev_sym_get_private_session_size(id_), 0, 0, socket);
  if (sessions_ == nullptr) return Failed(o, "memory for sessions", -rte_errno);
  for (unsigned w = 0; w < workers; ++w) {
    rte_cryptodev_qp_conf conf{};
    conf.nb_descriptors = LookasideQueue::kDescriptors;
    conf.mp_session = sessions_;
    if (int rc = rte_cryptodev_queue_pair_setup(id_, static_cast<uint16_t>(w), &conf, socket); rc < 0)
      return Failed(o, "queue pair", rc);
  }
  if (int rc = rte_cryptodev_start(id_); rc < 0) return Failed(o, "start", rc);
  started_ = true;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<CryptoDevice>> OpenCryptodev(CryptoDeviceOptions& o, unsigned workers) {
  const std::string device = DeviceName(o.device);
  int id = rte_cryptodev_get_dev_id(device.c_str());
  if (id < 0) return absl::NotFoundError(absl::StrCat("crypto device ", o.name, ": DPDK has no device ", device));
  auto made = std::make_unique<Cryptodev>(static_cast<uint8_t>(id));
  if (made->most_sessions() != 0) o.sessions = std::min(o.sessions, made->most_sessions());
  if (auto s = made->Start(o, workers); !s.ok()) return s;
  return made;
}

}  // namespace culvert::offload
