#include "control/auth/revocation/http.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <format>
#include <thread>

#include "common/base/unique_fd.h"

namespace culvert::auth {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Answers one connection with `says`, and keeps what it was sent. Where `says` is empty it says nothing until it is gone.
class Server {
 public:
  explicit Server(std::string says) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(listen(fd_.get(), 1), 0);
    EXPECT_EQ(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    url = std::format("http://127.0.0.1:{}/a?b=c", ntohs(at.sin_port));
    thread_ = std::thread([this, says = std::move(says)] {
      UniqueFd peer(accept(fd_.get(), nullptr, nullptr));
      char text[4096];
      while (!(heard.contains("\r\n\r\n") && (!heard.starts_with("POST") || heard.ends_with("query")))) {
        ssize_t n = recv(peer.get(), text, sizeof text, 0);
        if (n <= 0) return;
        heard.append(text, static_cast<size_t>(n));
      }
      if (says.empty()) return (void)recv(peer.get(), text, sizeof text, 0);   // until the other side hangs up
      for (size_t sent = 0; sent < says.size();) {
        ssize_t n = send(peer.get(), says.data() + sent, says.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += static_cast<size_t>(n);
      }
    });
  }
  ~Server() { Join(); }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }
  std::string url, heard;

 private:
  UniqueFd fd_;
  std::thread thread_;
};

std::string Reply(const std::string& status, const std::string& body) {
  return std::format("HTTP/1.0 {}\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}

// A SEQUENCE of that many octets.
std::string Sequence(size_t n) {
  return std::string("\x30\x83") + static_cast<char>(n >> 16) + static_cast<char>(n >> 8) + static_cast<char>(n) + std::string(n, 'x');
}

TEST(Http, GetsAndPosts) {
  const std::string body = Sequence(70000);
  Server get(Reply("200 OK", body)), post(Reply("200 OK", body));
  auto answer = AskByHttp(get.url, {}, {});
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(AsString(*answer), body);
  get.Join();
  EXPECT_THAT(get.heard, StartsWith("GET /a?b=c HTTP/1."));
  answer = AskByHttp(post.url, AsBytes("query"), {});
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(AsString(*answer), body);
  post.Join();
  EXPECT_THAT(post.heard, StartsWith("POST /a?b=c HTTP/1."));
  EXPECT_THAT(post.heard, HasSubstr("application/ocsp-request"));
}

TEST(Http, WhatIsNotTaken) {
  Server elsewhere(Reply("200 OK", Sequence(10)));
  const std::string answers[] = {
      Reply("404 Not Found", "none"), Reply("200 OK", ""), Reply("200 OK", "no ASN.1 at all"),
      Reply("200 OK", Sequence(2000)), Reply("200 OK", Sequence(10).substr(0, 8)), "no HTTP\r\n\r\n",
      std::format("HTTP/1.0 302 Found\r\nLocation: {}\r\n\r\n", elsewhere.url), "HTTP/1.0 200 OK\r\n" + std::string(100000, 'x'),
  };
  for (const std::string& says : answers) {
    Server server(says);
    auto answer = AskByHttp(server.url, {}, {.timeout = std::chrono::seconds(5), .octets = 1000});
    EXPECT_FALSE(answer) << says.substr(0, 40);
  }
  EXPECT_TRUE(AskByHttp(elsewhere.url, {}, {}));  // nobody was there before
  EXPECT_FALSE(AskByHttp("http://127.0.0.1:1/", {}, {}));
  for (const char* url : {"", "http://", "https://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "http://a b/"}) {
    EXPECT_FALSE(IsHttpUrl(url)) << url;
    EXPECT_EQ(AskByHttp(url, {}, {}).error(), "not by HTTP") << url;
  }
  EXPECT_FALSE(IsHttpUrl("http://" + std::string(2000, 'a')));
}

TEST(Http, SilenceEnds) {
  Server mute("");
  auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(AskByHttp(mute.url, {}, {.timeout = std::chrono::seconds(1)}));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
}

}  // namespace
}  // namespace culvert::auth
