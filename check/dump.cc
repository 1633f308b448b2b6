// SPDX-License-Identifier: MIT
#include "check/dump.h"

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "check/moment.h"
#include "storage/redis/command_encoder.h"
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

  void Library(std::string_view name, std::string_view code) override {
    encoder_.Library(name, code);
    Write();
  }

  void Key(const storage::BlockEntry& key) override {
    encoder_.Key(key.db, key.key, key.kind, key.value, key.expiry);
    Write();
  }

  void BeginGroup(storage::Lsn, storage::UnixMs, size_t) override { group_.clear(); }
  void Effect(const storage::EffectRecord& record) override { group_.push_back(record); }
  void EndGroup() override {
    encoder_.Group(group_);
    Write();
  }

 private:
  void Write() {
    out_ << commands_;
    commands_.clear();
  }

  std::ostream& out_;
  std::vector<storage::EffectRecord> group_;
  std::string commands_;
  storage::CommandEncoder encoder_{&commands_, 0, true};
};

class JsonDump final : public DataVisitor {
 public:
  explicit JsonDump(std::ostream& out) : out_(out) {}

  void Library(std::string_view name, std::string_view code) override {
    Object line;
    Add(&line, "library", name);
    Add(&line, "code", code);
    Write(line);
  }

  void Ledger(std::string_view text) override {
    Object line;
    Add(&line, "ledger", text);
    Write(line);
  }

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
    Object line{{"lsn", lsn_}, {"time", time_}};
    if (!storage::IsOnNode(record.effect)) line["db"] = record.db;
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
    AddExpiry(line, put.expiry);
  }
  static void Show(Object* line, const storage::HashFieldExpirySet& set) {
    (*line)["effect"] = set.expiry == kNoExpiry ? "hash_persist_field" : "hash_expire_field";
    Add(line, "field", set.field);
    AddExpiry(line, set.expiry);
  }
  static void Show(Object* line, const storage::HashFieldExpire& expire) {
    (*line)["effect"] = "hash_erase_expired";
    Add(line, "field", expire.field);
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
  static void Show(Object* line, const storage::StreamGroupMove& move) {
    (*line)["effect"] = "stream_group_move";
    Add(line, "group", move.group);
    AddId(line, "last_id", move.last_id);
    if (move.read >= 0) (*line)["read"] = move.read;
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

  static void Show(Object* line, const storage::LibraryPut& put) {
    (*line)["effect"] = "library_put";
    Add(line, "library", put.name);
    Add(line, "code", put.code);
  }
  static void Show(Object* line, const storage::LibraryErase& erase) {
    (*line)["effect"] = "library_erase";
    Add(line, "library", erase.name);
  }
  static void Show(Object* line, const storage::LibrariesFlush&) { (*line)["effect"] = "libraries_flush"; }
  static void Show(Object* line, const storage::LedgerPut& put) {
    (*line)["effect"] = "ledger_put";
    Add(line, "ledger", put.text);
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
