#include <CLI/CLI.hpp>
#include <cstdio>
#include <format>
#include <iostream>

#include "tools/culvertctl/commands.h"
#include "tools/culvertctl/watch.h"

namespace culvert::ctl {
namespace {

void AddFilter(CLI::App& sub, WatchOptions& o) {
  sub.add_option("--port", o.port, "it came or went by this port");
  sub.add_option("--sa", o.sa, "opened or sealed by an SA of this child or connection");
  sub.add_option("--spi", o.spi, "bears this SPI (hexadecimal)");
  sub.add_option("--drop", o.drop, "dropped for this reason; any: for whatever reason");
  sub.add_option("--protocol", o.protocol, "of the packet inside or outside, as are the next: name or number");
  sub.add_option("--from", o.from, "address or prefix of one end; answers match too");
  sub.add_option("--from-port", o.from_port, "its port");
  sub.add_option("--to", o.to, "address or prefix of the other end");
  sub.add_option("--to-port", o.to_port, "its port");
  sub.add_option("--count", o.count, "packets, then it ends; 100");
  sub.add_option("--seconds", o.seconds, "then it ends; 10");
}

}  // namespace
}  // namespace culvert::ctl

int main(int argc, char** argv) {
  using namespace culvert::ctl;
  Context ctx;
  CLI::App app{"Operates a Culvert gateway.", "culvertctl"};
  app.set_version_flag("--version", CULVERT_VERSION);
  app.add_option("--run", ctx.run_dir, "where the gateway's sockets are")->capture_default_str();
  std::string config_dir = "/etc/culvert";
  app.add_option("--config", config_dir, "accepted for symmetry with the daemons; nothing of it is read");
  app.add_option("--uri", ctx.vici_path, "VICI socket (default: RUN/vici.sock)");
  app.add_flag("--json", ctx.json, "machine-readable output");
  app.require_subcommand(1);
  app.fallthrough();

  std::function<absl::Status()> run;
  auto add = [&](const char* name, const char* what, absl::Status (*command)(const Context&)) {
    auto* sub = app.add_subcommand(name, what);
    if (command) sub->callback([&run, &ctx, command] { run = [&ctx, command] { return command(ctx); }; });
    return sub;
  };
  add("status", "both processes: up, connected, synced, how much of what", &ShowStatus);
  add("sas", "IKE and Child SAs with their traffic, and orphans", &ShowSas);
  add("conns", "connections as loaded", &ShowConns);
  bool leases = false;
  auto* pools = add("pools", "address pools, how full they are", nullptr);
  pools->add_flag("--leases", leases, "and who has which address");
  pools->callback([&run, &ctx, &leases] { run = [&ctx, &leases] { return ShowPools(ctx, leases); }; });
  for (const char* what : {"counters", "drops", "ports", "routes", "neighbours", "tunnels", "engines", "workers"}) {
    app.add_subcommand(what, std::format("the data plane's {}", what))->callback([&run, &ctx, what] {
      run = [&ctx, what] { return ShowDataplane(ctx, what); };
    });
  }
  Operation op;
  auto* initiate = add("initiate", "bring up a child (and its IKE SA)", nullptr);
  initiate->add_option("CHILD", op.child, "child's name")->required();
  initiate->add_option("--ike", op.ike, "of this connection");
  initiate->add_option("--timeout", op.timeout_s, "seconds; 0 waits for ever")->capture_default_str();
  auto* terminate = add("terminate", "delete SAs and tell the peers", nullptr);
  auto* rekey = add("rekey", "replace SAs by fresh ones", nullptr);
  for (auto* sub : {terminate, rekey}) {
    sub->add_option("CHILD", op.child, "child's name");
    sub->add_option("--ike", op.ike, "connection's name");
    sub->add_option("--ike-id", op.ike_id, "unique id of an IKE SA");
    sub->add_option("--child-id", op.child_id, "unique id of a Child SA");
    sub->add_option("--timeout", op.timeout_s, "seconds; 0 waits for ever")->capture_default_str();
  }
  terminate->add_flag("--force", op.force, "do not wait for the peer");
  for (auto [sub, verb] : {std::pair{initiate, "initiate"}, {terminate, "terminate"}, {rekey, "rekey"}}) {
    sub->callback([&run, &ctx, &op, verb] { run = [&ctx, &op, verb] { return Operate(ctx, verb, op); }; });
  }
  std::string port, address;
  auto* addresses = app.add_subcommand("address", "own addresses beside culvert.conf's, until culvert-ike ends");
  addresses->require_subcommand(1);
  for (auto [action, what] : {std::pair{"add", "neighbours are told at once"}, {"del", "only what was added"}}) {
    auto* sub = addresses->add_subcommand(action, what);
    sub->add_option("PORT", port, "port's name in culvert.conf")->required();
    sub->add_option("ADDRESS", address, "with its subnet's length: 192.0.2.3/24")->required();
    sub->callback([&run, &ctx, &port, &address, action] {
      run = [&ctx, &port, &address, action] { return ChangeAddress(ctx, action, port, address); };
    });
  }
  std::string child;
  uint32_t worker = 0;
  auto* move = add("move", "give a child's SAs to a worker; with `rebalance = no` they stay there", nullptr);
  move->add_option("CHILD", child, "child's or connection's name")->required();
  move->add_option("WORKER", worker, "its number, as `workers` shows it")->required();
  move->callback([&run, &ctx, &child, &worker] { run = [&ctx, &child, &worker] { return MoveSas(ctx, child, worker); }; });
  WatchOptions watch;
  auto* trace = add("trace", "every pass that packets go through, with its cycles", nullptr);
  AddFilter(*trace, watch);
  trace->callback([&run, &ctx, &watch] { run = [&ctx, &watch] { return Trace(ctx, watch); }; });
  std::string file;
  auto* capture = add("capture", "packets into a pcapng file, with their SAs; what these protect stays unreadable", nullptr);
  capture->add_option("FILE", file, "- for stdout")->required();
  AddFilter(*capture, watch);
  capture->add_option("--snap", watch.snap, "octets of a frame at most; 2048");
  capture->add_flag("--clear-text", watch.clear_text, "also what is in clear: payloads, packets inside SAs; this is logged");
  capture->callback([&run, &ctx, &watch, &file] { run = [&ctx, &watch, &file] { return Capture(ctx, watch, file); }; });
  auto* stages = add("stages", "cycles by pass of the workers", nullptr);
  stages->add_option("--seconds", watch.seconds, "how long to measure; 1");
  stages->callback([&run, &ctx, &watch] { run = [&ctx, &watch] { return Stages(ctx, watch); }; });
  bool delete_sas = false;
  auto* shutdown = app.add_subcommand("shutdown", "stop culvert-ike; tunnels stay up unless --delete");
  shutdown->add_flag("--delete", delete_sas, "delete every SA first, telling the peers");
  shutdown->callback([&] { run = [&] { return Shutdown(ctx, delete_sas); }; });
  add("reload", "read the configuration again", &Reload);

  CLI11_PARSE(app, argc, argv);
  if (ctx.vici_path.empty()) ctx.vici_path = ctx.run_dir + "/vici.sock";
  if (ctx.vici_path.starts_with("unix://")) ctx.vici_path.erase(0, 7);
  if (auto status = run(); !status.ok()) {
    std::cerr << "culvertctl: " << status.message() << "\n";
    return 1;
  }
  return 0;
}
