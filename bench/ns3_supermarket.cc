// SPDX-License-Identifier: GPL-2.0-only
//
// ns3_supermarket: the supermarket model on ns-3's scheduler, the peer beside which sim_bench is held.
//
// One event an arrival and one a departure, two uniform choices, exponential work; random numbers cost as little as
// the standard library lets them, so what is measured is ns-3's event loop. The warm-up is not measured for the mean
// time in system, but it is work: all arrivals count as jobs.
//
// A program of its own, never linked with the rest of the tree: ns-3 is GPL-2.0-only. Built by `./dev bench sim` from
// Debian's libns3 and the headers of libns3-dev, which are unpacked aside because that package wants another Boost.
//
//   ns3_supermarket SCHEDULER QUEUES SECONDS     SCHEDULER: Map (ns-3's default), Heap, PriorityQueue, Calendar, List
//
// prints: jobs, CPU-seconds, mean time in system.
#include <ns3/core-module.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr double kWarmUp = 30.0;  // seconds
constexpr double kLoad = 0.9;

class Supermarket {
 public:
  Supermarket(std::uint32_t queues, double horizon) : horizon_(horizon), length_(queues, 0) {}

  void Begin() { ns3::Simulator::Schedule(Draw(Rate()), &Supermarket::Arrive, this); }
  std::uint64_t arrived() const { return arrived_; }
  double TimeInSystem() const { return integral_ / static_cast<double>(measured_); }

 private:
  double Rate() const { return kLoad * static_cast<double>(length_.size()); }
  double Uniform() { return static_cast<double>((random_() >> 11) + 1) * 0x1p-53; }
  ns3::Time Draw(double rate) { return ns3::NanoSeconds(static_cast<std::int64_t>(-std::log(Uniform()) / rate * 1e9)); }
  std::uint32_t Below(std::uint32_t n) {
    return static_cast<std::uint32_t>((static_cast<unsigned __int128>(random_()) * n) >> 64);
  }

  void Count() {
    const double now = ns3::Simulator::Now().GetSeconds();
    if (now > kWarmUp) integral_ += static_cast<double>(inside_) * (now - (before_ > kWarmUp ? before_ : kWarmUp));
    before_ = now;
  }

  void Arrive() {
    Count();
    if (before_ >= horizon_) return;
    ns3::Simulator::Schedule(Draw(Rate()), &Supermarket::Arrive, this);
    const auto queues = static_cast<std::uint32_t>(length_.size());
    const std::uint32_t a = Below(queues);
    std::uint32_t b = Below(queues - 1);
    if (b >= a) ++b;
    const std::uint32_t to = length_[a] <= length_[b] ? a : b;
    ++inside_;
    ++arrived_;
    if (before_ > kWarmUp) ++measured_;
    if (++length_[to] == 1) ns3::Simulator::Schedule(Draw(1.0), &Supermarket::Depart, this, to);
  }

  void Depart(std::uint32_t queue) {
    Count();
    --inside_;
    if (--length_[queue] > 0) ns3::Simulator::Schedule(Draw(1.0), &Supermarket::Depart, this, queue);
  }

  double horizon_;
  std::vector<std::uint32_t> length_;
  std::mt19937_64 random_{1};
  double before_ = 0.0;
  double integral_ = 0.0;
  std::uint64_t inside_ = 0;
  std::uint64_t arrived_ = 0;
  std::uint64_t measured_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: ns3_supermarket Map|Heap|PriorityQueue|Calendar|List QUEUES SECONDS\n");
    return 2;
  }
  ns3::ObjectFactory scheduler;
  scheduler.SetTypeId("ns3::" + std::string(argv[1]) + "Scheduler");
  ns3::Simulator::SetScheduler(scheduler);
  const double horizon = kWarmUp + std::atof(argv[3]);
  Supermarket model(static_cast<std::uint32_t>(std::atoi(argv[2])), horizon);
  const std::clock_t begin = std::clock();
  model.Begin();
  ns3::Simulator::Stop(ns3::Seconds(horizon));
  ns3::Simulator::Run();
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  std::printf("%llu %.6f %.6f\n", static_cast<unsigned long long>(model.arrived()), seconds, model.TimeInSystem());
  ns3::Simulator::Destroy();
  return 0;
}
