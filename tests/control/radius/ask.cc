#include <cstdlib>
#include <iostream>

#include "common/bytes/hex.h"
#include "control/radius/udp_client.h"

// culvert-radius-ask ADDRESS:PORT[,ADDRESS:PORT...] SECRET USER PASSWORD: one login as culvert-ike makes it, for the system tests. Prints
// the verdict in one line.
int main(int argc, char** argv) {
  using namespace culvert;
  using namespace culvert::radius;
  if (argc != 5) return EXIT_FAILURE;
  std::vector<config::RadiusServer> servers;
  std::string_view list(argv[1]);
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    const size_t colon = one.rfind(':');
    const auto address = IpAddress::Parse(one.substr(0, colon));
    if (!address || colon == std::string_view::npos) return EXIT_FAILURE;
    config::RadiusServer& s = servers.emplace_back();
    s.name = one;
    s.address = *address;
    s.auth_port = static_cast<uint16_t>(std::atoi(std::string(one.substr(colon + 1)).c_str()));
    s.secret = SecretBytes(AsBytes(argv[2]));
    s.nas_identifier = "culvert";
    s.timeout_s = 0.5;
    s.tries = 3;
  }
  ike::SystemRandom random;
  UdpClient client(servers, random, std::make_shared<std::atomic<bool>>(false));
  const Verdict v = client.Ask({.user = argv[3], .password = SecretBytes(AsBytes(argv[4])), .local = IpAddress::V4(192, 0, 2, 1),
                                .peer = IpAddress::V4(192, 0, 2, 2)});
  constexpr const char* kKinds[] = {"accept", "reject", "challenge", "no-answer"};
  std::cout << kKinds[static_cast<int>(v.kind)] << " server=" << v.server << " message=" << Escape(v.message);
  if (v.framed_ip) std::cout << " address=" << v.framed_ip->ToString();
  if (v.framed_netmask) std::cout << " netmask=" << v.framed_netmask->ToString();
  if (v.session_timeout) std::cout << " timeout=" << v.session_timeout->count();
  for (const Bytes& c : v.classes) std::cout << " class=" << Escape(AsString(c));
  std::cout << " why=" << v.why << "\n";
  return v.kind == Verdict::Kind::kAccept ? EXIT_SUCCESS : 2;
}
