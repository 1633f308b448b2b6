// SPDX-License-Identifier: MIT
// Collections of a test's store: changed at random, and shown so that equal ones look equal however they are kept.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "storage/effects/effect_codec.h"
#include "storage/transaction/txn.h"
#include "storage/types/hash.h"
#include "storage/types/list.h"
#include "storage/types/set.h"
#include "storage/types/sorted_set.h"
#include "storage/types/stream_visit.h"

namespace ringkv::test {

inline std::string Joined(std::string_view type, const std::vector<std::string>& elements) {
  std::string text(type);
  for (const std::string& element : elements) text += "|" + element;
  return text;
}

// Of a string its bytes.
inline std::string ShownValue(const storage::Entry& entry) {
  std::vector<std::string> elements;
  switch (entry.type()) {
    case storage::ValueType::kString: return std::string(entry.value());
    case storage::ValueType::kHash:
      storage::HashView(&entry).ForEachField([&](const storage::HashField& field) {
        elements.push_back(std::string(field.name) + "=" + std::string(field.value));
        if (field.expiry != storage::kNoExpiry) elements.back() += " until " + std::to_string(field.expiry);
      });
      std::sort(elements.begin(), elements.end());
      return Joined("hash", elements);
    case storage::ValueType::kList:
      storage::ListView(&entry).ForEach([&](std::string_view element) { elements.emplace_back(element); });
      return Joined("list", elements);
    case storage::ValueType::kSet:
      storage::SetView(&entry).ForEach([&](std::string_view member) { elements.emplace_back(member); });
      std::sort(elements.begin(), elements.end());
      return Joined("set", elements);
    case storage::ValueType::kSortedSet:
      storage::SortedSetView(&entry).ForEach([&](std::string_view member, double score) {
        elements.push_back(std::string(member) + "=" + std::to_string(score));
      });
      return Joined("sorted set", elements);
    case storage::ValueType::kStream: {
      std::string effects;
      storage::VisitStream(storage::StreamIn(entry),
                           [&](const auto& effect) { storage::EncodeEffect(&effects, 0, "", effect); });
      return Joined("stream", {effects});
    }
  }
  return "";
}

// Small enough that collections are of both kinds in a short test.
inline void SetSmallLimits(storage::TypeLimits& limits) {
  limits.hash_entries = 4;
  limits.set_entries = 4;
  limits.set_integers = 6;
  limits.sorted_set_entries = 4;
  limits.list_size = 4;
  limits.list_open_ends = 1;
  limits.stream_block_entries = 4;
}

// One random effect on a stream. The key must be locked, and hold a stream or nothing.
inline void ChangeStream(storage::Txn& txn, storage::Place& place, storage::Random& random, std::string_view fields) {
  using namespace storage;
  const StreamId last = place ? StreamIn(place.entry()).last_id() : StreamId{};
  const StreamId id{last.ms - random.Below(last.ms + 1), 0};
  const std::string group = "group" + std::to_string(random.Below(2));
  const std::string consumer = "consumer" + std::to_string(random.Below(2));
  const uint64_t what = place ? random.Below(16) : 9;
  if (what >= 9) {
    txn.Do(place, StreamAppend{.id = {last.ms + 1, 0}, .fields = fields}, storage::events::kNone);
  } else if (what == 0) {
    txn.Do(place, StreamErase{id}, storage::events::kNone);
  } else if (what == 1) {
    txn.Do(place, StreamTrim{id}, storage::events::kNone);
  } else if (what == 2) {
    txn.Do(place, StreamSetIds{{last.ms + random.Below(3), 0}, id, last.ms + 100}, storage::events::kNone);
  } else if (StreamIn(place.entry()).FindGroup(group) == nullptr || what == 3) {
    txn.Do(place, StreamGroupPut{group, id, StreamGroup::kUnknown}, storage::events::kNone);
  } else if (what == 4) {
    random.Below(4) == 0 ? txn.Do(place, StreamGroupErase{group}, storage::events::kNone)
                         : txn.Do(place, StreamConsumerErase{group, consumer}, storage::events::kNone);
  } else if (what == 5) {
    txn.Do(place, StreamConsumerPut{group, consumer, 7}, storage::events::kNone);
  } else if (what == 6) {
    txn.Do(place, StreamAcknowledge{group, id}, storage::events::kNone);
  } else {
    txn.Do(place, StreamPend{group, consumer, id, 1000, random.Below(9)}, storage::events::kNone);
  }
}

// One random effect on a hash. The key must be locked, and hold a hash or nothing. Its fields expire far in the future.
inline void ChangeHash(storage::Txn& txn, storage::Place& place, storage::Random& random, const std::string& field,
                       const std::string& value) {
  using namespace storage;
  const UnixMs expiry =
      random.Below(3) == 0 ? kNoExpiry : txn.now() + 1'000'000 + static_cast<UnixMs>(random.Below(99));
  const uint64_t what = place ? random.Below(6) : 5;
  if (what == 0) {
    txn.Do(place, HashErase{field}, storage::events::kNone);
  } else if (what == 1) {
    txn.Do(place, HashFieldExpire{field}, storage::events::kNone);
  } else if (what < 4) {
    txn.Do(place, HashFieldExpirySet{field, expiry}, storage::events::kNone);
  } else {
    txn.Do(place, HashPut{field, value, random.Below(2) == 0 ? kNoExpiry : expiry}, storage::events::kNone);
  }
}

// One random effect on a collection. The key must be locked, and hold a collection or nothing.
inline void ChangeCollection(storage::Txn& txn, storage::Place& place, storage::Random& random) {
  using namespace storage;
  const std::string name = std::to_string(random.Below(20)) + (random.Below(3) == 0 ? "x" : "");
  const std::string other = std::string(random.Below(40), 'v');
  const ValueType kinds[] = {ValueType::kHash, ValueType::kList, ValueType::kSet, ValueType::kSortedSet,
                             ValueType::kStream};
  const ValueType type = place ? place.entry().type() : kinds[random.Below(5)];
  const bool erases = place && random.Below(3) == 0;
  switch (type) {
    case ValueType::kString: break;
    case ValueType::kStream: ChangeStream(txn, place, random, std::string_view("\1f\1v", 4)); break;
    case ValueType::kHash: ChangeHash(txn, place, random, name, other); break;
    case ValueType::kSet:
      erases ? txn.Do(place, SetErase{name}, storage::events::kNone)
             : txn.Do(place, SetAdd{name}, storage::events::kNone);
      break;
    case ValueType::kSortedSet:
      erases ? txn.Do(place, SortedSetErase{name}, storage::events::kNone)
             : txn.Do(place, SortedSetPut{name, static_cast<double>(random.Below(1000)) / 8}, storage::events::kNone);
      break;
    case ValueType::kList: {
      const size_t size = ListView(place.entry_or_null()).size();
      const uint64_t what = random.Below(6);
      if (erases) {
        txn.Do(place, ListTake{std::min<uint64_t>(1 + random.Below(3), size), random.Below(2) == 0},
               storage::events::kNone);
      } else if (place && what == 0) {
        txn.Do(place, ListSet{random.Below(size), other}, storage::events::kNone);
      } else if (place && what == 1) {
        txn.Do(place, ListInsert{name, other, random.Below(2) == 0}, storage::events::kNone);
      } else if (place && what == 2) {
        txn.Do(place, ListRemove{name, random.Below(3), random.Below(2) == 0}, storage::events::kNone);
      } else {
        txn.Do(place, ListPush{name, random.Below(2) == 0}, storage::events::kNone);
      }
      break;
    }
  }
}

}  // namespace ringkv::test
