#include "control/ike/v1/engine.h"

// In place of everything else in this folder, in a build without IKEv1.
namespace culvert::ike::v1 {

std::unique_ptr<Engine> MakeEngine(ike::Context&) { return nullptr; }

}  // namespace culvert::ike::v1
