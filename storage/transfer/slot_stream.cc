// SPDX-License-Identifier: MIT
#include "storage/transfer/slot_stream.h"

#include <algorithm>

#include "storage/effects/effect_codec.h"
#include "storage/log/log_reader.h"

namespace ringkv::storage {

bool SlotStream::NextBlock(std::string* section) {
  if (!blocks_.NextBlock(cursor_)) return false;
  for (const BlockRun& run : cursor_.runs) {
    // Adjacent runs with the same LSN, as all have without writes, are merged.
    if (!copied_.empty() && copied_.back().end == run.first && copied_.back().lsn == run.lsn) {
      copied_.back().end = run.end;
    } else {
      copied_.push_back(run);
    }
  }
  std::string_view body;
  Section sealed = cursor_.Seal(&body);
  sealed.number = sections_++;
  keys_ += sealed.keys;
  *section = EncodeSection(sealed);
  section->append(body);
  cursor_.Shrink();
  return true;
}

std::optional<Lsn> SlotStream::CopiedAt(Position position) const {
  const auto behind = std::upper_bound(copied_.begin(), copied_.end(), position.value,
                                       [](uint64_t value, const BlockRun& run) { return value < run.first; });
  if (behind == copied_.begin() || position.value >= std::prev(behind)->end) return std::nullopt;
  return std::prev(behind)->lsn;
}

bool SlotStream::Filter(std::string_view frame, std::string* changes) {
  LogFrame decoded;
  if (!DecodeFrame(frame, &decoded)) return false;
  return ForEachGroup(decoded, [&](Lsn lsn, std::string_view effects) { return FilterGroup(lsn, effects, changes); });
}

bool SlotStream::FilterGroup(Lsn lsn, std::string_view effects, std::string* changes) {
  group_.clear();
  ByteReader reader(effects);
  while (!reader.AtEnd()) {
    const char* start = reader.rest().data();
    const EffectRecord record = DecodeEffect(&reader);
    if (!reader.ok() || std::holds_alternative<DatabaseSwap>(record.effect)) return false;
    const auto bytes = static_cast<size_t>(effects.data() + effects.size() - reader.rest().size() - start);
    if (std::holds_alternative<DatabaseFlush>(record.effect)) {
      for (const BlockRun& run : copied_) {
        if (lsn <= run.lsn) continue;
        changes->push_back(static_cast<char>(SlotChange::kErase));
        PutFixed(changes, run.first);
        PutFixed(changes, run.end);
      }
      continue;
    }
    if (IsOnNode(record.effect)) continue;  // each node has its own
    const Position position = PositionOf(record.key, store_.placement());
    const std::optional<Lsn> copied = CopiedAt(position);
    if (copied && lsn > *copied) group_.append(start, bytes);
  }
  if (group_.empty()) return true;
  changes->push_back(static_cast<char>(SlotChange::kGroup));
  PutText(changes, group_);
  return true;
}

}  // namespace ringkv::storage
