// SPDX-License-Identifier: Apache-2.0
#include "router/launcher/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

#include "router/launcher/protocol.h"

namespace homing::launcher {
namespace {

constexpr std::size_t kRewriteAtLines = 4096;

// CRC-32 (IEEE 802.3), bit by bit: records are short and few.
std::uint32_t crc32(std::string_view text) {
  std::uint32_t crc = ~0U;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

std::string line_of(const std::string& record) {
  return fmt::format("{:08x} {}\n", crc32(record), record);
}

std::string text_of(const ProcessRecord& p) {
  return fmt::format("P {} {} {} {} {} {} {} {} {}", to_hex(p.session), p.epoch.value, p.kind, p.user, p.prefix, p.pid,
                     p.start_time, p.port, p.deadline.time_since_epoch().count());
}

// Returns the record of a line (without its newline), or nothing when it is not whole.
std::optional<std::string_view> checked(std::string_view line) {
  std::uint32_t crc = 0;
  if (line.size() < 10 || line[8] != ' ') return std::nullopt;
  const auto [end, error] = std::from_chars(line.data(), line.data() + 8, crc, 16);
  const std::string_view record = line.substr(9);
  if (error != std::errc{} || end != line.data() + 8 || crc != crc32(record)) return std::nullopt;
  return record;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::uint64_t random_machine() {
  std::uint64_t value = 0;
  while (value == 0) {
    if (::getrandom(&value, sizeof value, 0) != ssize_t{sizeof value}) return 1;
  }
  return value;
}

}  // namespace

std::expected<Journal, std::string> Journal::open(const std::string& path, const std::string& boot_id) {
  Journal journal;
  journal.path_ = path;
  journal.boot_id_ = boot_id;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  const std::string bytes = text.str();
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = bytes.find('\n', at);
    const std::string_view line = std::string_view(bytes).substr(at, end - at);
    const auto record = checked(line);
    if (!record && end != bytes.npos && bytes.find('\n', end + 1) != bytes.npos) {
      return std::unexpected(fmt::format(
          "{}: byte {} is damaged in the middle of the file; the epochs that it fences cannot be known: make sure that "
          "no session runs here, then remove the file",
          path, at));
    }
    if (record) journal.apply(*record, boot_id);
    if (end == bytes.npos) break;
    at = end + 1;
  }
  if (journal.machine_ == 0) journal.machine_ = random_machine();
  if (!journal.rewrite()) {
    return std::unexpected(fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
  }
  return journal;
}

void Journal::apply(std::string_view record, const std::string& boot_id) {
  std::istringstream in{std::string(record)};
  std::string tag;
  std::string first;
  in >> tag >> first;
  if (tag == "M") {
    std::string boot;
    in >> boot;
    if (boot == boot_id) std::from_chars(first.data(), first.data() + first.size(), machine_, 16);
    return;
  }
  const auto session = session_from_hex(first);
  std::uint32_t epoch = 0;
  if (!session || !(in >> epoch)) return;
  if (tag == "E") touch(*session, core::Epoch{epoch});
  const auto process = live_.find(*session);
  const bool current = process != live_.end() && process->second.epoch.value == epoch;
  if (tag == "A" && current) process->second.answered = true;
  if (tag == "X" && current) live_.erase(process);
  if (tag != "P" || machine_ == 0) return;  // without a machine of this boot no process can be alive
  ProcessRecord p;
  p.session = *session;
  p.epoch = core::Epoch{epoch};
  std::int64_t deadline_ns = 0;
  if (!(in >> p.kind >> p.user >> p.prefix >> p.pid >> p.start_time >> p.port >> deadline_ns)) return;
  p.deadline = core::Instant{core::Duration{deadline_ns}};
  touch(*session, p.epoch);
  live_.insert_or_assign(*session, std::move(p));
}

core::Epoch Journal::highest(const core::SessionId& session) const {
  const auto it = highest_.find(session);
  return it == highest_.end() ? core::Epoch{} : it->second.epoch;
}

void Journal::touch(const core::SessionId& session, core::Epoch epoch) {
  Remembered& remembered = highest_[session];
  remembered.epoch = std::max(remembered.epoch, epoch);
  remembered.touched = ++touches_;
  if (highest_.size() > kMaxRemembered + kMaxRemembered / 8) forget_the_oldest();
}

void Journal::forget_the_oldest() {
  std::vector<std::pair<std::uint64_t, core::SessionId>> idle;
  for (const auto& [session, remembered] : highest_) {
    if (!live_.contains(session)) idle.emplace_back(remembered.touched, session);
  }
  std::ranges::sort(idle);
  for (const auto& [touched, session] : idle) {
    if (highest_.size() <= kMaxRemembered) break;
    highest_.erase(session);
  }
}

bool Journal::record_epoch(const core::SessionId& session, core::Epoch epoch) {
  if (!append(fmt::format("E {} {}", to_hex(session), epoch.value), true)) return false;
  touch(session, epoch);
  return true;
}

bool Journal::record_process(const ProcessRecord& process) {
  if (!append(text_of(process), true)) return false;
  touch(process.session, process.epoch);
  live_.insert_or_assign(process.session, process);
  return true;
}

void Journal::record_answer(const core::SessionId& session, core::Epoch epoch) {
  const auto it = live_.find(session);
  if (it == live_.end() || it->second.epoch != epoch) return;
  it->second.answered = true;
  append(fmt::format("A {} {}", to_hex(session), epoch.value), false);
}

void Journal::record_end(const core::SessionId& session, core::Epoch epoch) {
  const auto it = live_.find(session);
  if (it == live_.end() || it->second.epoch != epoch) return;
  live_.erase(it);
  append(fmt::format("X {} {}", to_hex(session), epoch.value), false);
}

bool Journal::append(const std::string& record, bool durable) {
  if (!write_all(file_.get(), line_of(record))) return false;
  if (durable && ::fdatasync(file_.get()) != 0) return false;
  if (++lines_ > kRewriteAtLines && lines_ > 4 * (highest_.size() + live_.size())) return rewrite();
  return true;
}

bool Journal::rewrite() {
  std::string text = line_of(fmt::format("M {:016x} {}", machine_, boot_id_));
  std::size_t lines = 1;
  // In the order they were last touched, so that loading forgets in the same order.
  std::vector<std::pair<std::uint64_t, core::SessionId>> order;
  for (const auto& [session, remembered] : highest_) order.emplace_back(remembered.touched, session);
  std::ranges::sort(order);
  for (const auto& [touched, session] : order) {
    text += line_of(fmt::format("E {} {}", to_hex(session), highest_.at(session).epoch.value));
    ++lines;
  }
  for (const auto& [session, process] : live_) {
    text += line_of(text_of(process));
    if (process.answered) text += line_of(fmt::format("A {} {}", to_hex(session), process.epoch.value));
    lines += 2;
  }
  const std::string beside = path_ + ".new";
  Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!file.valid() || !write_all(file.get(), text) || ::fsync(file.get()) != 0) return false;
  if (::rename(beside.c_str(), path_.c_str()) != 0) return false;
  const std::string folder = path_.substr(0, path_.rfind('/') + 1);
  const Descriptor directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid()) ::fsync(directory.get());
  file_ = std::move(file);
  lines_ = lines;
  return true;
}

}  // namespace homing::launcher
