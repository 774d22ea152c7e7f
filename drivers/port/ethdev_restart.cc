#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_pause.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "drivers/eal/boot.h"
#include "drivers/port/ethdev_failed.h"
#include "drivers/port/ethdev_port.h"
#include "drivers/port/kernel_interface.h"

// A device that has to begin anew: it has gone deaf, or asks for a reset.
namespace culvert {
namespace {

// What the devices before had, where these are the sums and `is` the present one's.
Port::Stats Before(const Port::Stats& all, const Port::Stats& is) {
  auto less = [](uint64_t a, uint64_t b) { return a - std::min(a, b); };
  return {.rx_packets = less(all.rx_packets, is.rx_packets),
          .tx_packets = less(all.tx_packets, is.tx_packets),
          .rx_missed = less(all.rx_missed, is.rx_missed),
          .rx_errors = less(all.rx_errors, is.rx_errors),
          .tx_errors = less(all.tx_errors, is.tx_errors)};
}

// On DPDK's interrupt thread.
int Asked(uint16_t, rte_eth_event_type, void* asks_reset, void*) {
  static_cast<std::atomic<bool>*>(asks_reset)->store(true, std::memory_order_release);
  return 0;
}

}  // namespace

// Before any other callback for the same event, so that whoever hears of it finds that no session can be made.
void EthdevPort::ListenForReset(bool on) {
  while (rte_eth_dev_callback_unregister(id_, RTE_ETH_EVENT_INTR_RESET, Asked, &asks_reset_) == -EAGAIN) rte_pause();
  if (on) rte_eth_dev_callback_register(id_, RTE_ETH_EVENT_INTR_RESET, Asked, &asks_reset_);
}

bool EthdevPort::RestartQueues() {
  for (uint16_t q = 0; q < queues_; ++q) {
    if (rte_eth_dev_rx_queue_stop(id_, q) != 0 || rte_eth_dev_rx_queue_start(id_, q) != 0) return false;
  }
  return true;
}

absl::Status EthdevPort::Restart() {
  // af_xdp keeps what is in its fill ring when it is closed, for good.
  if (options_.device.starts_with("net_af_xdp") && rte_mempool_avail_count(pool_) < pool_->size / 2)
    return absl::FailedPreconditionError("each restart costs buffers, and no more can be spared: start the data plane anew");
  // Sockets of the kernel's are as deaf after a stop and a start, or gone: only another device has others.
  if (KernelInterfaceUnder(options_.device)) return Rebuild();
  if (RestartQueues()) return absl::OkStatus();
  if (security_) return absl::FailedPreconditionError("its queues do not start by themselves, and all of it has SAs");
  if (int rc = rte_eth_dev_stop(id_); rc != 0) return Failed(name(), "stop", rc);
  if (int rc = rte_eth_dev_start(id_); rc != 0) return Failed(name(), StartOf(options_.device), rc);
  return absl::OkStatus();
}

absl::Status EthdevPort::Rebuild() {
  if (running_) before_ = stats();
  Close();
  // The kernel gives the queue of an AF_XDP socket free a moment after the socket is closed, and no call waits for that.
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::string device = CompleteDevice(options_.device, options_.mtu), driver = DeviceName(device);
  const size_t arguments = std::min(device.size(), driver.size() + 1);
  rte_eal_hotplug_remove("vdev", driver.c_str());  // what fails here, fails below
  if (int rc = rte_eal_hotplug_add("vdev", driver.c_str(), device.c_str() + arguments); rc != 0)
    return Failed(name(), "another device", rc);
  if (rte_eth_dev_get_port_by_name(driver.c_str(), &id_) != 0) return Failed(name(), "another device", -ENODEV);
  if (auto configured = Configure(); !configured.ok()) return configured;
  return GiveMacBack();
}

// The neighbours know the port by it, whatever came in the place of the interface.
absl::Status EthdevPort::GiveMacBack() {
  rte_ether_addr has;
  rte_eth_macaddr_get(id_, &has);
  if (rte_is_same_ether_addr(&has, &mac) != 0) return absl::OkStatus();
  if (int rc = rte_eth_dev_default_mac_addr_set(id_, &mac); rc != 0) return Failed(name(), "the MAC it had", rc);
  return absl::OkStatus();
}

// Drivers destroy their security context, and with it the memory of its sessions, within rte_eth_dev_reset: what is still there
// has to go first, by the context that made it.
absl::Status EthdevPort::ResetDevice() {
  if (security_sessions != 0) {
    if (ipsec_sink_) ipsec_sink_({.kind = IpsecEvent::kReset, .userdata = 0});
    return absl::UnavailableError(absl::StrCat("port ", name(), ": ", security_sessions, " sessions are on their way out"));
  }
  before_ = stats();
  running_ = false;
  const uint16_t queues = queues_;
  asks_reset_.store(false, std::memory_order_release);  // one that comes meanwhile is for another reset
  int rc = rte_eth_dev_reset(id_);
  if (rc == -ENOTSUP) rc = rte_eth_dev_stop(id_);  // all there is; to configure it again is to start from there
  absl::Status up = rc != 0 ? Failed(name(), "reset", rc) : Configure();
  if (up.ok() && queues_ != queues) up = absl::UnavailableError(absl::StrCat("port ", name(), ": queues are missing"));
  if (up.ok()) up = GiveMacBack();
  if (!up.ok()) {
    queues_ = queues;  // workers have them
    running_ = false;
    asks_reset_.store(true, std::memory_order_release);
    return up;
  }
  before_ = Before(before_, DeviceStats());  // not every device counts from 0 again
  return absl::OkStatus();
}

}  // namespace culvert
