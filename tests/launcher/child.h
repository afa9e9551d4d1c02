// SPDX-License-Identifier: Apache-2.0
//
// Real processes in tests: a scratch folder, a child that never outlives the test, waiting with a limit.
// Used by tests/launcher and tests/e2e. Thread class: single-owner.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace homing::testing {

// How long a test waits for something that must happen. Generous: two loaded cores under a sanitizer. Never asserted
// on.
inline constexpr std::chrono::seconds kPatience{60};

// True as soon as `condition` holds; false when it did not within kPatience.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience = kPatience);

// A new folder under /tmp, removed at the end. Its path is short, since Unix sockets live in it.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }
  std::string write(const std::string& name, const std::string& text) const;  // returns the path

 private:
  std::string path_;
};

std::string read_file(const std::string& path);

// The programs under test lie beside the test program.
std::string program(const std::string& name);

// A child process with standard output and error in a file. Killed and reaped at the end.
class Child {
 public:
  Child() = default;
  Child(const std::vector<std::string>& argv, const std::string& log_path);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number) const;
  // Waits for its end. Returns its exit status, 128 + signal, or -1 when it did not end within kPatience.
  int wait();
  void kill() {
    signal(9);
    wait();
  }

 private:
  pid_t pid_ = -1;
  int status_ = -1;
};

// Ends the process (not a child) and waits until it is gone.
void end_process(pid_t pid);
bool process_exists(pid_t pid);  // zombies do not count
char process_state(pid_t pid);   // as in /proc/PID/stat; ' ' when gone

// Pids of all processes whose environment holds `entry` ("NAME=value" or a beginning of it).
std::vector<pid_t> processes_with(const std::string& entry);

}  // namespace homing::testing
