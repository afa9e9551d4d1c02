// SPDX-License-Identifier: Apache-2.0
//
// What a router and its node's launcher say to each other over a Unix socket.
//
// Intuition: the launcher is the small privileged half. A router may only name things (session, epoch, a kind that the
// launcher knows from its own configuration file); a command line never crosses this socket.
//
// Framing: u32 length (little-endian, of what follows), u8 message number, fields. Integers little-endian, strings and
// lists with a u32 length. Both ends refuse frames above their maximum and text that is not plain; a refused request
// closes the connection.
//
// Order: the client says Hello; the launcher answers Welcome, then Inventory (all it has, the recently ended included);
// from then on events come as things happen, to every connected router. A request has no answer of its own: Start is
// answered by Started or Failed, Kill by Ended, Freeze and Thaw by Frozen. Events of an epoch come in order, Ended
// last. No event is kept for a router that is away: the Inventory at the next Hello says the rest.
//
// Thread class: plain values and pure functions; FrameReader is thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "router/core/ids.h"
#include "router/core/instant.h"

namespace homing::launcher {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::size_t kMaxRequestBytes = 16 * 1024;
inline constexpr std::size_t kMaxEventBytes = 8 * 1024 * 1024;
inline constexpr std::size_t kMaxTextBytes = 4 * 1024;   // any one string
inline constexpr std::size_t kMaxListItems = 16 * 1024;  // sessions in one Inventory

// Name of the launcher's socket below the node's state directory.
inline constexpr std::string_view kSocketName = "launcher.sock";

// ---------------------------------------------------------------- requests

struct Hello {
  std::uint32_t version = kProtocolVersion;
  std::string client;  // for the log: "homing-router n1, pid 4711"
  friend bool operator==(const Hello&, const Hello&) = default;
  template <class A>
  void archive(A& a) {
    a(version, client);
  }
};

struct Limits {
  std::uint64_t memory_bytes = 0;  // 0: none. Of each process (RLIMIT_DATA); of the whole session once cgroups are used
  friend bool operator==(const Limits&, const Limits&) = default;
  template <class A>
  void archive(A& a) {
    a(memory_bytes);
  }
};

// Start an epoch of a session. Refused unless its epoch is above every epoch of the session ever started here and the
// lease holds. `prefix` is the session's path, "/s/ID/": it begins and ends with '/'.
struct Start {
  core::SessionId session;
  core::Epoch epoch{};
  std::string kind;
  std::string user;
  std::string prefix;
  Limits limits;
  core::Instant deadline =
      core::kNever;  // CLOCK_BOOTTIME; an unfinished start is killed then. kNever: the kind's time-out.
  friend bool operator==(const Start&, const Start&) = default;
  template <class A>
  void archive(A& a) {
    a(session, epoch, kind, user, prefix, limits, deadline);
  }
};

// End an epoch: SIGTERM to its scope, SIGKILL after the kind's grace. An epoch that was never seen counts as seen
// afterwards, so that a Start overtaken by its Kill is refused.
struct Kill {
  core::SessionId session;
  core::Epoch epoch{};
  std::string reason;  // one sentence, for the log and for Ended
  friend bool operator==(const Kill&, const Kill&) = default;
  template <class A>
  void archive(A& a) {
    a(session, epoch, reason);
  }
};

struct Freeze {
  core::SessionId session;
  core::Epoch epoch{};
  friend bool operator==(const Freeze&, const Freeze&) = default;
  template <class A>
  void archive(A& a) {
    a(session, epoch);
  }
};

struct Thaw {
  core::SessionId session;
  core::Epoch epoch{};
  friend bool operator==(const Thaw&, const Thaw&) = default;
  template <class A>
  void archive(A& a) {
    a(session, epoch);
  }
};

// The node's right to act ends at `until` on CLOCK_BOOTTIME (router and launcher share the machine, so they share the
// clock, and no time is lost or won in the socket). Past it the launcher freezes `freeze` kinds, kills unfinished
// starts and starts nothing, until a later deadline comes. Only Thaw thaws: the router first makes sure that the epoch
// still stands.
struct LeaseDeadline {
  core::Instant until{};
  friend bool operator==(const LeaseDeadline&, const LeaseDeadline&) = default;
  template <class A>
  void archive(A& a) {
    a(until);
  }
};

struct AskInventory {
  friend bool operator==(const AskInventory&, const AskInventory&) = default;
  template <class A>
  void archive(A&) {}
};

// End every session, as Kill would; what `homing-launcher --stop-sessions` sends. The launcher itself goes on.
struct StopSessions {
  std::string reason;
  friend bool operator==(const StopSessions&, const StopSessions&) = default;
  template <class A>
  void archive(A& a) {
    a(reason);
  }
};

using Request = std::variant<Hello, Start, Kill, Freeze, Thaw, LeaseDeadline, AskInventory, StopSessions>;

// ---------------------------------------------------------------- events

// Where a session's HTTP server listens: a Unix socket (path not empty), else a port of 127.0.0.1, which a per-session
// secret protects; the router sends the secret as the kind says, nobody else learns it.
struct Endpoint {
  std::string unix_path;
  std::uint16_t port = 0;
  std::string secret;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
  template <class A>
  void archive(A& a) {
    a(unix_path, port, secret);
  }
};

struct Welcome {
  std::uint32_t version = kProtocolVersion;
  std::string node;
  // Names this machine's boot and the launcher's set of sessions: kept when the launcher restarts and re-adopts,
  // another one when the machine restarted or the launcher's state was lost, that is, when no earlier session can be
  // alive here.
  std::uint64_t machine = 0;
  core::Instant lease_until{};  // last lease deadline known; in the past: expired or none
  friend bool operator==(const Welcome&, const Welcome&) = default;
  template <class A>
  void archive(A& a) {
    a(version, node, machine, lease_until);
  }
};

struct Started {
  core::SessionId session;
  core::Epoch epoch{};
  Endpoint endpoint;
  friend bool operator==(const Started&, const Started&) = default;
  template <class A>
  void archive(A& a) {
    a(session, epoch, endpoint);
  }
};

enum class FailReason : std::uint8_t {
  kOldEpoch = 0,     // this or a higher epoch was started (or killed) here before
  kNoLease = 1,      // the node's lease deadline has passed, or none is known
  kUnknownKind = 2,  // the launcher's configuration has no such kind
  kFull = 3,         // the launcher's own maximum of sessions
  kCommand = 4,      // the command is missing, not executable, or ended before it answered
  kTimeout = 5,      // it did not answer in time
  kKilled = 6,       // ended on request before it answered
  kLeaseLost = 7,    // the lease deadline passed before it answered
};

struct Failed {
  core::SessionId session;
  core::Epoch epoch{};
  FailReason reason = FailReason::kCommand;
  std::string text;  // one sentence with the fix; the last lines of its log may follow
  friend bool operator==(const Failed&, const Failed&) = default;
  template <class A>
  void archive(A& a) {
    a(session, epoch, reason, text);
  }
};

// A session that had started is over.
struct Ended {
  core::SessionId session;
  core::Epoch epoch{};
  bool on_request = false;        // Kill or StopSessions
  std::int32_t exit_status = -1;  // -1: unknown (it ended by a signal, or while it was nobody's child)
  std::int32_t signal = 0;        // 0: none, or unknown
  std::string text;               // one sentence
  friend bool operator==(const Ended&, const Ended&) = default;
  template <class A>
  void archive(A& a) {
    a(session, epoch, on_request, exit_status, signal, text);
  }
};

struct Frozen {
  core::SessionId session;
  core::Epoch epoch{};
  bool frozen = false;  // false: thawed
  friend bool operator==(const Frozen&, const Frozen&) = default;
  template <class A>
  void archive(A& a) {
    a(session, epoch, frozen);
  }
};

enum class ProcessState : std::uint8_t { kStarting = 0, kRunning = 1, kFrozen = 2, kStopping = 3, kEnded = 4 };

struct SessionInfo {
  core::SessionId session;
  core::Epoch epoch{};
  ProcessState state = ProcessState::kStarting;
  std::string kind;
  std::string user;
  std::string prefix;
  Endpoint endpoint;  // filled while kRunning or kFrozen
  std::int32_t pid = 0;
  std::uint64_t cpu_ns = 0;  // of its process group, so far
  std::uint64_t resident_bytes = 0;
  std::string text;  // kEnded: how
  friend bool operator==(const SessionInfo&, const SessionInfo&) = default;
  template <class A>
  void archive(A& a) {
    a(session, epoch, state, kind, user, prefix, endpoint, pid, cpu_ns, resident_bytes, text);
  }
};

struct Inventory {
  std::vector<SessionInfo> sessions;  // ordered by (session, epoch)
  friend bool operator==(const Inventory&, const Inventory&) = default;
  template <class A>
  void archive(A& a) {
    a(sessions);
  }
};

// The request was not understood or is not allowed; the launcher closes the connection after it.
struct Refused {
  std::string text;
  friend bool operator==(const Refused&, const Refused&) = default;
  template <class A>
  void archive(A& a) {
    a(text);
  }
};

using Event = std::variant<Welcome, Started, Failed, Ended, Frozen, Inventory, Refused>;

// ---------------------------------------------------------------- codec

// A whole frame, length included.
std::string encode(const Request& request);
std::string encode(const Event& event);

// `payload` is a frame without its length. Errors are one sentence. Contents are checked too: a kind or user name is
// plain ([A-Za-z0-9._@-], not empty, at most 64), a prefix is a plain path.
std::expected<Request, std::string> decode_request(std::string_view payload);
std::expected<Event, std::string> decode_event(std::string_view payload);

// Cuts a byte stream into frames.
class FrameReader {
 public:
  explicit FrameReader(std::size_t max_frame_bytes) : max_frame_bytes_(max_frame_bytes) {}

  void append(std::string_view bytes) { buffer_.append(bytes); }

  // The next whole frame's payload, nothing when more bytes are needed, or an error (an oversized or empty frame).
  std::expected<std::optional<std::string>, std::string> next();

 private:
  std::size_t max_frame_bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;
};

// "0123456789abcdef0123456789abcdef": how the launcher spells a session id in file names and logs.
std::string to_hex(const core::SessionId& id);
std::optional<core::SessionId> session_from_hex(std::string_view text);

std::string_view to_string(FailReason reason);
std::string_view to_string(ProcessState state);

}  // namespace homing::launcher
