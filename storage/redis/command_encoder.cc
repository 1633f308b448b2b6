// SPDX-License-Identifier: MIT
#include "storage/redis/command_encoder.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "storage/rdb/dump_payload.h"
#include "storage/types/hash_fields.h"
#include "storage/types/packed_visit.h"
#include "storage/types/stream_fields.h"

namespace ringkv::storage {
namespace {

constexpr size_t kElementsAtOnce = 64;  // in one command, as in Redis' own rewritten AOF

// As redis-server reads it back, to the bit.
std::string_view ScoreText(double score, char (&text)[40]) {
  return {text, static_cast<size_t>(std::snprintf(text, sizeof text, "%.17g", score))};
}

template <typename Number>
std::string_view Digits(Number number, char (&text)[24]) {
  return {text, static_cast<size_t>(std::to_chars(text, text + sizeof text, number).ptr - text)};
}

// SET and RESTORE refuse times before 1970, which are as long over as any other.
UnixMs AfterEpoch(UnixMs expiry) { return std::max<UnixMs>(expiry, 1); }

}  // namespace

class CommandEncoder::Elements {
 public:
  Elements(CommandEncoder& encoder, std::string_view key) : encoder_(encoder), key_(key) {}
  ~Elements() { Flush(); }

  void operator()(const HashPut& put) { Add("HSET", {put.field, put.value}); }
  void operator()(const ListPush& push) { Add("RPUSH", {push.element}); }
  void operator()(const SetAdd& add) { Add("SADD", {add.member}); }
  void operator()(const SortedSetPut& put) {
    char text[40];
    Add("ZADD", {ScoreText(put.score, text), put.member});
  }

 private:
  void Add(std::string_view command, std::initializer_list<std::string_view> words) {
    command_ = command;
    CommandEncoder to(&arguments_);
    for (const std::string_view word : words) to.Word(word);
    words_ += words.size();
    if (++elements_ == kElementsAtOnce) Flush();
  }
  void Flush() {
    if (elements_ == 0) return;
    encoder_.Begin(words_ + 2);
    encoder_.Word(command_);
    encoder_.Word(key_);
    encoder_.out_ += arguments_;
    arguments_.clear();
    words_ = elements_ = 0;
  }

