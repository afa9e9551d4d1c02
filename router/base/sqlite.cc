// SPDX-License-Identifier: Apache-2.0
#include "router/base/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <utility>

namespace homing::base {

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
}
void Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_, index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
}
void Statement::bind(int index, double value) {
  sqlite3_bind_double(statement_, index, value);
}
void Statement::bind_blob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(statement_, index, bytes.data() == nullptr ? "" : bytes.data(), bytes.size(), SQLITE_TRANSIENT);
}
void Statement::bind_null(int index) {
  sqlite3_bind_null(statement_, index);
}

Statement::Step Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return Step::kRow;
  if (code == SQLITE_DONE) return Step::kDone;
  return (code & 0xff) == SQLITE_BUSY ? Step::kBusy : Step::kFailed;
}

bool Statement::run() {
  Step last = step();
  while (last == Step::kRow) last = step();
  reset();
  return last == Step::kDone;
}

void Statement::reset() {
  sqlite3_reset(statement_);
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}
double Statement::number(int column) const {
  return sqlite3_column_double(statement_, column);
}
std::string Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::expected<Sqlite, std::string> Sqlite::open(const std::string& path, Mode mode) {
  int flags = SQLITE_OPEN_NOMUTEX;
  flags |= mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (mode == Mode::kCreate) {
    flags |= SQLITE_OPEN_CREATE;
    // SQLite gives its companions (-wal, -shm) the mode of the file.
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) ::close(fd);
  }
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  if (code == SQLITE_OK) {
    sqlite3_extended_result_codes(db, 1);
    return Sqlite(db, path);
  }
  const std::string reason = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  sqlite3_close_v2(db);
  return std::unexpected(path + ": " + reason);
}

Sqlite& Sqlite::operator=(Sqlite&& other) noexcept {
  std::swap(db_, other.db_);
  std::swap(path_, other.path_);
  return *this;
}

Sqlite::~Sqlite() {
  sqlite3_close_v2(db_);
}

std::expected<Statement, std::string> Sqlite::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                         nullptr) != SQLITE_OK) {
    return std::unexpected(error());
  }
  return Statement(statement);
}

bool Sqlite::execute(const std::string& sql) {
  return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
}

std::int64_t Sqlite::query_integer(std::string_view sql, std::int64_t fallback) {
  auto statement = prepare(sql);
  if (!statement || statement->step() != Statement::Step::kRow) return fallback;
  return statement->integer(0);
}

std::string Sqlite::query_text(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement || statement->step() != Statement::Step::kRow) return "";
  return statement->text(0);
}

void Sqlite::busy_timeout_ms(int milliseconds) {
  sqlite3_busy_timeout(db_, milliseconds);
}
int Sqlite::changes() const {
  return sqlite3_changes(db_);
}
bool Sqlite::in_transaction() const {
  return sqlite3_get_autocommit(db_) == 0;
}
bool Sqlite::failing() const {
  const int code = sqlite3_errcode(db_);
  return code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE;
}
std::string Sqlite::error() const {
  return sqlite3_errmsg(db_);
}

}  // namespace homing::base
