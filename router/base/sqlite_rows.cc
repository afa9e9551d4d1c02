// SPDX-License-Identifier: Apache-2.0
#include "router/base/sqlite_rows.h"

#include <fmt/format.h>

#include <cstdint>

#include "router/base/store.h"
#include "router/core/check.h"

namespace homing::base {

const char* const kStoreSchema = R"sql(
CREATE TABLE store (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  timeline TEXT NOT NULL,      -- identity of this history
  version INTEGER NOT NULL,    -- number of the newest commit
  inode INTEGER NOT NULL       -- of this file; another one means it was restored from a copy
);
CREATE TABLE node (
  version INTEGER NOT NULL,
  node INTEGER PRIMARY KEY,
  incarnation INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  lease INTEGER NOT NULL,
  life TEXT NOT NULL,
  admin TEXT NOT NULL,
  declared_by INTEGER,
  labels INTEGER NOT NULL,
  weight INTEGER NOT NULL,
  max_sessions INTEGER NOT NULL,
  machine TEXT NOT NULL,
  load1_milli INTEGER NOT NULL,
  load5_milli INTEGER NOT NULL,
  load15_milli INTEGER NOT NULL,
  cores_milli INTEGER NOT NULL,
  memory_total_bytes INTEGER NOT NULL,
  memory_available_bytes INTEGER NOT NULL,
  sessions INTEGER NOT NULL,
  counted_version INTEGER NOT NULL
);
CREATE TABLE session (
  version INTEGER NOT NULL,
  session TEXT PRIMARY KEY,
  user TEXT NOT NULL,
  kind INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  node INTEGER,
  incarnation INTEGER NOT NULL,
  previous_node INTEGER,
  claimed_version INTEGER NOT NULL,
  timeout_ns INTEGER NOT NULL,
  attempt INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE user (
  version INTEGER NOT NULL,
  user TEXT PRIMARY KEY,
  live_sessions INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE queue (
  version INTEGER NOT NULL,
  session TEXT PRIMARY KEY,
  user TEXT NOT NULL,
  kind INTEGER NOT NULL,
  ticket_version INTEGER NOT NULL,
  asked INTEGER NOT NULL,
  waiting INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE user_name (
  user TEXT PRIMARY KEY,
  name TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX node_version ON node (version);
CREATE INDEX session_version ON session (version);
CREATE INDEX user_version ON user (version);
CREATE INDEX queue_version ON queue (version);
)sql";

const std::array<RowTable, kRowKinds> kRowTables = {
    RowTable{"node", "node",
             "version, node, incarnation, generation, lease, life, admin, declared_by, labels, weight, max_sessions, "
             "machine, load1_milli, load5_milli, load15_milli, cores_milli, memory_total_bytes, "
             "memory_available_bytes, sessions, counted_version",
             20},
    RowTable{"session", "session",
             "version, session, user, kind, state, reason, epoch, node, incarnation, previous_node, claimed_version, "
             "timeout_ns, attempt",
             13},
    RowTable{"user", "user", "version, user, live_sessions", 3},
    RowTable{"queue", "session", "version, session, user, kind, ticket_version, asked, waiting", 7},
};

namespace {

constexpr const char* kStates[] = {"placed", "starting", "ready", "suspended", "ended", "lost", "refused"};
constexpr const char* kReasons[] = {"none",          "owner",        "idle",          "drained",   "process-exited",
                                    "out-of-memory", "node-dead",    "process-gone",  "node-full", "start-failed",
                                    "start-timeout", "not-accepted", "launcher-away", "fenced"};
constexpr const char* kLives[] = {"up", "left", "dead"};
constexpr const char* kAdmins[] = {"ready", "drain", "maintenance"};

template <typename E, std::size_t N>
const char* word_of(E value, const char* const (&words)[N]) {
  const auto index = static_cast<std::size_t>(value);
  CHECK(index < N);
  return words[index];
}

template <typename E, std::size_t N>
bool read_word(const std::string& text, const char* const (&words)[N], E& out) {
  for (std::size_t i = 0; i < N; ++i) {
    if (text != words[i]) continue;
    out = static_cast<E>(i);
    return true;
  }
  return false;
}

// Binds one column after the other.
class Binder {
 public:
  explicit Binder(Statement& statement) : statement_(statement) {}
  template <typename T>
  Binder& number(T value) {
    statement_.bind(++index_, static_cast<std::int64_t>(value));
    return *this;
  }
  Binder& text(std::string_view value) {
    statement_.bind(++index_, value);
    return *this;
  }
  Binder& node(core::NodeId value) {
    if (value == core::kNoNode) {
      statement_.bind_null(++index_);
    } else {
      number(value.value);
    }
    return *this;
  }

 private:
  Statement& statement_;
  int index_ = 0;
};

class Columns {
 public:
  explicit Columns(const Statement& statement) : statement_(statement) {}
  template <typename T>
  T number() {
    return static_cast<T>(statement_.integer(index_++));
  }
  std::string text() { return statement_.text(index_++); }
  core::NodeId node() {
    const int column = index_++;
    return statement_.is_null(column) ? core::kNoNode
                                      : core::NodeId(static_cast<std::uint32_t>(statement_.integer(column)));
  }

 private:
  const Statement& statement_;
  int index_ = 0;
};

bool read_node(Columns& in, core::NodeRow& row) {
  row.node = core::NodeId(in.number<std::uint32_t>());
  row.incarnation = core::Incarnation(in.number<std::uint32_t>());
  row.generation = in.number<std::uint32_t>();
  row.lease = in.number<std::uint64_t>();
  const bool life = read_word(in.text(), kLives, row.life);
  const bool admin = read_word(in.text(), kAdmins, row.admin);
  row.declared_by = in.node();
  row.labels = in.number<std::uint64_t>();
  row.weight = in.number<std::uint32_t>();
  row.max_sessions = in.number<std::uint32_t>();
  row.machine = parse_hex64(in.text());
  row.load.load1_milli = in.number<std::uint32_t>();
  row.load.load5_milli = in.number<std::uint32_t>();
  row.load.load15_milli = in.number<std::uint32_t>();
  row.load.cores_milli = in.number<std::uint32_t>();
  row.load.memory_total = in.number<std::uint64_t>();
  row.load.memory_available = in.number<std::uint64_t>();
  row.load.sessions = in.number<std::uint32_t>();
  row.load.counted = core::Version(in.number<std::uint64_t>());
  return life && admin;
}

bool read_session(Columns& in, core::SessionRow& row) {
  const bool id = from_hex(in.text(), row.session);
  row.user = core::UserId(parse_hex64(in.text()));
  row.kind = core::KindId(in.number<std::uint16_t>());
  const bool state = read_word(in.text(), kStates, row.state);
  const bool reason = read_word(in.text(), kReasons, row.reason);
  row.epoch = core::Epoch(in.number<std::uint32_t>());
  row.node = in.node();
  row.incarnation = core::Incarnation(in.number<std::uint32_t>());
  row.previous_node = in.node();
  row.claimed = core::Version(in.number<std::uint64_t>());
  row.timeout = core::Duration(in.number<std::int64_t>());
  row.attempt = in.number<std::uint8_t>();
  return id && state && reason;
}

}  // namespace

std::string hex64(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

std::uint64_t parse_hex64(const std::string& text) {
  core::SessionId id;
  return text.size() == 16 && from_hex("0000000000000000" + text, id) ? id.lo : 0;
}

void bind_key(Statement& statement, int index, const core::RowKey& key) {
  switch (key.kind) {
    case core::RowKind::kNode:
      statement.bind(index, static_cast<std::int64_t>(key.lo));
      return;
    case core::RowKind::kUser:
      statement.bind(index, hex64(key.lo));
      return;
    case core::RowKind::kSession:
    case core::RowKind::kQueue:
      statement.bind(index, to_hex(core::SessionId{key.hi, key.lo}));
      return;
  }
}

void bind_row(Statement& statement, const core::Row& any, core::Version version) {
  Binder out(statement);
  out.number(version.value);
  if (const auto* node = std::get_if<core::NodeRow>(&any)) {
    out.number(node->node.value).number(node->incarnation.value).number(node->generation).number(node->lease);
    out.text(word_of(node->life, kLives)).text(word_of(node->admin, kAdmins)).node(node->declared_by);
    out.number(node->labels).number(node->weight).number(node->max_sessions).text(hex64(node->machine));
    out.number(node->load.load1_milli).number(node->load.load5_milli).number(node->load.load15_milli);
    out.number(node->load.cores_milli).number(node->load.memory_total).number(node->load.memory_available);
    out.number(node->load.sessions).number(node->load.counted.value);
  } else if (const auto* session = std::get_if<core::SessionRow>(&any)) {
    out.text(to_hex(session->session)).text(hex64(session->user.value)).number(session->kind.value);
    out.text(word_of(session->state, kStates)).text(word_of(session->reason, kReasons)).number(session->epoch.value);
    out.node(session->node).number(session->incarnation.value).node(session->previous_node);
    out.number(session->claimed.value).number(session->timeout.count()).number(session->attempt);
  } else if (const auto* user = std::get_if<core::UserRow>(&any)) {
    out.text(hex64(user->user.value)).number(user->live);
  } else {
    const auto& queued = std::get<core::QueueRow>(any);
    out.text(to_hex(queued.session)).text(hex64(queued.user.value)).number(queued.kind.value);
    out.number(queued.ticket.value).number(queued.asked).number(queued.waiting ? 1 : 0);
  }
}

bool read_row(const Statement& statement, core::RowKind kind, core::VersionedRow& out) {
  Columns in(statement);
  out.version = core::Version(in.number<std::uint64_t>());
  switch (kind) {
    case core::RowKind::kNode:
      return read_node(in, out.row.emplace<core::NodeRow>());
    case core::RowKind::kSession:
      return read_session(in, out.row.emplace<core::SessionRow>());
    case core::RowKind::kUser: {
      auto& row = out.row.emplace<core::UserRow>();
      row.user = core::UserId(parse_hex64(in.text()));
      row.live = in.number<std::uint32_t>();
      return true;
    }
    case core::RowKind::kQueue: {
      auto& row = out.row.emplace<core::QueueRow>();
      const bool id = from_hex(in.text(), row.session);
      row.user = core::UserId(parse_hex64(in.text()));
      row.kind = core::KindId(in.number<std::uint16_t>());
      row.ticket = core::Version(in.number<std::uint64_t>());
      row.asked = in.number<std::uint64_t>();
      row.waiting = in.number<int>() != 0;
      return id;
    }
  }
  return false;
}

}  // namespace homing::base
