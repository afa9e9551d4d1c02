// SPDX-License-Identifier: Apache-2.0
//
// SQLite with owners: a connection and a prepared statement that close themselves, and errors as values.
//
//   auto db = Sqlite::open(path, Sqlite::Mode::kCreate);
//   auto insert = db->prepare("INSERT INTO t VALUES (?, ?)");
//   insert->bind(1, 42); insert->bind(2, "text");
//   if (!insert->run()) log(db->error());
//
// Nothing throws. A failed call leaves its text in error() until the next one.
// Thread class: single-owner (opened without SQLite's own mutexes).
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace homing::base {

class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement(Statement&& other) noexcept : statement_(other.statement_) { other.statement_ = nullptr; }
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // Parameters count from 1 and keep their value over reset().
  void bind(int index, std::int64_t value);
  void bind(int index, std::string_view text);  // copied
  void bind(int index, double value);
  void bind_blob(int index, std::string_view bytes);
  void bind_null(int index);

  // kRow: columns may be read. kDone: no (more) rows. kBusy: another connection holds the lock. kFailed: see error().
  enum class Step { kRow, kDone, kBusy, kFailed };
  Step step();
  // Steps a statement without rows to its end and resets it; true when it is done.
  bool run();
  void reset();

  // Columns count from 0.
  std::int64_t integer(int column) const;
  double number(int column) const;
  std::string text(int column) const;  // also the bytes of a blob
  bool is_null(int column) const;

 private:
  sqlite3_stmt* statement_;
};

class Sqlite {
 public:
  enum class Mode { kReadOnly, kReadWrite, kCreate };
  // A file that is created gets mode 0600. The error names the file and what SQLite said.
  static std::expected<Sqlite, std::string> open(const std::string& path, Mode mode);

  Sqlite(Sqlite&& other) noexcept : db_(other.db_), path_(std::move(other.path_)) { other.db_ = nullptr; }
  Sqlite& operator=(Sqlite&& other) noexcept;
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;
  ~Sqlite();

  std::expected<Statement, std::string> prepare(std::string_view sql);
  // Runs statements that return nothing of interest; false leaves error().
  bool execute(const std::string& sql);
  // The first column of the first row of a query, or `fallback`.
  std::int64_t query_integer(std::string_view sql, std::int64_t fallback = 0);
  std::string query_text(std::string_view sql);
  void busy_timeout_ms(int milliseconds);
  int changes() const;
  bool in_transaction() const;
  std::string error() const;
  bool failing() const;  // the last call failed
  const std::string& path() const { return path_; }

 private:
  Sqlite(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}
  sqlite3* db_;
  std::string path_;
};

}  // namespace homing::base
