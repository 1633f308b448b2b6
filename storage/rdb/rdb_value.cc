// SPDX-License-Identifier: MIT
#include "storage/rdb/rdb_value.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/byte_codec.h"
#include "storage/base/text_list.h"
#include "storage/rdb/packed_blobs.h"
#include "storage/rdb/rdb_skip.h"
#include "storage/rdb/rdb_stream.h"
#include "storage/types/hash_fields.h"
#include "storage/types/list_bytes.h"
#include "storage/types/packed_visit.h"
#include "storage/types/stream_pack.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ringkv::storage {
namespace {

// --- writing --------------------------------------------------------------------------------------------------------

struct ElementWriter {
  std::string* out;
  void operator()(const HashPut& put) const {
    PutRdbString(out, put.field);
    PutRdbString(out, put.value);
  }
  void operator()(const ListPush& push) const { PutRdbString(out, push.element); }
  void operator()(const SetAdd& add) const { PutRdbString(out, add.member); }
  void operator()(const SortedSetPut& put) const {
    PutRdbString(out, put.member);
    PutFixed(out, put.score);
  }
};

// See ReadExpiringFields.
void PutExpiringFields(std::string* out, std::string_view packed) {
  UnixMs next;
  std::memcpy(&next, packed.data() + kPackedHead, sizeof next);
  PutFixed(out, next);
  PutRdbLength(out, PackedCount(packed));
  for (PackedFields fields(packed, true); !fields.AtEnd();) {
    const HashField field = fields.Next();
    PutRdbLength(out, field.expiry == kNoExpiry ? 0 : static_cast<uint64_t>(field.expiry - next) + 1);
    PutRdbString(out, field.name);
    PutRdbString(out, field.value);
  }
}

// --- reading --------------------------------------------------------------------------------------------------------

struct Elements {
  TextList texts;
  std::vector<UnixMs> expiries;  // of a hash with such fields, one for two texts
  std::vector<double> scores;    // of a sorted set, one for each text
};

// `room`: see RdbInput::Text.
bool ReadOne(RdbInput& in, std::string* room, TextList* texts) {
  const std::optional<std::string_view> text = in.Text(room);
  if (text) texts->Add(*text);
  return text.has_value();
}

bool ReadStrings(RdbInput& in, uint64_t count, TextList* texts) {
  constexpr uint64_t kUsualBytes = 8;  // the count may be a lie
  texts->Reserve(std::min(count, in.remaining() / kUsualBytes));
  std::string room;
  for (; count > 0 && in.ok(); --count) {
    if (!ReadOne(in, &room, texts)) return false;
  }
  return in.ok();
}

using BlobReader = bool (*)(std::string_view blob, TextList* elements);

bool ReadBlob(RdbInput& in, BlobReader read, TextList* texts) {
  std::string room;
  const std::optional<std::string_view> blob = in.Text(&room);
  return blob && read(*blob, texts);
}

// Chunks of a list, each a blob; since Redis 7 preceded by whether it is one, or a large element.
bool ReadQuicklist(RdbInput& in, BlobReader read, bool says_container, TextList* texts) {
  constexpr uint64_t kPlain = 1;
  constexpr uint64_t kPacked = 2;
  std::string room;
  for (uint64_t left = in.Length(); left > 0 && in.ok(); --left) {
    const uint64_t container = says_container ? in.Length() : kPacked;
    if (container != kPlain && container != kPacked) return false;
    const bool good = container == kPlain ? ReadOne(in, &room, texts) : ReadBlob(in, read, texts);
    if (!good) return false;
  }
  return in.ok();
}

std::optional<double> ParseScore(std::string_view text) {
  double score = 0;
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), score);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return score;
}

bool ReadTextScores(RdbInput& in, Elements* elements) {
  constexpr uint8_t kNotANumber = 253;
  constexpr uint8_t kInfinity = 254;
  constexpr uint8_t kMinusInfinity = 255;
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  std::string room;
  for (uint64_t left = in.Length(); left > 0 && in.ok(); --left) {
    if (!ReadOne(in, &room, &elements->texts)) return false;
    const auto digits = in.Fixed<uint8_t>();
    if (digits == kNotANumber) return false;
    if (digits >= kInfinity) {
      elements->scores.push_back(digits == kMinusInfinity ? -kInfinite : kInfinite);
      continue;
    }
    const std::optional<double> score = ParseScore(in.Bytes(digits));
    if (!score) return false;
    elements->scores.push_back(*score);
  }
  return in.ok();
}

