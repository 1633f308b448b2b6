// SPDX-License-Identifier: MIT
#include "check/dump.h"

#include <cstdio>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "check/moment.h"
#include "storage/types/packed_visit.h"
#include "storage/types/stream_pack.h"
#include "storage/types/stream_visit.h"
#include "storage/types/type_table.h"

namespace ringkv::check {
namespace {

using storage::kNoExpiry;
using storage::StreamIdText;

class RespDump final : public DataVisitor {
 public:
  explicit RespDump(std::ostream& out) : out_(out) {}

  void Key(const storage::BlockEntry& key) override {
    Select(key.db);
    if (key.kind.type() == storage::ValueType::kString) {
      Put(key.key, key.value, key.expiry);
    } else {
      Show(key.key, storage::CollectionPut{key.kind, key.value, key.expiry});
    }
  }

  void BeginGroup(storage::Lsn, storage::UnixMs, size_t effects) override {
    is_transaction_ = effects > 1;
    if (is_transaction_) Command({"MULTI"});
  }
  void EndGroup() override {
    if (is_transaction_) Command({"EXEC"});
  }

  void Effect(const storage::EffectRecord& record) override {
    Select(record.db);
    std::visit([&](const auto& effect) { Show(record.key, effect); }, record.effect);
  }

 private:
  void Show(std::string_view key, const storage::StringPut& put) { Put(key, put.value, put.expiry); }
  void Show(std::string_view key, const storage::StringPatch& patch) {
    Command({"SETRANGE", key, std::to_string(patch.offset), patch.bytes});
  }
  void Show(std::string_view key, const storage::CollectionPut& put) {
    Command({"DEL", key});
    if (put.kind.type() == storage::ValueType::kStream) {
      storage::VisitStream(*storage::UnpackStream(put.packed), [&](const auto& effect) { Show(key, effect); });
    } else {
      storage::VisitPacked(put, [&](const auto& effect) { Show(key, effect); });
    }
    if (put.expiry != kNoExpiry) Show(key, storage::ExpirySet{put.expiry});
  }
  void Show(std::string_view key, const storage::HashPut& put) { Command({"HSET", key, put.field, put.value}); }
  void Show(std::string_view key, const storage::HashErase& erase) { Command({"HDEL", key, erase.field}); }
  void Show(std::string_view key, const storage::ListPush& push) {
    Command({push.at_front ? "LPUSH" : "RPUSH", key, push.element});
  }
  void Show(std::string_view key, const storage::ListInsert& insert) {
    Command({"LINSERT", key, insert.behind ? "AFTER" : "BEFORE", insert.pivot, insert.element});
  }
  void Show(std::string_view key, const storage::ListTake& take) {
    Command({take.from_front ? "LPOP" : "RPOP", key, std::to_string(take.count)});
  }
  void Show(std::string_view key, const storage::ListSet& set) {
    Command({"LSET", key, std::to_string(set.index), set.element});
  }
  void Show(std::string_view key, const storage::ListRemove& remove) {
    Command({"LREM", key, (remove.from_back ? "-" : "") + std::to_string(remove.most), remove.element});
  }
  void Show(std::string_view key, const storage::SetAdd& add) { Command({"SADD", key, add.member}); }
  void Show(std::string_view key, const storage::SetErase& erase) { Command({"SREM", key, erase.member}); }
  void Show(std::string_view key, const storage::SortedSetPut& put) {
    char score[64];
    const int length = std::snprintf(score, sizeof score, "%.17g", put.score);
    Command({"ZADD", key, std::string_view(score, static_cast<size_t>(length)), put.member});
  }
  void Show(std::string_view key, const storage::SortedSetErase& erase) { Command({"ZREM", key, erase.member}); }

