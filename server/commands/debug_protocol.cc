// SPDX-License-Identifier: MIT
// DEBUG PROTOCOL: a reply of each type, for tests of clients. The values are those of redis-server.
#include "server/commands/debug_parts.h"

namespace ringkv::server {
namespace {

// Whether attributes and push messages can be sent: not in RESP2, nor to a part of the server.
bool TakesMore(AdminCall& call) { return call.reply.protocol() >= 3 && !call.reply.builds_value(); }

void Numbers(AdminCall& call) {
  for (int i = 0; i < 3; ++i) call.reply.Integer(i);
}

void MapOfBooleans(AdminCall& call) {
  call.reply.Map(3);
  for (int i = 0; i < 3; ++i) {
    call.reply.Integer(i);
    call.reply.Boolean(i == 1);
  }
}

void WithAttribute(AdminCall& call) {
  if (TakesMore(call)) {
    call.reply.Raw("|1\r\n");
    call.reply.Bulk("key-popularity");
    call.reply.Array(2);
    call.reply.Bulk("key:123");
    call.reply.Integer(90);
  }
  call.reply.Bulk("Some real reply following the attribute");
}

void PushMessage(AdminCall& call) {
  if (!TakesMore(call)) return call.reply.Error("ERR RESP2 is not supported by this command");
  call.reply.Push(2);
  call.reply.Bulk("server-cpu-usage");
  call.reply.Integer(42);
  call.reply.Bulk("Some real reply following the push reply");
}

}  // namespace

void DebugProtocol(AdminCall& call) {
  constexpr double kDouble = 3.141;
  Arguments type(call.args.all(), 2);
  if (type.Take("string")) return call.reply.Bulk("Hello World");
  if (type.Take("integer")) return call.reply.Integer(12345);
  if (type.Take("double")) return call.reply.Double(kDouble);
  if (type.Take("null")) return call.reply.Null();
  if (type.Take("array")) {
    call.reply.Array(3);
    return Numbers(call);
  }
  if (type.Take("set")) {
    call.reply.Set(3);
    return Numbers(call);
  }
  if (type.Take("map")) return MapOfBooleans(call);
  if (type.Take("attrib")) return WithAttribute(call);
  if (type.Take("push")) return PushMessage(call);
  if (type.Take("bignum")) return call.reply.BigNumber("1234567999999999999999999999999999999");
  if (type.Take("verbatim")) return call.reply.Verbatim("This is a verbatim\nstring", "txt");
  if (type.Take("true")) return call.reply.Boolean(true);
  if (type.Take("false")) return call.reply.Boolean(false);
  call.reply.Error(
      "ERR Wrong protocol type name. Please use one of the following: "
      "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
}

}  // namespace ringkv::server
