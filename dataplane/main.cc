// culvert-dataplane: the process that owns ports, keys and packets. See --help.
#include <absl/log/log.h>
#include <rte_eal.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>

#include "common/base/log.h"
#include "config/check.h"
#include "config/load.h"
#include "dataplane/main/alarms.h"
#include "dataplane/main/boot.h"
#include "dataplane/main/control_socket.h"
#include "dataplane/main/ipsec_service.h"
#include "dataplane/main/reports.h"
#include "dataplane/main/watch_service.h"
#include "dataplane/main/worker_loads.h"

namespace culvert::dp {
namespace {

struct Arguments {
  std::string config_dir = "/etc/culvert";
  std::string run_dir = "/run/culvert";
  bool check = false;
  bool print_topology = false;
  int verbosity = 0;
};

// Blocks SIGTERM and SIGINT in this thread and all it will make, and turns them into a descriptor.
int BlockSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

uint16_t MssOption(const config::Dataplane& config) {
  switch (config.mss) {
    case config::Dataplane::Mss::kNo: return 0;
    case config::Dataplane::Mss::kAuto: return EspWorker::kMssAuto;
    case config::Dataplane::Mss::kOctets: break;
  }
  return config.mss_octets;
}

int Serve(Booted& booted, config::Dataplane& config, const Arguments& args, UniqueFd signals) {
  Gateway& gateway = *booted.gateway;
  auto ipsec = IpsecService::Create(gateway, {.default_forward = config.default_forward,
                                              .mss = MssOption(config),
                                              .without_ike = config.forward_without_ike,
                                              .engines = booted.engines.get(),
                                              .sas = std::move(config.sas),
                                              .channel = {args.run_dir, ControlUser("culvert-ike")}});
  if (!ipsec.ok()) {
    LOG(ERROR) << ipsec.status().message();
    return 1;
  }
  WorkerLoads loads(gateway);
  ProcessFacts facts{.started = std::chrono::steady_clock::now(),
                     .hugepages = booted.eal.hugepages,
                     .eal = "",
                     .idle = booted.adaptive ? "adaptive" : "poll",
                     .crypto = (*ipsec)->crypto(),
                     .engines = booted.engines.get(),
                     .lab = config.lab,
                     .loads = &loads};
  for (const auto& a : booted.eal.arguments) facts.eal += (facts.eal.empty() ? "" : " ") + a;
  EventLoop& loop = gateway.loop();
  ControlSocket control(loop, Reports(gateway, &(*ipsec)->database(), facts));
  if (auto s = control.Listen(args.run_dir + "/dataplane-ctl.sock"); !s.ok()) {
    LOG(ERROR) << s.message();
    return 1;
  }
  control.SetMover([&](const nlohmann::json& what) { return (*ipsec)->Move(what); });
  WatchService watching(gateway, &(*ipsec)->database(), control);
  loop.AddPoller([&] { return watching.Poll(); });
  loop.Every(std::chrono::milliseconds(100), [&] { watching.Tick(std::chrono::steady_clock::now()); });
  Alarms alarms([](const std::string& line) { LOG(WARNING) << line; });
  loop.Every(std::chrono::seconds(1), [&] {
    control.Tick(std::chrono::steady_clock::now());
    alarms.Tick(gateway.ReadDrops());
    loads.Tick();
    if (config.rebalance) (*ipsec)->Balance(loads.busy());
  });
  loop.Add(signals.get(), EPOLLIN, [&](uint32_t) {
    signalfd_siginfo info;
    if (read(signals.get(), &info, sizeof info) != sizeof info) return;
    LOG(INFO) << strsignal(static_cast<int>(info.ssi_signo)) << ": stopping";
    loop.Stop();
  });
  gateway.Start();
  LOG(INFO) << "forwarding on " << gateway.ports().size() << " ports with " << gateway.workers() << " workers, idle "
            << facts.idle;
  loop.Run();
  loop.Remove(signals.get());
  gateway.Stop();
  return 0;
}

int Run(config::Dataplane& config, const Arguments& args) {
  HardenProcess();
  if (config.lab) {
    LOG(WARNING) << "lab = yes: static keys in counter mode are admitted, which RFC 4106 forbids. Nothing they protect is "
                    "secret or genuine. Not for traffic that matters";
  }
  UniqueFd signals(BlockSignals());
  if (auto s = ClaimRunDir(args.run_dir); !s.ok()) {
    LOG(ERROR) << s.message();
    return 1;
  }
  auto booted = Boot(config, args.run_dir);
  if (!booted.ok()) {
    LOG(ERROR) << booted.status().message();
    return 1;
  }
  int rc = Serve(*booted, config, args, std::move(signals));
  booted->engines.reset();
  booted->gateway.reset();
  rte_eal_cleanup();
  LOG(INFO) << "stopped";
  return rc;
}

int Main(int argc, char** argv) {
  Arguments args;
  CLI::App app("Culvert's data plane: forwards and protects packets on DPDK ports.", "culvert-dataplane");
  app.add_option("--config", args.config_dir, "folder with culvert.conf")->capture_default_str();
  app.add_option("--run", args.run_dir, "folder for sockets and the pid")->capture_default_str();
  app.add_flag("--check", args.check, "check the configuration and exit: 0, or 78 with file:line of every error");
  app.add_flag("--print-topology", args.print_topology, "print threads, queues and rings, and exit");
  app.add_flag("-v", args.verbosity, "say more; twice: even more");
  CLI11_PARSE(app, argc, argv);
  config::Complaints complaints;
  auto config = config::LoadDataplane(args.config_dir, complaints);
  config::PrintComplaints(complaints, std::cerr);
  if (!config) return config::kExitConfig;
  if (args.print_topology) std::cout << ExpectedTopology(*config).ToString();
  if (args.check || args.print_topology) return 0;
  StartLogging("culvert-dataplane", args.verbosity);
  return Run(*config, args);
}

}  // namespace
}  // namespace culvert::dp

int main(int argc, char** argv) { return culvert::dp::Main(argc, argv); }
