// SPDX-License-Identifier: MIT
// The fields of a packed hash, with or without expiry (see field_expiry.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "storage/base/byte_codec.h"
#include "storage/entry/field_expiry.h"
#include "storage/entry/packed.h"

namespace ringkv::storage {

struct HashField {
  std::string_view name;
  std::string_view value;
  UnixMs expiry = kNoExpiry;
};

// A varint: there is no expiry before 1970, and 0 stands for none.
constexpr uint64_t ExpiryCode(UnixMs expiry) { return expiry == kNoExpiry ? 0 : static_cast<uint64_t>(expiry); }

// Reads well-formed bytes forward.
class PackedFields {
 public:
  PackedFields(std::string_view packed, bool has_expiry) : reader_(packed), has_expiry_(has_expiry) {
    if (has_expiry) reader_.Bytes(sizeof(UnixMs));
  }

  bool AtEnd() const { return reader_.AtEnd(); }
  size_t offset() const { return reader_.offset(); }
  HashField Next() {
    HashField field;
    field.name = reader_.Text();
    field.value = reader_.Text();
    if (has_expiry_) {
      const uint64_t code = reader_.Varint();
      if (code != 0) field.expiry = static_cast<UnixMs>(code);
    }
    return field;
  }

 private:
  PackedReader reader_;
  bool has_expiry_;
};

inline size_t PackedFieldSize(const HashField& field, bool has_expiry) {
  return PackedTextSize(field.name) + PackedTextSize(field.value) +
         (has_expiry ? VarintSize(ExpiryCode(field.expiry)) : 0);
}

// Returns the address after it.
inline char* WritePackedField(char* at, const HashField& field, bool has_expiry) {
  at = WritePackedText(WritePackedText(at, field.name), field.value);
  return has_expiry ? WriteVarint(at, ExpiryCode(field.expiry)) : at;
}

// Packs fields one after the other.
class FieldPacker {
 public:
  // `count`: of all fields.
  FieldPacker(std::string* out, size_t count, bool has_expiry) : out_(out), has_expiry_(has_expiry) {
    AppendPackedHead(out, count);
    next_at_ = out->size();
    if (has_expiry) PutFixed(out, next_);
  }
  void Add(const HashField& field) {
    PutText(out_, field.name);
    PutText(out_, field.value);
    if (!has_expiry_) return;
    PutVarint(out_, ExpiryCode(field.expiry));
    if (field.expiry == kNoExpiry || (next_ != kNoExpiry && next_ <= field.expiry)) return;
    next_ = field.expiry;
    out_->replace(next_at_, sizeof next_, reinterpret_cast<const char*>(&next_), sizeof next_);
  }

 private:
  std::string* out_;
  bool has_expiry_;
  UnixMs next_ = kNoExpiry;
  size_t next_at_ = 0;
};

// Whether untrusted bytes are a packed hash of so many fields.
bool ArePackedFields(std::string_view packed, bool has_expiry);

}  // namespace ringkv::storage
