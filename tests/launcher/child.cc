// SPDX-License-Identifier: Apache-2.0
#include "tests/launcher/child.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace homing::testing {

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Scratch::Scratch() {
  char name[] = "/tmp/homing-test-XXXXXX";
  if (::mkdtemp(name) == nullptr) throw std::runtime_error("no scratch folder in /tmp");
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Scratch::write(const std::string& name, const std::string& text) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  if (in) out << in.rdbuf();
  return out.str();
}

std::string program(const std::string& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string() + "/" + name;
}

Child::Child(const std::vector<std::string>& argv, const std::string& log_path) {
  std::vector<char*> pointers;
  for (const std::string& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ != 0) return;
  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(log, 1);
  ::dup2(log, 2);
  ::execv(pointers[0], pointers.data());
  ::_exit(127);
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(status_, other.status_);
  return *this;
}

Child::~Child() {
  if (running()) kill();
}

bool Child::running() {
  if (pid_ <= 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = -1;
  return false;
}

void Child::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

int Child::wait() {
  if (!eventually([this] { return !running(); })) return -1;
  return status_;
}

char process_state(pid_t pid) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t end = text.rfind(')');
  return end == text.npos || end + 2 >= text.size() ? ' ' : text[end + 2];
}

bool process_exists(pid_t pid) {
  const char state = process_state(pid);
  return state != ' ' && state != 'Z' && state != 'X';
}

void end_process(pid_t pid) {
  if (pid <= 1) return;
  ::kill(pid, SIGKILL);
  eventually([pid] { return !process_exists(pid); });
}

std::vector<pid_t> processes_with(const std::string& entry) {
  std::vector<pid_t> found;
  DIR* folder = ::opendir("/proc");
  while (const dirent* one = folder == nullptr ? nullptr : ::readdir(folder)) {
    const pid_t pid = static_cast<pid_t>(::atoi(one->d_name));
    if (pid <= 0) continue;
    const std::string environment = '\0' + read_file("/proc/" + std::to_string(pid) + "/environ");
    if (environment.find('\0' + entry) != environment.npos && process_exists(pid)) found.push_back(pid);
  }
  if (folder != nullptr) ::closedir(folder);
  return found;
}

}  // namespace homing::testing
