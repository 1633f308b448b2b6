// SPDX-License-Identifier: MIT
#include "storage/rdb/rdb_reader.h"

#include "storage/rdb/rdb_value.h"

#include <charconv>
#include <optional>

#include "storage/rdb/rdb_skip.h"

namespace ringkv::storage {

Result<std::unique_ptr<RdbReader>> RdbReader::Open(FileSystem& files, const std::string& path) {
  Result<std::unique_ptr<File>> file = files.Open(path, OpenMode::kRead);
  if (!file) return tl::unexpected(file.error());
  const Result<uint64_t> size = (*file)->Size();
  if (!size) return tl::unexpected(size.error());
  std::unique_ptr<RdbReader> reader(new RdbReader(path, std::move(*file), *size));
  if (Status read = reader->ReadHeader(); !read) return tl::unexpected(read.error());
  return reader;
}

tl::unexpected<Error> RdbReader::Damaged(const std::string& what) const {
  if (!in_.status()) return tl::unexpected(in_.status().error());
  return Fail("RDB file '" + path_ + "' is damaged at offset " + std::to_string(in_.offset()) + ": " + what,
              ErrorKind::kDamaged);
}

Status RdbReader::ReadHeader() {
  std::string_view digits = in_.Bytes(kRdbHeadBytes);
  if (!BeginsRdbFile(digits)) {
    if (!in_.status()) return Damaged("");
    return Fail("'" + path_ + "' is not an RDB file: it does not begin with REDIS or VALKEY");
  }
  digits.remove_prefix(digits.starts_with(kRdbMagic) ? kRdbMagic.size() : kValkeyRdbMagic.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version_);
  if (!in_.ok() || error != std::errc() || end != digits.data() + digits.size()) return Damaged("it has no version");
  if (version_ < kOldestRdbVersion || IsNewerRdbVersion(version_)) {
    return Fail("RDB file '" + path_ + "' has version " + std::to_string(version_) + "; versions " +
                    std::to_string(kOldestRdbVersion) + " to " + std::to_string(kNewestRdbVersion) + ", and " +
                    std::to_string(kValkeyRdbVersion) + " of Valkey, can be loaded",
                ErrorKind::kNewerFormat);
  }
  return {};
}

bool RdbReader::ReadBeside(uint8_t opcode, RdbKey* key) {
  switch (opcode) {
    case rdb_opcode::kAux: {
      std::string name;
      in_.String(&name);
      in_.String(name == "repl-stream-db" ? &stream_db_ : nullptr);
      return true;
    }
    case rdb_opcode::kResizeDatabase:
      in_.Length();
      in_.Length();
      return true;
    case rdb_opcode::kSlotInfo:
      in_.Length();  // which slot
      in_.Length();  // how many keys it has, and how many with an expiry
      in_.Length();
      return true;
    case rdb_opcode::kSelectDatabase: db_ = in_.Length(); return true;
    case rdb_opcode::kExpiryMs: key->expiry = in_.Fixed<int64_t>(); return true;
    case rdb_opcode::kExpirySeconds: key->expiry = UnixMs{in_.Fixed<int32_t>()} * 1000; return true;
    case rdb_opcode::kIdle: in_.Length(); return true;
    case rdb_opcode::kFrequency: in_.Fixed<uint8_t>(); return true;
    case rdb_opcode::kFunction: ReadLibrary(); return true;
    case rdb_opcode::kModuleAux:
      in_.Length();  // which module
      in_.Length();  // the kind of the next number
      in_.Length();  // whether it was written before or after the keys
      SkipModuleValues(in_);
      ++left_out_["data of a module"];
      return true;
    default: return false;
  }
}

void RdbReader::ReadLibrary() {
  std::string code;
  if (!in_.String(&code)) return;
  if (on_library_) {
    library_status_ = on_library_(code);
  } else {
    ++left_out_["function library"];
  }
}

Result<bool> RdbReader::Next(RdbKey* key) {
  key->expiry = kNoExpiry;
  for (;;) {
    const auto opcode = in_.Fixed<uint8_t>();
    if (!in_.ok()) return Damaged("it ends without an end mark");
    if (opcode == rdb_opcode::kEnd) {
      if (Status right = CheckEnd(); !right) return tl::unexpected(right.error());
      return false;
    }
    if (ReadBeside(opcode, key)) {
      if (!in_.ok()) return Damaged("the data beside the keys is invalid");
      if (!library_status_) return tl::unexpected(library_status_.error());
      continue;
    }
    if (opcode == rdb_opcode::kSlotImport) {
      return Fail("RDB file '" + path_ +
                  "' was written while slots moved to its server, so it has parts of them; write " +
                  "it again afterwards");
    }
    const std::optional<RdbType> type = TypeOfByte(opcode, version_);
    if (!type) return Damaged("type " + std::to_string(opcode) + " is unknown");
    const std::string_view name = NameOf(*type);
    if (!in_.String(&key->key)) return Damaged("a key is cut short");
    const RdbValueStatus status = ReadRdbValue(in_, *type, &key->kind, &key->value);
    if (status == RdbValueStatus::kInvalid) return Damaged("a value of type " + std::string(name) + " is invalid");
    if (status == RdbValueStatus::kValid) {
      key->db = db_;
      return true;
    }
    if (status == RdbValueStatus::kUnsupported) {
      ++left_out_[std::string(name)];
      on_left_out_(std::string(name), key->key);
    }
    key->expiry = kNoExpiry;
  }
}

Status RdbReader::CheckEnd() {
  const uint64_t computed = in_.Checksum();
  const auto written = in_.Fixed<uint64_t>();
  if (!in_.ok()) return Damaged("its checksum is cut short");
  // Redis writes 0 with rdbchecksum no.
  if (written != 0 && written != computed) return Damaged("its checksum is wrong");
  return {};
}

}  // namespace ringkv::storage
