#include "dataplane/ipsec.h"

#include <utility>

namespace culvert::dp {

absl::StatusOr<std::unique_ptr<Ipsec>> Ipsec::Create(unsigned workers, Grace& grace, WorkerDatabase::Options database,
                                                     EspWorker::Options options) {
  std::unique_ptr<Ipsec> ipsec(new Ipsec(grace));
  auto engine = crypto::MbEngine::Create();
  if (!engine.ok()) return engine.status();
  ipsec->engine_ = std::move(*engine);
  std::vector<WorkerMail*> mail;
  for (unsigned i = 0; i < workers; ++i) {
    ipsec->mail_.push_back(std::make_unique<WorkerMail>());
    mail.push_back(ipsec->mail_.back().get());
    auto own = crypto::MbEngine::Create();
    if (!own.ok()) return own.status();
    ipsec->workers_.push_back(std::make_unique<EspWorker>(i, ipsec->tables_, *mail.back(), std::move(*own),
                                                          database.engines, options));
  }
  ipsec->database_ = std::make_unique<WorkerDatabase>(ipsec->tables_, grace, mail, *ipsec->engine_, std::move(database));
  return ipsec;
}

Ipsec::~Ipsec() = default;

}  // namespace culvert::dp
