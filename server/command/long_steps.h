// SPDX-License-Identifier: MIT
// How many steps (DataCall::TakesLong) it takes to read a value.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/command/command.h"
#include "storage/entry/entry.h"
#include "storage/entry/large_value.h"
#include "storage/transaction/place.h"

namespace ringkv::server {

inline uint64_t StepsOfBytes(size_t bytes) { return bytes / kBytesOfStep; }

// To read or write each element of the value, or to copy the bytes of a string. Small collections count by their bytes.
inline uint64_t StepsOfValue(const storage::Entry* entry) {
  if (entry == nullptr) return 0;
  if (entry->type() == storage::ValueType::kString) return StepsOfBytes(entry->value().size());
  return entry->kind().is_large() ? entry->large().size() * kStepsOfInsertion
                                  : entry->value().size() / kStepsOfInsertion;
}

// To lengthen a string with zeros up to an offset.
inline uint64_t StepsToReach(const storage::Place& place, uint64_t offset) {
  const uint64_t size = place ? place.value().size() : 0;
  return offset > size ? StepsOfBytes(offset - size) : 0;
}

}  // namespace ringkv::server
