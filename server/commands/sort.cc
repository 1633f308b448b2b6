// SPDX-License-Identifier: MIT
// SORT: the elements of a list, a set or a sorted set in order, by themselves or by what other keys hold.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/command/long_steps.h"
#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "server/commands/store_collection.h"
#include "storage/base/text_list.h"
#include "storage/effects/key_event.h"
#include "storage/types/collection.h"
#include "storage/types/hash.h"
#include "storage/types/list.h"
#include "storage/types/list_bytes.h"
#include "storage/types/set.h"
#include "storage/types/sorted_set.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Entry;
using storage::Intent;
using storage::Place;
using storage::ValueType;

// --- the request ----------------------------------------------------------------------------------------------------

struct SortQuery {
  bool descending = false;
  bool by_text = false;
  int64_t offset = 0;
  int64_t count = -1;  // below 0: all
  std::optional<std::string_view> by;
  bool is_unsorted = false;  // a constant BY was among the options
  std::vector<std::string_view> gets;
  std::optional<std::string_view> target;
};

// The maximum number of values in a reply with several GET patterns.
constexpr size_t kMostValues = size_t{1} << 24;

// A pattern without a star says nothing of the element: the order is left as it is.
bool IsConstant(std::string_view pattern) { return pattern.find('*') == std::string_view::npos; }

// The key behind the last STORE, as the command reads its arguments.
ArgumentRange FindTarget(std::span<const std::string_view> argv) {
  ArgumentRange target;
  Arguments args(argv, 2);
  while (!args.AtEnd()) {
    if (args.Left() >= 3 && args.Take("LIMIT")) {
      args.Skip(2);
    } else if (args.TakeWithValue("BY") || args.TakeWithValue("GET")) {  // NOLINT(bugprone-branch-clone): their value
      args.Skip(1);
    } else if (args.TakeWithValue("STORE")) {
      target = {argv.size() - args.Left(), 1};
      args.Skip(1);
    } else {
      args.Skip(1);
    }
  }
  return target;
}

// Whether a pattern names other keys.
bool HasPatterns(std::span<const std::string_view> argv) {
  Arguments args(argv, 2);
  while (!args.AtEnd()) {
    if (args.Left() >= 3 && args.Take("LIMIT")) {
      args.Skip(2);
    } else if (args.TakeWithValue("BY") || args.TakeWithValue("GET")) {
      if (!IsConstant(args.Next())) return true;
    } else {
      args.TakeWithValue("STORE");
      args.Skip(1);
    }
  }
  return false;
}

bool ParseSortQuery(DataCall& call, bool may_store, SortQuery* query) {
  Arguments& args = call.args;
  args.Skip(1);
  while (!args.AtEnd()) {
    if (args.Take("ASC")) {
      query->descending = false;
    } else if (args.Take("DESC")) {
      query->descending = true;
    } else if (args.Take("ALPHA")) {
      query->by_text = true;
    } else if (args.Left() >= 3 && args.Take("LIMIT")) {
      const std::optional<int64_t> offset = resp::ParseInteger(args.Next());
      const std::optional<int64_t> count = resp::ParseInteger(args.Next());
      if (!offset || !count) {
        call.reply.Error(errors::kNotInteger);
        return false;
      }
      query->offset = *offset;
      query->count = *count;
    } else if (may_store && args.TakeWithValue("STORE")) {
      query->target = args.Next();
    } else if (args.TakeWithValue("BY")) {
      query->by = args.Next();
      query->is_unsorted = query->is_unsorted || IsConstant(*query->by);
      if (call.in_cluster && !IsConstant(*query->by)) {
        call.reply.Error("ERR BY option of SORT denied in Cluster mode.");
        return false;
      }
      if (!call.may_read_all && !IsConstant(*query->by)) {
        call.reply.Error("ERR BY option of SORT denied due to insufficient ACL permissions.");
        return false;
      }
    } else if (args.TakeWithValue("GET")) {
      query->gets.push_back(args.Next());
      if (call.in_cluster) {
        call.reply.Error("ERR GET option of SORT denied in Cluster mode.");
        return false;
      }
      if (!call.may_read_all) {
        call.reply.Error("ERR GET option of SORT denied due to insufficient ACL permissions.");
        return false;
      }
    } else {
      call.reply.Error(errors::kSyntax);
      return false;
    }
  }
  return true;
}

// --- values of other keys -------------------------------------------------------------------------------------------

