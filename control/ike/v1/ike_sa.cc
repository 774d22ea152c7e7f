#include "control/ike/v1/ike_sa.h"

#include <algorithm>

#include "common/bytes/writer.h"
#include "control/ike/v1/phase1_state.h"
#include "control/ike/v1/user_state.h"

namespace culvert::ike::v1 {

const char* Name(IkeState s) {
  switch (s) {
    case IkeState::kRouting:
    case IkeState::kPhase1:
    case IkeState::kUser: return "CONNECTING";
    case IkeState::kEstablished: return "ESTABLISHED";
    case IkeState::kReplaced: return "REKEYED";
    case IkeState::kDeparted: return "PASSIVE";
    case IkeState::kDead: return "DESTROYING";
  }
  return "UNKNOWN";
}

IkeSa::IkeSa() = default;
IkeSa::~IkeSa() = default;

Bytes IkeSa::Cookies(bool initiators_first) const {
  Writer w;
  w.U64(initiators_first ? spi_i : spi_r);
  w.U64(initiators_first ? spi_r : spi_i);
  return w.Release();
}

Exchange* IkeSa::FindExchange(uint32_t message_id) {
  auto it = std::ranges::find(exchanges, message_id, &Exchange::message_id);
  return it == exchanges.end() ? nullptr : &*it;
}

Exchange* IkeSa::FindExchangeOfJob(JobId job) {
  if (first.job == job) return &first;
  auto it = std::ranges::find(exchanges, job, &Exchange::job);
  return it == exchanges.end() ? nullptr : &*it;
}

size_t IkeSa::ExchangesUnderWay() const {
  return static_cast<size_t>(std::ranges::count_if(exchanges, [](const Exchange& e) { return !e.done(); }));
}

void IkeSa::MakeRoomForExchange() {
  if (exchanges.size() < kMaxKeptExchanges) return;
  auto over = std::ranges::find_if(exchanges, &Exchange::done);
  if (over != exchanges.end()) exchanges.erase(over);
}

}  // namespace culvert::ike::v1
