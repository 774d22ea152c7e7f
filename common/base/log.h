#pragma once

#include <absl/log/log.h>

#include <string_view>

namespace culvert {

// Sends absl's LOG() lines to stderr, one line an event: "<N>text" with sd-daemon's priorities where stderr is the journal,
// else "HH:MM:SS.mmm program LEVEL text" in UTC. At most 100 lines a second; what is left out is counted and said
// (hostile.md D22). A signal that kills leaves a stack trace there too; SIGPIPE is ignored. Call once, before any thread
// starts. `verbosity`: 0 info and above, 1 and more: also VLOG up to it.
void StartLogging(std::string_view program, int verbosity);

// Keeps secrets out of core files and from other processes of the same user:
// not dumpable, no core (hostile.md R9, F25).
void HardenProcess();

}  // namespace culvert
