// SPDX-License-Identifier: MIT
// Visits the elements of a packed collection as the effects that add them.
#pragma once

#include "storage/effects/effects.h"
#include "storage/entry/packed.h"
#include "storage/types/hash_fields.h"
#include "storage/types/integer_set.h"
#include "storage/types/list_bytes.h"
#include "storage/types/score_code.h"

namespace ringkv::storage {

// Calls `visit(effect)` for each element, in packed order. The bytes must be well-formed.
template <typename Visitor>
void VisitPacked(const CollectionPut& put, Visitor&& visit) {
  if (put.kind.form() == CollectionForm::kIntegers) {
    const IntegerSetView integers(put.packed);
    for (size_t i = 0; i < integers.size(); ++i) visit(SetAdd{IntegerText(integers.At(i))});
    return;
  }
  PackedReader reader(put.packed);
  switch (put.kind.type()) {
    case ValueType::kString:
    case ValueType::kStream: break;  // see stream_pack.h
    case ValueType::kHash:
      for (PackedFields fields(put.packed, put.kind.has_field_expiry()); !fields.AtEnd();) {
        const HashField field = fields.Next();
        visit(HashPut{field.name, field.value, field.expiry});
      }
      break;
    case ValueType::kList:
      for (ListCursor cursor(put.packed.substr(kPackedHead)); !cursor.AtEnd(); cursor.Next()) {
        visit(ListPush{cursor.element(), false});
      }
      break;
    case ValueType::kSet:
      while (!reader.AtEnd()) visit(SetAdd{reader.Text()});
      break;
    case ValueType::kSortedSet:
      while (!reader.AtEnd()) {
        const std::string_view member = reader.Text();
        visit(SortedSetPut{member, ReadScore(reader)});
      }
      break;
  }
}

}  // namespace ringkv::storage