bool ReadBinaryScores(RdbInput& in, Elements* elements) {
  std::string room;
  for (uint64_t left = in.Length(); left > 0 && in.ok(); --left) {
    if (!ReadOne(in, &room, &elements->texts)) return false;
    elements->scores.push_back(in.Fixed<double>());
  }
  return in.ok();
}

// Member, score, member, score ...
bool SplitScores(Elements* elements) {
  if (elements->texts.size() % 2 != 0) return false;
  TextList names;
  for (size_t i = 0; i < elements->texts.size(); i += 2) {
    const std::optional<double> score = ParseScore(elements->texts[i + 1]);
    if (!score) return false;
    names.Add(elements->texts[i]);
    elements->scores.push_back(*score);
  }
  elements->texts = std::move(names);
  return true;
}

constexpr uint64_t kLastExpiry = (uint64_t{1} << 48) - 2;

bool AddExpiry(uint64_t expiry, Elements* elements) {
  if (expiry > kLastExpiry) return false;
  elements->expiries.push_back(expiry == 0 ? kNoExpiry : static_cast<UnixMs>(expiry));
  return true;
}

// Expiry (0: none), field and value of each. Expiries are one more than what is added to that of the next field; early
// ones are absolute.
bool ReadExpiringFields(RdbInput& in, bool is_early, Elements* elements) {
  const uint64_t next = is_early ? 1 : in.Fixed<uint64_t>();
  if (next > kLastExpiry) return false;
  std::string room;
  for (uint64_t left = in.Length(); left > 0 && in.ok(); --left) {
    const uint64_t code = in.Length();
    if (code > kLastExpiry || !AddExpiry(code == 0 ? 0 : next + code - 1, elements)) return false;
    if (!ReadOne(in, &room, &elements->texts) || !ReadOne(in, &room, &elements->texts)) return false;
  }
  return in.ok();
}

// Field, value and expiry (0: none) of each.
bool ReadExpiringListpack(RdbInput& in, bool is_early, Elements* elements) {
  if (!is_early) in.Fixed<uint64_t>();  // when the next field expires
  TextList triples;
  if (!ReadBlob(in, ReadListpack, &triples) || triples.size() % 3 != 0) return false;
  for (size_t i = 0; i < triples.size(); i += 3) {
    elements->texts.Add(triples[i]);
    elements->texts.Add(triples[i + 1]);
    uint64_t expiry = 0;
    const std::string_view text = triples[i + 2];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), expiry);
    if (error != std::errc() || end != text.data() + text.size() || !AddExpiry(expiry, elements)) return false;
  }
  return true;
}

// Field, value and expiry (-1: none) of each.
bool ReadTimedFields(RdbInput& in, Elements* elements) {
  constexpr int64_t kNone = -1;
  std::string room;
  for (uint64_t left = in.Length(); left > 0 && in.ok(); --left) {
    if (!ReadOne(in, &room, &elements->texts) || !ReadOne(in, &room, &elements->texts)) return false;
    const auto expiry = in.Fixed<int64_t>();
    if (!AddExpiry(expiry == kNone ? 0 : static_cast<uint64_t>(expiry), elements)) return false;
  }
  return in.ok();
}

bool ReadElements(RdbInput& in, RdbType type, Elements* elements) {
  TextList* texts = &elements->texts;
  switch (type) {
    case RdbType::kList:
    case RdbType::kSet: return ReadStrings(in, in.Length(), texts);
    case RdbType::kHash: {
      const uint64_t fields = in.Length();
      return fields <= UINT32_MAX && ReadStrings(in, 2 * fields, texts);
    }
    case RdbType::kHashMetadataEarly: return ReadExpiringFields(in, true, elements);
    case RdbType::kHashMetadata: return ReadExpiringFields(in, false, elements);
    case RdbType::kHashOfValkey: return ReadTimedFields(in, elements);
    case RdbType::kHashListpackExEarly: return ReadExpiringListpack(in, true, elements);
    case RdbType::kHashListpackEx: return ReadExpiringListpack(in, false, elements);
    case RdbType::kListZiplist:
    case RdbType::kHashZiplist: return ReadBlob(in, ReadZiplist, texts);
    case RdbType::kHashZipmap: return ReadBlob(in, ReadZipmap, texts);
    case RdbType::kSetListpack:
    case RdbType::kHashListpack: return ReadBlob(in, ReadListpack, texts);
    case RdbType::kSetIntset: return ReadBlob(in, ReadIntset, texts);
    case RdbType::kListQuicklist: return ReadQuicklist(in, ReadZiplist, false, texts);
    case RdbType::kListQuicklist2: return ReadQuicklist(in, ReadListpack, true, texts);
    case RdbType::kSortedSetText: return ReadTextScores(in, elements);
    case RdbType::kSortedSet: return ReadBinaryScores(in, elements);
    case RdbType::kSortedSetZiplist: return ReadBlob(in, ReadZiplist, texts) && SplitScores(elements);
    case RdbType::kSortedSetListpack: return ReadBlob(in, ReadListpack, texts) && SplitScores(elements);
    default: return false;
  }
}

