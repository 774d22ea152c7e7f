#include "dataplane/sa/sa_move.h"

namespace culvert::dp {

SaMove::SaMove(InboundSa* i, OutboundSa* o, uint8_t f, uint8_t t) : in(i), out(o), from(f), to(t) {
  kept.reserve(kMostKept);  // here, so that the worker takes no memory
}

SaMove::~SaMove() {
  for (const Kept& k : kept) rte_pktmbuf_free(k.packet.m);
}

}  // namespace culvert::dp
