// SPDX-License-Identifier: MIT
// Lists. Small ones are packed; large ones are a row of chunks, of about eight kilobytes each unless the option
// list-max-listpack-size says otherwise.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <deque>
#include <optional>
#include <string_view>

#include "storage/effects.h"
#include "storage/types/list_chunk.h"
#include "storage/types/value_edit.h"

namespace ringkv::storage {

// How much a chunk holds at most; one element more than that may always stand alone.
struct ListChunkLimit {
  size_t elements = SIZE_MAX;
  size_t bytes = 8192;

  // As Redis reads the option: a number of elements, or -1 to -5 for 4 to 64 KB.
  static ListChunkLimit Of(int64_t option);
  bool Allows(size_t more_elements, size_t more_bytes) const {
    return more_elements <= elements && more_bytes <= bytes;
  }
};

class LargeList : public LargeValue {
 public:
  explicit LargeList(const ListChunkLimit& limit) : limit_(limit) {}
  size_t size() const override { return size_; }
  size_t bytes() const override { return sizeof(LargeList) + chunks_.size() * sizeof(ListChunk) + chunk_bytes_; }
  void Pack(std::string* out) const override;

  // 0 <= index <= size().
  void Insert(size_t index, std::string_view element);
  // All of them must be there.
  void Erase(size_t index, size_t count);
  void Set(size_t index, std::string_view element);
  // Removes elements equal to this, up to `most`, from the front or from the back.
  size_t Remove(std::string_view element, size_t most, bool from_back);
  // Elements that were packed together come behind all others.
  void AppendPacked(std::string_view elements, uint32_t count);

  // `visit(element)` for elements from `index` on, upwards or downwards, until it returns false.
  template <typename Visitor>
  void VisitFrom(size_t index, bool downwards, Visitor&& visit) const {
    if (index >= size_) return;
    const Spot spot = SpotOf(index);
    size_t chunk = spot.chunk;
    ListCursor cursor = chunks_[chunk].At(spot.index);
    for (;;) {
      if (!visit(cursor.element())) return;
      if (downwards) {
        if (cursor.AtFront()) {
          if (chunk == 0) return;
          cursor = ListCursor::AtBack(chunks_[--chunk].elements());
        }
        cursor.Back();
      } else {
        cursor.Next();
        if (cursor.AtEnd()) {
          if (++chunk == chunks_.size()) return;
          cursor = ListCursor(chunks_[chunk].elements());
        }
      }
    }
  }

 private:
  // An element's chunk, and its number in there.
  struct Spot {
    size_t chunk = 0;
    size_t index = 0;
  };
  Spot SpotOf(size_t index) const;
  bool HasRoom(const ListChunk& chunk, std::string_view element) const {
    return limit_.Allows(size_t{chunk.count()} + 1, chunk.elements().size() + ListElementSize(element));
  }
  void PushFront(std::string_view element);
  void PushBack(std::string_view element);
  void InsertInside(size_t index, std::string_view element);
  void EraseChunk(size_t chunk);
  template <typename Function>
  void Changing(ListChunk& chunk, Function&& change) {
    chunk_bytes_ -= chunk.allocated();
    change(chunk);
    chunk_bytes_ += chunk.allocated();
  }

  const ListChunkLimit limit_;
  std::deque<ListChunk> chunks_;  // none is empty
  size_t size_ = 0;
  size_t chunk_bytes_ = 0;
};

// Whether a packed list may stand in its entry as it is.
bool MayListBePacked(std::string_view packed, const TypeLimits& limits);

// A list to be read; valid until it changes.
class ListView {
 public:
  // Null: an empty one.
  explicit ListView(const Entry* entry) : entry_(entry) {}

  size_t size() const;
  // There must be one of that number.
  std::string_view At(size_t index) const;
  // Where the first that is equal stands.
  std::optional<size_t> Find(std::string_view element) const;

  // `visit(element)` for elements from `index` on, upwards or downwards, until it returns false.
  template <typename Visitor>
  void VisitFrom(size_t index, bool downwards, Visitor&& visit) const {
    if (index >= size()) return;
    if (entry_->kind().is_large()) return large().VisitFrom(index, downwards, visit);
    ListCursor cursor = CursorAt(index);
    for (;;) {
      if (!visit(cursor.element())) return;
      if (downwards) {
        if (cursor.AtFront()) return;
        cursor.Back();
      } else {
        cursor.Next();
        if (cursor.AtEnd()) return;
      }
    }
  }
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    VisitFrom(0, false, [&](std::string_view element) {
      visit(element);
      return true;
    });
  }

 private:
  const LargeList& large() const { return static_cast<const LargeList&>(entry_->large()); }
  ListCursor CursorAt(size_t index) const;

  const Entry* entry_;
};

Outcome Apply(ValueEdit& edit, const ListPush& effect);
Outcome Apply(ValueEdit& edit, const ListInsert& effect);
Outcome Apply(ValueEdit& edit, const ListTake& effect);
Outcome Apply(ValueEdit& edit, const ListSet& effect);
Outcome Apply(ValueEdit& edit, const ListRemove& effect);

}  // namespace ringkv::storage
