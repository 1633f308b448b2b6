// SPDX-License-Identifier: MIT
#include "server/http/reply_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "server/http/json.h"

namespace ringkv::server::http {
namespace {

using resp::Reply;
using resp::ReplyKind;

std::string_view TypeName(ReplyKind kind) {
  switch (kind) {
    case ReplyKind::kNull: return "null";
    case ReplyKind::kStatus: return "status";
    case ReplyKind::kError: return "error";
    case ReplyKind::kInteger: return "integer";
    case ReplyKind::kText: return "string";
    case ReplyKind::kArray: return "array";
    case ReplyKind::kDouble: return "double";
    case ReplyKind::kBoolean: return "boolean";
    case ReplyKind::kBigNumber: return "bignumber";
    case ReplyKind::kVerbatim: return "verbatim";
    case ReplyKind::kMap: return "map";
    case ReplyKind::kSet: return "set";
  }
  return "null";
}

std::string DoubleText(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  // The shortest that reads as the same number.
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

void AppendMembers(const Reply& reply, std::string* json, size_t most) {
  const bool is_map = reply.kind == ReplyKind::kMap;
  *json += '[';
  for (size_t i = 0; i < reply.members.size() && json->size() <= most; ++i) {
    const bool begins_pair = is_map && i % 2 == 0;
    if (i > 0) *json += ',';
    if (begins_pair) *json += '[';
    AppendReplyJson(reply.members[i], json, most);
    if (is_map && !begins_pair) *json += ']';
  }
  *json += ']';
}

std::string ScalarJson(const Reply& reply) {
  switch (reply.kind) {
    case ReplyKind::kInteger: return "\"" + std::to_string(reply.integer) + "\"";
    case ReplyKind::kDouble: return "\"" + DoubleText(reply.number) + "\"";
    case ReplyKind::kBoolean: return reply.integer != 0 ? "true" : "false";
    // Behind "txt:".
    case ReplyKind::kVerbatim:
      return ToJson(std::string_view(reply.text).substr(std::min<size_t>(4, reply.text.size())));
    default: return ToJson(reply.text);
  }
}

}  // namespace

void AppendReplyJson(const Reply& reply, std::string* json, size_t most) {
  json->append("{\"type\":\"").append(TypeName(reply.kind)).append("\"");
  if (reply.kind != ReplyKind::kNull) {
    *json += ",\"value\":";
    const bool has_members =
        reply.kind == ReplyKind::kArray || reply.kind == ReplyKind::kMap || reply.kind == ReplyKind::kSet;
    if (has_members) {
      AppendMembers(reply, json, most);
    } else {
      *json += ScalarJson(reply);
    }
  }
  *json += '}';
}

size_t ReplyJsonBytes(const Reply& reply) {
  constexpr size_t kFrame = sizeof(R"({"type":"bignumber","value":""},)");
  size_t bytes = kFrame + reply.text.size();
  for (const Reply& member : reply.members) bytes += ReplyJsonBytes(member);
  return bytes;
}

}  // namespace ringkv::server::http
