// SPDX-License-Identifier: Apache-2.0
#include "sim/oracles.h"

#include <Eigen/SparseLU>
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include "router/core/check.h"

namespace homing::sim::oracle {

double exponential(double x) {
  return std::exp(x);
}

double logarithm(double x) {
  return std::log(x);
}

double erlang_b(int servers, double a) {
  double b = 1.0;
  for (int i = 1; i <= servers; ++i) b = a * b / (i + a * b);
  return b;
}

double erlang_c(int servers, double a) {
  CHECK(a < servers);
  const double b = erlang_b(servers, a);
  return servers * b / (servers - a * (1 - b));
}

double fifo_sojourn_quantile(double rho, double p) {
  return -std::log(1 - p) / (1 - rho);
}

// The tagged job meets n others; until it leaves, one comes at rate rho, one of the others leaves at n / (n + 1), it
// leaves itself at 1 / (n + 1). h[k] is the chance that it is still there after k jumps of the uniformized chain.
double ps_sojourn_tail(double rho, double t) {
  constexpr int kOthers = 400;
  const double all = rho + 1.0;
  std::vector<double> here(kOthers + 1, 1.0), next(kOthers + 1, 0.0);
  std::vector<double> start(kOthers + 1);
  for (int n = 0; n <= kOthers; ++n) start[static_cast<std::size_t>(n)] = (1 - rho) * std::pow(rho, n);
  const double jumps = all * t;
  double weight = std::exp(-jumps);
  double tail = 0.0, seen = 0.0;
  CHECK(weight > 0.0);
  for (int k = 0; seen < 1.0 - 1e-13 && k < 100'000; ++k) {
    double h = 0.0;
    for (std::size_t n = 0; n <= kOthers; ++n) h += start[n] * here[n];
    tail += weight * h;
    seen += weight;
    for (std::size_t n = 0; n <= kOthers; ++n) {
      const double more = here[std::min<std::size_t>(n + 1, kOthers)];
      const double less = n > 0 ? here[n - 1] : 0.0;
      const auto others = static_cast<double>(n);
      next[n] = (rho * more + others / (others + 1) * less) / all;
    }
    here.swap(next);
    weight *= jumps / (k + 1);
  }
  return tail;
}

double ps_sojourn_quantile(double rho, double p) {
  double low = 0.0, high = 40.0 / (1 - rho);
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (ps_sojourn_tail(rho, middle) > 1 - p ? low : high) = middle;
  }
  return (low + high) / 2;
}

double poisson_at_most(double mean, int k) {
  double term = std::exp(-mean), sum = 0.0;
  for (int i = 0; i <= k; ++i) {
    sum += term;
    term *= mean / (i + 1);
  }
  return sum;
}

int poisson_quantile(double mean, double p) {
  int k = 0;
  while (poisson_at_most(mean, k) < p) ++k;
  return k;
}

double supermarket_time(double lambda, int d) {
  double sum = 0.0, power = 0.0;  // power = (d^i - d) / (d - 1)
  for (int i = 1; i < 60; ++i) {
    const double term = std::pow(lambda, power);
    sum += term;
    if (term < 1e-15) break;
    power = power * d + d;
  }
  return sum;
}

// The fraction s_i of nodes with at least i sessions moves as ds_i/dt = rho (s_{i-1}^d - s_i^d) - i (s_i - s_{i+1});
// Euler's steps to its rest are exact at the rest.
Moments choices_fixed_point(double rho, int d) {
  const auto levels = static_cast<std::size_t>(rho * 4 + 60);
  std::vector<double> s(levels + 2, 0.0);
  s[0] = 1.0;
  for (std::size_t i = 1; i <= levels; ++i) s[i] = static_cast<double>(i) <= rho ? 1.0 : 0.0;
  const double step = 0.2 / (rho * d + static_cast<double>(levels));
  std::vector<double> change(levels + 1, 0.0);
  for (double t = 0.0; t < 40.0; t += step) {
    double before = 1.0;  // s_{i-1}^d
    for (std::size_t i = 1; i <= levels; ++i) {
      double power = 1.0;
      for (int j = 0; j < d; ++j) power *= s[i];
      change[i] = rho * (before - power) - static_cast<double>(i) * (s[i] - s[i + 1]);
      before = power;
    }
    for (std::size_t i = 1; i <= levels; ++i) s[i] += step * change[i];
  }
  Moments found;
  double square = 0.0;
  for (std::size_t i = 1; i <= levels; ++i) {
    found.mean += s[i];
    square += (2.0 * static_cast<double>(i) - 1.0) * s[i];
  }
  found.variance = square - found.mean * found.mean;
  return found;
}

double round_robin_variance(int nodes, double rho) {
  const double all = nodes * rho;
  return rho * (1 / (1 - std::pow(all / (all + 1), nodes)) - rho);
}

