// SPDX-License-Identifier: Apache-2.0
//
// The physics of kinds and nodes in a scenario file: idle rules and what suspending costs, memory, speed, start slots.
#include <fmt/format.h>

#include <algorithm>

#include "router/base/units.h"
#include "sim/scenario_reader.h"

namespace homing::sim {

using base::Section;
using base::Value;
using std::chrono::seconds;

void ScenarioReader::read_idle(KindSpec& kind, const Section& section) {
  const auto* built_in = std::find_if(kBuiltInKinds.begin(), kBuiltInKinds.end(),
                                      [&](const BuiltInKind& row) { return kind.name == row.name; });
  const Section idle = section.section("idle");
  const Value leave = section.find("leave");
  fields_.note(leave, "\"close\"", "people close what they no longer need; \"open\": the idle rule ends it");
  kind.stays_open = leave.as_choice<bool>({{"close", false}, {"open", true}}).value_or(false);
  if (idle) {
    const Value after = idle.need("after");
    const Duration heartbeat = scenario_.cluster.heartbeat;
    kind.idle_after = after.as_duration();
    kind.idle_suspends = idle.find("then").as_choice<bool>({{"suspend", true}, {"end", false}}).value_or(true);
    if (kind.idle_after && *kind.idle_after <= heartbeat) {
      after.error(fmt::format("{} is no longer than a heartbeat ({}); expected minutes or hours",
                              base::format_duration(*kind.idle_after), base::format_duration(heartbeat)));
    }
    if (!kind.has_actions) {
      after.error("nobody uses a session without actions, so the rule would take every one; take idle or actions out");
    }
    fields_.note(after, "", "");
  } else if (built_in != kBuiltInKinds.end() && built_in->idle != nullptr) {
    fields_.note(
        fmt::format("kind.{}.idle", kind.name), "none",
        fmt::format("sessions stay until they are closed; {} would be {}", built_in->idle, built_in->idle_source));
  }
  if (kind.stays_open && !kind.idle_after) {
    leave.error("\"open\" needs an idle rule, else nothing ever ends a session; write idle = { after = \"60 min\" }");
  }
  if (!kind.idle_after || !kind.idle_suspends) {
    for (const char* key : {"suspend", "resume"}) {
      const Value cost = section.find(key);
      if (cost.present())
        cost.error("is the cost of something that never happens; take it out or write then = \"suspend\"");
    }
    return;
  }
  read_suspend(kind.suspend, section, "suspend", seconds(1), "assumed: SIGUSR2 to exit of a small R session");
  read_suspend(kind.resume, section, "resume", seconds(0), "assumed: as a start, and reading the state");
  const Section resume = section.section("resume");
  kind.resume_timeout =
      fields_.duration(resume, "timeout", kind.resume_timeout,
                       "the router's default: 75 GiB at 128 MiB/s; twice as long after each time-out");
  if (kind.resume_timeout < kind.start.timeout) {
    resume.find("timeout").error(fmt::format(
        "{} is shorter than start.timeout ({}), but a resume is a start that also loads what was saved; expected at "
        "least that",
        base::format_duration(kind.resume_timeout), base::format_duration(kind.start.timeout)));
  }
}

void ScenarioReader::read_suspend(KindSpec::Suspend& cost, const Section& section, const char* key, Duration base,
                                  const char* source) {
  const Section part = section.section(key);
  cost.base = fields_.duration(part, "base", base, source, base::kFromZero);
  cost.per_gib = fields_.duration(part, "per-gib", seconds(8), "assumed: 128 MiB/s to shared storage", base::kFromZero);
  cost.cpu = fields_.number(part, "cpu", 0.5, "assumed: half of it serialises", 0, 1);
}

void ScenarioReader::read_kind_memory(KindSpec& kind, const Section& section) {
  kind.memory_limit = fields_.bytes(section, "memory-limit", 0, "no limit", 0);
  kind.leak_per_hour = fields_.bytes(section, "leak-per-hour", 0, "nothing leaks", 0);
  kind.save_every = fields_.duration(section, "save-every", Duration{0},
                                     "what lives in the process is saved by nothing", base::kFromZero);
}

void ScenarioReader::read_node_physics(NodeSpec& node, const Section& section) {
  node.start_slots = static_cast<int>(section.find("start-slots").as_integer(0, 1'000'000).value_or(0));
  node.speed = section.find("speed").as_number(0.001, 1000).value_or(1.0);
}

void ScenarioReader::read_cluster_memory(const Section& cluster) {
  ClusterSpec& spec = scenario_.cluster;
  spec.memory_reserve =
      fields_.number(cluster, "memory-reserve", 0.03125, "assumed: 1/32 of the memory is the system's own", 0, 0.9);
  const Value kill = cluster.find("out-of-memory");
  fields_.note(kill, "\"largest\"", "the kernel's choice: who has most");
  spec.kill_all = kill.as_choice<bool>({{"largest", false}, {"all", true}}).value_or(false);
}

}  // namespace homing::sim
