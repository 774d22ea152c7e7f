#pragma once

#include <memory>
#include <optional>

#include "control/ike/action.h"
#include "control/ike/sa/exchange_window.h"
#include "control/ike/sa/task.h"
#include "control/ike/wire/v1/message.h"

namespace culvert::ike::v1 {

struct QuickMode;      // quick_mode_state.h
struct Transaction;    // transaction_state.h

// Which HASH the next message of the peer's must show (RFC 2409 5.5, 5.7).
enum class HashForm : uint8_t {
  kOne,        // prf(SKEYID_a, M-ID | the rest): first messages, transactions, informational exchanges
  kTwo,        // prf(SKEYID_a, M-ID | Ni | the rest): the answer in quick mode
  kThree,      // prf(SKEYID_a, 0 | M-ID | Ni | Nr): its last message, which has nothing else
};

// One exchange, told from others by its message ID: phase 1 (0), a quick mode, a transaction. Informational exchanges are one
// message and are not kept. Each is a row of messages by turns, encrypted in one CBC chain; whoever waits for the next message
// repeats its own last one as the same octets, and answers a repeat of the peer's last in the same way.
struct Exchange {
  Exchange();
  Exchange(Exchange&&) noexcept;
  Exchange& operator=(Exchange&&) noexcept;
  ~Exchange();

  uint32_t message_id = 0;
  ExchangeType type{};
  bool ours = false;                          // we began it
  HashForm expects = HashForm::kOne;
  Bytes iv;                                   // of the next message, whoever sends it; empty: as FirstIv() makes it
  Bytes nonce_i, nonce_r;                     // of quick mode: HASH covers them
  Bytes heard;                                // hash of the peer's last message, as octets; empty: none yet
  Datagrams said;                             // our last message, as it went; empty: the peer has spoken since
  uint64_t commit = 0;                        // that it went after
  bool waits = false;                         // for the peer's next message: `said` goes again until it is here
  unsigned sent = 0;                          // times
  Time since{}, resend_at{};
  Time forget_at{};                           // done with, kept to answer repeats; Time{}: under way
  JobId job = 0;                              // that its next step waits for
  std::optional<Task> task;                   // that asked for it
  std::unique_ptr<QuickMode> quick;
  std::unique_ptr<Transaction> transaction;

  bool done() const { return forget_at != Time{}; }
};

}  // namespace culvert::ike::v1
