#include "drivers/offload/engine.h"

namespace culvert::offload {

const char* Name(Engine e) {
  switch (e) {
    case Engine::kInlineProtocol: return "inline-protocol";
    case Engine::kInlineCrypto: return "inline-crypto";
    case Engine::kCpu: return "cpu";
    case Engine::kLookasideProtocol: return "lookaside-protocol";
    case Engine::kLookaside: return "lookaside";
    case Engine::kCount: break;
  }
  return "";
}

const char* Name(StepDown s) {
  switch (s) {
    case StepDown::kNone: return "";
    case StepDown::kNoDevice: return "no-device";
    case StepDown::kNotWanted: return "not-wanted";
    case StepDown::kProtocol: return "protocol";
    case StepDown::kSuite: return "suite";
    case StepDown::kEsn: return "esn";
    case StepDown::kFull: return "full";
    case StepDown::kRefused: return "refused";
    case StepDown::kSlow: return "slow";
    case StepDown::kIv: return "iv";
    case StepDown::kNumbers: return "numbers";
    case StepDown::kHeaders: return "headers";
    case StepDown::kPath: return "path";
    case StepDown::kReset: return "reset";
    case StepDown::kCount: break;
  }
  return "";
}

}  // namespace culvert::offload
