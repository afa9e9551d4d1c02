// SPDX-License-Identifier: Apache-2.0
//
// Processes as the launcher needs them: made but held until they are on record, named without doubt, found with all
// their descendants.
//
// Intuition: a pid alone names nothing, since it is used again; (pid, start time) does, and a pidfd opened before the
// start time is compared keeps doing so. A session's processes are its scope: the leader's process group and session,
// its descendants, and whoever carries the scope's mark in its environment (Jupyter's kernels leave the process group).
// A program that sheds all three escapes; cgroups will close that.
// Thread class: stateless; everything is for single-threaded programs (fork).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "router/core/instant.h"
#include "router/launcher/descriptor.h"

namespace homing::launcher {

// CLOCK_BOOTTIME, the clock of deadlines: it goes on while the machine sleeps.
core::Instant boottime_now();

struct SpawnPlan {
  std::string program;                   // absolute path
  std::vector<std::string> argv;         // argv[0] included
  std::vector<std::string> environment;  // "NAME=value"
  std::string directory;                 // working directory
  std::string log_path;                  // standard output and error are appended
  std::uint64_t memory_bytes = 0;        // RLIMIT_DATA; 0: none
};

// A child that waits for release() before it becomes the program. It leads a new session and process group; it dies
// unreleased when this object or the launcher does.
struct HeldProcess {
  pid_t pid = 0;
  std::uint64_t start_time = 0;
  Descriptor pidfd;
  Descriptor gate;
  Descriptor error;  // see exec_error
};
std::expected<HeldProcess, std::string> spawn_held(const SpawnPlan& plan);
void release(HeldProcess& process);

// After its end: the errno with which the program could not be executed, or 0.
int exec_error(const Descriptor& error);

// A pidfd of (pid, start time), or nothing when that process is no more.
Descriptor open_process(pid_t pid, std::uint64_t start_time);

struct ProcessStat {
  pid_t pid = 0, parent = 0, group = 0, session = 0;
  char state = '?';
  std::uint64_t start_time = 0;
  std::uint64_t cpu_ns = 0;
  std::uint64_t resident_bytes = 0;
};
std::optional<ProcessStat> read_stat(pid_t pid);
std::vector<ProcessStat> all_processes();  // in order of pid

// `leader` is 0 once its pid may have been used again; `mark` is "NAME=value" in the environment. Zombies are left out.
std::vector<ProcessStat> scope_members(pid_t leader, const std::string& mark);

// The absolute path of `command`: as it is when it holds '/', else looked for in `folders`. Nothing when it cannot run.
std::optional<std::string> find_program(const std::string& command, const std::vector<std::string>& folders);

// A port of 127.0.0.1 that was free a moment ago; 0 when there is none.
std::uint16_t free_loopback_port();

}  // namespace homing::launcher
