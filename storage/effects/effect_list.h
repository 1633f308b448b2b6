// SPDX-License-Identifier: MIT
// Every effect, a row each. A new one is a struct in effects.h and a row here. What it does to a collection is an
// overload of Apply (types/), whether it makes sense there one of Fits (types/collection.cc). Nothing of that can be
// forgotten: it doesn't compile.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <variant>

#include "storage/base/key_change.h"
#include "storage/effects/effects.h"
#include "storage/effects/key_event.h"

namespace ringkv::storage {

template <typename Effect>
struct EffectRow {
  uint8_t tag;                              // in the log (docs/formats/log.md); a tag never gets a second meaning
  uint8_t tag_with_expiry = 0;              // likewise of one that sets an expiry
  std::string_view name;                    // in reports
  const KeyEvent& (*event)(const Effect&);  // what a replica tells, which knows no commands
  bool may_empty = false;                   // nothing may be left of the collection after it
  KeyChange changes = KeyChange::kValue;    // what of an existing key
};

// --- events ---------------------------------------------------------------------------------------------------------

template <const KeyEvent& kEvent, typename Effect>
constexpr const KeyEvent& Always(const Effect&) {
  return kEvent;
}

constexpr const KeyEvent& EventOfPush(const ListPush& push) { return push.at_front ? events::kLPush : events::kRPush; }
constexpr const KeyEvent& EventOfTake(const ListTake& take) { return take.from_front ? events::kLPop : events::kRPop; }
constexpr const KeyEvent& EventOfExpiry(const ExpirySet& set) {
  return set.expiry == kNoExpiry ? events::kPersist : events::kExpire;
}
constexpr const KeyEvent& EventOfFieldExpiry(const HashFieldExpirySet& set) {
  return set.expiry == kNoExpiry ? events::kHPersist : events::kHExpire;
}
constexpr const KeyEvent& EventOfErase(const Erase& erase) {
  switch (erase.reason) {
    case EraseReason::kExpired: return events::kExpired;
    case EraseReason::kEvicted: return events::kEvicted;
    case EraseReason::kMoved: return events::kNone;
    case EraseReason::kDeleted: break;
  }
  return events::kDel;
}

// --- the list -------------------------------------------------------------------------------------------------------

inline constexpr std::tuple kEffects{
    EffectRow<StringPut>{.tag = 1, .tag_with_expiry = 2, .name = "put", .event = Always<events::kSet>},
    EffectRow<StringPatch>{.tag = 3, .name = "patch", .event = Always<events::kSetRange>},
    EffectRow<CollectionPut>{
        .tag = 9, .tag_with_expiry = 10, .name = "put collection", .event = Always<events::kRestore>},

    EffectRow<HashPut>{.tag = 11, .tag_with_expiry = 37, .name = "put field", .event = Always<events::kHSet>},
    EffectRow<HashFieldExpirySet>{
        .tag = 39, .tag_with_expiry = 38, .name = "expire field", .event = EventOfFieldExpiry},
    EffectRow<HashFieldExpire>{
        .tag = 40, .name = "erase expired field", .event = Always<events::kHExpired>, .may_empty = true},
    EffectRow<HashErase>{.tag = 12, .name = "erase field", .event = Always<events::kHDel>, .may_empty = true},

    EffectRow<ListPush>{.tag = 13, .name = "push", .event = EventOfPush},
    EffectRow<ListInsert>{.tag = 14, .name = "insert", .event = Always<events::kLInsert>},
    EffectRow<ListTake>{.tag = 15, .name = "take", .event = EventOfTake, .may_empty = true},
    EffectRow<ListSet>{.tag = 16, .name = "set element", .event = Always<events::kLSet>},
    EffectRow<ListRemove>{.tag = 17, .name = "remove element", .event = Always<events::kLRem>, .may_empty = true},

    EffectRow<SetAdd>{.tag = 18, .name = "add member", .event = Always<events::kSAdd>},
    EffectRow<SetErase>{.tag = 19, .name = "erase member", .event = Always<events::kSRem>, .may_empty = true},

    EffectRow<SortedSetPut>{.tag = 20, .name = "put scored", .event = Always<events::kZAdd>},
    EffectRow<SortedSetErase>{.tag = 21, .name = "erase scored", .event = Always<events::kZRem>, .may_empty = true},

    EffectRow<StreamAppend>{.tag = 22, .name = "append entry", .event = Always<events::kXAdd>},
    EffectRow<StreamErase>{
        .tag = 23, .name = "erase entry", .event = Always<events::kXDel>, .changes = KeyChange::kStreamEntriesGone},
    EffectRow<StreamTrim>{
        .tag = 24, .name = "trim", .event = Always<events::kXTrim>, .changes = KeyChange::kStreamEntriesGone},
    EffectRow<StreamSetIds>{
        .tag = 25, .name = "set IDs", .event = Always<events::kXSetId>, .changes = KeyChange::kStreamState},
    EffectRow<StreamGroupPut>{
        .tag = 26, .name = "put group", .event = Always<events::kXGroupCreate>, .changes = KeyChange::kStreamState},
    EffectRow<StreamGroupMove>{
        .tag = 32, .name = "move group", .event = Always<events::kXGroupSetId>, .changes = KeyChange::kStreamState},
    EffectRow<StreamGroupErase>{.tag = 27,
                                .name = "erase group",
                                .event = Always<events::kXGroupDestroy>,
                                .changes = KeyChange::kStreamGroupGone},
    EffectRow<StreamConsumerPut>{.tag = 28,
                                 .name = "put consumer",
                                 .event = Always<events::kXGroupCreateConsumer>,
                                 .changes = KeyChange::kStreamState},
    EffectRow<StreamConsumerErase>{.tag = 29,
                                   .name = "erase consumer",
                                   .event = Always<events::kXGroupDelConsumer>,
                                   .changes = KeyChange::kStreamState},
    EffectRow<StreamPend>{
        .tag = 30, .name = "hand out entry", .event = Always<events::kNone>, .changes = KeyChange::kStreamState},
    EffectRow<StreamAcknowledge>{
        .tag = 31, .name = "acknowledge entry", .event = Always<events::kNone>, .changes = KeyChange::kStreamState},

    EffectRow<ExpirySet>{.tag = 5, .tag_with_expiry = 4, .name = "expire", .event = EventOfExpiry},
    EffectRow<Erase>{.tag = 6, .name = "delete", .event = EventOfErase},

    EffectRow<DatabaseFlush>{.tag = 7, .name = "flush", .event = Always<events::kNone>},
    EffectRow<DatabaseSwap>{.tag = 8, .name = "swap", .event = Always<events::kNone>},

    EffectRow<LibraryPut>{.tag = 33, .name = "put library", .event = Always<events::kNone>},
    EffectRow<LibraryErase>{.tag = 34, .name = "delete library", .event = Always<events::kNone>},
    EffectRow<LibrariesFlush>{.tag = 35, .name = "flush libraries", .event = Always<events::kNone>},

    EffectRow<LedgerPut>{.tag = 36, .name = "put slot ledger", .event = Always<events::kNone>},
};

// --- what follows from it -------------------------------------------------------------------------------------------

// An effect's row; one that has none doesn't compile.
template <typename Effect>
inline constexpr const EffectRow<Effect>& kRowOf = std::get<EffectRow<Effect>>(kEffects);

inline constexpr auto kEffectNames = std::apply([](const auto&... rows) { return std::array{rows.name...}; }, kEffects);

// One more than the highest.
inline constexpr size_t kEffectTags = std::apply(
    [](const auto&... rows) {
      return size_t{std::max({rows.tag..., rows.tag_with_expiry...})} + 1;
    },
    kEffects);

namespace effect_list {

constexpr bool TagsDiffer() {
  std::array<int, kEffectTags> uses{};
  std::apply([&](const auto&... rows) { (++uses[rows.tag], ...), (++uses[rows.tag_with_expiry], ...); }, kEffects);
  // Zero stands for none.
  return std::all_of(uses.begin() + 1, uses.end(), [](int count) { return count <= 1; }) &&
         std::apply([](const auto&... rows) { return (... && (rows.tag != 0)); }, kEffects);
}
static_assert(TagsDiffer());

template <typename... Effects>
std::variant<Effects...> AnyOf(const std::tuple<EffectRow<Effects>...>&);

template <typename Effect>
using PointerIfOfCollection = std::conditional_t<CollectionEffect<Effect>, std::tuple<const Effect*>, std::tuple<>>;
template <typename... Effects>
auto PointersOfCollections(const std::tuple<EffectRow<Effects>...>&)
    -> decltype(std::tuple_cat(PointerIfOfCollection<Effects>()...));
template <typename... Pointers>
std::variant<Pointers...> OneOf(const std::tuple<Pointers...>&);

}  // namespace effect_list

using AnyEffect = decltype(effect_list::AnyOf(kEffects));

constexpr bool HasKey(const AnyEffect& effect) {
  return std::visit([]<typename Effect>(const Effect&) { return !KeylessEffect<Effect>; }, effect);
}
constexpr bool IsOnLibraries(const AnyEffect& effect) {
  return std::visit([]<typename Effect>(const Effect&) { return LibraryEffect<Effect>; }, effect);
}
constexpr bool IsOnNode(const AnyEffect& effect) {
  return std::visit([]<typename Effect>(const Effect&) { return NodeEffect<Effect>; }, effect);
}

// Some effect on a collection, by reference: it must live as long.
class CollectionChange {
 public:
  template <CollectionEffect Effect>
  CollectionChange(const Effect& effect) : effect_(&effect) {}

  // `visit` of the effect itself.
  template <typename Visitor>
  decltype(auto) Visit(Visitor&& visit) const {
    return std::visit([&](const auto* effect) -> decltype(auto) { return visit(*effect); }, effect_);
  }

 private:
  decltype(effect_list::OneOf(effect_list::PointersOfCollections(kEffects))) effect_;
};

}  // namespace ringkv::storage
