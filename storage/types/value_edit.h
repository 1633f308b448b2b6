// SPDX-License-Identifier: MIT
// The value of one entry while an effect changes it. Views into the value are void after each change.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <cstring>
#include <memory>
#include <string_view>

#include "storage/keyspace/mutable_entry.h"
#include "storage/types/large_value.h"
#include "storage/types/packed.h"
#include "storage/types/type_limits.h"

namespace ringkv::storage {

class ValueEdit {
 public:
  ValueEdit(MutableEntry* entry, const TypeLimits& limits) : entry_(entry), limits_(limits) {}

  // The entry to go on with.
  MutableEntry* entry() const { return entry_; }
  const TypeLimits& limits() const { return limits_; }
  CollectionForm form() const { return entry_->kind().form(); }
  bool is_large() const { return form() == CollectionForm::kLarge; }
  std::string_view bytes() const { return entry_->value(); }
  uint32_t count() const { return PackedCount(bytes()); }

  // What is written to the result stands where `removed` bytes stood.
  char* Splice(size_t offset, size_t removed, size_t inserted) {
    entry_ = entry_->WithGap(offset, removed, inserted);
    return entry_->mutable_value() + offset;
  }
  void SetCount(size_t count) {
    const auto head = static_cast<uint32_t>(count);
    std::memcpy(entry_->mutable_value(), &head, sizeof head);
  }
  // The bytes, which keep their length.
  char* mutable_bytes() { return entry_->mutable_value(); }
  void SetForm(CollectionForm form) { entry_->set_kind({entry_->type(), form}); }

  template <typename Large>
  Large& large() const {
    return static_cast<Large&>(entry_->large());
  }
  template <typename Large>
  Large& Become(std::unique_ptr<Large> value) {
    Large& large = *value;
    entry_ = entry_->WithLarge(value.release());
    return large;
  }

 private:
  MutableEntry* entry_;
  const TypeLimits& limits_;
};

// What an effect did to a collection.
enum class Outcome : uint8_t {
  kUnchanged,  // it was so before
  kChanged,
  kAdded,  // there is one more
};

}  // namespace ringkv::storage
