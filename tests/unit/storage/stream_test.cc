// SPDX-License-Identifier: MIT
// Streams against the standard library's map, through random changes, packed anew, and from bytes that make no sense.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/byte_codec.h"
#include "storage/base/random.h"
#include "storage/types/listpack.h"
#include "storage/types/stream_pack.h"

namespace ringkv::test {
namespace {

using namespace storage;

using Fields = std::vector<std::pair<std::string, std::string>>;
using Model = std::map<StreamId, Fields>;

Model Shown(const Stream& stream, bool downwards = false) {
  Model shown;
  stream.Visit(kFirstStreamId, kLastStreamId, downwards, [&](const StreamEntry& entry) {
    entry.ForEachField(
        [&](std::string_view name, std::string_view value) { shown[entry.id()].emplace_back(name, value); });
    return true;
  });
  return shown;
}

std::string Packed(const Stream& stream) {
  std::string packed;
  stream.Pack(&packed);
  return packed;
}

std::string Packed(const Fields& fields) {
  std::string packed;
  for (const auto& [name, value] : fields) {
    PutText(&packed, name);
    PutText(&packed, value);
  }
  return packed;
}

// Integers of every width, texts around the lengths where a listpack changes its mind.
std::string RandomText(Random& random) {
  constexpr size_t kLengths[] = {0, 1, 63, 64, 127, 128, 300};
  if (random.Below(2) == 0) return std::to_string(static_cast<int64_t>(random.Next() >> random.Below(64)));
  return std::string(kLengths[random.Below(std::size(kLengths))], 'x');
}

Fields RandomFields(Random& random) {
  if (random.Below(3) > 0) return {{"name", RandomText(random)}, {"7", RandomText(random)}};
  Fields fields;
  for (uint64_t left = 1 + random.Below(4); left > 0; --left)
    fields.emplace_back(RandomText(random), RandomText(random));
  return fields;
}

void ChangeGroups(Stream& stream, Random& random, const StreamId& id) {
  const std::string group = "g" + std::to_string(random.Below(3));
  const std::string consumer = "c" + std::to_string(random.Below(3));
  if (stream.FindGroup(group) == nullptr) stream.PutGroup(group, id, StreamGroup::kUnknown);
  stream.ChangeGroup(group, [&](StreamGroup& in) {
    switch (random.Below(5)) {
      case 0: in.PutConsumer(consumer, 5); break;
      case 1: in.Acknowledge(id); break;
      case 2: in.EraseConsumer(consumer); break;
      default: in.Pend(consumer, id, 7, random.Below(9)); break;
    }
  });
  if (random.Below(50) == 0) stream.EraseGroup(group);
}

TEST(StreamTest, MatchesAMapThroughRandomChanges) {
  for (const StreamBlockLimit limit :
       {StreamBlockLimit{}, StreamBlockLimit{.bytes = 300, .entries = 5}, StreamBlockLimit{.bytes = 0, .entries = 0}}) {
    Random random(limit.entries + 1);
    Stream stream;
    Model model;
    for (int step = 0; step < 3000; ++step) {
      const uint64_t what = random.Below(100);
      if (what < 55) {
        const StreamId id{stream.last_id().ms + random.Below(3) * random.Below(1000), stream.last_id().seq + 1};
        const Fields fields = RandomFields(random);
        stream.Append(id, StreamFields(Packed(fields)), limit);
        model[id] = fields;
      } else if (what < 95 && !model.empty()) {
        const StreamId near{random.Below(stream.last_id().ms + 1), random.Below(100)};
        const auto place = model.lower_bound(near);
        const StreamId id = place == model.end() ? near : place->first;
        ASSERT_EQ(stream.Contains(id), model.contains(id));
        ASSERT_EQ(stream.Erase(id), model.erase(id) == 1);
        ChangeGroups(stream, random, id);
      } else if (what == 99) {
        const size_t left = random.Below(model.size() + 1);
        const StreamId least = stream.FindTrimEnd({.most = left});
        ASSERT_EQ(stream.EraseBefore(least), model.size() - left);
        model.erase(model.begin(), std::prev(model.end(), static_cast<std::ptrdiff_t>(left)));
      }
      ASSERT_EQ(stream.size(), model.size());
      ASSERT_EQ(stream.first_entry(), model.empty() ? StreamId{} : model.begin()->first);
      ASSERT_EQ(stream.last_entry(), model.empty() ? StreamId{} : model.rbegin()->first);
      if (step % 100 != 0) continue;
      ASSERT_EQ(Shown(stream), model);
      ASSERT_EQ(Shown(stream, true), model);
      const std::string packed = Packed(stream);
      ASSERT_TRUE(IsPackedStream(packed));
      const std::unique_ptr<Stream> again = UnpackStream(packed);
      ASSERT_EQ(Packed(*again), packed);
      ASSERT_EQ(again->first_entry(), stream.first_entry());
    }
    stream.EraseBefore(stream.last_id().Next());
    while (!stream.groups().empty()) stream.EraseGroup(std::string(stream.groups().begin()->first));
    EXPECT_EQ(stream.bytes(), sizeof(Stream)) << "what is gone is still counted";
  }
}

TEST(StreamTest, BytesThatMakeNoSenseAreRefused) {
  Random random(1);
  Stream stream;
  for (uint64_t ms = 1; ms < 12; ++ms) {
    stream.Append({ms, 0}, StreamFields(Packed(RandomFields(random))), {.bytes = 4096, .entries = 5});
    ChangeGroups(stream, random, {ms, 0});
  }
  stream.Erase({3, 0});
  const std::string packed = Packed(stream);
  size_t refused = 0;
  for (size_t at = 0; at < packed.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = packed;
      changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
      if (!IsPackedStream(changed)) {
        ++refused;
        continue;
      }
      // It may say something else now, but what it says can be read.
      const std::unique_ptr<Stream> other = UnpackStream(changed);
      EXPECT_EQ(Shown(*other), Shown(*other, true));
      other->EraseBefore(kLastStreamId);
    }
    EXPECT_FALSE(IsPackedStream(packed.substr(0, at)));
  }
  EXPECT_GT(refused, packed.size());
}

TEST(StreamTest, TrimmingKeepsTheRequestedEntries) {
  Stream stream;
  const std::string fields = Packed(Fields{{"f", "v"}});
  for (uint64_t ms = 1; ms <= 95; ++ms) stream.Append({ms, 0}, StreamFields(fields), {.bytes = 4096, .entries = 10});
  EXPECT_EQ(stream.FindTrimEnd({.most = 200}), (StreamId{0, 0}));
  EXPECT_EQ(stream.FindTrimEnd({.most = 42}), (StreamId{54, 0}));
  EXPECT_EQ(stream.FindTrimEnd({.most = 42, .whole_blocks = true}), (StreamId{51, 0}));
  EXPECT_EQ(stream.FindTrimEnd({.most = 0, .whole_blocks = true, .limit = 35}), (StreamId{31, 0}));
  EXPECT_EQ(stream.FindTrimEnd({.most = 0}), (StreamId{95, 1}));
  EXPECT_EQ(stream.FindTrimEnd({.least = {38, 0}}), (StreamId{38, 0}));
  EXPECT_EQ(stream.FindTrimEnd({.least = {38, 0}, .whole_blocks = true}), (StreamId{31, 0}));
}

TEST(ListpackTest, IsReadInBothDirections) {
  std::vector<std::string> elements;
  for (int bits = 0; bits < 64; ++bits) {
    const uint64_t power = uint64_t{1} << bits;
    for (const uint64_t value : {power - 1, power, ~power + 1}) {
      elements.push_back(std::to_string(static_cast<int64_t>(value)));
    }
  }
  for (const size_t length : {0, 1, 63, 64, 126, 127, 128, 4095, 4096, 16377, 16378, 16379, 70000, 2097140, 2097151}) {
    elements.push_back(std::string(length, 'x'));
  }
  elements.insert(elements.end(), {"007", "-0", "+1", "9223372036854775808"});
  std::string bytes;
  for (const std::string& element : elements) ListpackEditor(&bytes).AppendText(element);
  ASSERT_TRUE(IsListpack(bytes));
  ListpackCursor cursor(bytes);
  for (const std::string& element : elements) {
    EXPECT_EQ(std::string_view(ListpackText(cursor.element())), element);
    cursor.Next();
  }
  EXPECT_TRUE(cursor.AtEnd());
  for (size_t i = elements.size(); i > 0; --i) {
    cursor.Back();
    EXPECT_EQ(std::string_view(ListpackText(cursor.element())), elements[i - 1]);
  }
  EXPECT_TRUE(cursor.AtFront());
  for (const size_t cut : {size_t{0}, size_t{5}, size_t{7}, bytes.size() - 1})
    EXPECT_FALSE(IsListpack(bytes.substr(0, cut)));
  EXPECT_FALSE(IsListpack(bytes + "x"));
}

}  // namespace
}  // namespace ringkv::test
