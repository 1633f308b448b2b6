// SPDX-License-Identifier: MIT
#include "check/dump.h"

#include <cstdio>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "check/moment.h"
#include "storage/types/packed_visit.h"
#include "storage/types/type_table.h"

namespace ringkv::check {
namespace {

using storage::kNoExpiry;

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
    storage::VisitPacked(put, [&](const auto& effect) { Show(key, effect); });
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

  void Command(std::initializer_list<std::string_view> words) {
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
    storage::VisitPacked(put, [&](const auto& effect) {
      Object element;
      Show(&element, effect);
      element.erase("effect");
      elements.push_back(std::move(element));
    });
    (*line)["elements"] = std::move(elements);
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
