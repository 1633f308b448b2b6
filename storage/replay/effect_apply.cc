// SPDX-License-Identifier: MIT
#include "storage/replay/effect_apply.h"

#include "storage/types/collection.h"
#include "storage/types/stream_fields.h"

namespace ringkv::storage {
namespace {

struct Applier {
  Txn& txn;
  Place& place;

  bool operator()(const StringPut& effect) const { return Done(effect); }
  bool operator()(const CollectionPut& effect) const { return Done(effect); }
  bool operator()(const StringPatch& effect) const {
    return (!place || place.entry().type() == ValueType::kString) && Done(effect);
  }
  bool operator()(const ExpirySet& effect) const { return place && Done(effect); }
  bool operator()(const Erase& effect) const { return place && Done(effect); }
  template <KeylessEffect Effect>
  bool operator()(const Effect&) const {
    return false;
  }
  template <CollectionEffect Effect>
  bool operator()(const Effect& effect) const {
    return CanApply(place.entry_or_null(), effect) && Done(effect);
  }

 private:
  template <typename Effect>
  bool Done(const Effect& effect) const {
    txn.Do(place, effect, kRowOf<Effect>.event(effect));
    return true;
  }
};

}  // namespace

namespace {

// No field expires before 1970: it is erased instead.
bool IsFieldExpiry(UnixMs expiry) { return expiry == kNoExpiry || expiry > 0; }

}  // namespace

bool IsSound(const AnyEffect& effect, uint64_t longest_string) {
  if (const auto* patch = std::get_if<StringPatch>(&effect)) return IsWithin(*patch, longest_string);
  if (const auto* put = std::get_if<CollectionPut>(&effect)) return IsPackedCollection(put->kind, put->packed);
  if (const auto* put = std::get_if<HashPut>(&effect)) return IsFieldExpiry(put->expiry);
  if (const auto* set = std::get_if<HashFieldExpirySet>(&effect)) return IsFieldExpiry(set->expiry);
  if (const auto* append = std::get_if<StreamAppend>(&effect)) return StreamFields::AreSound(append->fields);
  if (const auto* library = std::get_if<LibraryPut>(&effect)) return !library->name.empty();
  return true;
}

bool ApplyToKey(Txn& txn, Place& place, const AnyEffect& effect) { return std::visit(Applier{txn, place}, effect); }

bool ApplyToNode(Txn& txn, const AnyEffect& effect) {
  return std::visit(
      [&]<typename Effect>(const Effect& one) {
        if constexpr (NodeEffect<Effect>) txn.Do(one);
        return NodeEffect<Effect>;
      },
      effect);
}

}  // namespace ringkv::storage
