// SPDX-License-Identifier: MIT
#include "storage/redis/rdb_sync.h"

#include "storage/log/log_reader.h"

namespace ringkv::storage {

namespace {

// After each block it waits for the log, so that shorter ones would take longer together, and writers gain on them.
constexpr size_t kBlockBytes = 256 * 1024;

}  // namespace

RdbSync::RdbSync(Store& store, Lsn begun, std::string_view redis_version, UnixMs now)
    : store_(store),
      libraries_(store.CopyLibraries()),
      blocks_(store, kBlockBytes),
      runs_(store.placement()),
      last_(begun) {
  rdb_.Begin(redis_version, now);
  for (const auto& [name, code] : *libraries_.set) rdb_.Library(*code);
}

// --- the file -------------------------------------------------------------------------------------------------------

RdbSync::Step RdbSync::NextPart(std::string* file) {
  if (has_ended_) return Step::kEnd;
  if (!holds_block_) CopyBlock();
  if (awaited_ > last_) return Step::kWaits;
  if (holds_block_) {
    WriteBlock();
  } else {
    rdb_.End();
    has_ended_ = true;
  }
  file->append(file_);
  file_.clear();
  return has_ended_ ? Step::kEnd : Step::kWritten;
}

void RdbSync::CopyBlock() {
  holds_block_ = blocks_.NextBlock(cursor_);
  if (!holds_block_) return;
  for (const BlockRun& run : cursor_.runs) runs_.Append(run);
  awaited_ = cursor_.runs.back().lsn;
}

void RdbSync::WriteBlock() {
  ByteReader block(cursor_.raw.Unfolded(&cursor_.unfolded));
  while (!block.AtEnd()) WriteRun(&block);
  holds_block_ = false;
  cursor_.Shrink();
}

void RdbSync::WriteRun(ByteReader* block) {
  const BlockRun run = DecodeRun(block);
  for (uint64_t number = block->Varint(); number != 0; number = block->Varint()) {
    const std::optional<DbIndex> db = databases_.NumberOf(static_cast<DbIndex>(number - 1), run.lsn);
    for (uint64_t left = block->Varint(); left > 0; --left) {
      const BlockEntry entry = DecodeEntry(block);
      if (!db) continue;
      if (!has_selected_ || selected_ != *db) rdb_.SelectDatabase(*db);
      has_selected_ = true;
      selected_ = *db;
      rdb_.Key(entry.key, entry.kind, entry.value, entry.expiry);
      ++keys_;
    }
  }
}

// --- the commands behind it -----------------------------------------------------------------------------------------

bool RdbSync::TakeFrame(std::string_view bytes, std::string* commands) {
  LogFrame frame;
  if (!DecodeFrame(bytes, &frame) || frame.first > last_ + 1) return false;
  const bool is_whole = ForEachGroup(frame, [&](Lsn lsn, std::string_view effects) {
    if (lsn <= last_) return true;
    last_ = lsn;
    return TakeGroup(effects);
  });
  commands->append(commands_);
  commands_.clear();
  return is_whole;
}

bool RdbSync::TakeGroup(std::string_view effects) {
  concerning_.clear();
  ByteReader reader(effects);
  while (!reader.AtEnd()) {
    const EffectRecord record = DecodeEffect(&reader);
    if (!reader.ok()) return false;
    if (Concerns(record)) concerning_.push_back(record);
  }
  encoder_.Group(concerning_);
  return true;
}

bool RdbSync::Concerns(const EffectRecord& record) {
  if (std::holds_alternative<DatabaseFlush>(record.effect)) {
    databases_.NoteFlush(last_, record.db);
    return true;
  }
  if (const auto* swap = std::get_if<DatabaseSwap>(&record.effect)) {
    databases_.NoteSwap(last_, record.db, swap->other);
    return true;
  }
  if (IsOnLibraries(record.effect)) return last_ > libraries_.lsn;
  if (IsOnNode(record.effect)) return false;  // Redis knows nothing of it
  return databases_.HasBeenFlushed(record.db) || !runs_.IsInBlock(last_, record.key);
}

}  // namespace ringkv::storage
