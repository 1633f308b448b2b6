// SPDX-License-Identifier: MIT
// A block of stream entries, as a listpack in the layout of Redis' RDB files:
//
//   how many entries, how many erased ones beside them, how many master fields, their names, 0
//   an entry: flags, ID (the difference to the block's), [how many fields], fields and values, how many elements
//
// An entry with the master fields, which are those of the first entry, has only values.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <string>
#include <string_view>

#include "storage/types/listpack.h"
#include "storage/types/stream_entry.h"
#include "storage/types/stream_fields.h"

namespace ringkv::storage {

// The limits of a block.
struct StreamBlockLimit {
  size_t bytes = 4096;   // 0: the limit of a listpack
  size_t entries = 100;  // 0: any number
};

class StreamBlock {
 public:
  // An empty block; blocks in a stream have at least one entry.
  StreamBlock() = default;
  // A block with its first entry, whose ID is the block's ID.
  StreamBlock(const StreamId& id, const StreamFields& fields);
  // Adopts a valid listpack.
  StreamBlock(const StreamId& id, std::string_view listpack);
  // Whether untrusted bytes are a valid block: complete, with ascending IDs.
  static bool IsSound(const StreamId& id, std::string_view listpack);

  const StreamId& id() const { return id_; }
  std::string_view listpack() const { return listpack_; }
  size_t allocated() const { return listpack_.capacity(); }
  // The number of entries that are not deleted.
  size_t size() const { return static_cast<size_t>(ListpackCursor(listpack_).TakeInteger()); }
  size_t erased() const;
  StreamEntry BeforeFirst() const { return StreamEntry::BeforeFirst(id_, listpack_); }
  StreamEntry BehindLast() const { return StreamEntry::BehindLast(id_, listpack_); }
  // The ID of its last entry, deleted or not.
  StreamId LastId() const;

  // Whether an entry with this size of names and values fits.
  bool HasRoom(const StreamBlockLimit& limit, size_t text_bytes) const;
  void Append(const StreamId& id, const StreamFields& fields);
  // Frees the memory reserved for more entries.
  void Finish() { listpack_.shrink_to_fit(); }
  // False if the entry does not exist.
  bool Erase(const StreamId& id);
  // Deletes the first `count` entries.
  void EraseFirst(size_t count);

 private:
  void Erase(const StreamEntry& entry);
  // Updates the counts of entries and of deleted entries.
  void Count(int64_t entries, int64_t erased);

  StreamId id_;
  std::string listpack_;
};

}  // namespace ringkv::storage