bool AreDistinctWhenSorted(const TextList& texts, size_t step) {
  std::vector<std::string_view> names;
  names.reserve(texts.size() / step);
  for (size_t i = 0; i < texts.size(); i += step) names.push_back(texts[i]);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) == names.end();
}

// Whether no name stands there twice; every `step`-th text is one. A table of their hashes tells it, unless they were
// made to collide.
bool AreDistinct(const TextList& texts, size_t step) {
  constexpr size_t kMostProbes = 64;
  constexpr size_t kAhead = 16;  // names whose slots are fetched from memory at the same time
  struct Slot {
    uint32_t hash = 0;
    uint32_t number = 0;  // of the name, from 1 on; 0: free
  };
  const size_t count = texts.size() / step;
  if (count >= UINT32_MAX / 2) return false;  // more than a collection can hold
  std::vector<Slot> slots(std::bit_ceil(2 * count + 1));
  std::array<uint64_t, kAhead> hashes{};
  const auto look_ahead = [&](size_t i) {
    const std::string_view name = texts[i * step];
    hashes[i % kAhead] = XXH3_64bits(name.data(), name.size());
    __builtin_prefetch(&slots[hashes[i % kAhead] & (slots.size() - 1)], 1);
  };
  for (size_t i = 0; i < std::min(kAhead, count); ++i) look_ahead(i);
  for (uint32_t i = 0; i < count; ++i) {
    const std::string_view name = texts[i * step];
    const uint64_t hash = hashes[i % kAhead];
    if (i + kAhead < count) look_ahead(i + kAhead);
    const Slot own{static_cast<uint32_t>(hash >> 32), i + 1};
    size_t at = hash & (slots.size() - 1);
    for (size_t probes = 0; slots[at].number != 0; at = (at + 1) & (slots.size() - 1)) {
      if (slots[at].hash == own.hash && texts[(slots[at].number - 1) * step] == name) return false;
      if (++probes == kMostProbes) return AreDistinctWhenSorted(texts, step);
    }
    slots[at] = own;
  }
  return true;
}

constexpr size_t kUsualLengths = 1;  // bytes of a text's length

bool PackTexts(const TextList& texts, size_t step, std::string* packed) {
  if (texts.size() % step != 0 || !AreDistinct(texts, step)) return false;
  packed->reserve(kPackedHead + texts.bytes() + kUsualLengths * texts.size());
  AppendPackedHead(packed, texts.size() / step);
  for (size_t i = 0; i < texts.size(); ++i) PutText(packed, texts[i]);
  return true;
}

bool HasExpiry(const Elements& elements) {
  return std::any_of(elements.expiries.begin(), elements.expiries.end(), [](UnixMs each) { return each != kNoExpiry; });
}

bool PackHash(const Elements& elements, std::string* packed) {
  const TextList& texts = elements.texts;
  if (!HasExpiry(elements)) return PackTexts(texts, 2, packed);
  if (!AreDistinct(texts, 2)) return false;
  FieldPacker packer(packed, texts.size() / 2, true);
  for (size_t i = 0; i < texts.size(); i += 2) packer.Add({texts[i], texts[i + 1], elements.expiries[i / 2]});
  return true;
}

void PackList(const TextList& texts, std::string* packed) {
  packed->reserve(kPackedHead + texts.bytes() + 2 * kUsualLengths * texts.size());
  AppendPackedHead(packed, texts.size());
  for (size_t i = 0; i < texts.size(); ++i) AppendListElement(packed, texts[i]);
}

