// SPDX-License-Identifier: Apache-2.0
//
// The trace reader: a good trace of a small core is made once; the bytes say which records to spoil, and the records
// get their checksums back, so that what is tried is the decoding and not the checksum. The reader must walk the file
// to its end or say what is wrong; a damaged snapshot is refused or is a whole core.
#include <array>
#include <variant>
#include <vector>

#include "router/base/memory_store.h"
#include "router/base/trace.h"
#include "router/core/check.h"
#include "router/core/core.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace homing;

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const char c : bytes) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = (crc & 1U) != 0 ? 0xedb88320U ^ (crc >> 1) : crc >> 1;
  }
  return ~crc;
}

std::string le32(std::uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

// A core that joins, starts a session and lives for a while, its store calls answered at once.
std::string good_trace() {
  const std::string path = fuzz::scratch_folder() + "/good.trace";
  core::Config config;
  config.kinds.push_back({.name = "notepad"});
  core::Core subject(core::NodeId(0), config);
  base::MemoryStore store;
  base::TraceOptions options;
  options.snapshot_every = 16;
  auto recorder = base::TraceRecorder::create(path, options, subject);
  CHECK(recorder.has_value());
  core::Instant now{core::seconds(1000)};
  std::vector<core::Event> waiting = {core::Boot{.machine = 7}, core::LauncherUp{}};
  for (int turn = 0; turn < 120; ++turn) {
    if (turn == 40)
      waiting.push_back(core::SessionWanted{core::RequestId(1), {5, 6}, core::UserId(9), {}, core::Intent::kStart});
    if (waiting.empty() && subject.next_deadline() == core::kNever) break;
    if (waiting.empty()) {
      now = std::max(now, subject.next_deadline());
      recorder->deadline(subject, now);
      subject.handle_deadline(now);
    } else {
      const core::Event event = waiting.front();
      waiting.erase(waiting.begin());
      recorder->event(subject, now, event);
      subject.handle(now, event);
    }
    for (const core::Effect& effect : subject.effects()) {
      if (const auto* read = std::get_if<core::ReadSince>(&effect)) {
        waiting.push_back(std::get<core::Rows>(store.read_since(*read)));
      } else if (const auto* write = std::get_if<core::CompareAndSet>(&effect)) {
        std::visit([&](auto&& answer) { waiting.push_back(answer); }, store.compare_and_set(*write));
      } else if (const auto* start = std::get_if<core::StartSession>(&effect)) {
        waiting.push_back(core::SessionStarted{start->session, start->epoch});
      }
    }
    subject.clear_effects();
  }
  recorder->finish(subject);
  return fuzz::read_file(path);
}

struct Frame {
  char type = 0;
  std::string payload;
};

struct Parts {
  std::string magic;
  std::vector<Frame> frames;
};

// Taken apart by the format that trace.cc writes: magic, then (type, length, payload, checksum).
Parts parts_of(const std::string& bytes) {
  Parts parts;
  parts.magic = bytes.substr(0, 8);
  for (std::size_t at = parts.magic.size(); at + 9 <= bytes.size();) {
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < 4; ++i)
      length |= std::uint32_t{static_cast<std::uint8_t>(bytes[at + 1 + i])} << (8 * i);
    parts.frames.push_back({bytes[at], bytes.substr(at + 5, length)});
    at += 9 + length;
  }
  CHECK(parts.frames.size() > 20);
  return parts;
}

std::string joined(const Parts& parts) {
  std::string bytes = parts.magic;
  for (const Frame& frame : parts.frames) {
    const std::string body =
        std::string(1, frame.type) + le32(static_cast<std::uint32_t>(frame.payload.size())) + frame.payload;
    bytes += body + le32(crc32(body));
  }
  return bytes;
}

void walk(const std::string& path) {
  auto reader = base::TraceReader::open(path);
  if (!reader) {
    CHECK(!reader.error().empty());
    return;
  }
  for (;;) {
    const auto record = reader->next();
    if (!record || std::holds_alternative<base::TraceEof>(*record) || std::holds_alternative<base::TraceCut>(*record))
      break;
    if (const auto* snapshot = std::get_if<base::TraceSnapshot>(&*record)) {
      const auto restored = core::Core::restore(snapshot->core);
      if (restored) (void)restored->snapshot();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Parts kGood = parts_of(good_trace());
  fuzz::Bytes input(data, size);
  Parts parts = kGood;
  bool raw = false;
  for (int i = 0; i < 16 && !input.empty(); ++i) {
    const std::uint32_t which = input.number(1);
    raw = raw || which == 255;
    Frame& frame = parts.frames[which % parts.frames.size()];
    if (which % 16 == 15) frame.type = static_cast<char>(input.number(1));
    fuzz::spoil(frame.payload, input);
  }
  std::string bytes = joined(parts);
  if (raw) fuzz::spoil(bytes, input);
  const std::string path = fuzz::scratch_folder() + "/spoiled.trace";
  fuzz::write_file(path, bytes);
  walk(path);
  return 0;
}
