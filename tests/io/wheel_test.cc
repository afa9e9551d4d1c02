// SPDX-License-Identifier: Apache-2.0
#include "router/io/wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <utility>

namespace homing::io {
namespace {

constexpr std::int64_t kTick = Wheel::kTickMs;

// The wheel beside a sorted list of what it should do. A timer's tick is the first that begins at or after its time,
// and never one that has passed.
class Model {
 public:
  static constexpr int kTimers = 300;

  Model(std::uint64_t seed, std::int64_t now) : random_(seed), now_(now), tick_(now / kTick), wheel_(now) {
    for (int i = 0; i < kTimers; ++i) timers_.push_back(std::make_unique<Mine>(*this, i));
  }
  ~Model() { timers_.clear(); }

  void step() {
    for (int i = roll(4); i > 0; --i) act();
    check();
    constexpr std::array<std::int64_t, 7> kJumps = {1, 15, 200, 1024, 70'000, 5'000'000, 400'000'000};
    now_ += roll(static_cast<int>(kJumps[static_cast<std::size_t>(roll(7))]));
    firing_ = true;
    last_fired_ = 0;
    wheel_.advance(now_);
    firing_ = false;
    tick_ = now_ / kTick + 1;
    EXPECT_TRUE(by_tick_.empty() || by_tick_.begin()->first > now_ / kTick) << "one that is due did not fire";
    check();
  }
  int fired() const { return fired_; }

 private:
  struct Mine final : Timer {
    Mine(Model& m, int i) : model(m), id(i) {}
    ~Mine() override { model.forget(id); }
    void fire() override { model.heard(id); }
    Model& model;
    int id;
  };

  int roll(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  void act() {
    const int i = roll(kTimers);
    Timer& timer = *timers_[static_cast<std::size_t>(i)];
    const int what = roll(10);
    if (what == 0) {
      forget(i);
      timer.stop();
    } else if (what == 1) {
      if (firing_ && i == self_) return;  // its destructor is still to come, in its own turn
      timers_[static_cast<std::size_t>(i)] = std::make_unique<Mine>(*this, i);
    } else {
      // From the past to beyond the coarsest wheel (74 hours).
      constexpr std::array<std::int64_t, 8> kFar = {1, 17, 1000, 1040, 70'000, 4'000'000, 270'000'000, 1'000'000'000};
      std::int64_t due = now_ - 50 + roll(static_cast<int>(kFar[static_cast<std::size_t>(roll(8))]));
      if (roll(8) == 0) due = (tick_ + 64 * (1 + roll(3))) * kTick;  // where a wheel begins again
      if (roll(200) == 0) due = Wheel::kNever - roll(20);
      forget(i);
      timer.set(wheel_, due);
      const std::int64_t tick = due > Wheel::kNever - kTick ? Wheel::kNever / kTick : (due + kTick - 1) / kTick;
      tick_of_[i] = std::max(tick, tick_);
      by_tick_.emplace(tick_of_[i], i);
    }
  }

  void heard(int i) {
    ++fired_;
    EXPECT_TRUE(firing_);
    const auto it = tick_of_.find(i);
    ASSERT_NE(it, tick_of_.end()) << "timer " << i << " was not set";
    EXPECT_LE(it->second, now_ / kTick) << "too early";
    EXPECT_EQ(it->second, by_tick_.begin()->first) << "before one that is due earlier";
    EXPECT_GE(it->second, last_fired_);
    EXPECT_FALSE(timers_[static_cast<std::size_t>(i)]->is_set());
    last_fired_ = it->second;
    tick_ = it->second + 1;
    forget(i);
    self_ = i;
    for (int n = roll(3); n > 0; --n) act();
    self_ = -1;
  }

  void forget(int i) {
    const auto it = tick_of_.find(i);
    if (it == tick_of_.end()) return;
    by_tick_.erase({it->second, i});
    tick_of_.erase(it);
  }

  void check() {
    EXPECT_EQ(wheel_.size(), tick_of_.size());
    if (tick_of_.empty()) {
      EXPECT_EQ(wheel_.next_ms(), Wheel::kNever);
    } else {
      EXPECT_LE(wheel_.next_ms() / kTick, by_tick_.begin()->first) << "the loop would sleep too long";
      EXPECT_GE(wheel_.next_ms() / kTick, tick_) << "the loop would not sleep";
    }
  }

  std::mt19937_64 random_;
  std::int64_t now_;
  std::int64_t tick_;
  Wheel wheel_;
  std::vector<std::unique_ptr<Mine>> timers_;
  std::map<int, std::int64_t> tick_of_;
  std::set<std::pair<std::int64_t, int>> by_tick_;
  bool firing_ = false;
  int self_ = -1;
  std::int64_t last_fired_ = 0;
  int fired_ = 0;
};

TEST(WheelTest, FiresWhatASortedListWouldWhateverFiringSetsStopsAndDestroys) {
  int fired = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed, static_cast<std::int64_t>(seed) * 977'777'777);
    for (int i = 0; i < 400; ++i) model.step();
    fired += model.fired();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(fired, 10'000);
}

struct Counted final : Timer {
  int times = 0;
  std::function<void()> then;
  void fire() override {
    ++times;
    if (then) then();
  }
};

TEST(WheelTest, NeverBeforeItsTimeAndLessThanATickLate) {
  for (std::int64_t due = 1000; due < 1100; ++due) {
    Wheel wheel(0);
    Counted timer;
    timer.set(wheel, due);
    std::int64_t now = 0;
    while (timer.times == 0 && now < 5000) wheel.advance(++now);
    EXPECT_GE(now, due);
    EXPECT_LT(now, due + kTick);
  }
}

TEST(WheelTest, AnIdleWeekIsSkippedInOneStep) {
  Wheel wheel(0);
  Counted timer;
  const std::int64_t week = std::int64_t{7} * 24 * 3600'000;
  timer.set(wheel, week);
  int looks = 0;
  for (std::int64_t now = 0; timer.times == 0 && looks < 1000; ++looks) {
    now = wheel.next_ms();
    ASSERT_NE(now, Wheel::kNever);
    wheel.advance(now);
    if (timer.times > 0) EXPECT_GE(now, week);
  }
  EXPECT_EQ(timer.times, 1);
  EXPECT_LT(looks, 10) << "a loop with one far deadline wakes a handful of times";
}

TEST(WheelTest, ATimerThatSetsItselfForNowFiresOnceATick) {
  Wheel wheel(0);
  Counted timer;
  timer.then = [&] { timer.set(wheel, 0); };
  timer.set(wheel, 0);
  wheel.advance(0);
  EXPECT_EQ(timer.times, 1);
  wheel.advance(kTick - 1);
  EXPECT_EQ(timer.times, 1);
  wheel.advance(10 * kTick);
  EXPECT_EQ(timer.times, 11) << "every tick that passed, not for ever";
  timer.stop();
}

// Heartbeats of one whole turn of the finest wheel land in the very slot that is being emptied.
TEST(WheelTest, ManyTimersThatSetThemselvesIntoTheSameSlotCostTheirNumber) {
  constexpr int kMany = 200'000;
  Wheel wheel(0);
  std::vector<Counted> timers(kMany);
  for (Counted& timer : timers) {
    timer.then = [&wheel, &timer] {
      if (timer.times < 3) timer.set(wheel, timer.due_ms() + 64 * kTick);
    };
    timer.set(wheel, kTick);
  }
  for (int round = 0; round < 3; ++round) wheel.advance((1 + 64 * round) * kTick);
  for (const Counted& timer : timers) ASSERT_EQ(timer.times, 3);
}

TEST(WheelTest, EverythingFiresAtTheEnd) {
  Wheel wheel(0);
  std::vector<Counted> timers(100);
  std::int64_t due = 1;
  for (Counted& timer : timers) timer.set(wheel, due = due * 5 / 4 + 1);
  wheel.fire_all();
  for (const Counted& timer : timers) EXPECT_EQ(timer.times, 1);
  EXPECT_EQ(wheel.size(), 0U);
}

}  // namespace
}  // namespace homing::io
