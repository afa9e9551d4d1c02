// SPDX-License-Identifier: Apache-2.0
#include "router/base/sqlite_store.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "router/base/file_system.h"
#include "router/base/sqlite.h"
#include "router/base/sqlite_rows.h"
#include "router/core/check.h"

namespace homing::base {
namespace {

constexpr std::int64_t kApplicationId = 0x486f6d67;  // "Homg": `file` and we recognise a store by it

// A new identity for a history; never 0, which means "any".
std::uint64_t random_timeline() {
  std::uint64_t value = 0;
  while (value == 0) CHECK(::getrandom(&value, sizeof value, 0) == static_cast<ssize_t>(sizeof value));
  return value;
}

std::int64_t inode_of(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<std::int64_t>(info.st_ino) : 0;
}

// Turning WAL on may say busy at once, whatever the busy timeout; others may be doing the same.
bool use_wal(Sqlite& db, int timeout_ms) {
  for (int waited = 0;; waited += 10) {
    if (db.query_text("PRAGMA journal_mode = WAL") == "wal") return true;
    if (waited >= timeout_ms) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// Creates or recognises the schema, inside a write transaction. Returns what is wrong, or nothing.
std::optional<std::string> prepare_schema(Sqlite& db) {
  const std::int64_t tables = db.query_integer("SELECT count(*) FROM sqlite_schema", -1);
  if (tables < 0) return db.error();
  const std::int64_t version = db.query_integer("PRAGMA user_version");
  const std::int64_t application = db.query_integer("PRAGMA application_id");
  if (tables == 0) {
    const bool created =
        db.execute(kStoreSchema) && db.execute(fmt::format("PRAGMA user_version = {}; PRAGMA application_id = {};"
                                                           "INSERT INTO store VALUES (1, '{}', 0, {})",
                                                           SqliteStore::kSchemaVersion, kApplicationId,
                                                           hex64(random_timeline()), inode_of(db.path())));
    if (!created) return db.error();
    return std::nullopt;
  }
  if (application != kApplicationId) return "is an SQLite file of another program; name a new file in [store] path";
  if (version > SqliteStore::kSchemaVersion) {
    return fmt::format("has schema version {}, this program knows {}; install the newer homing-router", version,
                       SqliteStore::kSchemaVersion);
  }
  if (db.query_integer("SELECT inode FROM store") != inode_of(db.path())) {
    if (!db.execute(fmt::format("UPDATE store SET timeline = '{}', inode = {}", hex64(random_timeline()),
                                inode_of(db.path())))) {
      return db.error();
    }
  }
  return std::nullopt;
}

}  // namespace

// Connection and prepared statements.
struct SqliteStore::Parts {
  Parts(Sqlite connection, SqliteStoreOptions chosen) : db(std::move(connection)), options(chosen) {}

  std::optional<std::string> prepare();
  bool begin(Statement& how) {
    if (how.run()) return true;
    failed();
    return false;
  }
  void roll_back() {
    if (db.in_transaction()) db.execute("ROLLBACK");
  }
  // Notes why a call goes unanswered and leaves any transaction.
  void failed() {
    error = db.failing() ? db.error() : "a row holds something that this version does not know";
    roll_back();
  }
  bool read_head(core::Timeline& timeline, core::Version& version);
  bool find(const core::RowKey& key, core::VersionedRow& out);
  bool rows_above(core::Version cursor, std::vector<core::VersionedRow>& rows, core::Version& bound);
  bool new_timeline_after_lost_tail(core::Version cursor);

  Sqlite db;
  SqliteStoreOptions options;
  std::string error;
  std::vector<Statement> control;  // by Control
  std::vector<Statement> since;    // by RowKind, as the next two
  std::vector<Statement> one;
  std::vector<Statement> write;
  enum Control { kBeginRead, kBeginWrite, kCommit, kHead, kCount, kSetTimeline, kRemember, kName, kNames };
};

std::optional<std::string> SqliteStore::Parts::prepare() {
  std::optional<std::string> wrong;
  const auto add = [this, &wrong](std::vector<Statement>& list, const std::string& sql) {
    auto statement = db.prepare(sql);
    if (statement) {
      list.push_back(std::move(*statement));
    } else if (!wrong) {
      wrong = statement.error();
    }
  };
  for (const char* sql :
       {"BEGIN", "BEGIN IMMEDIATE", "COMMIT", "SELECT timeline, version FROM store",
        "UPDATE store SET version = version + 1 RETURNING version", "UPDATE store SET timeline = ?",
        "INSERT INTO user_name VALUES (?, ?) ON CONFLICT (user) DO UPDATE SET name = excluded.name "
        "WHERE name <> excluded.name",
        "SELECT name FROM user_name WHERE user = ?", "SELECT user, name FROM user_name ORDER BY name, user"}) {
    add(control, sql);
  }
  for (const RowTable& table : kRowTables) {
    std::string parameters = "?";
    for (int i = 1; i < table.column_count; ++i) parameters += ", ?";
    add(since, fmt::format("SELECT {} FROM {} WHERE version > ? ORDER BY version LIMIT ?", table.columns, table.name));
    add(one, fmt::format("SELECT {} FROM {} WHERE {} = ?", table.columns, table.name, table.key));
    add(write, fmt::format("INSERT OR REPLACE INTO {} ({}) VALUES ({})", table.name, table.columns, parameters));
  }
  return wrong;
}

bool SqliteStore::Parts::read_head(core::Timeline& timeline, core::Version& version) {
  Statement& head = control[kHead];
  const bool row = head.step() == Statement::Step::kRow;
  if (row) {
    timeline = core::Timeline(parse_hex64(head.text(0)));
    version = core::Version(static_cast<std::uint64_t>(head.integer(1)));
  }
  head.reset();
  return row;
}

bool SqliteStore::Parts::find(const core::RowKey& key, core::VersionedRow& out) {
  Statement& statement = one[static_cast<std::size_t>(key.kind)];
  bind_key(statement, 1, key);
  const Statement::Step step = statement.step();
  bool good = step == Statement::Step::kDone;
  out = core::VersionedRow{empty_row(key), core::Version{}};
  if (step == Statement::Step::kRow) good = read_row(statement, key.kind, out);
  statement.reset();
  return good;
}

// All rows above the cursor, in version order, as far as `bound`: the highest version up to which they are complete.
bool SqliteStore::Parts::rows_above(core::Version cursor, std::vector<core::VersionedRow>& rows, core::Version& bound) {
  const std::size_t limit = options.max_rows_per_read + core::kMaxWrites;
  for (std::size_t kind = 0; kind < since.size(); ++kind) {
    Statement& statement = since[kind];
    statement.bind(1, static_cast<std::int64_t>(cursor.value));
    statement.bind(2, static_cast<std::int64_t>(limit));
    std::size_t count = 0;
    core::VersionedRow row;
    Statement::Step step = statement.step();
    for (; step == Statement::Step::kRow; step = statement.step()) {
      if (!read_row(statement, static_cast<core::RowKind>(kind), row)) break;
      rows.push_back(row);
      ++count;
    }
    statement.reset();
    if (step != Statement::Step::kDone) return false;
    // A table cut by the limit may have been cut inside its last commit.
    if (count == limit) bound = std::min(bound, core::Version(row.version.value - 1));
  }
  std::sort(rows.begin(), rows.end(), [](const core::VersionedRow& a, const core::VersionedRow& b) {
    if (a.version != b.version) return a.version < b.version;
    return core::key_of(a.row) < core::key_of(b.row);
  });
  return true;
}

// A cursor above the newest commit can only come from commits that this file no longer has.
bool SqliteStore::Parts::new_timeline_after_lost_tail(core::Version cursor) {
  if (!begin(control[kBeginWrite])) return false;
  core::Timeline timeline;
  core::Version latest;
  bool good = read_head(timeline, latest);
  if (good && cursor > latest) {
    control[kSetTimeline].bind(1, hex64(random_timeline()));
    good = control[kSetTimeline].run();
  }
  if (good && control[kCommit].run()) return true;
  failed();
  return false;
}

SqliteStore::SqliteStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SqliteStore::~SqliteStore() = default;

std::expected<std::unique_ptr<SqliteStore>, std::string> SqliteStore::open(const std::string& path,
                                                                           SqliteStoreOptions options) {
  const auto fail = [&path](const std::string& what) { return std::unexpected(fmt::format("{}: {}", path, what)); };
  if (const auto remote = network_file_system_of(path)) {
    return fail(
        fmt::format("the store lies on {}, a network file system, where SQLite loses data; put [store] path on "
                    "a local disk, or use PostgreSQL for several machines",
                    *remote));
  }
  auto db = Sqlite::open(path, Sqlite::Mode::kCreate);
  if (!db)
    return std::unexpected(fmt::format("{}; the store must be a file in an existing, writable directory", db.error()));
  db->busy_timeout_ms(options.busy_timeout_ms);
  if (!use_wal(*db, options.busy_timeout_ms)) return fail(fmt::format("cannot be opened as a store: {}", db->error()));
  db->execute(options.survive_power_cut ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  if (!db->execute("BEGIN IMMEDIATE")) return fail(fmt::format("cannot be opened as a store: {}", db->error()));
  if (const auto wrong = prepare_schema(*db)) {
    db->execute("ROLLBACK");
    return fail(*wrong);
  }
  if (!db->execute("COMMIT")) return fail(db->error());
  auto parts = std::make_unique<Parts>(std::move(*db), options);
  if (const auto wrong = parts->prepare()) return fail(*wrong);
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(parts)));
}

ReadAnswer SqliteStore::read_since(const core::ReadSince& call) {
  Parts& in = *parts_;
  core::Rows answer;
  answer.token = call.token;
  std::vector<core::VersionedRow> found;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!in.begin(in.control[Parts::kBeginRead])) return core::Silent{call.token};
    if (!in.read_head(answer.timeline, answer.cursor)) {
      in.failed();
      return core::Silent{call.token};
    }
    const bool same = call.timeline == core::Timeline{} || call.timeline == answer.timeline;
    if (same && call.cursor > answer.cursor && attempt == 0) {
      in.roll_back();
      if (!in.new_timeline_after_lost_tail(call.cursor)) return core::Silent{call.token};
      continue;
    }
    // With timeline 0 ("any") a cursor of the lost tail starts over as well.
    const bool from_start = !same || call.cursor > answer.cursor;
    core::Version bound = answer.cursor;
    if (!in.rows_above(from_start ? core::Version{} : call.cursor, found, bound)) {
      in.failed();
      return core::Silent{call.token};
    }
    in.roll_back();
    answer.complete = bound == answer.cursor;
    answer.cursor = bound;
    break;
  }
  for (const core::VersionedRow& row : found) {
    if (row.version > answer.cursor) break;
    if (answer.rows.size() >= in.options.max_rows_per_read && answer.rows.back().version != row.version) {
      answer.cursor = answer.rows.back().version;
      answer.complete = false;
      break;
    }
    answer.rows.push_back(row);
  }
  return answer;
}

