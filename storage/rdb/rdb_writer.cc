// SPDX-License-Identifier: MIT
#include "storage/rdb/rdb_writer.h"

#include "storage/rdb/rdb_value.h"

#include <cstdio>

#include "storage/base/byte_codec.h"
#include "storage/entry/entry.h"
#include "storage/rdb/crc64.h"
#include "storage/rdb/rdb_codec.h"

namespace ringkv::storage {

void RdbWriter::Count(size_t from) { checksum_ = Crc64(checksum_, std::string_view(out_).substr(from)); }

void RdbWriter::Aux(std::string_view name, std::string_view value) {
  out_.push_back(static_cast<char>(rdb_opcode::kAux));
  PutRdbString(&out_, name);
  PutRdbString(&out_, value);
}

void RdbWriter::Begin(std::string_view redis_version, UnixMs now) {
  const size_t from = out_.size();
  char version[8];
  std::snprintf(version, sizeof version, "%04d", kWrittenRdbVersion);
  out_.append(kRdbMagic).append(version);
  Aux("redis-ver", redis_version);
  Aux("redis-bits", "64");
  Aux("ctime", std::to_string(now / 1000));
  Count(from);
}

void RdbWriter::Library(std::string_view code) {
  const size_t from = out_.size();
  out_.push_back(static_cast<char>(rdb_opcode::kFunction));
  PutRdbString(&out_, code);
  Count(from);
}

void RdbWriter::SelectDatabase(uint64_t db) {
  const size_t from = out_.size();
  out_.push_back(static_cast<char>(rdb_opcode::kSelectDatabase));
  PutRdbLength(&out_, db);
  Count(from);
}

void RdbWriter::Key(std::string_view key, ValueKind kind, std::string_view packed, UnixMs expiry) {
  const size_t from = out_.size();
  if (expiry != kNoExpiry) {
    out_.push_back(static_cast<char>(rdb_opcode::kExpiryMs));
    PutFixed(&out_, expiry);
  }
  const RdbType type = PlainRdbType(kind);
  out_.push_back(static_cast<char>(type));
  PutRdbString(&out_, key);
  PutRdbValue(&out_, type, kind, packed);
  Count(from);
}

void RdbWriter::End() {
  const size_t from = out_.size();
  out_.push_back(static_cast<char>(rdb_opcode::kEnd));
  Count(from);
  PutFixed(&out_, checksum_);
}

}  // namespace ringkv::storage