  void Show(std::string_view key, const storage::StreamAppend& append) {
    const StreamIdText id(append.id);
    std::vector<std::string_view> words = {"XADD", key, id};
    storage::StreamFields(append.fields).ForEach([&](std::string_view name, std::string_view value) {
      words.push_back(name);
      words.push_back(value);
    });
    Command(words);
  }
  void Show(std::string_view key, const storage::StreamErase& erase) { Command({"XDEL", key, StreamIdText(erase.id)}); }
  void Show(std::string_view key, const storage::StreamTrim& trim) {
    Command({"XTRIM", key, "MINID", StreamIdText(trim.least)});
  }
  void Show(std::string_view key, const storage::StreamSetIds& set) {
    Command({"XSETID", key, StreamIdText(set.last_id), "ENTRIESADDED", std::to_string(set.added), "MAXDELETEDID",
             StreamIdText(set.greatest_erased)});
  }
  // Whether the group is there already can't be told: one of the two does it.
  void Show(std::string_view key, const storage::StreamGroupPut& put) {
    const StreamIdText id(put.last_id);
    Command({"XGROUP", "CREATE", key, put.group, id, "MKSTREAM"});
    Command({"XGROUP", "SETID", key, put.group, id, "ENTRIESREAD", std::to_string(put.read)});
  }
  void Show(std::string_view key, const storage::StreamGroupErase& erase) {
    Command({"XGROUP", "DESTROY", key, erase.group});
  }
  void Show(std::string_view key, const storage::StreamConsumerPut& put) {
    Command({"XGROUP", "CREATECONSUMER", key, put.group, put.consumer});
  }
  void Show(std::string_view key, const storage::StreamConsumerErase& erase) {
    Command({"XGROUP", "DELCONSUMER", key, erase.group, erase.consumer});
  }
  void Show(std::string_view key, const storage::StreamPend& pend) {
    Command({"XCLAIM", key, pend.group, pend.consumer, "0", StreamIdText(pend.id), "TIME",
             std::to_string(pend.delivered), "RETRYCOUNT", std::to_string(pend.deliveries), "FORCE", "JUSTID"});
  }
  void Show(std::string_view key, const storage::StreamAcknowledge& acknowledge) {
    Command({"XACK", key, acknowledge.group, StreamIdText(acknowledge.id)});
  }

  void Show(std::string_view key, const storage::ExpirySet& set) {
    if (set.expiry == kNoExpiry) return Command({"PERSIST", key});
    Command({"PEXPIREAT", key, std::to_string(set.expiry)});
  }
  void Show(std::string_view key, const storage::Erase&) { Command({"DEL", key}); }
  void Show(std::string_view, const storage::DatabaseFlush&) { Command({"FLUSHDB"}); }
  void Show(std::string_view, const storage::DatabaseSwap& swap) {
    Command({"SWAPDB", std::to_string(db_), std::to_string(swap.other)});
  }

  void Put(std::string_view key, std::string_view value, storage::UnixMs expiry) {
    if (expiry == kNoExpiry) return Command({"SET", key, value});
    // A time before 1970, which SET refuses, is as long over as any other.
    Command({"SET", key, value, "PXAT", std::to_string(std::max<storage::UnixMs>(expiry, 1))});
  }

  void Select(storage::DbIndex db) {
    if (db == db_) return;
    db_ = db;
    Command({"SELECT", std::to_string(db)});
  }

  void Command(std::initializer_list<std::string_view> words) { Command({words.begin(), words.size()}); }
  void Command(std::span<const std::string_view> words) {
    out_ << '*' << words.size() << "\r\n";
    for (const std::string_view word : words) out_ << '$' << word.size() << "\r\n" << word << "\r\n";
  }

  std::ostream& out_;
  storage::DbIndex db_ = 0;
  bool is_transaction_ = false;
};

class JsonDump final : public DataVisitor {
 public:
  explicit JsonDump(std::ostream& out) : out_(out) {}

  void Key(const storage::BlockEntry& key) override {
    Object line{{"db", key.db}};
    Add(&line, "key", key.key);
    if (key.kind.type() == storage::ValueType::kString) {
      Add(&line, "value", key.value);
    } else {
      AddElements(&line, {key.kind, key.value, key.expiry});
    }
    AddExpiry(&line, key.expiry);
    Write(line);
  }

  void BeginGroup(storage::Lsn lsn, storage::UnixMs time, size_t) override {
    lsn_ = lsn;
    time_ = FormatMoment(time);
  }