// P(max <= m) = U!/N^U [z^U] (sum_{k <= m} z^k / k!)^N; the powers are taken with z scaled so that nothing under- or
// overflows: (sum over k <= m of the Poisson(U/N) weights)^N at U over the Poisson(U) weight of U.
double fullest_over_mean(int users, int nodes) {
  const double mean = static_cast<double>(users) / nodes;
  const auto weight = [](double average, int k) {
    return std::exp(k * std::log(average) - average - std::lgamma(k + 1.0));
  };
  const double whole = weight(users, users);
  double expected = 0.0;
  for (int m = static_cast<int>(mean); m < users; ++m) {  // E[max] = sum over m of P(max > m)
    std::vector<double> sum(static_cast<std::size_t>(users) + 1, 0.0);
    sum[0] = 1.0;
    for (int node = 0; node < nodes; ++node) {
      std::vector<double> next(sum.size(), 0.0);
      for (int k = 0; k <= m; ++k) {
        const double w = weight(mean, k);
        for (int u = 0; u + k <= users; ++u) {
          next[static_cast<std::size_t>(u + k)] += w * sum[static_cast<std::size_t>(u)];
        }
      }
      sum.swap(next);
    }
    const double beyond = 1.0 - sum.back() / whole;
    expected += beyond;
    if (beyond < 1e-10) break;
  }
  return (expected + static_cast<int>(mean)) / mean;
}

namespace {

using State = std::array<int, 3>;  // descending; the third is 0 and unused for two nodes

// The balance equations of the chain, the last one replaced by: probabilities add up to 1.
class Chain {
 public:
  Chain(int nodes, int cap) : count_(static_cast<std::size_t>(nodes)), cap_(cap) {
    for (int a = 0; a <= cap; ++a) {
      for (int b = 0; b <= a; ++b) {
        for (int c = 0; c <= (nodes == 3 ? b : 0); ++c) index_.emplace(State{a, b, c}, static_cast<int>(index_.size()));
      }
    }
    last_ = static_cast<int>(index_.size()) - 1;
  }

  void build(Choice choice, double rate, bool shares_cpu) {
    for (const auto& [state, number] : index_) {
      entries_.emplace_back(last_, number, 1.0);
      // Who takes an arrival: the last place (shortest), or the later place of a pair drawn evenly.
      for (std::size_t place = 0; place < count_; ++place) {
        double share = place + 1 == count_ ? 1.0 : 0.0;
        if (choice == Choice::kTwoChoices) {
          share = static_cast<double>(place) / (static_cast<double>(count_ * (count_ - 1)) / 2.0);
        }
        State more = state;
        ++more[place];
        if (share > 0.0 && more[place] <= cap_) flow(number, more, rate * share);
        State less = state;
        --less[place];
        if (less[place] >= 0) flow(number, less, shares_cpu ? 1.0 : state[place]);
      }
    }
  }

  Moments solve() const {
    const int n = last_ + 1;
    Eigen::SparseMatrix<double> balance(n, n);
    balance.setFromTriplets(entries_.begin(), entries_.end());
    Eigen::SparseLU<Eigen::SparseMatrix<double>> solver(balance);
    CHECK(solver.info() == Eigen::Success);
    Eigen::VectorXd right = Eigen::VectorXd::Zero(n);
    right(last_) = 1.0;
    const Eigen::VectorXd stationary = solver.solve(right);
    Moments exact;
    double square = 0.0;
    for (const auto& [state, number] : index_) {
      for (std::size_t place = 0; place < count_; ++place) {
        exact.mean += stationary(number) * state[place] / static_cast<double>(count_);
        square += stationary(number) * state[place] * state[place] / static_cast<double>(count_);
      }
    }
    exact.variance = square - exact.mean * exact.mean;
    return exact;
  }

 private:
  void flow(int from, State to, double speed) {
    std::sort(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(count_), std::greater<>());
    const int target = index_.at(to);
    if (target != last_) entries_.emplace_back(target, from, speed);
    if (from != last_) entries_.emplace_back(from, from, -speed);
  }

  std::size_t count_;
  int cap_;
  int last_ = 0;
  std::map<State, int> index_;
  std::vector<Eigen::Triplet<double>> entries_;
};

}  // namespace

Moments solve_chain(int nodes, Choice choice, double rate, bool shares_cpu, int cap) {
  CHECK(nodes == 2 || nodes == 3);
  Chain chain(nodes, cap);
  chain.build(choice, rate, shares_cpu);
  return chain.solve();
}

double harmonic(int n) {
  double sum = 0.0;
  for (int i = 1; i <= n; ++i) sum += 1.0 / i;
  return sum;
}

double availability(double up_mean, double down_mean) {
  return up_mean / (up_mean + down_mean);
}

double availability_at(double up_mean, double down_mean, double t) {
  const double fails = 1 / up_mean, repairs = 1 / down_mean;
  return repairs / (fails + repairs) + fails / (fails + repairs) * std::exp(-(fails + repairs) * t);
}

double at_least_up(int k, int n, double available) {
  double sum = 0.0;
  for (int i = k; i <= n; ++i) {
    double term = 1.0;
    for (int j = 0; j < i; ++j) term *= available * (n - j) / (j + 1);
    for (int j = i; j < n; ++j) term *= 1 - available;
    sum += term;
  }
  return sum;
}

}  // namespace homing::sim::oracle
