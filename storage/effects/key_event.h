// SPDX-License-Identifier: MIT
// Keyspace notifications: events of keys, with the names of Redis' notify-keyspace-events.
//
// The handler that changes a key hands the event to Txn::Do. The transaction itself tells what happens to keys whatever
// their type: `new`, `del` of a collection that has become empty, `expired`, `evicted` and `keymiss`. A replica knows
// effects and no commands: it tells the event in the effect's row (effect_list.h).
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/db_index.h"

namespace ringkv::storage {

struct KeyEvent {
  std::string_view name;  // empty: nobody is told
  char type;              // the letter of its kind in the option
  bool repeats = false;   // told each time; of others, equal ones in a row are one: they are elements of one change
};

struct RenameEvents {
  KeyEvent from;
  KeyEvent to;
};

namespace events {

inline constexpr KeyEvent kNone{{}, 'g'};

// Any key.
inline constexpr KeyEvent kCopyTo{"copy_to", 'g'};
inline constexpr KeyEvent kDel{"del", 'g'};
inline constexpr KeyEvent kEvicted{"evicted", 'e'};
inline constexpr KeyEvent kExpire{"expire", 'g'};
inline constexpr KeyEvent kExpired{"expired", 'x'};
inline constexpr KeyEvent kKeyMiss{"keymiss", 'm', true};
inline constexpr RenameEvents kMove{{"move_from", 'g'}, {"move_to", 'g'}};
inline constexpr KeyEvent kNew{"new", 'n'};
inline constexpr KeyEvent kPersist{"persist", 'g'};
inline constexpr RenameEvents kRename{{"rename_from", 'g'}, {"rename_to", 'g'}};
inline constexpr KeyEvent kRestore{"restore", 'g'};

// Strings, bits and HyperLogLogs.
inline constexpr KeyEvent kAppend{"append", '$'};
inline constexpr KeyEvent kIncrBy{"incrby", '$'};
inline constexpr KeyEvent kIncrByFloat{"incrbyfloat", '$'};
inline constexpr KeyEvent kPfAdd{"pfadd", '$'};
inline constexpr KeyEvent kSet{"set", '$', true};
inline constexpr KeyEvent kSetBit{"setbit", '$'};
inline constexpr KeyEvent kSetRange{"setrange", '$'};

// Hashes.
inline constexpr KeyEvent kHDel{"hdel", 'h'};
inline constexpr KeyEvent kHExpire{"hexpire", 'h'};
inline constexpr KeyEvent kHExpired{"hexpired", 'h'};
inline constexpr KeyEvent kHIncrBy{"hincrby", 'h'};
inline constexpr KeyEvent kHIncrByFloat{"hincrbyfloat", 'h'};
inline constexpr KeyEvent kHPersist{"hpersist", 'h'};
inline constexpr KeyEvent kHSet{"hset", 'h'};

// Lists.
inline constexpr KeyEvent kLInsert{"linsert", 'l'};
inline constexpr KeyEvent kLPop{"lpop", 'l'};
inline constexpr KeyEvent kLPush{"lpush", 'l'};
inline constexpr KeyEvent kLRem{"lrem", 'l'};
inline constexpr KeyEvent kLSet{"lset", 'l'};
inline constexpr KeyEvent kLTrim{"ltrim", 'l'};
inline constexpr KeyEvent kRPop{"rpop", 'l'};
inline constexpr KeyEvent kRPush{"rpush", 'l'};
inline constexpr KeyEvent kSortStore{"sortstore", 'l'};

// Sets.
inline constexpr KeyEvent kSAdd{"sadd", 's'};
inline constexpr KeyEvent kSDiffStore{"sdiffstore", 's'};
inline constexpr KeyEvent kSInterStore{"sinterstore", 's'};
inline constexpr KeyEvent kSPop{"spop", 's'};
inline constexpr KeyEvent kSRem{"srem", 's'};
inline constexpr KeyEvent kSUnionStore{"sunionstore", 's'};

// Sorted sets.
inline constexpr KeyEvent kGeoRadiusStore{"georadiusstore", 'z'};
inline constexpr KeyEvent kGeoSearchStore{"geosearchstore", 'z'};
inline constexpr KeyEvent kZAdd{"zadd", 'z'};
inline constexpr KeyEvent kZDiffStore{"zdiffstore", 'z'};
inline constexpr KeyEvent kZIncr{"zincr", 'z'};
inline constexpr KeyEvent kZInterStore{"zinterstore", 'z'};
inline constexpr KeyEvent kZPopMax{"zpopmax", 'z'};
inline constexpr KeyEvent kZPopMin{"zpopmin", 'z'};
inline constexpr KeyEvent kZRangeStore{"zrangestore", 'z'};
inline constexpr KeyEvent kZRem{"zrem", 'z'};
inline constexpr KeyEvent kZRemRangeByLex{"zremrangebylex", 'z'};
inline constexpr KeyEvent kZRemRangeByRank{"zremrangebyrank", 'z'};
inline constexpr KeyEvent kZRemRangeByScore{"zremrangebyscore", 'z'};
inline constexpr KeyEvent kZUnionStore{"zunionstore", 'z'};

// Streams.
inline constexpr KeyEvent kXAdd{"xadd", 't'};
inline constexpr KeyEvent kXDel{"xdel", 't'};
inline constexpr KeyEvent kXGroupCreate{"xgroup-create", 't'};
inline constexpr KeyEvent kXGroupCreateConsumer{"xgroup-createconsumer", 't'};
inline constexpr KeyEvent kXGroupDelConsumer{"xgroup-delconsumer", 't'};
inline constexpr KeyEvent kXGroupDestroy{"xgroup-destroy", 't'};
inline constexpr KeyEvent kXGroupSetId{"xgroup-setid", 't'};
inline constexpr KeyEvent kXSetId{"xsetid", 't'};
inline constexpr KeyEvent kXTrim{"xtrim", 't'};

}  // namespace events

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
  // Appends the events of another list, which are of another command: none of them is one with those before.
  void Take(KeyEventList& other) {
    items_.insert(items_.end(), std::make_move_iterator(other.items_.begin()),
                  std::make_move_iterator(other.items_.end()));
    other.items_.clear();
  }
  void Clear() {
    items_.clear();
    if (items_.capacity() > kMostKept) std::vector<Item>().swap(items_);
  }
  // What has happened is undone, but for expirations among the first `lasting` events.
  void Undo(size_t lasting) {
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(lasting), items_.end());
    std::erase_if(items_, [](const Item& item) { return item.event.name != events::kExpired.name; });
  }
  const std::vector<Item>& items() const { return items_; }

 private:
  static constexpr size_t kMostKept = 1024;

  std::vector<Item> items_;
};

}  // namespace ringkv::storage
