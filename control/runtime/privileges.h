#pragma once

#include <absl/status/status.h>
#include <sys/types.h>

#include <string>

namespace culvert::control {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

// The account culvert-ike runs as once started: `wanted`, or nobody, with a warning, where there is no such user.
Account FindAccount(const std::string& wanted);

// Gives up root for good: groups, gid, uid, no new privileges by exec, not dumpable. Does nothing, and says so, where the
// process is not root. Sockets, the pid file and the key log are to be open by now.
absl::Status DropPrivileges(const Account& account);

// RUN/<name>.pid, locked for as long as the process lives: a second instance is refused, a stale file is taken over.
absl::Status ClaimPidFile(const std::string& path);

}  // namespace culvert::control
