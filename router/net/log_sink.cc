// SPDX-License-Identifier: Apache-2.0
#include "router/net/log_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <system_error>
#include <utility>

namespace homing::net {

namespace {

constexpr mode_t kMode = 0640;

// Not blocking: says nothing for a file, and lets a pipe say that it is full.
std::expected<int, std::string> open_for_lines(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, kMode);
  if (descriptor >= 0) return descriptor;
  return std::unexpected(
      fmt::format("{}: the access log cannot be written: {}", path, std::generic_category().message(errno)));
}

std::uint64_t lines_in(std::string_view block) {
  return static_cast<std::uint64_t>(std::ranges::count(block, '\n'));
}

}  // namespace

// ---------------------------------------------------------------- a worker's side

std::string* LogSink::Lane::line() {
  if (filling_.size() >= sink_.options_.most) {
    hand_over();
    if (!filling_.empty()) {
      sink_.dropped_.fetch_add(1, std::memory_order_relaxed);
      return nullptr;
    }
  }
  return &filling_;
}

void LogSink::Lane::end_line(core::Instant now) {
  filling_ += '\n';
  if (oldest_ == core::Instant{}) oldest_ = now;
  if (filling_.size() >= sink_.options_.block) hand_over();
}

void LogSink::Lane::tick(core::Instant now) {
  if (!filling_.empty() && now - oldest_ >= sink_.options_.at_least_every) hand_over();
}

void LogSink::Lane::hand_over() {
  if (full_.load(std::memory_order_acquire) != nullptr) return;  // the writer is behind
  there_.swap(filling_);
  filling_.clear();
  oldest_ = {};
  full_.store(&there_, std::memory_order_release);
  sink_.wake();
}

// ---------------------------------------------------------------- the writer's side

std::unique_ptr<LogSink> LogSink::over(int descriptor, Options options) {
  return std::unique_ptr<LogSink>(new LogSink({}, descriptor, options));
}

std::expected<std::unique_ptr<LogSink>, std::string> LogSink::open(std::string path, Options options) {
  const auto descriptor = open_for_lines(path);
  if (!descriptor) return std::unexpected(descriptor.error());
  return std::unique_ptr<LogSink>(new LogSink(std::move(path), *descriptor, options));
}

LogSink::LogSink(std::string path, int descriptor, Options options)
    : path_(std::move(path)), options_(options), descriptor_(descriptor), writer_([this] { run(); }) {}

LogSink::~LogSink() {
  stopping_.store(true);
  wake();
  writer_.join();
  ::close(descriptor_);
  if (const int next = next_descriptor_.load(); next >= 0) ::close(next);
}

LogSink::Lane& LogSink::add_lane() {
  const std::lock_guard held(lanes_mutex_);
  lanes_.push_back(std::unique_ptr<Lane>(new Lane(*this)));
  return *lanes_.back();
}

std::optional<std::string> LogSink::reopen() {
  if (path_.empty()) return std::nullopt;
  const auto descriptor = open_for_lines(path_);
  if (!descriptor) return descriptor.error();
  if (const int older = next_descriptor_.exchange(*descriptor); older >= 0) ::close(older);
  wake();
  return std::nullopt;
}

void LogSink::wake() {
  bell_.fetch_add(1, std::memory_order_release);
  bell_.notify_one();
}

void LogSink::run() {
  // A pipe whose reader left is an error like others, not the end of the process.
  sigset_t pipe_only;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_only, nullptr);
  for (std::uint32_t heard = 0; !stopping_.load(); bell_.wait(heard)) {
    heard = bell_.load(std::memory_order_acquire);
    write_lanes();
  }
  write_lanes();
  for (const auto& lane : lanes_) write_block(lane->filling_);
}

void LogSink::write_lanes() {
  if (const int next = next_descriptor_.exchange(-1); next >= 0) {
    ::close(std::exchange(descriptor_, next));
    torn_ = false;
  }
  std::vector<Lane*> lanes;
  {
    const std::lock_guard held(lanes_mutex_);
    for (const auto& lane : lanes_) lanes.push_back(lane.get());
  }
  for (Lane* lane : lanes) {
    std::string* block = lane->full_.load(std::memory_order_acquire);
    if (block == nullptr) continue;
    write_block(*block);
    block->clear();
    lane->full_.store(nullptr, std::memory_order_release);
  }
}

void LogSink::write_block(std::string_view block) {
  if (block.empty()) return;
  if (torn_ && write_some("\n") == 1) torn_ = false;
  const std::size_t done = torn_ ? 0 : write_some(block);
  const std::uint64_t whole = lines_in(block.substr(0, done));
  written_.fetch_add(whole, std::memory_order_relaxed);
  dropped_.fetch_add(lines_in(block) - whole, std::memory_order_relaxed);
  torn_ = torn_ || (done > 0 && block[done - 1] != '\n');
}

// How much was taken: all of it, but for an error or a pipe that takes nothing for `patience` (nothing at all once we
// are stopping).
std::size_t LogSink::write_some(std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
    if (count > 0) {
      done += static_cast<std::size_t>(count);
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) break;
    const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(options_.patience);
    pollfd waiting{descriptor_, POLLOUT, 0};
    if (::poll(&waiting, 1, stopping_.load() ? 0 : static_cast<int>(patience.count())) <= 0) break;
    if ((waiting.revents & (POLLERR | POLLHUP)) != 0) break;
  }
  return done;
}

}  // namespace homing::net
