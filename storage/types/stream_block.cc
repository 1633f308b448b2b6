// SPDX-License-Identifier: MIT
#include "storage/types/stream_block.h"

#include <algorithm>
#include <optional>

namespace ringkv::storage {
namespace {

bool HasFields(ListpackCursor names, size_t count, const StreamFields& fields) {
  bool are_same = true;
  size_t seen = 0;
  fields.ForEach([&](std::string_view name, std::string_view) {
    if (are_same && seen++ < count) are_same = name == std::string_view(ListpackText(names.Take()));
  });
  return are_same && seen == count;
}

// Reads elements of a well-formed listpack whose meaning is not known to be right.
class SuspiciousReader {
 public:
  explicit SuspiciousReader(std::string_view listpack) : at_(listpack) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return at_.AtEnd(); }
  int64_t Integer() {
    if (!ok_ || at_.AtEnd() || !at_.element().is_integer()) return Spoil();
    return at_.TakeInteger();
  }
  // A number of things of which each takes an element at least.
  size_t Count() {
    const int64_t count = Integer();
    return count >= 0 && count <= UINT32_MAX ? static_cast<size_t>(count) : static_cast<size_t>(Spoil());
  }
  void Skip(size_t elements) {
    for (; elements > 0 && ok_; --elements) at_.AtEnd() ? static_cast<void>(Spoil()) : at_.Next();
  }
  int64_t Spoil() {
    ok_ = false;
    return 0;
  }

 private:
  ListpackCursor at_;
  bool ok_ = true;
};

}  // namespace

bool StreamBlock::IsSound(const StreamId& id, std::string_view listpack) {
  if (!IsListpack(listpack)) return false;
  SuspiciousReader reader(listpack);
  const size_t size = reader.Count();
  const size_t erased = reader.Count();
  const size_t master_fields = reader.Count();
  reader.Skip(master_fields);
  if (reader.Integer() != 0 || !reader.ok()) return false;
  size_t found_erased = 0;
  size_t found = 0;
  std::optional<StreamId> before;
  for (; reader.ok() && !reader.AtEnd(); ++found) {
    const int64_t flags = reader.Integer();
    if ((flags & ~(StreamEntry::kErased | StreamEntry::kMasterFields)) != 0) return false;
    const auto ms = static_cast<uint64_t>(reader.Integer());
    const auto seq = static_cast<uint64_t>(reader.Integer());
    const StreamId entry{id.ms + ms, id.seq + seq};
    const bool has_master_fields = (flags & StreamEntry::kMasterFields) != 0;
    const size_t fields = has_master_fields ? master_fields : reader.Count();
    const size_t texts = has_master_fields ? fields : 2 * fields;
    reader.Skip(texts);
    const size_t elements = StreamEntry::kFixedElements + texts + (has_master_fields ? 0 : 1);
    if (static_cast<size_t>(reader.Integer()) != elements) return false;
    if (before ? entry <= *before : entry < id) return false;
    before = entry;
    if ((flags & StreamEntry::kErased) != 0) ++found_erased;
  }
  return reader.ok() && found_erased == erased && found - found_erased == size;
}

StreamBlock::StreamBlock(const StreamId& id, std::string_view listpack) : id_(id), listpack_(listpack) {}

StreamBlock::StreamBlock(const StreamId& id, const StreamFields& fields) : id_(id) {
  {
    ListpackEditor editor(&listpack_);
    editor.AppendInteger(0);
    editor.AppendInteger(0);
    editor.AppendInteger(static_cast<int64_t>(fields.count()));
    fields.ForEach([&](std::string_view name, std::string_view) { editor.AppendText(name); });
    editor.AppendInteger(0);
  }
  Append(id, fields);
}

size_t StreamBlock::erased() const {
  ListpackCursor at(listpack_);
  at.Next();
  return static_cast<size_t>(at.TakeInteger());
}

StreamId StreamBlock::LastId() const {
  StreamEntry entry = BehindLast();
  entry.BackOfAny();
  return entry.id();
}

bool StreamBlock::HasRoom(const StreamBlockLimit& limit, size_t text_bytes) const {
  constexpr size_t kMostBytes = size_t{1} << 30;
  const size_t most_bytes = limit.bytes == 0 ? kMostBytes : std::min(limit.bytes, kMostBytes);
  if (listpack_.size() + text_bytes >= most_bytes) return false;
  return limit.entries == 0 || size() + erased() < limit.entries;
}

void StreamBlock::Count(int64_t entries, int64_t erased) {
  ListpackCursor at(listpack_);
  const int64_t old_entries = at.TakeInteger();
  const size_t erased_at = at.offset();
  const int64_t old_erased = at.TakeInteger();
  ListpackEditor editor(&listpack_);
  // The one behind first: the other may move it.
  if (erased != 0) editor.ReplaceInteger(erased_at, old_erased + erased);
  editor.ReplaceInteger(kListpackHead, old_entries + entries);
}

void StreamBlock::Append(const StreamId& id, const StreamFields& fields) {
  ListpackCursor head(listpack_);
  head.Next();
  head.Next();
  const auto master_fields = static_cast<size_t>(head.TakeInteger());
  const bool has_master_fields = HasFields(head, master_fields, fields);
  {
    ListpackEditor editor(&listpack_);
    editor.AppendInteger(has_master_fields ? StreamEntry::kMasterFields : 0);
    editor.AppendInteger(static_cast<int64_t>(id.ms - id_.ms));
    editor.AppendInteger(static_cast<int64_t>(id.seq - id_.seq));
    size_t elements = StreamEntry::kFixedElements;
    if (!has_master_fields) {
      editor.AppendInteger(static_cast<int64_t>(fields.count()));
      ++elements;
    }
    fields.ForEach([&](std::string_view name, std::string_view value) {
      if (!has_master_fields) editor.AppendText(name);
      editor.AppendText(value);
      elements += has_master_fields ? 1 : 2;
    });
    editor.AppendInteger(static_cast<int64_t>(elements));
  }
  Count(1, 0);
}

void StreamBlock::Erase(const StreamEntry& entry) {
  ListpackEditor(&listpack_).ReplaceInteger(entry.offset(), entry.flags() | StreamEntry::kErased);
}

bool StreamBlock::Erase(const StreamId& id) {
  StreamEntry entry = BeforeFirst();
  do {
    if (!entry.Next() || entry.id() > id) return false;
  } while (entry.id() != id);
  Erase(entry);
  Count(-1, 1);
  return true;
}

void StreamBlock::EraseFirst(size_t count) {
  StreamEntry entry = BeforeFirst();
  // Flags take one byte, whatever they are, so nothing moves.
  for (size_t i = 0; i < count; ++i) {
    entry.Next();
    Erase(entry);
  }
  Count(-static_cast<int64_t>(count), static_cast<int64_t>(count));
}

}  // namespace ringkv::storage