// What the pattern means for an element: "#" the element, "a*b" the string at the key with the element in the place of
// the star, "a*b->f" a field of the hash there. Nothing if there is none.
std::optional<std::string> ValueOf(DataCall& call, std::string_view pattern, std::string_view element) {
  constexpr std::string_view kArrow = "->";
  if (pattern == "#") return std::string(element);
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return std::nullopt;
  size_t arrow = pattern.find(kArrow, star + 1);
  if (arrow != std::string_view::npos && arrow + kArrow.size() == pattern.size()) arrow = std::string_view::npos;
  const size_t key_end = arrow == std::string_view::npos ? pattern.size() : arrow;
  std::string key(pattern.substr(0, star));
  key.append(element).append(pattern.substr(star + 1, key_end - star - 1));
  const Place found = call.txn.Find(call.db, key, Intent::kRead);
  if (!found) return std::nullopt;
  if (arrow == std::string_view::npos) {
    if (found.entry().type() != ValueType::kString) return std::nullopt;
    return std::string(found.value());
  }
  if (found.entry().type() != ValueType::kHash) return std::nullopt;
  const std::optional<std::string_view> value =
      storage::HashView(&found.entry(), call.txn.hides_fields_until()).Find(pattern.substr(arrow + kArrow.size()));
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

// --- the order ------------------------------------------------------------------------------------------------------

// An element in its place.
struct Ranked {
  double weight = 0;
  size_t number = 0;  // among the elements
};

// What SORT makes of the elements of a value.
struct Sorting {
  storage::TextList elements;                                 // in the order of the value
  std::vector<std::optional<std::string>> weight_texts = {};  // with BY: of each element
  std::vector<Ranked> order = {};
};

// Elements [first, end) of the result.
struct Part {
  size_t first = 0;
  size_t end = 0;
};

Part PartOf(const SortQuery& query, size_t size) {
  const auto all = static_cast<int64_t>(size);
  const int64_t first = std::clamp<int64_t>(query.offset, 0, all);
  const int64_t count = query.count < 0 ? all : std::min(query.count, all);
  return {static_cast<size_t>(first), static_cast<size_t>(std::min(first + count, all))};
}

// In the order in which the value has them.
storage::TextList ElementsOf(const Entry* entry) {
  storage::TextList elements;
  if (entry == nullptr) return elements;
  elements.Reserve(storage::ElementCount(*entry));
  const auto add = [&](std::string_view element) { elements.Add(element); };
  switch (entry->type()) {
    case ValueType::kList: storage::ListView(entry).ForEach(add); break;
    case ValueType::kSet: storage::SetView(entry).ForEach(add); break;
    case ValueType::kSortedSet:
      storage::SortedSetView(entry).ForEach([&](std::string_view member, double) { add(member); });
      break;
    default: break;
  }
  return elements;
}

// As strtod reads it up to its end; an empty text is zero.
std::optional<double> ParseWeight(std::string_view text) {
  if (const std::optional<int64_t> integer = resp::ParseInteger(text)) return static_cast<double>(*integer);
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const double weight = std::strtod(terminated.c_str(), &end);
  if (*end != '\0' || errno == ERANGE || std::isnan(weight)) return std::nullopt;
  return weight;
}

// False if one that has to be a number is none.
bool Weigh(DataCall& call, const SortQuery& query, Sorting* sorting) {
  for (Ranked& each : sorting->order) {
    std::string_view text = sorting->elements[each.number];
    if (query.by) {
      const auto& found = sorting->weight_texts.emplace_back(ValueOf(call, *query.by, text));
      if (!found) continue;
      text = *found;
    }
    if (query.by_text) continue;
    const std::optional<double> weight = ParseWeight(text);
    if (!weight) return false;
    each.weight = *weight;
  }
  return true;
}

void SortElements(const SortQuery& query, Sorting* sorting) {
  const auto compare_texts = [&](size_t a, size_t b) {
    if (!query.by_text || !query.by) return sorting->elements[a].compare(sorting->elements[b]);
    const auto& first = sorting->weight_texts[a];
    const auto& second = sorting->weight_texts[b];
    if (first && second) return first->compare(*second);
    return static_cast<int>(first.has_value()) - static_cast<int>(second.has_value());
  };
  std::sort(sorting->order.begin(), sorting->order.end(), [&](const Ranked& a, const Ranked& b) {
    if (a.weight != b.weight) return (a.weight < b.weight) != query.descending;
    const int order = compare_texts(a.number, b.number);
    if (order == 0) return a.number < b.number;
    return (order < 0) != query.descending;
  });
}

// --- the answer -----------------------------------------------------------------------------------------------------

// `visit(value)` for what is returned of each element: nothing where a pattern finds nothing.
template <typename Visitor>
void VisitResult(DataCall& call, const SortQuery& query, const Sorting& sorting, const Part& part, Visitor&& visit) {
  for (size_t i = part.first; i < part.end; ++i) {
    const std::string_view element = sorting.elements[sorting.order[i].number];
    if (query.gets.empty()) visit(std::optional(element));
    for (const std::string_view pattern : query.gets) visit(ValueOf(call, pattern, element));
  }
}

void StoreResult(DataCall& call, const SortQuery& query, const Sorting& sorting, const Part& part, size_t size) {
  std::string packed;
  storage::AppendPackedHead(&packed, size);
  VisitResult(call, query, sorting, part, [&](const auto& value) {
    storage::AppendListElement(&packed, value ? std::string_view(*value) : std::string_view());
  });
  StoreCollection(call, *query.target, {ValueType::kList, storage::CollectionForm::kPacked}, packed, size,
                  events::kSortStore);
}

void SortAll(DataCall& call, bool may_store) {
  SortQuery query;
  if (!ParseSortQuery(call, may_store, &query)) return;
  const Place source = call.txn.Find(call.db, call.args[1], Intent::kRead);
  const bool is_sortable = !source || source.entry().type() == ValueType::kList ||
                           source.entry().type() == ValueType::kSet || source.entry().type() == ValueType::kSortedSet;
  if (!is_sortable) return call.reply.Error(errors::kWrongType);
  const bool is_set = source && source.entry().type() == ValueType::kSet;
  if (query.is_unsorted && is_set && query.target) {
    // What is stored must not depend on the order of a hash.
    query.is_unsorted = false;
    query.by_text = true;
    query.by.reset();
  }
  if (call.TakesLong(2 * StepsOfValue(source.entry_or_null()))) return;
  Sorting sorting{.elements = ElementsOf(source.entry_or_null())};
  sorting.order.resize(sorting.elements.size());
  for (size_t i = 0; i < sorting.order.size(); ++i) sorting.order[i].number = i;
  if (!query.is_unsorted) {
    if (!Weigh(call, query, &sorting)) {
      return call.reply.Error("ERR One or more scores can't be converted into double");
    }
    SortElements(query, &sorting);
  } else if (query.descending && !is_set) {
    std::reverse(sorting.order.begin(), sorting.order.end());
  }
  const size_t all = sorting.order.size();
  const Part part = PartOf(query, all);
  const size_t size = (part.end - part.first) * std::max<size_t>(query.gets.size(), 1);
  if (size > all && size > kMostValues) {
    return call.reply.Error("ERR SORT with these GET patterns would return more than 16777216 values; a LIMIT helps");
  }
  if (query.target) return StoreResult(call, query, sorting, part, size);
  call.reply.Array(static_cast<int64_t>(size));
  VisitResult(call, query, sorting, part,
              [&](const auto& value) { value ? call.reply.Bulk(*value) : call.reply.Null(); });
}

void Sort(DataCall& call) { SortAll(call, true); }
void SortRo(DataCall& call) { SortAll(call, false); }

constexpr std::string_view kSortCost = "O(N+M*log(M)): N elements, M of them returned";
constexpr std::string_view kPatternSyntax =
    "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]";
constexpr KeySpec kKeysOfPatterns = {
    .flags = kKeyRO | kKeyAccess,
    .first = 1,
    .note =
        "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of "
        "the key we sort",
    .search = KeySearch::kUnknown};

constexpr Command kSortCommands[] = {
    {.name = "sort",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .more_keys = kKeysOfPatterns,
     .last_keys = {.flags = kKeyOW | kKeyUpdate,
                   .first = 1,
                   .note = "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear "
                           "anywhere in the argument array",
                   .search = KeySearch::kUnknown,
                   .find = FindTarget},
     .needs_everything = HasPatterns,
     .group = Group::kGeneric,
     .categories = "set sortedset list dangerous",
     .since = "1.0.0",
     .complexity = kSortCost,
     .syntax = "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE "
               "destination]",
     .summary = "Returns or stores the sorted elements of a list, a set or a sorted set.",
     .run = Data(Sort)},
    {.name = "sort_ro",
     .arity = -2,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .more_keys = kKeysOfPatterns,
     .needs_everything = HasPatterns,
     .group = Group::kGeneric,
     .categories = "set sortedset list dangerous",
     .since = "7.0.0",
     .complexity = kSortCost,
     .syntax = kPatternSyntax,
     .summary = "Returns the sorted elements of a list, a set or a sorted set.",
     .run = Data(SortRo)},
};
static_assert(RowsAreSound(kSortCommands));

}  // namespace

std::span<const Command> SortCommands() { return kSortCommands; }

}  // namespace ringkv::server