  void Effect(const storage::EffectRecord& record) override {
    Object line{{"lsn", lsn_}, {"time", time_}, {"db", record.db}};
    if (!record.key.empty()) Add(&line, "key", record.key);
    std::visit([&](const auto& effect) { Show(&line, effect); }, record.effect);
    Write(line);
  }

 private:
  using Object = nlohmann::ordered_json;

  static void Show(Object* line, const storage::StringPut& put) {
    (*line)["effect"] = "put";
    Add(line, "value", put.value);
    AddExpiry(line, put.expiry);
  }
  static void Show(Object* line, const storage::StringPatch& patch) {
    (*line)["effect"] = "patch";
    (*line)["offset"] = patch.offset;
    Add(line, "bytes", patch.bytes);
  }
  static void Show(Object* line, const storage::CollectionPut& put) {
    (*line)["effect"] = "put";
    AddElements(line, put);
    AddExpiry(line, put.expiry);
  }
  static void Show(Object* line, const storage::HashPut& put) {
    (*line)["effect"] = "hash_put";
    Add(line, "field", put.field);
    Add(line, "value", put.value);
  }
  static void Show(Object* line, const storage::HashErase& erase) {
    (*line)["effect"] = "hash_erase";
    Add(line, "field", erase.field);
  }
  static void Show(Object* line, const storage::ListPush& push) {
    (*line)["effect"] = push.at_front ? "list_push_front" : "list_push_back";
    Add(line, "element", push.element);
  }
  static void Show(Object* line, const storage::ListInsert& insert) {
    (*line)["effect"] = insert.behind ? "list_insert_behind" : "list_insert_before";
    Add(line, "pivot", insert.pivot);
    Add(line, "element", insert.element);
  }
  static void Show(Object* line, const storage::ListTake& take) {
    (*line)["effect"] = take.from_front ? "list_take_front" : "list_take_back";
    (*line)["count"] = take.count;
  }
  static void Show(Object* line, const storage::ListSet& set) {
    (*line)["effect"] = "list_set";
    (*line)["index"] = set.index;
    Add(line, "element", set.element);
  }
  static void Show(Object* line, const storage::ListRemove& remove) {
    (*line)["effect"] = remove.from_back ? "list_remove_from_back" : "list_remove";
    Add(line, "element", remove.element);
    if (remove.most != 0) (*line)["most"] = remove.most;
  }
  static void Show(Object* line, const storage::SetAdd& add) {
    (*line)["effect"] = "set_add";
    Add(line, "member", add.member);
  }
  static void Show(Object* line, const storage::SetErase& erase) {
    (*line)["effect"] = "set_erase";
    Add(line, "member", erase.member);
  }
  static void Show(Object* line, const storage::SortedSetPut& put) {
    (*line)["effect"] = "sorted_set_put";
    Add(line, "member", put.member);
    (*line)["score"] = put.score;
  }
  static void Show(Object* line, const storage::SortedSetErase& erase) {
    (*line)["effect"] = "sorted_set_erase";
    Add(line, "member", erase.member);
  }
  static void Show(Object* line, const storage::StreamAppend& append) {
    (*line)["effect"] = "stream_append";
    AddId(line, "id", append.id);
    Object fields = Object::array();
    storage::StreamFields(append.fields).ForEach([&](std::string_view name, std::string_view value) {
      Object field;
      Add(&field, "name", name);
      Add(&field, "value", value);
      fields.push_back(std::move(field));
    });
    (*line)["fields"] = std::move(fields);
  }
  static void Show(Object* line, const storage::StreamErase& erase) {
    (*line)["effect"] = "stream_erase";
    AddId(line, "id", erase.id);
  }
  static void Show(Object* line, const storage::StreamTrim& trim) {
    (*line)["effect"] = "stream_trim";
    AddId(line, "least", trim.least);
  }
  static void Show(Object* line, const storage::StreamSetIds& set) {
    (*line)["effect"] = "stream_set_ids";
    AddId(line, "last_id", set.last_id);
    AddId(line, "greatest_erased", set.greatest_erased);
    (*line)["added"] = set.added;
  }
  static void Show(Object* line, const storage::StreamGroupPut& put) {
    (*line)["effect"] = "stream_group_put";
    Add(line, "group", put.group);
    AddId(line, "last_id", put.last_id);
    if (put.read >= 0) (*line)["read"] = put.read;
  }
  static void Show(Object* line, const storage::StreamGroupErase& erase) {
    (*line)["effect"] = "stream_group_erase";
    Add(line, "group", erase.group);
  }
  static void Show(Object* line, const storage::StreamConsumerPut& put) {
    (*line)["effect"] = "stream_consumer_put";
    Add(line, "group", put.group);
    Add(line, "consumer", put.consumer);
    (*line)["seen_at_ms"] = put.seen;
  }
  static void Show(Object* line, const storage::StreamConsumerErase& erase) {
    (*line)["effect"] = "stream_consumer_erase";
    Add(line, "group", erase.group);
    Add(line, "consumer", erase.consumer);
  }
  static void Show(Object* line, const storage::StreamPend& pend) {
    (*line)["effect"] = "stream_pend";
    Add(line, "group", pend.group);
    Add(line, "consumer", pend.consumer);
    AddId(line, "id", pend.id);
    (*line)["delivered_at_ms"] = pend.delivered;
    (*line)["deliveries"] = pend.deliveries;
  }
  static void Show(Object* line, const storage::StreamAcknowledge& acknowledge) {
    (*line)["effect"] = "stream_acknowledge";
    Add(line, "group", acknowledge.group);
    AddId(line, "id", acknowledge.id);
  }
  static void Show(Object* line, const storage::ExpirySet& set) {
    (*line)["effect"] = set.expiry == kNoExpiry ? "persist" : "expire";
    AddExpiry(line, set.expiry);
  }
  static void Show(Object* line, const storage::Erase& erase) {
    (*line)["effect"] = erase.reason == storage::EraseReason::kDeleted   ? "delete"
                        : erase.reason == storage::EraseReason::kExpired ? "delete_expired"
                                                                         : "delete_evicted";
  }
  static void Show(Object* line, const storage::DatabaseFlush&) { (*line)["effect"] = "flush"; }
  static void Show(Object* line, const storage::DatabaseSwap& swap) {
    (*line)["effect"] = "swap";
    (*line)["with_db"] = swap.other;
  }

