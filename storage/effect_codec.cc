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
  kCollectionPut = 9,
  kCollectionPutExpiring = 10,
  kHashPut = 11,
  kHashErase = 12,
  kListPush = 13,
  kListInsert = 14,
  kListTake = 15,
  kListSet = 16,
  kListRemove = 17,
  kSetAdd = 18,
  kSetErase = 19,
  kSortedSetPut = 20,
  kSortedSetErase = 21,
  kStreamAppend = 22,
  kStreamErase = 23,
  kStreamTrim = 24,
  kStreamSetIds = 25,
  kStreamGroupPut = 26,
  kStreamGroupErase = 27,
  kStreamConsumerPut = 28,
  kStreamConsumerErase = 29,
  kStreamPend = 30,
  kStreamAcknowledge = 31,
};

template <typename Effect>
constexpr Tag kTagOf = Tag{0};
template <>
constexpr Tag kTagOf<HashPut> = Tag::kHashPut;
template <>
constexpr Tag kTagOf<HashErase> = Tag::kHashErase;
template <>
constexpr Tag kTagOf<ListPush> = Tag::kListPush;
template <>
constexpr Tag kTagOf<ListInsert> = Tag::kListInsert;
template <>
constexpr Tag kTagOf<ListTake> = Tag::kListTake;
template <>
constexpr Tag kTagOf<ListSet> = Tag::kListSet;
template <>
constexpr Tag kTagOf<ListRemove> = Tag::kListRemove;
template <>
constexpr Tag kTagOf<SetAdd> = Tag::kSetAdd;
template <>
constexpr Tag kTagOf<SetErase> = Tag::kSetErase;
template <>
constexpr Tag kTagOf<SortedSetPut> = Tag::kSortedSetPut;
template <>
constexpr Tag kTagOf<SortedSetErase> = Tag::kSortedSetErase;
template <>
constexpr Tag kTagOf<StreamAppend> = Tag::kStreamAppend;
template <>
constexpr Tag kTagOf<StreamErase> = Tag::kStreamErase;
template <>
constexpr Tag kTagOf<StreamTrim> = Tag::kStreamTrim;
template <>
constexpr Tag kTagOf<StreamSetIds> = Tag::kStreamSetIds;
template <>
constexpr Tag kTagOf<StreamGroupPut> = Tag::kStreamGroupPut;
template <>
constexpr Tag kTagOf<StreamGroupErase> = Tag::kStreamGroupErase;
template <>
constexpr Tag kTagOf<StreamConsumerPut> = Tag::kStreamConsumerPut;
template <>
constexpr Tag kTagOf<StreamConsumerErase> = Tag::kStreamConsumerErase;
template <>
constexpr Tag kTagOf<StreamPend> = Tag::kStreamPend;
template <>
constexpr Tag kTagOf<StreamAcknowledge> = Tag::kStreamAcknowledge;

void PutHead(std::string* out, Tag tag, DbIndex db) {
  out->push_back(static_cast<char>(tag));
  PutVarint(out, db);
}

struct FieldWriter {
  std::string* out;
  void operator()(std::string_view text) const { PutText(out, text); }
  void operator()(uint64_t number) const { PutVarint(out, number); }
  void operator()(int64_t number) const { PutFixed(out, number); }
  void operator()(double number) const { PutFixed(out, number); }
  void operator()(const StreamId& id) const {
    PutVarint(out, id.ms);
    PutVarint(out, id.seq);
  }
  void operator()(bool flag) const { out->push_back(flag ? 1 : 0); }
};

struct FieldReader {
  ByteReader* from;
  void operator()(std::string_view& text) const { text = from->Text(); }
  void operator()(uint64_t& number) const { number = from->Varint(); }
  void operator()(int64_t& number) const { number = from->Fixed<int64_t>(); }
  void operator()(double& number) const { number = from->Fixed<double>(); }
  void operator()(StreamId& id) const {
    id.ms = from->Varint();
    id.seq = from->Varint();
  }
  void operator()(bool& flag) const { flag = from->Fixed<uint8_t>() != 0; }
};