WriteAnswer SqliteStore::compare_and_set(const core::CompareAndSet& call) {
  Parts& in = *parts_;
  CHECK(!call.writes.empty() && call.writes.size() <= static_cast<std::size_t>(core::kMaxWrites));
  for (std::size_t i = 0; i < call.writes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) CHECK(core::key_of(call.writes[i].row) != core::key_of(call.writes[j].row));
  }
  const auto silent = [&in, &call] {
    in.failed();
    return core::Silent{call.token};
  };
  if (!in.begin(in.control[Parts::kBeginWrite])) return core::Silent{call.token};
  core::Lost lost{call.token, {}, {}};
  core::Version latest;
  if (!in.read_head(lost.timeline, latest)) return silent();
  bool wins = call.timeline == core::Timeline{} || call.timeline == lost.timeline;
  for (const core::RowWrite& write : call.writes) {
    core::VersionedRow row;
    if (!in.find(core::key_of(write.row), row)) return silent();
    wins = wins && row.version == write.expected;
    lost.current.push_back(std::move(row));
  }
  if (!wins) {
    in.roll_back();
    return lost;
  }
  const core::Version version(latest.value + 1);
  bool good = in.control[Parts::kCount].run();
  for (const core::RowWrite& write : call.writes) {
    Statement& statement = in.write[write.row.index()];
    bind_row(statement, write.row, version);
    good = good && statement.run();
  }
  if (!good || !in.control[Parts::kCommit].run()) return silent();
  return core::Won{call.token, version};
}

