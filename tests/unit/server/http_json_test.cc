// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "server/http/json.h"
#include "server/http/reply_json.h"
#include "storage/base/base64.h"

namespace ringkv::server::http {
namespace {

TEST(HttpJson, BytesThatAreNoTextComeThroughInBase64) {
  EXPECT_EQ(ToJson("text \"\u00e9\""), "\"text \\\"\u00e9\\\"\"");
  EXPECT_EQ(ToJson("\xff\x01"), "{\"base64\":\"/wE=\"}");
  std::string bytes;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(storage::DecodeBase64(storage::EncodeBase64(bytes)), bytes);
    bytes += static_cast<char>(i * 37);
  }
  for (const std::string_view bad : {"a", "ab=c", "====", "a b=", "abc\n"})
    EXPECT_EQ(storage::DecodeBase64(bad), std::nullopt);
}

TEST(HttpJson, NumbersStayAsTheyWereWritten) {
  for (const std::string number :
       {"0", "-0", "-0.0", "1e5", "1E+05", "1.0", "0.1000", "-7", "9223372036854775807", "-9223372036854775808",
        "18446744073709551615", "18446744073709551616", "123456789012345678901234567890", "3.14159265358979323846"}) {
    const auto parsed = ParseJson("[" + number + "]", 10);
    ASSERT_TRUE(parsed) << number;
    EXPECT_EQ(BytesFromJson((*parsed)[0]), number);
  }
}

TEST(HttpJson, TooManyElementsRepeatedNamesAndInvalidTextsAreRefused) {
  EXPECT_TRUE(ParseJson(R"({"a":[1,{"b":null}],"c":true})", 6));
  EXPECT_EQ(ParseJson(R"({"a":[1,{"b":null}],"c":true})", 5).error(), JsonFault::kTooMany);
  EXPECT_EQ(ParseJson(R"({"a":1,"a":1})", 10).error(), JsonFault::kNameTwice);
  EXPECT_EQ(ParseJson("1e999", 10).error(), JsonFault::kNumberTooLarge);
  EXPECT_TRUE(ParseJson("[[[[[1]]]]]", 10));
  EXPECT_EQ(ParseJson("[[[[[[1]]]]]]", 10).error(), JsonFault::kNoJson);
  for (const std::string_view bad : {"", "{", "1 2", "01", "+1", "1.", "nul", "\"\xff\"", "[1,]"}) {
    EXPECT_EQ(ParseJson(bad, 10).error(), JsonFault::kNoJson) << bad;
  }
}

TEST(HttpReplyJson, KeepsTheTypesOfReplies) {
  using resp::Reply;
  using resp::ReplyKind;
  const Reply one{.kind = ReplyKind::kInteger, .integer = 9007199254740993};
  const Reply bytes{.kind = ReplyKind::kText, .text = "\xff"};
  const Reply verbatim{.kind = ReplyKind::kVerbatim, .text = "txt:a\n"};
  const Reply infinite{.kind = ReplyKind::kDouble, .number = -HUGE_VAL};
  const Reply map{.kind = ReplyKind::kMap, .members = {one, bytes, verbatim, infinite}};
  std::string json;
  AppendReplyJson(map, &json);
  EXPECT_EQ(json, R"({"type":"map","value":[[{"type":"integer","value":"9007199254740993"},)"
                  R"({"type":"string","value":{"base64":"/w=="}}],)"
                  R"([{"type":"verbatim","value":"a\n"},{"type":"double","value":"-inf"}]]})");
  EXPECT_GE(ReplyJsonBytes(map), json.size() / 2);
  json.clear();
  AppendReplyJson({.kind = ReplyKind::kSet, .members = {{}, {.kind = ReplyKind::kBoolean, .integer = 1}}}, &json);
  EXPECT_EQ(json, R"({"type":"set","value":[{"type":"null"},{"type":"boolean","value":true}]})");
  json.clear();
  AppendReplyJson({.kind = ReplyKind::kDouble, .number = 0.1}, &json);
  EXPECT_EQ(json, R"({"type":"double","value":"0.1"})") << "the shortest";
}

}  // namespace
}  // namespace ringkv::server::http
