#include "dataplane/main/port_watchdog.h"

#include <gtest/gtest.h>

#include "drivers/port/ring_port.h"

// F11: a port that has gone deaf is restarted within two seconds, at a time when no worker is in it; one whose device asks for
// it is reset so; any other is left alone.
namespace culvert::dp {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTick = 100ms;

class DeafPort : public RingPort {
 public:
  DeafPort() : RingPort("lan", 0, 1, 64) {}
  Stats stats() const override { return counted; }
  void Rest(bool on) override { resting = on; }
  absl::Status Restart() override {
    EXPECT_TRUE(resting);
    ++tried;
    if (answer.ok()) counted.rx_packets = 0, deaf = false;
    return answer;
  }
  bool AsksReset() const override { return asks; }
  absl::Status ResetDevice() override {
    EXPECT_TRUE(resting);
    ++tried_reset;
    if (answer.ok()) asks = asks_again;
    return answer;
  }
  bool link_up() const override { return link; }

  Stats counted;
  bool resting = false, link = true, deaf = true, asks = false, asks_again = false;
  absl::Status answer;
  int tried = 0, tried_reset = 0;
};

class PortWatchdogTest : public ::testing::Test {
 protected:
  PortWatchdogTest() {
    auto port = std::make_unique<DeafPort>();
    port_ = port.get();
    ports_.push_back(std::move(port));
    dog_.emplace(ports_, grace_, [this](uint16_t) { return passes_; }, [this] { return buffers_; });
    grace_.Online(0);
  }
  // A tick's time of traffic: frames that come, and are delivered unless the port is deaf.
  void Tick(int frames, bool worker_passes = true) {
    (missed_ ? port_->counted.rx_missed : port_->counted.rx_offered) += static_cast<uint64_t>(frames);
    if (worker_passes) {
      ++passes_;
      grace_.Pass(0);
      if (!port_->deaf && !port_->resting) port_->counted.rx_packets += static_cast<uint64_t>(frames);
    }
    now_ += kTick;
    dog_->Tick(now_);
  }
  // Ticks until it has been restarted, at most so many.
  int TicksToRestart(int most) {
    const uint64_t before = dog_->restarts(0);
    for (int i = 1; i <= most; ++i) {
      Tick(5);
      if (dog_->restarts(0) != before) return i;
    }
    return most + 1;
  }