template <CollectionEffect Effect>
void DecodeInto(ByteReader* from, EffectRecord* record) {
  Effect effect;
  record->key = from->Text();
  Effect::Fields(effect, FieldReader{from});
  record->effect = effect;
}

}  // namespace

template <CollectionEffect Effect>
void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const Effect& effect) {
  PutHead(out, kTagOf<Effect>, db);
  PutText(out, key);
  Effect::Fields(effect, FieldWriter{out});
}
template void EncodeEffect(std::string*, DbIndex, std::string_view, const HashPut&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const HashErase&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const ListPush&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const ListInsert&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const ListTake&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const ListSet&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const ListRemove&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const SetAdd&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const SetErase&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const SortedSetPut&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const SortedSetErase&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const StreamAppend&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const StreamErase&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const StreamTrim&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const StreamSetIds&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const StreamGroupPut&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const StreamGroupErase&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const StreamConsumerPut&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const StreamConsumerErase&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const StreamPend&);
template void EncodeEffect(std::string*, DbIndex, std::string_view, const StreamAcknowledge&);

void EncodeEffect(std::string* out, DbIndex db, std::string_view key, const CollectionPut& effect) {
  const bool expires = effect.expiry != kNoExpiry;
  PutHead(out, expires ? Tag::kCollectionPutExpiring : Tag::kCollectionPut, db);
  PutText(out, key);
  out->push_back(static_cast<char>(effect.kind.bits()));
  if (expires) PutFixed(out, effect.expiry);
  PutText(out, effect.packed);
}

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
    case Tag::kCollectionPut:
    case Tag::kCollectionPutExpiring: {
      record.key = from->Text();
      CollectionPut put{.kind = ValueKind(from->Fixed<uint8_t>()), .packed = {}};
      if (tag == Tag::kCollectionPutExpiring) put.expiry = from->Fixed<UnixMs>();
      put.packed = from->Text();
      record.effect = put;
      break;
    }
    case Tag::kHashPut: DecodeInto<HashPut>(from, &record); break;
    case Tag::kHashErase: DecodeInto<HashErase>(from, &record); break;
    case Tag::kListPush: DecodeInto<ListPush>(from, &record); break;
    case Tag::kListInsert: DecodeInto<ListInsert>(from, &record); break;
    case Tag::kListTake: DecodeInto<ListTake>(from, &record); break;
    case Tag::kListSet: DecodeInto<ListSet>(from, &record); break;
    case Tag::kListRemove: DecodeInto<ListRemove>(from, &record); break;
    case Tag::kSetAdd: DecodeInto<SetAdd>(from, &record); break;
    case Tag::kSetErase: DecodeInto<SetErase>(from, &record); break;
    case Tag::kSortedSetPut: DecodeInto<SortedSetPut>(from, &record); break;
    case Tag::kSortedSetErase: DecodeInto<SortedSetErase>(from, &record); break;
    case Tag::kStreamAppend: DecodeInto<StreamAppend>(from, &record); break;
    case Tag::kStreamErase: DecodeInto<StreamErase>(from, &record); break;
    case Tag::kStreamTrim: DecodeInto<StreamTrim>(from, &record); break;
    case Tag::kStreamSetIds: DecodeInto<StreamSetIds>(from, &record); break;
    case Tag::kStreamGroupPut: DecodeInto<StreamGroupPut>(from, &record); break;
    case Tag::kStreamGroupErase: DecodeInto<StreamGroupErase>(from, &record); break;
    case Tag::kStreamConsumerPut: DecodeInto<StreamConsumerPut>(from, &record); break;
    case Tag::kStreamConsumerErase: DecodeInto<StreamConsumerErase>(from, &record); break;
    case Tag::kStreamPend: DecodeInto<StreamPend>(from, &record); break;
    case Tag::kStreamAcknowledge: DecodeInto<StreamAcknowledge>(from, &record); break;
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
