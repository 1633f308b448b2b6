// SPDX-License-Identifier: MIT
// Keyspace notifications: what has happened to a key, by the name that Redis' notify-keyspace-events has for it.
//
// Every effect has a name for itself, which a replica tells too. A command that Redis calls otherwise hands its own
// name to Txn::Do (server/commands/event_names.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/effects.h"

namespace ringkv::storage {

struct KeyEvent {
  std::string_view name;  // empty: nobody is told
  char type;              // the letter of its kind in the option
  bool repeats = false;   // told each time; of others, equal ones in a row are one: they are elements of one change
};

constexpr KeyEvent kNoEvent{{}, 'g'};
constexpr KeyEvent kKeyMade{"new", 'n'};
constexpr KeyEvent kKeyGone{"del", 'g'};
constexpr KeyEvent kKeyMissed{"keymiss", 'm', true};
constexpr KeyEvent kRestored{"restore", 'g'};

struct RenameEvents {
  KeyEvent from{"rename_from", 'g'};
  KeyEvent to{"rename_to", 'g'};
};

constexpr KeyEvent EventOf(const StringPut&) { return {"set", '$', true}; }
constexpr KeyEvent EventOf(const StringPatch&) { return {"setrange", '$'}; }
constexpr KeyEvent EventOf(const CollectionPut&) { return kRestored; }
constexpr KeyEvent EventOf(const HashPut&) { return {"hset", 'h'}; }
constexpr KeyEvent EventOf(const HashErase&) { return {"hdel", 'h'}; }
constexpr KeyEvent EventOf(const ListPush& effect) { return {effect.at_front ? "lpush" : "rpush", 'l'}; }
constexpr KeyEvent EventOf(const ListInsert&) { return {"linsert", 'l'}; }
constexpr KeyEvent EventOf(const ListTake& effect) { return {effect.from_front ? "lpop" : "rpop", 'l'}; }
constexpr KeyEvent EventOf(const ListSet&) { return {"lset", 'l'}; }
constexpr KeyEvent EventOf(const ListRemove&) { return {"lrem", 'l'}; }
constexpr KeyEvent EventOf(const SetAdd&) { return {"sadd", 's'}; }
constexpr KeyEvent EventOf(const SetErase&) { return {"srem", 's'}; }
constexpr KeyEvent EventOf(const SortedSetPut&) { return {"zadd", 'z'}; }
constexpr KeyEvent EventOf(const SortedSetErase&) { return {"zrem", 'z'}; }
constexpr KeyEvent EventOf(const StreamAppend&) { return {"xadd", 't'}; }
constexpr KeyEvent EventOf(const StreamErase&) { return {"xdel", 't'}; }
constexpr KeyEvent EventOf(const StreamTrim&) { return {"xtrim", 't'}; }
constexpr KeyEvent EventOf(const StreamSetIds&) { return {"xsetid", 't'}; }
constexpr KeyEvent EventOf(const StreamGroupPut&) { return {"xgroup-setid", 't'}; }
constexpr KeyEvent EventOf(const StreamGroupErase&) { return {"xgroup-destroy", 't'}; }
constexpr KeyEvent EventOf(const StreamConsumerPut&) { return {"xgroup-createconsumer", 't'}; }
constexpr KeyEvent EventOf(const StreamConsumerErase&) { return {"xgroup-delconsumer", 't'}; }
constexpr KeyEvent EventOf(const StreamPend&) { return kNoEvent; }
constexpr KeyEvent EventOf(const StreamAcknowledge&) { return kNoEvent; }
constexpr KeyEvent EventOf(const ExpirySet& effect) { return {effect.expiry == kNoExpiry ? "persist" : "expire", 'g'}; }
constexpr KeyEvent EventOf(const Erase& effect) {
  switch (effect.reason) {
    case EraseReason::kExpired: return {"expired", 'x'};
    case EraseReason::kEvicted: return {"evicted", 'e'};
    case EraseReason::kMoved: return kNoEvent;
    case EraseReason::kDeleted: break;
  }
  return kKeyGone;
}

// What has happened while a command ran, in order.
class KeyEventList {
 public:
  struct Item {
    DbIndex db;
    std::string key;
    KeyEvent event;
  };

  void Add(DbIndex db, std::string_view key, const KeyEvent& event) {
    if (!event.repeats && !items_.empty()) {
      const Item& last = items_.back();
      if (last.event.name == event.name && last.key == key && last.db == db) return;
    }
    items_.push_back({db, std::string(key), event});
  }
  const std::vector<Item>& items() const { return items_; }

 private:
  std::vector<Item> items_;
};

}  // namespace ringkv::storage
