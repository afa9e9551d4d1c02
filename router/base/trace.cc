// SPDX-License-Identifier: Apache-2.0
#include "router/base/trace.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "router/core/archive.h"
#include "router/core/check.h"

namespace homing::base {
namespace {

constexpr std::string_view kMagic = "HOMTRACE";
constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr std::uint32_t kMaxRecord = 1U << 30;
constexpr std::size_t kFrame = 9;  // type, length, checksum

enum RecordType : std::uint8_t { kEof = 0, kHeader = 1, kSnapshot = 2, kInput = 3, kEnd = 4, kCut = 255 };

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xedb88320U ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrc = crc_table();

// CRC-32 (IEEE 802.3), continued from `crc`.
std::uint32_t crc32(std::string_view bytes, std::uint32_t crc = 0) {
  crc = ~crc;
  for (const char c : bytes) crc = kCrc[(crc ^ static_cast<std::uint8_t>(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

std::string le32(std::uint32_t value) {
  std::string out(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}
std::uint32_t read_le32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
  return value;
}

template <typename T>
std::string framed(RecordType type, const T& value) {
  core::Writer writer;
  writer(value);
  std::string out(1, static_cast<char>(type));
  out += le32(static_cast<std::uint32_t>(writer.bytes().size()));
  out += writer.bytes();
  return out + le32(crc32(out));
}

template <typename T>
bool unpack(const std::string& payload, T& out) {
  core::Reader reader(payload);
  reader(out);
  return reader.ok() && reader.at_end();
}

std::string reason() {
  return std::generic_category().message(errno);
}

std::uint32_t low_half(std::uint64_t fingerprint) {
  return static_cast<std::uint32_t>(fingerprint);
}

}  // namespace

// ---- recording

struct TraceRecorder::Parts {
  ~Parts() {
    if (file != nullptr) std::fclose(file);
  }
  template <typename T>
  void put(RecordType type, const T& value) {
    buffer += framed(type, value);
    if (buffer.size() >= kBufferBytes) flush();
  }
  void flush() {
    if (file == nullptr || buffer.empty()) return;
    const bool good = std::fwrite(buffer.data(), 1, buffer.size(), file) == buffer.size() && std::fflush(file) == 0;
    written += buffer.size();
    buffer.clear();
    if (good) return;
    stop(fmt::format("trace {}: cannot be written ({}); recording stopped", path, reason()));
  }
  void stop(std::string why) {
    stopped = std::move(why);
    if (file != nullptr) std::fclose(file);
    file = nullptr;
    buffer.clear();
  }
  void snapshot(const core::Core& core) {
    put(kSnapshot, TraceSnapshot{position, core.fingerprint(), core.snapshot()});
  }

  std::string path;
  TraceOptions options;
  std::FILE* file = nullptr;
  std::string buffer;
  std::uint64_t written = 0;
  std::uint64_t position = 0;
  std::optional<std::string> stopped;
};

TraceRecorder::TraceRecorder(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TraceRecorder::TraceRecorder(TraceRecorder&&) noexcept = default;
TraceRecorder& TraceRecorder::operator=(TraceRecorder&&) noexcept = default;
TraceRecorder::~TraceRecorder() {
  if (parts_) parts_->flush();
}

std::expected<TraceRecorder, std::string> TraceRecorder::create(const std::string& path, TraceOptions options,
                                                                const core::Core& core) {
  CHECK(options.snapshot_every > 0);
  auto parts = std::make_unique<Parts>();
  std::error_code ignored;
  const bool is_file = std::filesystem::is_regular_file(path, ignored);  // never move a device or a pipe
  if (is_file && std::rename(path.c_str(), (path + ".previous").c_str()) != 0) {
    return std::unexpected(fmt::format("trace {}: cannot be moved aside ({})", path, reason()));
  }
  parts->file = std::fopen(path.c_str(), "wbe");
  if (parts->file == nullptr) return std::unexpected(fmt::format("trace {}: cannot be created ({})", path, reason()));
  parts->path = path;
  parts->options = std::move(options);
  parts->buffer = kMagic;
  const TraceOptions& chosen = parts->options;
  parts->put(kHeader, TraceHeader{kTraceFormat, chosen.build, chosen.node, chosen.wall_start, 0});
  parts->snapshot(core);
  parts->flush();
  if (parts->stopped) return std::unexpected(*parts->stopped);
  return TraceRecorder(std::move(parts));
}

void TraceRecorder::input(const core::Core& core, const TraceInput& input) {
  Parts& in = *parts_;
  if (in.file == nullptr) return;
  if (in.written + in.buffer.size() >= in.options.limit) {
    in.put(kEnd, TraceEnd{in.position, core.fingerprint(), "limit"});
    in.flush();
    if (in.file != nullptr) in.stop(fmt::format("trace {}: trace-limit is reached; recording stopped", in.path));
    return;
  }
  if (in.position > 0 && in.position % in.options.snapshot_every == 0) in.snapshot(core);
  in.put(kInput, input);
  ++in.position;
}

void TraceRecorder::event(const core::Core& core, core::Instant now, const core::Event& event) {
  if (parts_->file != nullptr) input(core, TraceInput{now, low_half(core.fingerprint()), event});
}

void TraceRecorder::deadline(const core::Core& core, core::Instant now) {
  if (parts_->file != nullptr) input(core, TraceInput{now, low_half(core.fingerprint()), std::nullopt});
}

void TraceRecorder::flush() {
  parts_->flush();
}

void TraceRecorder::finish(const core::Core& core) {
  Parts& in = *parts_;
  if (in.file == nullptr) return;
  in.put(kEnd, TraceEnd{in.position, core.fingerprint(), "finished"});
  in.flush();
  if (in.file != nullptr) std::fclose(in.file);
  in.file = nullptr;
}

std::uint64_t TraceRecorder::position() const {
  return parts_->position;
}
const std::optional<std::string>& TraceRecorder::stopped() const {
  return parts_->stopped;
}

// ---- reading

std::expected<TraceReader, std::string> TraceReader::open(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return std::unexpected(fmt::format("{}: cannot be read: {}", path, reason()));
  TraceReader reader(file, path);
  std::string magic(kMagic.size(), '\0');
  if (std::fread(magic.data(), 1, magic.size(), file) != magic.size() || magic != kMagic) {
    return std::unexpected(fmt::format("{}: is no trace; expected a file that trace = \"FILE\" recorded", path));
  }
  reader.offset_ = kMagic.size();
  const auto first = reader.record();
  if (!first) return std::unexpected(first.error());
  core::Reader fields(first->second);
  if (first->first == kHeader) fields(reader.header_.format);
  if (first->first != kHeader || !fields.ok()) return std::unexpected(path + ": has no header");
  if (reader.header_.format != kTraceFormat) {
    return std::unexpected(
        fmt::format("{}: has trace format {}, this program knows {}; replay it with the build that "
                    "recorded it",
                    path, reader.header_.format, kTraceFormat));
  }
  if (!unpack(first->second, reader.header_)) return std::unexpected(path + ": has a header that cannot be read");
  return reader;
}

std::expected<std::pair<std::uint8_t, std::string>, std::string> TraceReader::record() {
  using Result = std::pair<std::uint8_t, std::string>;
  std::string frame(5, '\0');
  const std::size_t got = std::fread(frame.data(), 1, frame.size(), file_.get());
  if (got == 0) return Result(kEof, "");
  if (got < frame.size()) return Result(kCut, "");
  const std::uint32_t length = read_le32(std::string_view(frame).substr(1));
  if (length > kMaxRecord) {
    return std::unexpected(fmt::format("{}: record at offset {}: impossible length {}", path_, offset_, length));
  }
  std::string rest(length + 4U, '\0');
  if (std::fread(rest.data(), 1, rest.size(), file_.get()) != rest.size()) return Result(kCut, "");
  std::string payload = rest.substr(0, length);
  if (crc32(payload, crc32(frame)) != read_le32(std::string_view(rest).substr(length))) {
    return std::unexpected(
        fmt::format("{}: record at offset {}: checksum is wrong; the file is damaged", path_, offset_));
  }
  offset_ += kFrame + length;
  return Result(static_cast<std::uint8_t>(frame[0]), std::move(payload));
}

std::expected<TraceRecord, std::string> TraceReader::next() {
  const std::uint64_t at = offset_;
  const auto raw = record();
  if (!raw) return std::unexpected(raw.error());
  const auto decoded = [&]<typename T>(T value) -> std::expected<TraceRecord, std::string> {
    if (unpack(raw->second, value)) return TraceRecord(std::move(value));
    return std::unexpected(fmt::format("{}: record at offset {}: cannot be decoded", path_, at));
  };
  switch (raw->first) {
    case kEof:
      return TraceRecord(TraceEof{});
    case kCut:
      return TraceRecord(TraceCut{at});
    case kSnapshot:
      return decoded(TraceSnapshot{});
    case kInput:
      return decoded(TraceInput{});
    case kEnd:
      return decoded(TraceEnd{});
    default:
      return std::unexpected(fmt::format("{}: record at offset {}: unknown type {}", path_, at, raw->first));
  }
}

std::expected<TraceSnapshot, std::string> TraceReader::seek(std::uint64_t position, std::uint64_t* record_offset) {
  while (true) {
    const std::uint64_t at = offset_;
    auto record = next();
    if (!record) return std::unexpected(record.error());
    if (auto* snapshot = std::get_if<TraceSnapshot>(&*record)) {
      if (snapshot->position < position) continue;
      if (record_offset != nullptr) *record_offset = at;
      return std::move(*snapshot);
    }
    if (!std::holds_alternative<TraceInput>(*record)) {
      return std::unexpected(fmt::format("{}: has no snapshot at or after position {}", path_, position));
    }
  }
}

std::expected<std::uint64_t, std::string> cut_trace(const std::string& from, const std::string& to,
                                                    std::uint64_t position) {
  auto reader = TraceReader::open(from);
  if (!reader) return std::unexpected(reader.error());
  std::uint64_t offset = 0;
  const auto snapshot = reader->seek(position, &offset);
  if (!snapshot) return std::unexpected(snapshot.error());
  TraceHeader header = reader->header();
  header.cut_at = snapshot->position;
  std::ifstream in(from, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  std::ofstream out(to, std::ios::binary | std::ios::trunc);
  out << kMagic << framed(kHeader, header) << in.rdbuf() << std::flush;
  if (!in || !out) return std::unexpected(fmt::format("{}: cannot be written: {}", to, reason()));
  return snapshot->position;
}

}  // namespace homing::base
