// SPDX-License-Identifier: Apache-2.0
//
// The metrics: names, units, directions, margins. What each means, with an example, is in sim/METRICS.md.
//
// Margins are ours: the smallest difference for which a person would change a configuration (a session, ten
// user-minutes, a tenth of a percent of uptime). Scenarios set their own in [margins].
#include "router/base/metric_names.h"
#include "router/core/check.h"
#include "sim/measures.h"

namespace homing::sim {
namespace {

constexpr Better kLess = Better::kLower;
constexpr Better kMore = Better::kHigher;
constexpr Better kNone = Better::kNeither;

std::string with(const char* name, const char* label) {
  return std::string(name) + "{" + label + "}";
}

void add_feelings(std::vector<MetricInfo>& list) {
  namespace m = base::metric;
  list.insert(
      list.end(),
      {{"sessions-lost", "sessions lost", "sessions", kLess, 1.0, true,
        "sessions whose process ended by anything but its owner, an idle rule or a planned stop", m::kSessionsLost},
       {"user-minutes-lost", "user-minutes lost", "user-minutes", kLess, 10.0, true,
        "time inside planned visits in which the session was cut, lost, or waited for beyond its kind's patience",
        m::kUserMinutesLost},
       {"sign-in-wait-p95", "sign-in wait, 95th percentile", "s", kLess, 0.5, true,
        "from the first request of a visit until its session answers; waits still open at the horizon count as long "
        "as they are",
        with(m::kSignInWait, "quantile=\"0.95\"")},
       {"felt-crowding", "felt crowding of sessions", "1", kLess, 0.02, true,
        "how much fuller than the average node the node of an average session is, beyond the best integer split",
        m::kFeltCrowding},
       {"user-uptime", "user-uptime", "1", kMore, 0.001, false,
        "share of planned user-time in which the session was neither cut nor lost nor waited for beyond patience",
        m::kUserUptime},
       {"user-minutes-lost-cut", "user-minutes lost to cuts", "user-minutes", kLess, 10.0, false,
        "the part of user-minutes lost in which the process lived but no reachable router reached it",
        with(m::kUserMinutesLost, "cause=\"cut\"")},
       {"user-minutes-lost-gone", "user-minutes lost to lost sessions", "user-minutes", kLess, 10.0, false,
        "the part of user-minutes lost in which the process was gone and no replacement answered",
        with(m::kUserMinutesLost, "cause=\"lost\"")},
       {"user-minutes-lost-waiting", "user-minutes lost waiting", "user-minutes", kLess, 10.0, false,
        "the part of user-minutes lost that is waiting (sign-in, queue, start, resume) beyond the kind's patience",
        with(m::kUserMinutesLost, "cause=\"waiting\"")},
       {"user-minutes-slow", "user-minutes slow", "user-minutes", kLess, 10.0, false,
        "time of actions beyond max(1 s, 3 x their solo time); slow is not down", ""},
       {"sessions-lost-present", "sessions lost, owner present", "sessions", kLess, 1.0, false,
        "the sessions lost whose owner was inside the planned visit", with(m::kSessionsLost, "owner=\"present\"")},
       {"sessions-lost-absent", "sessions lost, owner absent", "sessions", kLess, 1.0, false,
        "the sessions lost whose owner was not there", with(m::kSessionsLost, "owner=\"absent\"")},
       {"work-lost", "work lost", "CPU-s", kLess, 60.0, false,
        "CPU time that lost sessions had used since their last save point", m::kWorkLost}});
}

void add_windows(std::vector<MetricInfo>& list) {
  for (const char* length : {"1 min", "5 min", "1 h", "6 h", "1 d", "7 d"}) {
    std::string name = std::string("user-uptime-worst-") + length;
    name[name.find(' ')] = '-';
    list.push_back({name, std::string("user-uptime, worst ") + length, "1", kMore, 0.01, false,
                    std::string("least user-uptime of all windows of ") + length + " inside the measured time",
                    with(base::metric::kUserUptime, ("worst=\"" + name.substr(18) + "\"").c_str())});
  }
}

void add_safety(std::vector<MetricInfo>& list) {
  list.insert(
      list.end(),
      {{"stickiness-violations", "stickiness violations", "deliveries", kLess, 0.5, false,
        "bytes for a session delivered to a process that is not its current epoch, through a router that has "
        "seen the store within the last lease time; must be 0",
        base::metric::kStickinessViolations},
       {"session-minutes-without-store", "session-minutes served without the store", "session-minutes", kNone, 10.0,
        false,
        "time in which sessions were served through routers that had not seen the store for a "
        "lease time",
        ""},
       {"double-life", "double life", "s", kLess, 1.0, false,
        "time in which a session had more than one living process, summed over sessions", base::metric::kDoubleLife}});
}

void add_balance(std::vector<MetricInfo>& list) {
  list.insert(list.end(),
              {{"felt-crowding-cpu", "felt crowding of the CPU", "1", kLess, 0.02, false,
                "how much busier than the average node, per core, the node of an average runnable thread is, beyond "
                "the best split of the threads",
                ""},
               {"felt-crowding-memory", "felt crowding of memory", "1", kLess, 0.02, false,
                "how much fuller than the average node's the memory around an average used byte is", ""}});
  const struct {
    const char* name;
    const char* label;
  } resources[] = {{"sessions", "sessions"}, {"cpu", "CPU"}, {"memory", "memory"}};
  for (const auto& [name, label] : resources) {
    const std::string of = std::string(" of ") + label;
    list.insert(list.end(), {{std::string("jain-") + name, "Jain's index" + of, "1", kMore, 0.01, false,
                              "(sum x)^2 / (m sum x^2) over ready nodes; 1 is even, 1/m is all on one node", ""},
                             {std::string("cov-") + name, "coefficient of variation" + of, "1", kLess, 0.02, false,
                              "standard deviation over mean across ready nodes at one instant", ""},
                             {std::string("max-over-mean-") + name, "max over mean" + of, "1", kLess, 0.02, false,
                              "the fullest ready node over the average ready node at one instant", ""},
                             {std::string("above-90-") + name, "time above 90 %" + of, "1", kLess, 0.01, false,
                              "share of time in which some ready node used more than 90 % of its capacity", ""}});
  }
  list.insert(
      list.end(),
      {{"balance-counted", "share of time counted for balance", "1", kNone, 0.05, false,
        "share of time with at least 5 sessions a ready node on average, the instants of the plain averages", ""},
       {"capacity-not-ready", "capacity not ready", "1", kNone, 0.01, false,
        "cores of nodes that were not ready for placements, as a share of all cores, averaged over time", ""}});
}

void add_decisions(std::vector<MetricInfo>& list) {
  const char* age = base::metric::kReportAge;
  list.insert(
      list.end(),
      {{"users-moved-excess", "users moved needlessly", "users/change", kLess, 1.0, false,
        "users whose first placement after a membership change was on another node than their last, beyond the least "
        "possible, a change",
        ""},
       {"sessions-moved-excess", "live sessions moved needlessly", "sessions/change", kLess, 1.0, false,
        "sessions started again on another node although theirs was ready, a membership change", ""},
       {"regret", "regret", "sessions", kLess, 0.1, false,
        "companions a new session has beyond those on the node that a greedy oracle with true remaining lives takes",
        ""},
       {"oscillation", "oscillation", "swings/node-hour", kLess, 0.05, false,
        "times a ready node went from 25 % above the mean number of sessions to 25 % below or back", ""},
       {"signal-age-p50", "age of load figures used, median", "s", kLess, 0.5, false,
        "age of the oldest report among the candidates of a placement", with(age, "quantile=\"0.5\"")},
       {"signal-age-p95", "age of load figures used, 95th percentile", "s", kLess, 0.5, false,
        "age of the oldest report among the candidates of a placement", with(age, "quantile=\"0.95\"")},
       {"sign-in-success", "sign-in success", "1", kMore, 0.001, false,
        "share of visits whose session answered before the planned end", base::metric::kSignInSuccess},
       {"sign-in-wait-p50", "sign-in wait, median", "s", kLess, 0.5, false, "as sign-in-wait-p95, the median",
        with(base::metric::kSignInWait, "quantile=\"0.5\"")},
       {"sign-in-wait-p99", "sign-in wait, 99th percentile", "s", kLess, 1.0, false,
        "as sign-in-wait-p95, the 99th percentile", with(base::metric::kSignInWait, "quantile=\"0.99\"")},
       {"queue-position-error", "queue position error", "places", kLess, 1.0, false,
        "how far the first position told was from the number of others really started first", ""},
       {"time-to-repair-p50", "user time-to-repair, median", "s", kLess, 5.0, false,
        "from being cut or losing a session until working again", ""},
       {"time-to-repair-p95", "user time-to-repair, 95th percentile", "s", kLess, 5.0, false,
        "from being cut or losing a session until working again", ""},
       {"time-to-repair-max", "user time-to-repair, longest", "s", kLess, 30.0, false,
        "from being cut or losing a session until working again", ""}});
}

std::vector<MetricInfo> build_metrics() {
  std::vector<MetricInfo> list;
  add_feelings(list);
  add_windows(list);
  add_safety(list);
  add_balance(list);
  add_decisions(list);
  CHECK(list.size() == kMetricCount);
  return list;
}

}  // namespace

const std::vector<MetricInfo>& metrics() {
  static const std::vector<MetricInfo> kMetrics = build_metrics();
  return kMetrics;
}

std::optional<int> metric_index(std::string_view name) {
  for (std::size_t i = 0; i < metrics().size(); ++i) {
    if (metrics()[i].name == name) return static_cast<int>(i);
  }
  return std::nullopt;
}

}  // namespace homing::sim
