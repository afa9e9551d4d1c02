// SPDX-License-Identifier: Apache-2.0
//
// Oracles: exact values from queueing theory and from small Markov chains, which `homing-sim validate` holds the
// simulator against. A mean service or stay is 1 everywhere; `rho` and `a` are offered loads.
//
// Sources: Erlang 1917 (B, C); Kleinrock, Queueing Systems I and II (M/M/1, M/G/1, processor sharing); Coffman, Muntz
// and Trotter 1970 (sojourns under processor sharing, here by uniformization); Mitzenmacher, TPDS 2001 (supermarket
// model); Luczak and McDiarmid (d choices, infinite servers); Takacs (GI/M/inf); Barlow and Proschan (availability).
// Thread class: pure functions.
#pragma once

namespace homing::sim::oracle {

struct Moments {
  double mean = 0.0;
  double variance = 0.0;
};

// e^x and ln x, for formulas of rows.
double exponential(double x);
double logarithm(double x);

// ---- one queue -----------------------------------------------------------------------------------------------------

// Erlang B: share of arrivals that find all of c servers busy, when these are lost. Any law of service.
double erlang_b(int servers, double a);
// Erlang C: share of arrivals that wait, when they queue. REQUIRES: a < servers.
double erlang_c(int servers, double a);
// The p quantile of the time in an M/M/1 queue with first come, first served: exponential.
double fifo_sojourn_quantile(double rho, double p);
// The p quantile of the time in an M/M/1 queue under processor sharing.
double ps_sojourn_quantile(double rho, double p);
// P(T > t) of the same.
double ps_sojourn_tail(double rho, double t);

double poisson_at_most(double mean, int k);
// The smallest k with P(N <= k) >= p.
int poisson_quantile(double mean, double p);

// ---- many nodes ----------------------------------------------------------------------------------------------------

// Mean time in the supermarket model with d choices, infinitely many queues.
double supermarket_time(double lambda, int d);
// Sessions on one of infinitely many nodes with rho sessions each, join the shortest of d (infinite servers).
Moments choices_fixed_point(double rho, int d);
// Variance of the sessions on one of n nodes under round robin, exponential stays, Poisson arrivals.
double round_robin_variance(int nodes, double rho);
// E[max of the nodes' users / mean] when `users` are thrown on `nodes` evenly.
double fullest_over_mean(int users, int nodes);

enum class Choice { kShortest, kTwoChoices };
// Stationary number of sessions on one of `nodes` equal nodes: Poisson arrivals of `rate` (all together), a node of n
// sessions loses one at rate n (infinite servers) or 1 (processor sharing, when n > 0). The chain on sorted occupancies
// is cut at `cap` and its balance equations are solved with Eigen. REQUIRES: nodes is 2 or 3.
Moments solve_chain(int nodes, Choice choice, double rate, bool shares_cpu, int cap);

// ---- recovery and availability -------------------------------------------------------------------------------------

double harmonic(int n);
// Share of time up of an alternating renewal process: only the means matter.
double availability(double up_mean, double down_mean);
// The same at time t after coming up, both exponential.
double availability_at(double up_mean, double down_mean, double t);
// P(at least k of n independent machines are up).
double at_least_up(int k, int n, double available);

}  // namespace homing::sim::oracle
