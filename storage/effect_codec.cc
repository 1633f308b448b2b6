// SPDX-License-Identifier: MIT
#include "storage/effect_codec.h"

namespace ringkv::storage {
namespace {

enum class Tag : uint8_t {
  kStringPut = 1,
  kStringPutExpiring = 2,
  kStringPatch = 3,
  kExpirySet = 4,
  kExpiryCleared = 5,
  kErase = 6,
  kDatabaseFlush = 7,
  kDatabaseSwap = 8,
};

void PutHead(std::string* out, Tag tag, DbIndex db) {
  out->push_back(static_cast<char>(tag));
  PutVarint(out, db);
}

}  // namespace

void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const StringPut& effect) {
  const bool expires = effect.expiry != kNoExpiry;
  PutHead(out, expires ? Tag::kStringPutExpiring : Tag::kStringPut, db);
  PutText(out, key);
  out->push_back(static_cast<char>(effect.form));
  if (expires) PutFixed(out, effect.expiry);
  PutText(out, effect.value);
}

void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const StringPatch& effect) {
  PutHead(out, Tag::kStringPatch, db);
  PutText(out, key);
  PutVarint(out, effect.offset);
  PutText(out, effect.bytes);
}

void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const ExpirySet& effect) {
  const bool expires = effect.expiry != kNoExpiry;
  PutHead(out, expires ? Tag::kExpirySet : Tag::kExpiryCleared, db);
  PutText(out, key);
  if (expires) PutFixed(out, effect.expiry);
}

void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const Erase& effect) {
  PutHead(out, Tag::kErase, db);
  PutText(out, key);
  out->push_back(static_cast<char>(effect.reason));
}

void EncodeEffect(std::string* out, DbIndex db, const DatabaseFlush&) { PutHead(out, Tag::kDatabaseFlush, db); }

void EncodeEffect(std::string* out, DbIndex db, const DatabaseSwap& effect) {
  PutHead(out, Tag::kDatabaseSwap, db);
  PutVarint(out, effect.other);
}

EffectRecord DecodeEffect(ByteReader* from) {
  const auto tag = static_cast<Tag>(from->Fixed<uint8_t>());
  EffectRecord record;
  record.db = static_cast<DbIndex>(from->Varint());
  switch (tag) {
    case Tag::kStringPut:
    case Tag::kStringPutExpiring: {
      StringPut put;
      record.key = from->Text();
      put.form = static_cast<StringForm>(from->Fixed<uint8_t>() & 3);
      if (tag == Tag::kStringPutExpiring) put.expiry = from->Fixed<UnixMs>();
      put.value = from->Text();
      record.effect = put;
      break;
    }
    case Tag::kStringPatch: {
      StringPatch patch;
      record.key = from->Text();
      patch.offset = from->Varint();
      patch.bytes = from->Text();
      record.effect = patch;
      break;
    }
    case Tag::kExpirySet:
    case Tag::kExpiryCleared:
      record.key = from->Text();
      record.effect = ExpirySet{tag == Tag::kExpirySet ? from->Fixed<UnixMs>() : kNoExpiry};
      break;
    case Tag::kErase:
      record.key = from->Text();
      record.effect = Erase{static_cast<EraseReason>(from->Fixed<uint8_t>())};
      break;
    case Tag::kDatabaseFlush: record.effect = DatabaseFlush{}; break;
    case Tag::kDatabaseSwap: record.effect = DatabaseSwap{static_cast<DbIndex>(from->Varint())}; break;
    default: from->Bytes(UINT64_MAX); break;
  }
  return record;
}

}  // namespace ringkv::storage
