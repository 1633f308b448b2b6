// SPDX-License-Identifier: MIT
// Every effect as commands of Redis.
#include "storage/redis/command_encoder.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "storage/entry/packed.h"
#include "storage/types/hash_fields.h"
#include "storage/types/score_code.h"
#include "storage/types/stream_pack.h"
#include "tests/support/resp_words.h"

namespace ringkv::test {
namespace {

using namespace storage;

template <typename Effect>
struct EncoderCase {
  Effect effect;
  std::string commands;  // on `key` of database 0
};

// One or more for each effect: the test below doesn't compile without.
template <typename Effect>
std::vector<EncoderCase<Effect>> CasesOf();

std::string PackedTexts(std::initializer_list<std::string_view> texts, size_t elements) {
  std::string packed;
  AppendPackedHead(&packed, elements);
  for (const std::string_view text : texts) PutText(&packed, text);
  return packed;
}

constexpr UnixMs kThen = 1'900'000'000'000;
constexpr StreamId kId{5, 7};

template <>
std::vector<EncoderCase<StringPut>> CasesOf() {
  return {{{.value = "value"}, "SET key value"},
          {{.value = "v", .expiry = kThen}, "SET key v PXAT 1900000000000"},
          {{.value = "v", .expiry = -5}, "SET key v PXAT 1"}};
}
template <>
std::vector<EncoderCase<StringPatch>> CasesOf() {
  return {{{.offset = 3, .bytes = "ab"}, "SETRANGE key 3 ab"}};
}
template <>
std::vector<EncoderCase<CollectionPut>> CasesOf() {
  static const std::string hash = PackedTexts({"f", "v", "g", "w"}, 2);
  return {{{ValueKind(ValueType::kHash, CollectionForm::kPacked), hash, kNoExpiry},
           "MULTI; DEL key; HSET key f v g w; EXEC"},
          {{ValueKind(ValueType::kHash, CollectionForm::kPacked), hash, kThen},
           "MULTI; DEL key; HSET key f v g w; PEXPIREAT key 1900000000000; EXEC"}};
}
template <>
std::vector<EncoderCase<HashPut>> CasesOf() {
  return {{{"f", "v"}, "HSET key f v"}, {{"f", "v", kThen}, "HSET key f v"}};
}
template <>
std::vector<EncoderCase<HashFieldExpirySet>> CasesOf() {
  return {{{"f", kThen}, ""}, {{"f", kNoExpiry}, ""}};
}
template <>
std::vector<EncoderCase<HashFieldExpire>> CasesOf() {
  return {{{"f"}, "HDEL key f"}};
}
template <>
std::vector<EncoderCase<HashErase>> CasesOf() {
  return {{{"f"}, "HDEL key f"}};
}
template <>
std::vector<EncoderCase<ListPush>> CasesOf() {
  return {{{"e", false}, "RPUSH key e"}, {{"e", true}, "LPUSH key e"}};
}
template <>
std::vector<EncoderCase<ListInsert>> CasesOf() {
  return {{{"p", "e", false}, "LINSERT key BEFORE p e"}, {{"p", "e", true}, "LINSERT key AFTER p e"}};
}
template <>
std::vector<EncoderCase<ListTake>> CasesOf() {
  return {{{2, true}, "LPOP key 2"}, {{1, false}, "RPOP key 1"}};
}
template <>
std::vector<EncoderCase<ListSet>> CasesOf() {
  return {{{4, "e"}, "LSET key 4 e"}};
}
template <>
std::vector<EncoderCase<ListRemove>> CasesOf() {
  return {{{"e", 2, false}, "LREM key 2 e"}, {{"e", 2, true}, "LREM key -2 e"}, {{"e", 0, true}, "LREM key 0 e"}};
}
template <>
std::vector<EncoderCase<SetAdd>> CasesOf() {
  return {{{"m"}, "SADD key m"}};
}
template <>
std::vector<EncoderCase<SetErase>> CasesOf() {
  return {{{"m"}, "SREM key m"}};
}
template <>
std::vector<EncoderCase<SortedSetPut>> CasesOf() {
  return {{{"m", 0.1}, "ZADD key 0.10000000000000001 m"},
          {{"m", -std::numeric_limits<double>::infinity()}, "ZADD key -inf m"}};
}
template <>
std::vector<EncoderCase<SortedSetErase>> CasesOf() {
  return {{{"m"}, "ZREM key m"}};
}
template <>
std::vector<EncoderCase<StreamAppend>> CasesOf() {
  return {{{kId, std::string_view("\1f\2vw", 5)}, "XADD key 5-7 f vw"}};
}
template <>
std::vector<EncoderCase<StreamErase>> CasesOf() {
  return {{{kId}, "XDEL key 5-7"}};
}
template <>
std::vector<EncoderCase<StreamTrim>> CasesOf() {
  return {{{kId}, "XTRIM key MINID 5-7"}};
}
template <>
std::vector<EncoderCase<StreamSetIds>> CasesOf() {
  return {{{kId, {5, 6}, 9}, "XSETID key 5-7 ENTRIESADDED 9 MAXDELETEDID 5-6"}};
}
template <>
std::vector<EncoderCase<StreamGroupPut>> CasesOf() {
  return {{{"g", kId, -1}, "XGROUP CREATE key g 5-7 MKSTREAM ENTRIESREAD -1"}};
}
template <>
std::vector<EncoderCase<StreamGroupMove>> CasesOf() {
  return {{{"g", kId, 4}, "XGROUP SETID key g 5-7 ENTRIESREAD 4"}};
}
template <>
std::vector<EncoderCase<StreamGroupErase>> CasesOf() {
  return {{{"g"}, "XGROUP DESTROY key g"}};
}
template <>
std::vector<EncoderCase<StreamConsumerPut>> CasesOf() {
  return {{{"g", "c", kThen}, "XGROUP CREATECONSUMER key g c"}};
}
template <>
std::vector<EncoderCase<StreamConsumerErase>> CasesOf() {
  return {{{"g", "c"}, "XGROUP DELCONSUMER key g c"}};
}
template <>
std::vector<EncoderCase<StreamPend>> CasesOf() {
  return {{{"g", "c", kId, kThen, 3}, "XCLAIM key g c 0 5-7 TIME 1900000000000 RETRYCOUNT 3 FORCE JUSTID"}};
}
template <>
std::vector<EncoderCase<StreamAcknowledge>> CasesOf() {
  return {{{"g", kId}, "XACK key g 5-7"}};
}
template <>
std::vector<EncoderCase<ExpirySet>> CasesOf() {
  return {{{kThen}, "PEXPIREAT key 1900000000000"}, {{kNoExpiry}, "PERSIST key"}};
}
template <>
std::vector<EncoderCase<Erase>> CasesOf() {
  return {{{EraseReason::kDeleted}, "DEL key"},
          {{EraseReason::kExpired}, "UNLINK key"},
          {{EraseReason::kEvicted}, "UNLINK key"},
          {{EraseReason::kMoved}, "UNLINK key"}};
}
template <>
std::vector<EncoderCase<DatabaseFlush>> CasesOf() {
  return {{{}, "FLUSHDB"}};
}
template <>
std::vector<EncoderCase<DatabaseSwap>> CasesOf() {
  return {{{3}, "SWAPDB 0 3"}};
}

template <>
std::vector<EncoderCase<LibraryPut>> CasesOf() {
  return {{{"name", "code"}, "FUNCTION LOAD REPLACE code"}};
}
template <>
std::vector<EncoderCase<LibraryErase>> CasesOf() {
  return {{{"name"}, "FUNCTION DELETE name"}};
}
template <>
std::vector<EncoderCase<LibrariesFlush>> CasesOf() {
  return {{{}, "FUNCTION FLUSH"}};
}

template <>
std::vector<EncoderCase<LedgerPut>> CasesOf() {
  return {{{"a ledger of slots"}, ""}};
}

class CommandEncoderTest : public testing::Test {
 protected:
  std::string Encode(const std::vector<EffectRecord>& group) {
    bytes_.clear();
    encoder_.Group(group);
    return CommandsIn(bytes_);
  }
  template <typename Effect>
  void ExpectCases(const EffectRow<Effect>& row) {
    for (const EncoderCase<Effect>& each : CasesOf<Effect>()) {
      EXPECT_EQ(Encode({{0, "key", each.effect}}), each.commands) << row.name;
    }
  }

