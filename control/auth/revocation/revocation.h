#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include "control/auth/revocation/ocsp.h"

namespace culvert::auth {

// What is known of revoked certificates beside the files: answers of OCSP responders and lists that certificates point to,
// kept as long as they are good, and when each was last asked. Lives as long as the process, across reloads. Thread-safe;
// Ask() blocks, everything else is fast.
class Revocation {
 public:
  using Clock = time_t (*)();
  // Fetches: a list where `query` is empty, otherwise the answer to that OCSP request.
  using Transport = std::function<std::expected<Bytes, std::string>(const std::string& url, ByteView query)>;
  explicit Revocation(Transport transport, Clock clock = [] { return time(nullptr); })
      : transport_(std::move(transport)), clock_(clock) {}

  // Lists fetched so far that have not expired.
  std::vector<std::shared_ptr<X509_CRL>> Lists() const;
  // Revoked, or not, by an OCSP answer that still holds.
  std::optional<bool> Revoked(const Issued& which) const;
  // The response itself, of one about a certificate of ours, as long as it holds; empty: there is none.
  Bytes ResponseAbout(const Issued& own) const;
  // Whether the certificate names somebody to ask who has not been asked lately, or is being asked. Of our own that is a
  // responder.
  bool MayAsk(const Issued& which) const;

  // Asks the responders, then, but of our own, for the lists, until one knows or no time is left. Of others only for
  // certificates of a chain that ends at a trust anchor, of a peer that has their key (hostile.md B36).
  struct Learnt {
    bool well = false;          // it answered
    std::string line;           // for the log
  };
  std::vector<Learnt> Ask(const Issued& which, std::chrono::steady_clock::time_point until);
  // Nobody is asked any more: the process ends.
  void Close() { closed_ = true; }

 private:
  struct List {
    std::shared_ptr<X509_CRL> crl;
    time_t until = 0;
  };
  struct Response {
    Bytes der;
    time_t until = 0;
  };
  struct Asked {
    time_t next = 0;            // not before
    unsigned failures = 0;      // in a row
    bool busy = false;          // somebody is asking right now
  };
  bool HasList(const std::string& url) const;
  bool IsDue(const std::string& what) const;              // with mutex_ held
  bool Begin(const std::string& what);                    // false: somebody else has just asked, and is done
  void Ended(const std::string& what, bool well);
  std::expected<std::string, std::string> AskResponder(const std::string& url, const Issued& which);
  std::expected<std::string, std::string> FetchList(const std::string& url, const Issued& which);

  const Transport transport_;
  const Clock clock_;
  std::atomic<bool> closed_ = false;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::map<std::string, List> lists_;                     // by URL
  std::map<Bytes, OcspAnswer> answers_;                   // by OcspId()
  std::map<Bytes, Response> responses_;                   // about our own certificates, by OcspId()
  std::map<std::string, Asked> asked_;                    // by URL, of responders with the OcspId() in hex behind it
};

std::shared_ptr<Revocation> RevocationByHttp();

// Where a certificate says that its state can be asked for: at most kMaxUrls of either kind, of HTTP alone.
std::vector<std::string> ResponderUrls(const Certificate& c);
std::vector<std::string> ListUrls(const Certificate& c);
inline constexpr size_t kMaxUrls = 4;

}  // namespace culvert::auth
