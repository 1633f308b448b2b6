// SPDX-License-Identifier: MIT
#include "storage/rdb/rdb_value.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "storage/base/byte_codec.h"
#include "storage/rdb/packed_blobs.h"
#include "storage/rdb/rdb_skip.h"
#include "storage/rdb/rdb_stream.h"
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

// --- reading --------------------------------------------------------------------------------------------------------

struct Elements {
  std::vector<std::string> texts;
  std::vector<double> scores;  // of a sorted set, one for each text
};

bool ReadStrings(RdbInput& in, uint64_t count, std::vector<std::string>* texts) {
  for (; count > 0 && in.ok(); --count) {
    if (!in.String(&texts->emplace_back())) return false;
  }
  return in.ok();
}

using BlobReader = bool (*)(std::string_view blob, std::vector<std::string>* elements);

bool ReadBlob(RdbInput& in, BlobReader read, std::vector<std::string>* texts) {
  std::string blob;
  return in.String(&blob) && read(blob, texts);
}

// Chunks of a list, each a blob; since Redis 7 preceded by whether it is one, or a large element.
bool ReadQuicklist(RdbInput& in, BlobReader read, bool says_container, std::vector<std::string>* texts) {
  constexpr uint64_t kPlain = 1;
  constexpr uint64_t kPacked = 2;
  for (uint64_t left = in.Length(); left > 0 && in.ok(); --left) {
    const uint64_t container = says_container ? in.Length() : kPacked;
    if (container != kPlain && container != kPacked) return false;
    const bool good = container == kPlain ? in.String(&texts->emplace_back()) : ReadBlob(in, read, texts);
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
  for (uint64_t left = in.Length(); left > 0 && in.ok(); --left) {
    if (!in.String(&elements->texts.emplace_back())) return false;
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
  for (uint64_t left = in.Length(); left > 0 && in.ok(); --left) {
    if (!in.String(&elements->texts.emplace_back())) return false;
    elements->scores.push_back(in.Fixed<double>());
  }
  return in.ok();
}

// Member, score, member, score ...
bool SplitScores(Elements* elements) {
  if (elements->texts.size() % 2 != 0) return false;
  const size_t count = elements->texts.size() / 2;
  for (size_t i = 0; i < count; ++i) {
    const std::optional<double> score = ParseScore(elements->texts[2 * i + 1]);
    if (!score) return false;
    elements->scores.push_back(*score);
    if (i > 0) elements->texts[i] = std::move(elements->texts[2 * i]);
  }
  elements->texts.resize(count);
  return true;
}

bool ReadElements(RdbInput& in, RdbType type, Elements* elements) {
  std::vector<std::string>* texts = &elements->texts;
  switch (type) {
    case RdbType::kList:
    case RdbType::kSet: return ReadStrings(in, in.Length(), texts);
    case RdbType::kHash: {
      const uint64_t fields = in.Length();
      return fields <= UINT32_MAX && ReadStrings(in, 2 * fields, texts);
    }
    case RdbType::kListZiplist:
    case RdbType::kHashZiplist: return ReadBlob(in, ReadZiplist, texts);
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

bool AreDistinctWhenSorted(const std::vector<std::string>& texts, size_t step) {
  std::vector<std::string_view> names;
  names.reserve(texts.size() / step);
  for (size_t i = 0; i < texts.size(); i += step) names.push_back(texts[i]);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) == names.end();
}

// Whether no name stands there twice; every `step`-th text is one. A table of their hashes tells it, unless they were
// made to collide.
bool AreDistinct(const std::vector<std::string>& texts, size_t step) {
  constexpr size_t kMostProbes = 64;
  struct Slot {
    uint32_t hash = 0;
    uint32_t number = 0;  // of the name, from 1 on; 0: free
  };
  const size_t count = texts.size() / step;
  if (count >= UINT32_MAX / 2) return false;  // more than a collection can hold
  std::vector<Slot> slots(std::bit_ceil(2 * count + 1));
  for (uint32_t i = 0; i < count; ++i) {
    const std::string& name = texts[i * step];
    const uint64_t hash = XXH3_64bits(name.data(), name.size());
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

bool PackTexts(const std::vector<std::string>& texts, size_t step, std::string* packed) {
  if (texts.size() % step != 0 || !AreDistinct(texts, step)) return false;
  AppendPackedHead(packed, texts.size() / step);
  for (const std::string& text : texts) PutText(packed, text);
  return true;
}

void PackList(const std::vector<std::string>& texts, std::string* packed) {
  AppendPackedHead(packed, texts.size());
  for (const std::string& text : texts) AppendListElement(packed, text);
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
  AppendPackedHead(packed, order.size());
  for (const size_t i : order) AppendScored(packed, elements.texts[i], elements.scores[i]);
  return true;
}

std::optional<ValueType> TypeOf(RdbType type) {
  const std::string_view name = NameOf(type);
  if (name == "hash" && type != RdbType::kHashZipmap) return ValueType::kHash;
  if (name == "list") return ValueType::kList;
  if (name == "set") return ValueType::kSet;
  if (name == "zset") return ValueType::kSortedSet;
  return std::nullopt;
}

}  // namespace

RdbType WrittenRdbType(ValueKind kind) {
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

void PutRdbValue(std::string* out, ValueKind kind, std::string_view packed) {
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
    case ValueType::kHash: is_good = PackTexts(elements.texts, 2, packed); break;
    case ValueType::kList: PackList(elements.texts, packed); break;
    case ValueType::kSet: is_good = PackTexts(elements.texts, 1, packed); break;
    case ValueType::kSortedSet: is_good = PackScored(elements, packed); break;
  }
  return is_good ? RdbValueStatus::kValid : RdbValueStatus::kInvalid;
}

}  // namespace ringkv::storage
