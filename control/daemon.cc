#include "control/daemon.h"

#include <absl/log/log.h>
#include <signal.h>
#include <sys/stat.h>

#include <cerrno>
#include <format>
#include <functional>
#include <utility>

#include "config/load.h"
#include "control/ike/identity.h"
#include "control/radius/udp_client.h"

namespace culvert::control {
namespace {

constexpr unsigned kHelperThreads = 2;                   // public-key work beside the loop
constexpr std::chrono::seconds kDeleteOnStopTimeout{5};  // peers that do not answer a delete are left behind

std::string ViciPath(const config::ControlSettings& settings, const std::string& run_dir) {
  constexpr std::string_view kScheme = "unix://";
  std::string path = settings.vici_socket;
  if (path.starts_with(kScheme)) path.erase(0, kScheme.size());
  return path.empty() ? run_dir + "/vici.sock" : path;
}

}  // namespace

Daemon::Daemon(const Options& options) : options_(options) {}

Daemon::~Daemon() {
  *stopping_ = true;
  revocation_->Close();
}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Create(const Options& options) {
  auto daemon = std::unique_ptr<Daemon>(new Daemon(options));
  if (auto s = daemon->Load(daemon->control_, daemon->credentials_); !s.ok()) return s;
  if (auto s = daemon->Start(); !s.ok()) return s;
  return daemon;
}

absl::Status Daemon::Load(config::Control& into, std::shared_ptr<const auth::Credentials>& credentials) {
  config::Complaints complaints;
  auto loaded = config::LoadControl(options_.config_dir, ike::CheckIdentity, complaints);
  std::shared_ptr<const auth::Credentials> read;
  if (loaded) read = auth::Credentials::Load(*loaded, complaints, revocation_);
  size_t errors = 0;
  std::string first;
  for (const auto& c : complaints) {
    bool error = c.level == config::Complaint::Level::kError;
    if (error && !errors++) first = c.text;
    if (error) {
      LOG(ERROR) << c.text;
    } else {
      LOG(WARNING) << c.text;
    }
  }
  if (!loaded || errors) {
    return absl::InvalidArgumentError(std::format("configuration refused, {} errors, the first: {}", errors, first));
  }
  into = std::move(*loaded);
  credentials = std::move(read);
  return absl::OkStatus();
}

void Daemon::HandOver() {
  driver_->set_credentials(credentials_);
  std::shared_ptr<radius::Client> radius;
  if (!control_.radius.empty()) radius = std::make_shared<radius::UdpClient>(control_.radius, random_, stopping_);
  driver_->set_radius(std::move(radius));
}

absl::Status Daemon::OpenDataPlane() {
  auto events = [this](ike::Event event) { driver_->Post(std::move(event)); };
  auto drive = [this](DataPlane& data_plane, ike::SpiAllocator& spis) {
    driver_ = std::make_unique<Driver>(Driver::World{loop_, control_, random_, spis}, kHelperThreads);
    driver_->set_data_plane(&data_plane);
  };
  if (options_.udp) {
    auto udp = UdpPlane::Open(loop_, {.address = *options_.udp}, events);
    if (!udp.ok()) return udp.status();
    udp_ = std::move(*udp);
    drive(*udp_, udp_->spis());
    LOG(WARNING) << "no data plane: IKE on UDP sockets of " << options_.udp->ToString() << ", Child SAs protect NOTHING";
    return absl::OkStatus();
  }
  sadb_ = std::make_unique<sadb::Sadb>(sadb::Sadb::Options{options_.run_dir, control_.settings.delete_rekeyed_delay}, random_,
                                       events);
  drive(*sadb_, sadb_->spis());
  return absl::OkStatus();
}

void Daemon::WatchDataPlane() {
  if (!sadb_) return;
  sadb_->Load(control_.connections);
  sadb_watch_ = std::make_unique<FdWatch>(loop_, sadb_->fd(), [this](int) { PollDataPlane(); });
  sadb_watch_->Want(FdWatch::kReadable);
}

absl::Status Daemon::Start() {
  if (mkdir(options_.run_dir.c_str(), 0755) != 0 && errno != EEXIST) return absl::ErrnoToStatus(errno, options_.run_dir);
  if (auto s = ClaimPidFile(options_.run_dir + "/culvert-ike.pid"); !s.ok()) return s;
  const Account account = FindAccount(control_.settings.user);

  if (auto s = OpenDataPlane(); !s.ok()) return s;
  HandOver();
  if (!options_.keylog.empty()) {
    auto log = KeyLogFile::Open(options_.keylog);
    if (!log.ok()) return log.status();
    driver_->set_key_log(std::move(*log));
  }

  vici_server_ = std::make_unique<ViciServer>(
      loop_,
      ViciServer::Handlers{
          .command = [this](ClientId id, const std::string& name, const vici::Section& r) { return vici_->Run(id, name, r); },
          .event_known = &ViciCommands::KnowsEvent,
          .gone = [this](ClientId id) { vici_->OnClientGone(id); },
      });
  vici_ = std::make_unique<ViciCommands>(ViciWorld{.loop = loop_,
                                                   .driver = *driver_,
                                                   .control = control_,
                                                   .reload = [this] { return Reload(); },
                                                   .data_plane_synced = [this] { return !sadb_ || sadb_->synced(); },
                                                   .change_address = std::bind_front(&Daemon::ChangeAddress, this),
                                                   .shutdown = [this](bool delete_sas) { Shutdown(delete_sas); }},
                                         *vici_server_);
  driver_->on_notice = [this](const ike::Notice& notice) { vici_->OnNotice(notice); };
  if (auto s = vici_server_->Listen(ViciPath(control_.settings, options_.run_dir), account.uid); !s.ok()) return s;

  if (auto s = DropPrivileges(account); !s.ok()) return s;

  for (int signal : {SIGTERM, SIGINT}) {
    signals_.emplace_back(loop_, signal, [this] { Shutdown(control_.settings.delete_on_stop); });
  }
  signals_.emplace_back(loop_, SIGHUP, [this] {
    if (auto s = Reload(); !s.ok()) LOG(ERROR) << s.message();
  });
  WatchDataPlane();
  LOG(INFO) << std::format("culvert-ike {} as {}, {} connections, operator's socket {}", CULVERT_VERSION, account.name,
                           control_.connections.size(), ViciPath(control_.settings, options_.run_dir));
  return absl::OkStatus();
}

void Daemon::PollDataPlane() {
  if (sadb_) sadb_->Poll(EventLoop::Now());
  // start_action wants SPIs, and those are known to be free only once the data plane has told what it has.
  if (!told_core_ && (!sadb_ || sadb_->synced())) {
    told_core_ = true;
    driver_->Post(ike::ConfigChanged{});
  }
}

void Daemon::Run() {
  PollDataPlane();
  loop_.Run();
  LOG(INFO) << "stopped; " << (sadb_ ? sadb_->registry().all().size() : 0) << " SAs stay in the data plane";
}

absl::Status Daemon::Reload() {
  config::Control fresh;
  if (auto s = Load(fresh, credentials_); !s.ok()) {
    return absl::Status(s.code(), std::format("{}; the old configuration stays", std::string(s.message())));
  }
  control_ = std::move(fresh);
  HandOver();
  if (sadb_) sadb_->Load(control_.connections);
  if (told_core_) driver_->Post(ike::ConfigChanged{});
  LOG(INFO) << "configuration read again, " << control_.connections.size() << " connections";
  return absl::OkStatus();
}

void Daemon::ChangeAddress(bool add, const std::string& port, const IpPrefix& address,
                           std::function<void(absl::Status)> done) {
  if (!sadb_ || !sadb_->synced()) return done(absl::UnavailableError("the data plane is not there"));
  auto answer = [done = std::move(done)](channel::Status status) {
    using enum channel::Status;
    switch (status) {
      case kOk: return done(absl::OkStatus());
      case kExists: return done(absl::AlreadyExistsError("it has that address already"));
      case kNotFound: return done(absl::NotFoundError("no such port, or not an address that was added"));
      case kMalformed: return done(absl::InvalidArgumentError("no address a port can have"));
      case kBusy: return done(absl::UnavailableError("the data plane has gone; done as soon as it is back"));
      default: return done(absl::InternalError("the data plane refuses"));
    }
  };
  add ? sadb_->Add({port, address}, std::move(answer)) : sadb_->Remove({port, address}, std::move(answer));
}

void Daemon::Shutdown(bool delete_sas) {
  if (shutdown_timer_) return loop_.Stop();  // asked twice: at once
  shutdown_timer_ = std::make_unique<LoopTimer>(loop_, [this] { loop_.Stop(); });
  if (!delete_sas) {
    LOG(INFO) << "stopping; tunnels stay up";
    return loop_.Stop();
  }
  auto sas = driver_->core().List();
  LOG(INFO) << "stopping; deleting " << sas.size() << " IKE SAs first";
  deletes_pending_ = sas.size();
  if (sas.empty()) return loop_.Stop();
  shutdown_timer_->At(EventLoop::Now() + kDeleteOnStopTimeout);
  for (const auto& sa : sas) {
    ike::Terminate t;
    t.ike_id = sa.id;
    t.request = driver_->Open({.done =
                                   [this](const ike::Reply&) {
                                     if (--deletes_pending_ == 0) loop_.Stop();
                                   },
                               .audit = {}});
    driver_->Post(std::move(t));
  }
}

}  // namespace culvert::control