  std::vector<std::unique_ptr<Port>> ports_;
  DeafPort* port_;
  Grace grace_{1};
  std::optional<PortWatchdog> dog_;
  uint64_t passes_ = 0;
  bool buffers_ = true, missed_ = false;
  Time now_{};
};

TEST_F(PortWatchdogTest, RestartsADeafPortWithinTwoSeconds) {
  for (bool missed : {false, true}) {
    missed_ = missed;
    port_->deaf = true;
    Tick(0);
    EXPECT_LE(TicksToRestart(100), 20) << missed;
    EXPECT_FALSE(port_->resting);
    for (int i = 0; i < 100; ++i) Tick(5);
    EXPECT_EQ(port_->tried, missed ? 2 : 1) << "well again, it is left alone";
  }
}

TEST_F(PortWatchdogTest, WaitsForEveryWorkerToBeOutOfIt) {
  for (int i = 0; i < 30 && !port_->resting; ++i) Tick(5);
  ASSERT_TRUE(port_->resting);
  for (int i = 0; i < 50; ++i) Tick(5, false);
  EXPECT_EQ(port_->tried, 0) << "a worker may still be in Receive";
  EXPECT_TRUE(port_->resting);
  Tick(5);
  EXPECT_EQ(port_->tried, 1);
  EXPECT_FALSE(port_->resting);
}

TEST_F(PortWatchdogTest, LeavesOthersAlone) {
  auto expect_left = [this](const char* what, const std::function<void(int)>& tick) {
    for (int i = 0; i < 100; ++i) tick(i);
    EXPECT_EQ(port_->tried, 0) << what;
    EXPECT_FALSE(port_->resting) << what;
    port_->deaf = false;
    Tick(1);
    port_->deaf = true;
  };
  expect_left("nothing comes", [this](int) { Tick(0); });
  expect_left("now and then something is delivered", [this](int i) {
    port_->deaf = i % 8 != 0;
    Tick(5);
  });
  expect_left("its worker stalls", [this](int) { Tick(5, false); });
  port_->link = false;
  expect_left("the link is down", [this](int) { Tick(5); });
  port_->link = true;
  buffers_ = false;
  expect_left("there are no buffers", [this](int) { Tick(5); });
}

TEST_F(PortWatchdogTest, TriesAgainEverLaterWhatDoesNotRestart) {
  port_->answer = absl::UnavailableError("not yet");
  for (int i = 0; i < 1000; ++i) Tick(5);
  EXPECT_TRUE(port_->resting) << "nobody may touch what is half there";
  EXPECT_GE(port_->tried, 5);
  EXPECT_LE(port_->tried, 8) << "1 s, 2, 4, ... in 100 s";
  EXPECT_EQ(dog_->restarts(0), 0u);
  port_->answer = absl::OkStatus();
  EXPECT_LE(TicksToRestart(700), 700);
  EXPECT_FALSE(port_->resting);
}

TEST_F(PortWatchdogTest, GoesOnWithOneThatCannotBeRestarted) {
  port_->answer = absl::FailedPreconditionError("it cannot");
  for (int i = 0; i < 1000; ++i) {
    Tick(5);
    if (port_->tried != 0) {
      EXPECT_LE(port_->tried, 8);
    }
  }
  EXPECT_GE(port_->tried, 5);
  for (int i = 0; i < 3 && port_->resting; ++i) Tick(5);
  EXPECT_FALSE(port_->resting);
}

TEST_F(PortWatchdogTest, ResetsAPortThatAsksForIt) {
  port_->deaf = false;
  for (int i = 0; i < 20; ++i) Tick(5);
  for (unsigned times = 1; times <= 3; ++times) {
    port_->asks = true;
    Tick(5, false);
    EXPECT_TRUE(port_->resting) << "at once: it moves nothing any more";
    for (int i = 0; i < 50; ++i) Tick(5, false);
    EXPECT_EQ(dog_->resets(0), times - 1) << "a worker may still be in Receive";
    Tick(5);
    EXPECT_EQ(dog_->resets(0), times);
    EXPECT_FALSE(port_->resting);
    for (int i = 0; i < 100; ++i) Tick(5);
    EXPECT_EQ(port_->tried_reset, static_cast<int>(times)) << "well again, it is left alone";
  }
  EXPECT_EQ(dog_->restarts(0), 0u);
  EXPECT_EQ(port_->tried, 0);
}

TEST_F(PortWatchdogTest, TriesAgainEverLaterWhatIsNotReset) {
  for (auto answer : {absl::UnavailableError("not yet"), absl::FailedPreconditionError("what does not restart rests, too")}) {
    port_->answer = answer;
    port_->asks = true;
    port_->tried_reset = 0;
    const uint64_t before = dog_->resets(0);
    for (int i = 0; i < 1000; ++i) Tick(5);
    EXPECT_TRUE(port_->resting);
    EXPECT_GE(port_->tried_reset, 5);
    EXPECT_LE(port_->tried_reset, 8) << "1 s, 2, 4, ... in 100 s";
    EXPECT_EQ(dog_->resets(0), before);
    port_->answer = absl::OkStatus();
    port_->deaf = false;
    for (int i = 0; i < 700 && port_->resting; ++i) Tick(5);
    EXPECT_FALSE(port_->resting);
    EXPECT_EQ(dog_->resets(0), before + 1);
    for (int i = 0; i < 20; ++i) Tick(5);
  }
  EXPECT_EQ(port_->tried, 0);
}

// As a VF does whose PF goes on failing. One that works for a while between is reset at once.
TEST_F(PortWatchdogTest, WaitsLongerWithOneThatAsksAgainAndAgain) {
  port_->asks = port_->asks_again = true;
  for (int i = 0; i < 1000; ++i) Tick(5);
  EXPECT_GE(port_->tried_reset, 5);
  EXPECT_LE(port_->tried_reset, 8);
}

TEST_F(PortWatchdogTest, AResetIsMoreThanARestart) {
  port_->answer = absl::UnavailableError("not yet");
  for (int i = 0; i < 100 && port_->tried == 0; ++i) Tick(5);
  ASSERT_TRUE(port_->resting);
  const int tried = port_->tried;
  port_->asks = true;
  port_->answer = absl::OkStatus();
  for (int i = 0; i < 100 && port_->resting; ++i) Tick(5);
  EXPECT_FALSE(port_->resting);
  EXPECT_EQ(port_->tried, tried);
  EXPECT_EQ(dog_->resets(0), 1u);
  EXPECT_EQ(dog_->restarts(0), 0u);
}

}  // namespace
}  // namespace culvert::dp
