// SPDX-License-Identifier: MIT
// Reads an RDB file, key by key, and counts the keys of unsupported types.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "storage/base/clock.h"
#include "storage/entry/entry.h"
#include "storage/rdb/rdb_codec.h"

namespace ringkv::storage {

struct RdbKey {
  uint64_t db = 0;
  std::string key;
  ValueKind kind = StringForm::kPlain;
  std::string value;  // packed, if it is a collection
  UnixMs expiry = kNoExpiry;
};

class RdbReader {
 public:
  // `files` need not outlive the reader. Fails if it is not an RDB file or its version is unsupported.
  static Result<std::unique_ptr<RdbReader>> Open(FileSystem& files, const std::string& path);

  // False at the end of a file with a correct checksum. An error names the file and the offset; keys read before may be
  // incomplete.
  Result<bool> Next(RdbKey* key);

  // Called for each key that is left out, with its type.
  using OnLeftOut = std::function<void(const std::string& type, const std::string& key)>;
  void set_on_left_out(OnLeftOut told) { on_left_out_ = std::move(told); }

  // Called for each library of functions with its code; an error ends the reading. Without it they are left out.
  using OnLibrary = std::function<Status(const std::string& code)>;
  void set_on_library(OnLibrary told) { on_library_ = std::move(told); }

  int version() const { return version_; }
  // The number of keys left out per type; functions count as a type.
  const std::map<std::string, uint64_t>& left_out() const { return left_out_; }
  // The database that is selected in the replication stream behind this file: another than 0 in files of a replica.
  const std::string& stream_db() const { return stream_db_; }
  uint64_t offset() const { return in_.offset(); }
  uint64_t file_bytes() const { return file_bytes_; }

 private:
  RdbReader(std::string path, std::unique_ptr<File> file, uint64_t file_bytes)
      : path_(std::move(path)), file_(std::move(file)), file_bytes_(file_bytes), in_(*file_, file_bytes) {}

  Status ReadHeader();
  // Reads data other than keys. False if `opcode` is unknown.
  bool ReadBeside(uint8_t opcode, RdbKey* key);
  void ReadLibrary();
  Status CheckEnd();
  tl::unexpected<Error> Damaged(const std::string& what) const;

  const std::string path_;
  const std::unique_ptr<File> file_;
  const uint64_t file_bytes_;
  RdbInput in_;
  int version_ = 0;
  uint64_t db_ = 0;
  std::string stream_db_ = "0";
  std::map<std::string, uint64_t> left_out_;
  OnLibrary on_library_;
  Status library_status_;
  OnLeftOut on_left_out_ = [](const std::string&, const std::string&) {};
};

}  // namespace ringkv::storage