  // A collection as its type and the effects that make it.
  static void AddElements(Object* line, const storage::CollectionPut& put) {
    (*line)["type"] = storage::TypeName(put.kind.type());
    Object elements = Object::array();
    const bool is_stream = put.kind.type() == storage::ValueType::kStream;
    const auto add = [&](const auto& effect) {
      Object element;
      Show(&element, effect);
      if (!is_stream) element.erase("effect");
      elements.push_back(std::move(element));
    };
    if (is_stream) {
      storage::VisitStream(*storage::UnpackStream(put.packed), add);
    } else {
      storage::VisitPacked(put, add);
    }
    (*line)["elements"] = std::move(elements);
  }

  static void AddId(Object* line, const std::string& name, const storage::StreamId& id) {
    (*line)[name] = std::string(StreamIdText(id));
  }

  static void AddExpiry(Object* line, storage::UnixMs expiry) {
    if (expiry != kNoExpiry) (*line)["expires_at_ms"] = expiry;
  }

  static void Add(Object* line, const std::string& name, std::string_view text) {
    Object value = std::string(text);
    try {
      value.dump();
      (*line)[name] = std::move(value);
    } catch (const nlohmann::json::type_error&) {  // not UTF-8
      constexpr char kDigits[] = "0123456789abcdef";
      std::string hex;
      for (const char c : text) hex += {kDigits[static_cast<unsigned char>(c) >> 4], kDigits[c & 15]};
      (*line)[name + "_hex"] = hex;
    }
  }

  void Write(const Object& line) { out_ << line.dump() << '\n'; }

  std::ostream& out_;
  storage::Lsn lsn_ = 0;
  std::string time_;
};

}  // namespace

std::unique_ptr<DataVisitor> MakeDump(DumpFormat format, std::ostream& out) {
  if (format == DumpFormat::kResp) return std::make_unique<RespDump>(out);
  return std::make_unique<JsonDump>(out);
}

}  // namespace ringkv::check