bool PackScored(const Elements& elements, std::string* packed) {
  if (!AreDistinct(elements.texts, 1)) return false;
  std::vector<size_t> order(elements.texts.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (const double score : elements.scores) {
    if (std::isnan(score)) return false;
  }
  const auto stands_before = [&](size_t a, size_t b) {
    return elements.scores[a] < elements.scores[b] ||
           (elements.scores[a] == elements.scores[b] && elements.texts[a] < elements.texts[b]);
  };
  // RingKV writes them in ascending order, Redis in descending order.
  if (!std::is_sorted(order.begin(), order.end(), stands_before)) std::reverse(order.begin(), order.end());
  if (!std::is_sorted(order.begin(), order.end(), stands_before)) std::sort(order.begin(), order.end(), stands_before);
  packed->reserve(kPackedHead + elements.texts.bytes() + (kUsualLengths + sizeof(double)) * order.size());
  AppendPackedHead(packed, order.size());
  for (const size_t i : order) AppendScored(packed, elements.texts[i], elements.scores[i]);
  return true;
}

std::optional<ValueType> TypeOf(RdbType type) {
  const std::string_view name = NameOf(type);
  if (name == "hash") return ValueType::kHash;
  if (name == "list") return ValueType::kList;
  if (name == "set") return ValueType::kSet;
  if (name == "zset") return ValueType::kSortedSet;
  return std::nullopt;
}

}  // namespace

RdbType WrittenRdbType(ValueKind kind) { return kind.has_field_expiry() ? RdbType::kHashMetadata : PlainRdbType(kind); }

RdbType PlainRdbType(ValueKind kind) {
  switch (kind.type()) {
    case ValueType::kString: return RdbType::kString;
    case ValueType::kHash: return RdbType::kHash;
    case ValueType::kList: return RdbType::kList;
    case ValueType::kSet: return RdbType::kSet;
    case ValueType::kSortedSet: return RdbType::kSortedSet;
    case ValueType::kStream: return RdbType::kStreamListpacks2;
  }
  return RdbType::kString;
}

void PutRdbValue(std::string* out, RdbType type, ValueKind kind, std::string_view packed) {
  if (type == RdbType::kHashMetadata) return PutExpiringFields(out, packed);
  if (kind.type() == ValueType::kString) return PutRdbString(out, packed);
  if (kind.type() == ValueType::kStream) return PutRdbStream(out, *UnpackStream(packed));
  const bool are_integers = kind.form() == CollectionForm::kIntegers;
  PutRdbLength(out, are_integers ? IntegerSetView(packed).size() : PackedCount(packed));
  VisitPacked({kind, packed}, [&](const auto& effect) { ElementWriter{out}(effect); });
}

RdbValueStatus ReadRdbValue(RdbInput& in, RdbType type, ValueKind* kind, std::string* packed) {
  packed->clear();
  if (type == RdbType::kString) {
    *kind = StringForm::kPlain;
    return in.String(packed) ? RdbValueStatus::kValid : RdbValueStatus::kInvalid;
  }
  if (NameOf(type) == "stream") {
    Stream stream;
    if (!ReadRdbStream(in, type, &stream)) return RdbValueStatus::kInvalid;
    *kind = {ValueType::kStream, CollectionForm::kPacked};
    stream.Pack(packed);
    return RdbValueStatus::kValid;
  }
  const std::optional<ValueType> value_type = TypeOf(type);
  if (!value_type) return SkipRdbValue(in, type) ? RdbValueStatus::kUnsupported : RdbValueStatus::kInvalid;
  Elements elements;
  if (!ReadElements(in, type, &elements)) return RdbValueStatus::kInvalid;
  if (elements.texts.empty()) return RdbValueStatus::kEmpty;
  *kind = {*value_type, CollectionForm::kPacked};
  bool is_good = true;
  switch (*value_type) {
    case ValueType::kString:
    case ValueType::kStream: break;
    case ValueType::kHash:
      is_good = PackHash(elements, packed);
      *kind = kind->WithFieldExpiry(HasExpiry(elements));
      break;
    case ValueType::kList: PackList(elements.texts, packed); break;
    case ValueType::kSet: is_good = PackTexts(elements.texts, 1, packed); break;
    case ValueType::kSortedSet: is_good = PackScored(elements, packed); break;
  }
  return is_good ? RdbValueStatus::kValid : RdbValueStatus::kInvalid;
}

}  // namespace ringkv::storage
