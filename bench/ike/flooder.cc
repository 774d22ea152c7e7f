#include "bench/ike/flooder.h"

#include <absl/log/check.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "control/ike/negotiate/proposal.h"
#include "control/ike/v2/payload_list.h"

namespace culvert::bench {
namespace {

constexpr uint16_t kPort = 1600;
constexpr size_t kMaxVictims = 4096;       // half-open SAs thrown junk at, the latest
constexpr size_t kJunkOctets = 200;        // of a sealed body
constexpr unsigned kMaxBatch = 4096;

// Octets that differ from message to message and are the same whenever that message is made again (SplitMix64).
void Fill(uint64_t seed, ByteSpan out) {
  for (uint8_t& octet : out) {
    seed += 0x9e3779b97f4a7c15;
    uint64_t z = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9;
    octet = static_cast<uint8_t>((z ^ z >> 27) >> 32);
  }
}

}  // namespace

Flooder::Flooder(const Plan& plan)
    : plan_(plan),
      fd_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      next_spi_(static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count())) {
  sockaddr_in at{.sin_family = AF_INET, .sin_port = htons(kPort), .sin_addr = {INADDR_ANY}, .sin_zero = {}};
  CHECK(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) << "port " << kPort << " is taken";
  const int on = 1, octets = 8 << 20;
  CHECK(setsockopt(fd_.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0);
  (void)setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets);
  request_octets_ = Request(1, {}).size();
  thread_ = std::thread([this] { Run(); });
}

Flooder::~Flooder() {
  stop_ = true;
  thread_.join();
}

Flooder::Tally Flooder::tally() const {
  const Atomics& c = counts_;
  return {c.sent, c.cookies, c.cookie_octets, c.half_open, c.half_open_octets, c.other};
}

void Flooder::Run() {
  using namespace std::chrono;
  const auto start = steady_clock::now();
  double due = 0;
  while (!stop_) {
    // What could not be sent in time is not made up for: a flood has no debts.
    const double want = duration<double>(steady_clock::now() - start).count() * plan_.per_second;
    const auto batch = static_cast<unsigned>(std::min<double>(want - due, kMaxBatch));
    due = want;
    SendBatch(batch);
    Hear();
    std::this_thread::sleep_for(milliseconds(1));
  }
}

void Flooder::SendBatch(unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    if (plan_.kind == Flood::kJunkAuth && !half_open_.empty() && i % 16 != 0) {
      const HalfOpen& victim = half_open_[next_victim_++ % half_open_.size()];
      SendOne(victim.source, Junk(victim.spi_i, victim.spi_r));
      continue;
    }
    const uint64_t spi = ++next_spi_;
    SendOne(plan_.first_source + static_cast<uint32_t>(spi % plan_.sources), Request(spi, {}));
  }
}

void Flooder::SendOne(uint32_t source, const Bytes& datagram) {
  sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(plan_.target.port), .sin_addr = {htonl(plan_.target.address.v4())},
                 .sin_zero = {}};
  iovec octets{const_cast<uint8_t*>(datagram.data()), datagram.size()};
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(in_pktinfo))> control{};
  msghdr m{};
  m.msg_name = &to;
  m.msg_namelen = sizeof to;
  m.msg_iov = &octets;
  m.msg_iovlen = 1;
  m.msg_control = control.data();
  m.msg_controllen = control.size();
  cmsghdr* c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = IPPROTO_IP;
  c->cmsg_type = IP_PKTINFO;
  c->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
  const in_pktinfo from{.ipi_ifindex = 0, .ipi_spec_dst = {htonl(source)}, .ipi_addr = {}};
  std::memcpy(CMSG_DATA(c), &from, sizeof from);
  if (sendmsg(fd_.get(), &m, 0) >= 0) ++counts_.sent;
}

Bytes Flooder::Request(uint64_t spi, ByteView cookie) const {
  std::array<uint8_t, 64> random;
  Fill(spi, random);
  ike::PayloadList list;
  if (!cookie.empty()) list.AddNotify(ike::NotifyType::kCookie, ToBytes(cookie));
  list.Add(ike::OfferIke({*config::ParseIkeProposal(plan_.proposal)}, {}));
  list.Add(ike::KePayload{KeGroup::kX25519, ByteView(random).first(32)});
  list.Add(ike::NoncePayload{ByteView(random).subspan(32)});
  return EncodeMessage({.spi_i = spi, .exchange = ike::ExchangeType::kIkeSaInit, .initiator = true}, list.view());
}

Bytes Flooder::Junk(uint64_t spi_i, uint64_t spi_r) const {
  const ike::IkeHeader header{.spi_i = spi_i, .spi_r = spi_r, .exchange = ike::ExchangeType::kIkeAuth, .initiator = true,
                              .message_id = 1};
  Bytes body(kJunkOctets);
  Fill(next_spi_ ^ spi_r, body);
  Bytes datagram = EncodeUpToBody(header, ike::SkPayload{ike::PayloadType::kIdI, {}}, body.size());
  Append(datagram, body);
  return datagram;
}

void Flooder::Hear() {
  std::array<uint8_t, 4096> data;
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(in_pktinfo))> control;
  for (;;) {
    iovec octets{data.data(), data.size()};
    msghdr m{};
    m.msg_iov = &octets;
    m.msg_iovlen = 1;
    m.msg_control = control.data();
    m.msg_controllen = control.size();
    const ssize_t n = recvmsg(fd_.get(), &m, 0);
    if (n < 0) return;
    in_pktinfo to{};
    for (cmsghdr* c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
      if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) std::memcpy(&to, CMSG_DATA(c), sizeof to);
    }
    OnAnswer(ntohl(to.ipi_addr.s_addr), ByteView(data).first(static_cast<size_t>(n)));
  }
}

void Flooder::OnAnswer(uint32_t source, ByteView datagram) {
  auto message = ike::DecodeMessage(datagram);
  if (!message || message->header.exchange != ike::ExchangeType::kIkeSaInit) {
    ++counts_.other;
    return;
  }
  const ike::IkeHeader& header = message->header;
  for (const ike::Payload& p : message->payloads) {
    auto* notify = std::get_if<ike::NotifyPayload>(&p);
    if (!notify || notify->type != ike::NotifyType::kCookie) continue;
    ++counts_.cookies;
    counts_.cookie_octets += datagram.size();
    if (plan_.kind != Flood::kSpoofed) SendOne(source, Request(header.spi_i, notify->data));
    return;
  }
  if (!message->Get<ike::KePayload>()) {
    ++counts_.other;
    return;
  }
  ++counts_.half_open;
  counts_.half_open_octets += datagram.size();
  if (plan_.kind != Flood::kJunkAuth) return;
  if (half_open_.size() < kMaxVictims) half_open_.emplace_back();
  half_open_[counts_.half_open % half_open_.size()] = {source, header.spi_i, header.spi_r};
}

}  // namespace culvert::bench
