#include "control/runtime/privileges.h"

#include <absl/log/log.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <format>

namespace culvert::control {

Account FindAccount(const std::string& wanted) {
  if (const passwd* p = getpwnam(wanted.c_str())) return {wanted, p->pw_uid, p->pw_gid};
  const passwd* nobody = getpwnam("nobody");
  LOG(WARNING) << "no user '" << wanted << "': running as nobody, who must be able to read the secrets for a reload";
  return nobody ? Account{"nobody", nobody->pw_uid, nobody->pw_gid} : Account{"nobody", 65534, 65534};
}

absl::Status DropPrivileges(const Account& account) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return absl::ErrnoToStatus(errno, "no_new_privs");
  if (geteuid() != 0) {
    LOG(WARNING) << "not started as root: keeping uid " << geteuid();
    return absl::OkStatus();
  }
  if (setgroups(0, nullptr) != 0 || setresgid(account.gid, account.gid, account.gid) != 0 ||
      setresuid(account.uid, account.uid, account.uid) != 0) {
    return absl::ErrnoToStatus(errno, std::format("becoming {}", account.name));
  }
  if (setuid(0) == 0) return absl::InternalError("root came back after it was given up");
  // Changing the uid made the process dumpable again (prctl(2)).
  prctl(PR_SET_DUMPABLE, 0);
  return absl::OkStatus();
}

absl::Status ClaimPidFile(const std::string& path) {
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return absl::ErrnoToStatus(errno, path);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return absl::AlreadyExistsError(std::format("{}: another instance holds it", path));
  }
  std::string pid = std::format("{}\n", getpid());
  if (ftruncate(fd, 0) != 0 || write(fd, pid.data(), pid.size()) != static_cast<ssize_t>(pid.size())) {
    return absl::ErrnoToStatus(errno, path);
  }
  return absl::OkStatus();  // the descriptor, and with it the lock, is the process's
}

}  // namespace culvert::control