  CommandEncoder& encoder_;
  const std::string_view key_;
  std::string_view command_;
  std::string arguments_;
  size_t words_ = 0;
  size_t elements_ = 0;
};

// --- groups ---------------------------------------------------------------------------------------------------------

void CommandEncoder::Group(std::span<const EffectRecord> effects) {
  if (effects.empty()) return;
  SelectFor(effects[0]);
  const auto* put = std::get_if<CollectionPut>(&effects[0].effect);
  const bool is_one = effects.size() == 1 && (put == nullptr || put->kind.type() == ValueType::kStream);
  if (is_one) return Effect(effects[0]);
  Command({"MULTI"});
  for (const EffectRecord& record : effects) {
    SelectFor(record);
    Effect(record);
  }
  Command({"EXEC"});
}

void CommandEncoder::Key(DbIndex db, std::string_view key, ValueKind kind, std::string_view value, UnixMs expiry) {
  Select(db);
  if (kind.type() == ValueType::kString) return Show(key, StringPut{value, expiry, kind.string_form()});
  Show(key, CollectionPut{kind, value, expiry});
}

void CommandEncoder::Select(DbIndex db) {
  if (db_ == db) return;
  db_ = db;
  Begin(2);
  Word("SELECT");
  Number(uint64_t{db});
}

void CommandEncoder::SelectFor(const EffectRecord& record) {
  if (!IsOnNode(record.effect)) Select(record.db);
}

void CommandEncoder::Effect(const EffectRecord& record) {
  std::visit([&](const auto& effect) { Show(record.key, effect); }, record.effect);
}

// --- words ----------------------------------------------------------------------------------------------------------

void CommandEncoder::Command(std::initializer_list<std::string_view> words) {
  Begin(words.size());
  for (const std::string_view word : words) Word(word);
}

void CommandEncoder::Begin(size_t words) {
  char text[24];
  out_.append("*").append(Digits(words, text)).append("\r\n");
}

void CommandEncoder::Word(std::string_view word) {
  char text[24];
  out_.append("$").append(Digits(word.size(), text)).append("\r\n").append(word).append("\r\n");
}

void CommandEncoder::Number(uint64_t number) {
  char text[24];
  Word(Digits(number, text));
}

void CommandEncoder::Number(int64_t number) {
  char text[24];
  Word(Digits(number, text));
}

void CommandEncoder::Id(const StreamId& id) { Word(StreamIdText(id)); }

// --- strings and whole values ---------------------------------------------------------------------------------------

void CommandEncoder::Show(std::string_view key, const StringPut& put) {
  if (put.expiry == kNoExpiry) return Command({"SET", key, put.value});
  Begin(5);
  Word("SET");
  Word(key);
  Word(put.value);
  Word("PXAT");
  Number(AfterEpoch(put.expiry));
}

void CommandEncoder::Show(std::string_view key, const StringPatch& patch) {
  Begin(4);
  Word("SETRANGE");
  Word(key);
  Number(patch.offset);
  Word(patch.bytes);
}

void CommandEncoder::Show(std::string_view key, const CollectionPut& put) {
  if (put.kind.type() == ValueType::kStream) {
    // There are states of a consumer group to which no command leads: pending entries that are deleted.
    char text[24];
    const UnixMs expiry = put.expiry == kNoExpiry ? 0 : AfterEpoch(put.expiry);
    return Command(
        {"RESTORE", key, Digits(expiry, text), EncodeDumpPayload(put.kind, put.packed), "REPLACE", "ABSTTL"});
  }
  Command({"DEL", key});
  VisitPacked(put, Elements(*this, key));
  if (fields_expire_ && put.kind.has_field_expiry()) ShowExpiries(key, put);
  if (put.expiry != kNoExpiry) Show(key, ExpirySet{put.expiry});
}

// --- elements -------------------------------------------------------------------------------------------------------

void CommandEncoder::Show(std::string_view key, const HashPut& put) {
  Command({"HSET", key, put.field, put.value});
  if (put.expiry != kNoExpiry) Show(key, HashFieldExpirySet{put.field, put.expiry});
}

void CommandEncoder::Show(std::string_view key, const HashErase& erase) { Command({"HDEL", key, erase.field}); }

void CommandEncoder::ShowExpiries(std::string_view key, const CollectionPut& put) {
  for (PackedFields fields(put.packed, true); !fields.AtEnd();) {
    const HashField field = fields.Next();
    if (field.expiry != kNoExpiry) Show(key, HashFieldExpirySet{field.name, field.expiry});
  }
}

void CommandEncoder::Show(std::string_view key, const HashFieldExpirySet& set) {
  if (!fields_expire_) return;
  if (set.expiry == kNoExpiry) return Command({"HPERSIST", key, "FIELDS", "1", set.field});
  char text[24];
  Command({"HPEXPIREAT", key, Digits(set.expiry, text), "FIELDS", "1", set.field});
}

void CommandEncoder::Show(std::string_view key, const HashFieldExpire& expire) { Command({"HDEL", key, expire.field}); }

void CommandEncoder::Show(std::string_view key, const ListPush& push) {
  Command({push.at_front ? "LPUSH" : "RPUSH", key, push.element});
}

void CommandEncoder::Show(std::string_view key, const ListInsert& insert) {
  Command({"LINSERT", key, insert.behind ? "AFTER" : "BEFORE", insert.pivot, insert.element});
}

void CommandEncoder::Show(std::string_view key, const ListTake& take) {
  Begin(3);
  Word(take.from_front ? "LPOP" : "RPOP");
  Word(key);
  Number(take.count);
}

void CommandEncoder::Show(std::string_view key, const ListSet& set) {
  Begin(4);
  Word("LSET");
  Word(key);
  Number(set.index);
  Word(set.element);
}

void CommandEncoder::Show(std::string_view key, const ListRemove& remove) {
  const auto most = static_cast<int64_t>(remove.most);
  Begin(4);
  Word("LREM");
  Word(key);
  Number(remove.from_back ? -most : most);
  Word(remove.element);
}

void CommandEncoder::Show(std::string_view key, const SetAdd& add) { Command({"SADD", key, add.member}); }

void CommandEncoder::Show(std::string_view key, const SetErase& erase) { Command({"SREM", key, erase.member}); }

void CommandEncoder::Show(std::string_view key, const SortedSetPut& put) {
  char text[40];
  Command({"ZADD", key, ScoreText(put.score, text), put.member});
}

void CommandEncoder::Show(std::string_view key, const SortedSetErase& erase) { Command({"ZREM", key, erase.member}); }

// --- streams --------------------------------------------------------------------------------------------------------

void CommandEncoder::Show(std::string_view key, const StreamAppend& append) {
  const StreamFields fields(append.fields);
  Begin(3 + 2 * fields.count());
  Word("XADD");
  Word(key);
  Id(append.id);
  fields.ForEach([&](std::string_view name, std::string_view value) {
    Word(name);
    Word(value);
  });
}

void CommandEncoder::Show(std::string_view key, const StreamErase& erase) {
  Command({"XDEL", key, StreamIdText(erase.id)});
}

void CommandEncoder::Show(std::string_view key, const StreamTrim& trim) {
  Command({"XTRIM", key, "MINID", StreamIdText(trim.least)});
}

void CommandEncoder::Show(std::string_view key, const StreamSetIds& set) {
  Begin(7);
  Word("XSETID");
  Word(key);
  Id(set.last_id);
  Word("ENTRIESADDED");
  Number(set.added);
  Word("MAXDELETEDID");
  Id(set.greatest_erased);
}

void CommandEncoder::Show(std::string_view key, const StreamGroupPut& put) {
  char text[24];
  Command({"XGROUP", "CREATE", key, put.group, StreamIdText(put.last_id), "MKSTREAM", "ENTRIESREAD",
           Digits(put.read, text)});
}

void CommandEncoder::Show(std::string_view key, const StreamGroupMove& move) {
  char text[24];
  Command({"XGROUP", "SETID", key, move.group, StreamIdText(move.last_id), "ENTRIESREAD", Digits(move.read, text)});
}

void CommandEncoder::Show(std::string_view key, const StreamGroupErase& erase) {
  Command({"XGROUP", "DESTROY", key, erase.group});
}

void CommandEncoder::Show(std::string_view key, const StreamConsumerPut& put) {
  Command({"XGROUP", "CREATECONSUMER", key, put.group, put.consumer});
}

void CommandEncoder::Show(std::string_view key, const StreamConsumerErase& erase) {
  Command({"XGROUP", "DELCONSUMER", key, erase.group, erase.consumer});
}

void CommandEncoder::Show(std::string_view key, const StreamPend& pend) {
  char delivered[24];
  char deliveries[24];
  Command({"XCLAIM", key, pend.group, pend.consumer, "0", StreamIdText(pend.id), "TIME",
           Digits(pend.delivered, delivered), "RETRYCOUNT", Digits(pend.deliveries, deliveries), "FORCE", "JUSTID"});
}

void CommandEncoder::Show(std::string_view key, const StreamAcknowledge& acknowledge) {
  Command({"XACK", key, acknowledge.group, StreamIdText(acknowledge.id)});
}

// --- keys and databases ---------------------------------------------------------------------------------------------

void CommandEncoder::Show(std::string_view key, const ExpirySet& set) {
  if (set.expiry == kNoExpiry) return Command({"PERSIST", key});
  Begin(3);
  Word("PEXPIREAT");
  Word(key);
  Number(set.expiry);
}

void CommandEncoder::Show(std::string_view key, const Erase& erase) {
  // Expired and evicted values are freed in the background, on the replica too.
  Command({erase.reason == EraseReason::kDeleted ? "DEL" : "UNLINK", key});
}

void CommandEncoder::Show(std::string_view, const DatabaseFlush&) { Command({"FLUSHDB"}); }

void CommandEncoder::Show(std::string_view, const DatabaseSwap& swap) {
  char db[24];
  char other[24];
  Command({"SWAPDB", Digits(*db_, db), Digits(swap.other, other)});
}

// --- libraries of functions -----------------------------------------------------------------------------------------

void CommandEncoder::Show(std::string_view, const LibraryPut& put) {
  Command({"FUNCTION", "LOAD", "REPLACE", put.code});
}

void CommandEncoder::Show(std::string_view, const LibraryErase& erase) { Command({"FUNCTION", "DELETE", erase.name}); }

void CommandEncoder::Show(std::string_view, const LibrariesFlush&) { Command({"FUNCTION", "FLUSH"}); }

}  // namespace ringkv::storage