core::Version SqliteStore::latest() {
  core::Timeline timeline;
  core::Version version;
  parts_->read_head(timeline, version);
  return version;
}

core::Timeline SqliteStore::timeline() {
  core::Timeline timeline;
  core::Version version;
  parts_->read_head(timeline, version);
  return timeline;
}

const std::string& SqliteStore::last_error() const {
  return parts_->error;
}

bool SqliteStore::remember_user(core::UserId user, std::string_view name) {
  Statement& statement = parts_->control[Parts::kRemember];
  statement.bind(1, hex64(user.value));
  statement.bind(2, name);
  if (statement.run()) return true;
  parts_->failed();
  return false;
}

std::optional<std::string> SqliteStore::user_name(core::UserId user) {
  Statement& statement = parts_->control[Parts::kName];
  statement.bind(1, hex64(user.value));
  std::optional<std::string> name;
  if (statement.step() == Statement::Step::kRow) name = statement.text(0);
  statement.reset();
  return name;
}

std::vector<std::pair<core::UserId, std::string>> SqliteStore::users() {
  Statement& statement = parts_->control[Parts::kNames];
  std::vector<std::pair<core::UserId, std::string>> all;
  while (statement.step() == Statement::Step::kRow) {
    all.emplace_back(core::UserId(parse_hex64(statement.text(0))), statement.text(1));
  }
  statement.reset();
  return all;
}

}  // namespace homing::base