  std::string bytes_;
  CommandEncoder encoder_{&bytes_, 0};
};

TEST_F(CommandEncoderTest, EveryEffectHasItsCommand) {
  std::apply([&](const auto&... rows) { (ExpectCases(rows), ...); }, kEffects);
}

TEST_F(CommandEncoderTest, GroupsAreTransactionsAndSelectTheirDatabases) {
  EXPECT_EQ(Encode({{2, "a", Erase{}}}), "SELECT 2; DEL a");
  EXPECT_EQ(Encode({{2, "a", SetAdd{"m"}}, {2, "b", SetErase{"m"}}}), "MULTI; SADD a m; SREM b m; EXEC");
  EXPECT_EQ(Encode({{0, "a", Erase{}}, {2, "b", Erase{}}}), "SELECT 0; MULTI; DEL a; SELECT 2; DEL b; EXEC");
  EXPECT_EQ(Encode({{2, "", DatabaseFlush{}}}), "FLUSHDB");
  EXPECT_EQ(Encode({{2, "", DatabaseSwap{5}}}), "SWAPDB 2 5");
  EXPECT_EQ(Encode({{0, "", LibrariesFlush{}}, {0, "", LibraryPut{"a", "b"}}}),
            "MULTI; FUNCTION FLUSH; FUNCTION LOAD REPLACE b; EXEC");
  encoder_.ForgetDatabase();
  EXPECT_EQ(Encode({{0, "", LibraryErase{"a"}}}), "FUNCTION DELETE a");
  EXPECT_EQ(Encode({{2, "a", Erase{}}}), "SELECT 2; DEL a");
  EXPECT_EQ(Encode({}), "");
}

TEST_F(CommandEncoderTest, ALargeCollectionTakesSeveralCommands) {
  std::string packed;
  AppendPackedHead(&packed, 130);
  for (int i = 0; i < 130; ++i) PutText(&packed, "m");
  const ValueKind set(ValueType::kSet, CollectionForm::kPacked);
  const std::string commands = Encode({{0, "key", CollectionPut{set, packed, kNoExpiry}}});
  size_t adds = 0;
  for (size_t at = commands.find("SADD"); at != std::string::npos; at = commands.find("SADD", at + 1)) ++adds;
  EXPECT_EQ(adds, 3u);
  EXPECT_TRUE(commands.starts_with("MULTI; DEL key; SADD key m m ")) << commands;
  EXPECT_TRUE(commands.ends_with(" m; SADD key m m; EXEC")) << commands;
}

// Groups with pending entries that are deleted, which no command makes.
TEST_F(CommandEncoderTest, AWholeStreamIsRestored) {
  Stream stream;
  stream.SetIds({5, 7}, {5, 7}, 1);
  std::string packed;
  PackStream(stream, &packed);
  const ValueKind kind(ValueType::kStream, CollectionForm::kPacked);
  EXPECT_TRUE(Encode({{0, "key", CollectionPut{kind, packed, kThen}}}).starts_with("RESTORE key 1900000000000 "));
  EXPECT_TRUE(Encode({{0, "key", CollectionPut{kind, packed, kNoExpiry}}}).starts_with("RESTORE key 0 "));
  EXPECT_TRUE(CommandsIn(bytes_).ends_with(" REPLACE ABSTTL"));
}

TEST_F(CommandEncoderTest, AKeyIsWrittenWithItsValueAndExpiry) {
  encoder_.Key(1, "key", StringForm::kPlain, "value", kThen);
  EXPECT_EQ(CommandsIn(bytes_), "SELECT 1; SET key value PXAT 1900000000000");
  bytes_.clear();
  std::string scored;
  AppendPackedHead(&scored, 1);
  AppendScored(&scored, "m", 1.5);
  encoder_.Key(1, "key", ValueKind(ValueType::kSortedSet, CollectionForm::kPacked), scored, kNoExpiry);
  EXPECT_EQ(CommandsIn(bytes_), "DEL key; ZADD key 1.5 m");
}

TEST_F(CommandEncoderTest, FieldsExpireWhereTheReceiverHasSuchFields) {
  CommandEncoder encoder(&bytes_, 0, true);
  std::string packed;
  FieldPacker packer(&packed, 2, true);
  packer.Add({"f", "v", kThen});
  packer.Add({"g", "w"});
  encoder.Key(0, "key", ValueKind(ValueType::kHash, CollectionForm::kPacked, true), packed, kNoExpiry);
  EXPECT_EQ(CommandsIn(bytes_), "DEL key; HSET key f v g w; HPEXPIREAT key 1900000000000 FIELDS 1 f");
  const auto shown = [&](const AnyEffect& effect) {
    bytes_.clear();
    const EffectRecord record{.key = "key", .effect = effect};
    encoder.Group({&record, 1});
    return CommandsIn(bytes_);
  };
  EXPECT_EQ(shown(HashPut{"f", "v", kThen}), "HSET key f v; HPEXPIREAT key 1900000000000 FIELDS 1 f");
  EXPECT_EQ(shown(HashFieldExpirySet{"f", kNoExpiry}), "HPERSIST key FIELDS 1 f");
}

}  // namespace
}  // namespace ringkv::test
