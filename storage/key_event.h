// SPDX-License-Identifier: MIT
// What has happened to a key, by the name that Redis' notify-keyspace-events has for it where nothing says more: a
// command that means something else by an effect has a name of its own for it (server/pubsub/key_events.cc).
#pragma once

#include <string_view>

#include "storage/effects.h"

namespace ringkv::storage {

struct KeyEvent {
  std::string_view name;  // empty: nothing that anybody is told of
  char type;              // the letter that stands for its kind in the option
};

constexpr KeyEvent kKeyMade{"new", 'n'};
constexpr KeyEvent kKeyGone{"del", 'g'};
constexpr KeyEvent kKeyMissed{"keymiss", 'm'};
constexpr KeyEvent kRenamedFrom{"rename_from", 'g'};
constexpr KeyEvent kRenamedTo{"rename_to", 'g'};

constexpr KeyEvent EventOf(const StringPut&) { return {"set", '$'}; }
constexpr KeyEvent EventOf(const StringPatch&) { return {"setrange", '$'}; }
constexpr KeyEvent EventOf(const CollectionPut&) { return {"restore", 'g'}; }
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
constexpr KeyEvent EventOf(const StreamPend&) { return {{}, 't'}; }
constexpr KeyEvent EventOf(const StreamAcknowledge&) { return {{}, 't'}; }
constexpr KeyEvent EventOf(const ExpirySet& effect) { return {effect.expiry == kNoExpiry ? "persist" : "expire", 'g'}; }
constexpr KeyEvent EventOf(const Erase& effect) {
  switch (effect.reason) {
    case EraseReason::kExpired: return {"expired", 'x'};
    case EraseReason::kEvicted: return {"evicted", 'e'};
    case EraseReason::kMoved: return {{}, 'g'};
    case EraseReason::kDeleted: break;
  }
  return kKeyGone;
}

}  // namespace ringkv::storage
