// SPDX-License-Identifier: Apache-2.0
//
// One line of the access log: what a request was, where it went, where its time went, and who ended it.
//
// Two forms. JSON, one object a line, always the same members in the same order (`null`: never got that far). And the
// combined format of Apache and nginx, for tools that know only that, with the request id and the end behind it.
//
// Intuition: a log is read by people who look for one request, and by programs that trust its syntax. So every text a
// client can choose is escaped for both (control bytes, quotes, bytes that are no UTF-8) and cut at a maximum, and what
// may be a secret is not in it: of a query only the names, of a Referer neither query nor fragment, never a cookie.
//
// Times are split as HAProxy splits them, in microseconds. `end` is its termination state in words: who ended it, in
// which phase. Nothing here allocates but the growth of `out`.
// Sources: HAProxy's configuration manual, sections 8.2.3 and 8.5; Apache's mod_log_config.
// Thread class: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace homing::net {

// Who ended a request or a tunnel. kNobody: it ran to its end.
enum class EndedBy : std::uint8_t {
  kNobody = 0,
  kClient,
  kProcess,   // the session process
  kPeer,      // the router it was handed to
  kRouter,    // this one: refused, a limit, no answer in time
  kOperator,  // killed, drained, shut down
};
// In which phase it ended.
enum class EndPhase : std::uint8_t {
  kHead = 0,  // reading the request's head
  kQueue,     // waiting for the session: queue, start, resume
  kConnect,
  kRequestBody,
  kFirstByte,  // waiting for the answer
  kAnswerBody,
  kTunnel,
};
std::string_view to_string(EndedBy who);
std::string_view to_string(EndPhase phase);

inline constexpr std::int64_t kNotReached = -1;

// In microseconds, each from the end of the one before.
struct AccessTimes {
  std::int64_t received = kNotReached;    // from the head's first byte to its last
  std::int64_t queued = kNotReached;      // until the session was ready to be asked
  std::int64_t connected = kNotReached;   // until there was a connection to it; 0: one was reused
  std::int64_t first_byte = kNotReached;  // until the answer's head was there
  std::int64_t total = kNotReached;       // from the head's first byte to the end of everything
};

// Texts are the caller's and are read during the call only.
struct AccessRecord {
  std::int64_t began_ns = 0;  // wall time, nanoseconds since 1970
  std::string_view request;   // id
  std::string_view client;    // address
  std::string_view user;
  std::string_view session;
  std::string_view kind;
  std::string_view node;  // where it was served
  std::string_view door;  // public, trusted, cluster
  std::string_view hop;   // here, a peer's name, none
  std::string_view method;
  std::string_view host;
  std::string_view target;    // as it came; its query is taken out here
  std::string_view protocol;  // HTTP/1.1; of a tunnel also what it was upgraded to
  unsigned status = 0;        // 0: no answer
  AccessTimes times;
  std::uint64_t bytes_up = 0;    // of bodies and tunnels, from the client
  std::uint64_t bytes_down = 0;  // to the client
  EndedBy ended_by = EndedBy::kNobody;
  EndPhase ended_in = EndPhase::kAnswerBody;
  std::string_view detail;  // why, in words for the admin
  unsigned retries = 0;
  std::string_view referer;
  std::string_view user_agent;
};

// Longest text of a member, in bytes; the rest is cut and "..." says so.
inline constexpr std::size_t kMaxLoggedText = 1024;

// `client before the first byte`, or `done`.
void append_end(EndedBy who, EndPhase phase, std::string& out);

// A whole line without its line feed.
void append_json(const AccessRecord& record, std::string& out);
void append_combined(const AccessRecord& record, std::string& out);

// The path of a target and the names of its query, `?a=*&b=*`: values are left out.
void append_without_query_values(std::string_view target, std::string& out);

}  // namespace homing::net
