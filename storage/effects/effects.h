// SPDX-License-Identifier: MIT
// The kinds of change: each is deterministic and complete, with randomness and time resolved before. The log and
// replicas need effects only, not commands (docs/decisions/023-effects-not-commands.md).
//
// `Fields` lists what an effect is made of, in the order in which the log has it. Each effect has a row in
// effect_list.h.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include "storage/base/db_index.h"
#include "storage/effects/stream_id.h"
#include "storage/entry/entry.h"

namespace ringkv::storage {

// The key holds this string from now on, whatever it held before.
struct StringPut {
  std::string_view value;
  UnixMs expiry = kNoExpiry;
  StringForm form = StringForm::kPlain;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.form);
    visit.Expiry(self.expiry);
    visit(self.value);
  }
};

// Bytes are written into the string at `offset`; a missing key counts as an empty string, a gap is filled with zeros.
struct StringPatch {
  uint64_t offset = 0;
  std::string_view bytes;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.offset);
    visit(self.bytes);
  }
};

// Whether the patched string has at most `longest` bytes.
constexpr bool IsWithin(const StringPatch& patch, uint64_t longest) {
  return patch.offset <= longest && patch.bytes.size() <= longest - patch.offset;
}

// The key holds this collection from now on, whatever it held before.
struct CollectionPut {
  ValueKind kind = StringForm::kPlain;  // of a collection, packed or integers
  std::string_view packed;              // well-formed, see types/collection.h
  UnixMs expiry = kNoExpiry;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.kind);
    visit.Expiry(self.expiry);
    visit(self.packed);
  }
};

// --- changes of a collection: a missing key counts as an empty one, and one that becomes empty is gone --------------

// The field has this value, and this expiry, from now on.
struct HashPut {
  std::string_view field;
  std::string_view value;
  UnixMs expiry = kNoExpiry;
  static constexpr ValueType kType = ValueType::kHash;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit.Expiry(self.expiry);
    visit(self.field);
    visit(self.value);
  }
};

// Sets the expiry of a field that exists; kNoExpiry removes it.
struct HashFieldExpirySet {
  std::string_view field;
  UnixMs expiry = kNoExpiry;
  static constexpr ValueType kType = ValueType::kHash;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit.Expiry(self.expiry);
    visit(self.field);
  }
};

// The field is erased because it has expired.
struct HashFieldExpire {
  std::string_view field;
  static constexpr ValueType kType = ValueType::kHash;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.field);
  }
};

struct HashErase {
  std::string_view field;
  static constexpr ValueType kType = ValueType::kHash;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.field);
  }
};

struct ListPush {
  std::string_view element;
  bool at_front = false;
  static constexpr ValueType kType = ValueType::kList;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.element);
    visit(self.at_front);
  }
};

// Inserts the element before or after the first one that is equal to the pivot.
struct ListInsert {
  std::string_view pivot;
  std::string_view element;
  bool behind = false;
  static constexpr ValueType kType = ValueType::kList;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.pivot);
    visit(self.element);
    visit(self.behind);
  }
};

// Removes `count` elements from an end; the list must have that many.
struct ListTake {
  uint64_t count = 1;
  bool from_front = false;
  static constexpr ValueType kType = ValueType::kList;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.count);
    visit(self.from_front);
  }
};

struct ListSet {
  uint64_t index = 0;
  std::string_view element;
  static constexpr ValueType kType = ValueType::kList;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.index);
    visit(self.element);
  }
};

// Removes up to `most` elements equal to this; 0: all of them.
struct ListRemove {
  std::string_view element;
  uint64_t most = 0;
  bool from_back = false;
  static constexpr ValueType kType = ValueType::kList;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.element);
    visit(self.most);
    visit(self.from_back);
  }
};

struct SetAdd {
  std::string_view member;
  static constexpr ValueType kType = ValueType::kSet;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.member);
  }
};

struct SetErase {
  std::string_view member;
  static constexpr ValueType kType = ValueType::kSet;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.member);
  }
};

struct SortedSetPut {
  std::string_view member;
  double score = 0;  // a number
  static constexpr ValueType kType = ValueType::kSortedSet;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.member);
    visit(self.score);
  }
};

struct SortedSetErase {
  std::string_view member;
  static constexpr ValueType kType = ValueType::kSortedSet;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.member);
  }
};

// --- streams: an empty one stays, only its first entry or group makes one -------------------------------------------

struct StreamAppend {
  StreamId id;              // greater than all before
  std::string_view fields;  // see types/stream_fields.h
  static constexpr ValueType kType = ValueType::kStream;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.id);
    visit(self.fields);
  }
};

struct StreamErase {
  StreamId id;
  static constexpr ValueType kType = ValueType::kStream;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.id);
  }
};

// Removes the entries before this one.
struct StreamTrim {
  StreamId least;
  static constexpr ValueType kType = ValueType::kStream;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.least);
  }
};

