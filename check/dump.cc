// SPDX-License-Identifier: MIT
#include "check/dump.h"

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "check/moment.h"

namespace ringkv::check {
namespace {

using storage::kNoExpiry;

class RespDump final : public DataVisitor {
 public:
  explicit RespDump(std::ostream& out) : out_(out) {}

  void Key(const storage::BlockEntry& key) override {
    Select(key.db);
    Put(key.key, key.value, key.expiry);
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
    Add(&line, "value", key.value);
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
