// SPDX-License-Identifier: MIT
// Writes an RDB file that redis-server 7.0 loads.
//
//   RdbWriter rdb(&out);  rdb.Begin(now);  rdb.SelectDatabase(0);  rdb.Key(key, kind, packed, expiry);  ...  rdb.End();
//
// `out` may be emptied after each call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/entry/entry.h"

namespace ringkv::storage {

class RdbWriter {
 public:
  // `out` must outlive the writer.
  explicit RdbWriter(std::string* out) : out_(*out) {}

  void Begin(std::string_view redis_version, UnixMs now);
  // A library of functions; call before the first database.
  void Library(std::string_view code);
  void SelectDatabase(uint64_t db);
  // `packed`: for a string its bytes.
  void Key(std::string_view key, ValueKind kind, std::string_view packed, UnixMs expiry);
  void End();

 private:
  void Aux(std::string_view name, std::string_view value);
  void Count(size_t from);

  std::string& out_;
  uint64_t checksum_ = 0;
};

}  // namespace ringkv::storage
