// SPDX-License-Identifier: Apache-2.0
//
// How the store's rows look as SQLite tables: the schema, the words in its columns, and rows to columns and back.
//
// Words, not numbers, where a person reads ('ready', 'node-dead'); ids of 64 bits and more as hexadecimal text, since
// SQLite's integers are signed; units in column names. The words belong to the schema: changing one is a new version.
// Thread class: stateless.
#pragma once

#include <array>
#include <string>

#include "router/base/sqlite.h"
#include "router/core/rows.h"

namespace homing::base {

inline constexpr int kRowKinds = 4;

// CREATE statements of schema version 1.
extern const char* const kStoreSchema;

struct RowTable {
  const char* name;
  const char* key;      // the primary key's column
  const char* columns;  // "version, key, ..." in the order of bind_row and read_row
  int column_count;
};
// By RowKind.
extern const std::array<RowTable, kRowKinds> kRowTables;

void bind_key(Statement& statement, int index, const core::RowKey& key);
// Binds parameters 1 to column_count.
void bind_row(Statement& statement, const core::Row& row, core::Version version);
// Reads the columns of the current row; false when one holds a word that the schema does not know.
bool read_row(const Statement& statement, core::RowKind kind, core::VersionedRow& out);

// A 64-bit id as 16 hexadecimal digits.
std::string hex64(std::uint64_t value);
std::uint64_t parse_hex64(const std::string& text);

}  // namespace homing::base
