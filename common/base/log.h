#pragma once

#include <absl/log/log.h>

#include <string_view>

namespace culvert {

// Sends absl's LOG() lines to stderr, one line an event: "<N>text" with sd-daemon's priorities where stderr is the journal,
// else "HH:MM:SS.mmm program LEVEL text" in UTC. At most 100 lines a second; what is left out is counted and said
// (hostile.md D22). Call once, before any thread starts. `level`: 0 info and above, 1 and more: also VLOG up to it.
void StartLogging(std::string_view program, int verbosity);

// Also copies each line to `tap` (VICI's log events), on the logging thread. nullptr stops. Not for use inside LOG().
using LogTap = void (*)(void* context, int severity, std::string_view text);
void SetLogTap(LogTap tap, void* context);

// Keeps secrets out of core files and from other processes of the same user:
// not dumpable, no core (hostile.md R9, F25).
void HardenProcess();

}  // namespace culvert
