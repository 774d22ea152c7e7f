#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/main/gateway.h"
#include "dataplane/main/watch_parts.h"
#include "dataplane/watch/watch.h"

namespace culvert::testing {

// A watch on every worker of a gateway that is driven by hand, for as long as this lives.
class Watching {
 public:
  Watching(dp::Gateway& gateway, const dp::WatchOrder& order, dp::WatchFilter filter = {})
      : gateway_(gateway), filter_(std::move(filter)) {
    for (unsigned w = 0; w < gateway.workers(); ++w) {
      watches_.push_back(std::make_unique<dp::Watch>(order, w, 1000 * (w + 1), &filter_, nullptr));
      gateway.context(w).armed.store(watches_.back().get());
    }
  }
  ~Watching() {
    for (unsigned w = 0; w < gateway_.workers(); ++w) {
      gateway_.context(w).armed.store(nullptr);
      gateway_.worker(w).Pass();
    }
  }

  struct Way {
    std::vector<dp::PathPart> parts;
    const dp::PathRecord& first() const { return parts.front().record(); }
    const dp::PathRecord& last() const { return parts.back().record(); }
    // The octets of the first part that has any there.
    Bytes Octets(dp::Place place) const {
      for (const auto& p : parts) {
        if (!p.frame(place).empty()) return ToBytes(p.frame(place));
      }
      return {};
    }
    // "receive classify policy transmit; transmitted", parts one after the other.
    std::string Passes() const {
      std::string text;
      for (const auto& p : parts) {
        const dp::PathRecord& r = p.record();
        for (uint8_t i = 0; i < r.steps_n; ++i) text += std::string(Name(r.steps[i].stage)) + " ";
        text.back() = ';';
        text += std::string(" ") + (r.exit == dp::Exit::kDropped ? Name(r.drop) : Name(r.exit)) + (&p == &parts.back() ? "" : "; ");
      }
      return text;
    }
  };
  // The packets whose ways have ended since the last call.
  std::vector<Way> Ways() {
    std::vector<Way> ways;
    dp::PathParts join([&](std::span<dp::PathPart* const> parts) {
      Way way;
      for (dp::PathPart* p : parts) {
        way.parts.push_back(*p);
        p->told = true;
      }
      ways.push_back(std::move(way));
    });
    // As they went: a part goes before what follows from it, whichever worker had it.
    std::vector<dp::PathPart> all;
    for (auto& watch : watches_) {
      while (const uint8_t* slot = watch->records().Peek()) {
        all.emplace_back(slot);
        watch->records().Release();
      }
    }
    std::ranges::stable_sort(all, {}, [](const dp::PathPart& p) { return p.record().end_tsc; });
    for (auto& part : all) join.Add(std::move(part));
    join.Flush();
    return ways;
  }
  dp::Watch& watch(unsigned worker = 0) { return *watches_[worker]; }

 private:
  dp::Gateway& gateway_;
  dp::WatchFilter filter_;
  std::vector<std::unique_ptr<dp::Watch>> watches_;
};

}  // namespace culvert::testing
