#include "dataplane/watch/path_record.h"

namespace culvert::dp {
namespace {

constexpr const char* kStageNames[] = {"idle",   "take",  "receive", "classify", "open", "verify",   "accept", "inside",
                                       "policy", "route", "seal",    "encipher", "cut",  "transmit", "upkeep"};
static_assert(sizeof kStageNames / sizeof kStageNames[0] == kStageCount);

constexpr const char* kExitNames[] = {"none",    "transmitted", "dropped", "consumed", "handed-over",
                                      "to-main", "to-host",     "held",    "cut"};
static_assert(sizeof kExitNames / sizeof kExitNames[0] == static_cast<size_t>(Exit::kCount));

}  // namespace

const char* Name(Stage s) { return s < Stage::kCount ? kStageNames[static_cast<size_t>(s)] : "unknown"; }

const char* Name(Exit e) { return e < Exit::kCount ? kExitNames[static_cast<size_t>(e)] : "unknown"; }

}  // namespace culvert::dp
