// SPDX-License-Identifier: MIT
// Where a key is, or would be, while its partition is locked.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/keyspace/partition.h"

namespace ringkv::storage {

// The key's value may be read until the key itself changes; changes of other keys in the same transaction may move
// cells, which `Txn::Do` notices and looks again.
class Place {
 public:
  struct Location {
    Partition* partition = nullptr;
    Segment* segment = nullptr;
    const Cell* cell = nullptr;  // null: the key is not there
    const Entry* entry = nullptr;
    uint64_t table_version = 0;  // when the cell was found
    uint32_t local_position = 0;
  };

  // Nowhere yet.
  Place(DbIndex db, std::string_view key, Partition& partition, uint32_t local_position)
      : Place(db, key, {.partition = &partition, .local_position = local_position}) {}

  // The same key, in a cell where it has been found, or nowhere (null).
  Place FoundAt(Segment* segment, const Cell* cell, const Table* table) const {
    Location at = at_;
    at.segment = segment;
    at.cell = cell;
    at.entry = cell == nullptr ? nullptr : cell->entry();
    at.table_version = table == nullptr ? 0 : table->version();
    return Place(db_, key_, at);
  }

  explicit operator bool() const { return at_.cell != nullptr; }
  const Entry& entry() const { return *at_.entry; }
  // Null if the key is not there.
  const Entry* entry_or_null() const { return at_.entry; }
  std::string_view value() const { return at_.entry->value(); }
  UnixMs expiry() const { return at_.cell == nullptr ? kNoExpiry : at_.entry->expiry(); }
  std::string_view key() const { return key_; }
  DbIndex db() const { return db_; }
  const Location& location() const { return at_; }

 private:
  Place(DbIndex db, std::string_view key, const Location& location) : key_(key), at_(location), db_(db) {}

  std::string_view key_;
  Location at_;
  DbIndex db_;
};

}  // namespace ringkv::storage
