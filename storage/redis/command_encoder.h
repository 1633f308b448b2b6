// SPDX-License-Identifier: MIT
// Effects as commands of Redis (7.0), in RESP: a redis-server that executes them has the data that the effects made.
//
// Each effect becomes one command, which doesn't fail; only a whole collection takes several. Times are absolute.
// Fields of hashes don't expire there: redis-server 7.0 has no such fields, and gets each one's end as HDEL. For Redis
// 7.4, fields that expire take a command more.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "storage/effects/effect_codec.h"

namespace ringkv::storage {

class CommandEncoder {
 public:
  // Commands are appended to `out`, which must outlive the encoder and may be emptied between calls. `db`: which the
  // receiver has selected, if that is known.
  // `fields_expire`: there.
  explicit CommandEncoder(std::string* out, std::optional<DbIndex> db = std::nullopt, bool fields_expire = false)
      : out_(*out), db_(db), fields_expire_(fields_expire) {}

  // The effects of one group, preceded by SELECT if their database is another one than before. Several commands stand
  // between MULTI and EXEC.
  void Group(std::span<const EffectRecord> effects);
  // A key with its value. `value`: packed, if it is a collection. An older value of the key is replaced.
  void Key(DbIndex db, std::string_view key, ValueKind kind, std::string_view value, UnixMs expiry);
  // A library of functions. An older one of its name is replaced.
  void Library(std::string_view name, std::string_view code) { Show({}, LibraryPut{name, code}); }
  // Any command.
  void Command(std::initializer_list<std::string_view> words);
  // The receiver's database is not known any more: SELECT precedes the next command.
  void ForgetDatabase() { db_.reset(); }

 private:
  // The elements of a collection, so many in a command.
  class Elements;

  void Select(DbIndex db);
  void SelectFor(const EffectRecord& record);
  void Begin(size_t words);
  void Word(std::string_view word);
  void Number(uint64_t number);
  void Number(int64_t number);
  void Id(const StreamId& id);
  void Effect(const EffectRecord& record);

  void Show(std::string_view key, const StringPut& put);
  void Show(std::string_view key, const StringPatch& patch);
  void Show(std::string_view key, const CollectionPut& put);
  void Show(std::string_view key, const HashPut& put);
  void Show(std::string_view key, const HashErase& erase);
  void Show(std::string_view key, const HashFieldExpirySet& set);
  void Show(std::string_view key, const HashFieldExpire& expire);
  void Show(std::string_view key, const ListPush& push);
  void Show(std::string_view key, const ListInsert& insert);
  void Show(std::string_view key, const ListTake& take);
  void Show(std::string_view key, const ListSet& set);
  void Show(std::string_view key, const ListRemove& remove);
  void Show(std::string_view key, const SetAdd& add);
  void Show(std::string_view key, const SetErase& erase);
  void Show(std::string_view key, const SortedSetPut& put);
  void Show(std::string_view key, const SortedSetErase& erase);
  void Show(std::string_view key, const StreamAppend& append);
  void Show(std::string_view key, const StreamErase& erase);
  void Show(std::string_view key, const StreamTrim& trim);
  void Show(std::string_view key, const StreamSetIds& set);
  void Show(std::string_view key, const StreamGroupPut& put);
  void Show(std::string_view key, const StreamGroupMove& move);
  void Show(std::string_view key, const StreamGroupErase& erase);
  void Show(std::string_view key, const StreamConsumerPut& put);
  void Show(std::string_view key, const StreamConsumerErase& erase);
  void Show(std::string_view key, const StreamPend& pend);
  void Show(std::string_view key, const StreamAcknowledge& acknowledge);
  void Show(std::string_view key, const ExpirySet& set);
  void Show(std::string_view key, const Erase& erase);
  void Show(std::string_view key, const DatabaseFlush& flush);
  void Show(std::string_view key, const DatabaseSwap& swap);
  void Show(std::string_view key, const LibraryPut& put);
  void Show(std::string_view key, const LibraryErase& erase);
  void Show(std::string_view key, const LibrariesFlush& flush);
  void Show(std::string_view, const LedgerPut&) {}  // Redis knows nothing of it

  // Of fields that a packed hash has.
  void ShowExpiries(std::string_view key, const CollectionPut& put);

  std::string& out_;
  std::optional<DbIndex> db_;  // the receiver's
  const bool fields_expire_;
};

}  // namespace ringkv::storage
