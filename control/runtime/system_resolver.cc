#include "control/runtime/system_resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace culvert::control {
namespace {

std::optional<IpAddress> AddressOf(const addrinfo& entry) {
  IpAddress a;
  if (entry.ai_family == AF_INET) {
    a.family = Family::kV4;
    std::memcpy(a.octets.data(), &reinterpret_cast<const sockaddr_in*>(entry.ai_addr)->sin_addr, 4);
  } else if (entry.ai_family == AF_INET6) {
    a.family = Family::kV6;
    std::memcpy(a.octets.data(), &reinterpret_cast<const sockaddr_in6*>(entry.ai_addr)->sin6_addr, 16);
  } else {
    return std::nullopt;
  }
  // Whose link a link-local address is on, a name does not say.
  const bool of_some_link = a.family == Family::kV6 && a.is_link_local();
  if (of_some_link || a.is_unspecified() || a.is_multicast()) return std::nullopt;
  return a;
}

}  // namespace

ike::Resolver::Answer SystemResolver::Resolve(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (int error = getaddrinfo(name.c_str(), nullptr, &hints, &found); error != 0) return {{}, gai_strerror(error)};
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, &freeaddrinfo);
  Answer answer{{}, "no address that can be called"};
  for (const addrinfo* entry = found; entry; entry = entry->ai_next) {
    auto address = AddressOf(*entry);
    if (address && !std::ranges::contains(answer.addresses, *address)) answer.addresses.push_back(*address);
  }
  return answer;
}

}  // namespace culvert::control