struct StreamSetIds {
  StreamId last_id;
  StreamId greatest_erased;
  uint64_t added = 0;  // number of entries ever added
  static constexpr ValueType kType = ValueType::kStream;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.last_id);
    visit(self.greatest_erased);
    visit(self.added);
  }
};

// Creates the group. In logs of before StreamGroupMove the group may exist: then this sets its position.
struct StreamGroupPut {
  std::string_view group;
  StreamId last_id;
  int64_t read = -1;  // entries; -1: unknown
  static constexpr ValueType kType = ValueType::kStream;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.group);
    visit(self.last_id);
    visit(self.read);
  }
};

// Sets the position of a group that exists.
struct StreamGroupMove {
  std::string_view group;
  StreamId last_id;
  int64_t read = -1;  // as above
  static constexpr ValueType kType = ValueType::kStream;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.group);
    visit(self.last_id);
    visit(self.read);
  }
};

struct StreamGroupErase {
  std::string_view group;
  static constexpr ValueType kType = ValueType::kStream;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.group);
  }
};

struct StreamConsumerPut {
  std::string_view group;
  std::string_view consumer;
  UnixMs seen = 0;
  static constexpr ValueType kType = ValueType::kStream;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.group);
    visit(self.consumer);
    visit(self.seen);
  }
};

struct StreamConsumerErase {
  std::string_view group;
  std::string_view consumer;
  static constexpr ValueType kType = ValueType::kStream;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.group);
    visit(self.consumer);
  }
};

// The entry is pending for this consumer, which is created if needed, and for no other one.
struct StreamPend {
  std::string_view group;
  std::string_view consumer;
  StreamId id;
  UnixMs delivered = 0;
  uint64_t deliveries = 1;
  static constexpr ValueType kType = ValueType::kStream;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.group);
    visit(self.consumer);
    visit(self.id);
    visit(self.delivered);
    visit(self.deliveries);
  }
};

// The entry is no longer pending.
struct StreamAcknowledge {
  std::string_view group;
  StreamId id;
  static constexpr ValueType kType = ValueType::kStream;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.group);
    visit(self.id);
  }
};

// --- changes of any key, and of whole databases ---------------------------------------------------------------------

enum class EraseReason : uint8_t { kDeleted, kExpired, kEvicted, kMoved };

struct Erase {
  EraseReason reason = EraseReason::kDeleted;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.reason);
  }
};

// kNoExpiry removes the expiry.
struct ExpirySet {
  UnixMs expiry = kNoExpiry;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit.Expiry(self.expiry);
  }
};

// Deletes all keys of the database.
struct DatabaseFlush {
  template <typename Self, typename Visitor>
  static void Fields(Self&, Visitor&&) {}
};

// Swaps the two databases.
struct DatabaseSwap {
  DbIndex other = 0;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.other);
  }
};

// --- changes of the libraries of functions, which belong to no database ---------------------------------------------

// There is a library of this name with this code from now on, whatever it was before.
struct LibraryPut {
  std::string_view name;
  std::string_view code;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.name);
    visit(self.code);
  }
};

// A library that doesn't exist is no error.
struct LibraryErase {
  std::string_view name;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.name);
  }
};

// Deletes all libraries.
struct LibrariesFlush {
  template <typename Self, typename Visitor>
  static void Fields(Self&, Visitor&&) {}
};

// --- the slots of a cluster -----------------------------------------------------------------------------------------

// The ledger of the shard's slots is this text from now on (docs/formats/slots.md). It belongs to no database.
struct LedgerPut {
  std::string_view text;
  template <typename Self, typename Visitor>
  static void Fields(Self& self, Visitor&& visit) {
    visit(self.text);
  }
};

// --- kinds of effects -----------------------------------------------------------------------------------------------

template <typename Effect>
concept CollectionEffect = requires {
  Effect::kType;
};

template <typename Effect>
concept StreamEffect = CollectionEffect<Effect> && Effect::kType == ValueType::kStream;

// Of a whole database.
template <typename Effect>
concept DatabaseEffect = std::same_as<Effect, DatabaseFlush> || std::same_as<Effect, DatabaseSwap>;

// Of the libraries of functions. Such effects are complete: applied once more, in their order, they change nothing.
template <typename Effect>
concept LibraryEffect =
    std::same_as<Effect, LibraryPut> || std::same_as<Effect, LibraryErase> || std::same_as<Effect, LibrariesFlush>;

// Of what belongs to the node or its shard as a whole, and to no database. Complete, too.
template <typename Effect>
concept NodeEffect = LibraryEffect<Effect> || std::same_as<Effect, LedgerPut>;

template <typename Effect>
concept KeylessEffect = DatabaseEffect<Effect> || NodeEffect<Effect>;

}  // namespace ringkv::storage
