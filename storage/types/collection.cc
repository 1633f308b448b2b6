// SPDX-License-Identifier: MIT
#include "storage/types/collection.h"

#include <cmath>

#include "storage/base/byte_codec.h"
#include "storage/base/check.h"
#include "storage/types/hash.h"
#include "storage/types/list.h"
#include "storage/types/packed_visit.h"
#include "storage/types/set.h"
#include "storage/types/sorted_set.h"
#include "storage/types/stream_pack.h"

namespace ringkv::storage {
namespace {

// --- bytes from outside ---------------------------------------------------------------------------------------------

bool AreTexts(ByteReader& reader, uint64_t texts) {
  for (; texts > 0 && reader.ok(); --texts) reader.Text();
  return reader.ok() && reader.AtEnd();
}

bool AreScoredMembers(ByteReader& reader, uint64_t count) {
  for (; count > 0 && reader.ok(); --count) {
    reader.Text();
    if (std::isnan(ReadScore(reader))) return false;
  }
  return reader.ok() && reader.AtEnd();
}

// A packed sorted set is searched by its order.
bool IsAscending(std::string_view packed) {
  std::string_view name_before;
  double score_before = 0;
  bool is_first = true;
  for (PackedReader reader(packed); !reader.AtEnd(); is_first = false) {
    const std::string_view name = reader.Text();
    const double score = ReadScore(reader);
    if (!is_first && (score < score_before || (score == score_before && name <= name_before))) return false;
    name_before = name;
    score_before = score;
  }
  return true;
}

// --- making them ----------------------------------------------------------------------------------------------------

bool AreShort(std::string_view packed, size_t longest) {
  for (PackedReader reader(packed); !reader.AtEnd();) {
    if (reader.Text().size() > longest) return false;
  }
  return true;
}

bool AreFieldsShort(const CollectionPut& put, size_t longest) {
  for (PackedFields fields(put.packed, put.kind.has_field_expiry()); !fields.AtEnd();) {
    const HashField field = fields.Next();
    if (field.name.size() > longest || field.value.size() > longest) return false;
  }
  return true;
}

bool AreShortAndScoredPlainly(std::string_view packed, size_t longest) {
  for (PackedReader reader(packed); !reader.AtEnd();) {
    if (reader.Text().size() > longest) return false;
    const double score = ReadScore(reader);
    if (score == 0 && std::signbit(score)) return false;
  }
  return true;
}

// Whether the bytes may become an entry's as they are.
bool MayStayPacked(const CollectionPut& put, const TypeLimits& limits) {
  if (put.kind.form() == CollectionForm::kIntegers) {
    return IntegerSetView(put.packed).size() <= LimitOf(limits.set_integers);
  }
  const size_t count = PackedCount(put.packed);
  switch (put.kind.type()) {
    case ValueType::kString: return false;
    case ValueType::kHash:
      return count <= LimitOf(limits.hash_entries) && AreFieldsShort(put, LimitOf(limits.hash_value));
    case ValueType::kList: return MayListBePacked(put.packed, limits);
    case ValueType::kSet:
      // Whether they are all integers shows when they are added one by one.
      return count <= LimitOf(limits.set_entries) && !IntegerMember(PackedReader(put.packed).Text()) &&
             AreShort(put.packed, LimitOf(limits.set_value));
    case ValueType::kSortedSet:
      return count <= LimitOf(limits.sorted_set_entries) &&
             AreShortAndScoredPlainly(put.packed, LimitOf(limits.sorted_set_value));
    case ValueType::kStream: return false;
  }
  return false;
}

// Whether the number of its members makes a set a table, or a sorted set a tree. Else they are added one by one: those
// of a set may all be integers, and a sorted set forgets the sign of a zero while it is small, as in redis-server.
bool AreMany(const CollectionPut& put, const TypeLimits& limits) {
  if (put.kind.form() == CollectionForm::kIntegers) return false;
  const size_t count = PackedCount(put.packed);
  if (put.kind.type() == ValueType::kSortedSet) return count > LimitOf(limits.sorted_set_entries);
  return AreManyOfSet(count, limits);
}

// Gives a new, empty value the elements of one that may not stay packed.
void Enlarge(ValueEdit& edit, const CollectionPut& put) {
  const TypeLimits& limits = edit.limits();
  switch (put.kind.type()) {
    case ValueType::kString: return;
    case ValueType::kHash:
      edit.Become(EnlargeHash(put.packed, put.kind.has_field_expiry(), limits));
      edit.SetFieldExpiry(edit.large<LargeHash>().fields.expiring() > 0);
      return;
    case ValueType::kList: edit.Become(EnlargeList(put.packed, limits)); return;
    case ValueType::kStream: edit.Become(UnpackStream(put.packed)); return;
    case ValueType::kSet:
    case ValueType::kSortedSet: break;
  }
  if (!AreMany(put, limits)) {
    VisitPacked(put, [&](const auto& effect) { Apply(edit, effect); });
  } else if (put.kind.type() == ValueType::kSet) {
    edit.Become(EnlargeSet(put.packed, limits));
  } else {
    edit.Become(EnlargeSortedSet(put.packed, limits));
  }
}

}  // namespace

std::string_view PackedValue(const Entry& entry, std::string* buffer) {
  if (!entry.kind().is_large()) return entry.value();
  buffer->clear();
  entry.large().Pack(buffer);
  return *buffer;
}

ValueKind PackedKind(const Entry& entry) {
  return entry.kind().is_large() ? entry.kind().With(CollectionForm::kPacked) : entry.kind();
}

ValueCopy::ValueCopy(const Entry& entry) : kind(PackedKind(entry)), expiry(entry.expiry()) {
  if (entry.kind().is_large()) {
    entry.large().Pack(&packed);
  } else {
    packed = entry.value();
  }
}

bool IsPackedCollection(ValueKind kind, std::string_view packed) {
  if (kind.has_field_expiry() && kind.type() != ValueType::kHash) return false;
  if (kind.form() == CollectionForm::kIntegers) {
    return kind.type() == ValueType::kSet && packed.size() > 1 && IntegerSetView::IsSound(packed);
  }
  if (kind.form() != CollectionForm::kPacked || packed.size() < kPackedHead) return false;
  if (kind.type() == ValueType::kStream) return IsPackedStream(packed);
  const uint64_t count = PackedCount(packed);
  ByteReader reader(packed.substr(kPackedHead));
  if (count == 0) return false;
  switch (kind.type()) {
    case ValueType::kHash: return ArePackedFields(packed, kind.has_field_expiry());
    case ValueType::kList: return AreListElements(reader.rest(), count);
    case ValueType::kSet: return AreTexts(reader, count);
    case ValueType::kSortedSet: return AreScoredMembers(reader, count) && IsAscending(packed);
    case ValueType::kString:
    case ValueType::kStream: break;
  }
  return false;
}

MutableEntry* MakeEntry(std::string_view key, const CollectionPut& put, const TypeLimits& limits, uint32_t access) {
  if (put.kind.type() == ValueType::kString || MayStayPacked(put, limits)) {
    return ValueEdit(key, put.packed, put.expiry, put.kind, access, limits).mutable_entry();
  }
  ValueEdit edit(key, kEmptyPacked, put.expiry, {put.kind.type(), CollectionForm::kPacked}, access, limits);
  Enlarge(edit, put);
  return edit.mutable_entry();
}

size_t ElementCount(const Entry& entry) {
  switch (entry.type()) {
    case ValueType::kString: return 1;
    case ValueType::kHash: return HashView(&entry).size();
    case ValueType::kList: return ListView(&entry).size();
    case ValueType::kSet: return SetView(&entry).size();
    case ValueType::kSortedSet: return SortedSetView(&entry).size();
    case ValueType::kStream: return entry.kind().is_large() ? entry.large().size() : 0;
  }
  return 0;
}

bool MayStand(const Entry& entry) { return entry.type() == ValueType::kStream || ElementCount(entry) > 0; }

// --- effects from outside -------------------------------------------------------------------------------------------

namespace {

// Whether the effect makes sense for a collection of so many elements.
bool Fits(size_t, const ListPush&) { return true; }
bool Fits(size_t count, const ListInsert&) { return count > 0; }
bool Fits(size_t count, const ListTake& effect) { return effect.count > 0 && effect.count <= count; }
bool Fits(size_t count, const ListSet& effect) { return effect.index < count; }
bool Fits(size_t count, const ListRemove&) { return count > 0; }
bool Fits(size_t, const HashPut&) { return true; }
bool Fits(size_t count, const HashFieldExpirySet&) { return count > 0; }
bool Fits(size_t count, const HashFieldExpire&) { return count > 0; }
bool Fits(size_t count, const HashErase&) { return count > 0; }
bool Fits(size_t, const SetAdd&) { return true; }
bool Fits(size_t count, const SetErase&) { return count > 0; }
bool Fits(size_t, const SortedSetPut& effect) { return !std::isnan(effect.score); }
bool Fits(size_t count, const SortedSetErase&) { return count > 0; }

}  // namespace

bool CanApply(const Entry* entry, const CollectionChange& change) {
  return change.Visit([&]<typename Effect>(const Effect& effect) {
    if (entry != nullptr && entry->type() != Effect::kType) return false;
    if constexpr (StreamEffect<Effect>) {
      return Fits(entry == nullptr ? nullptr : &StreamIn(*entry), effect);
    } else {
      return Fits(entry == nullptr ? 0 : ElementCount(*entry), effect);
    }
  });
}

}  // namespace ringkv::storage
