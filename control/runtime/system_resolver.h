#pragma once

#include "control/ike/resolver.h"

namespace culvert::control {

// By getaddrinfo(3), that is by the host's nsswitch.conf and resolv.conf.
class SystemResolver final : public ike::Resolver {
 public:
  Answer Resolve(const std::string& name) override;
};

}  // namespace culvert::control
