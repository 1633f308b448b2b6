// SPDX-License-Identifier: MIT
// What scripts hand to the C++ functions of their sandbox: texts to decode, formats, patterns, source code. The first
// byte chooses the function, the second splits the rest into two arguments.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/lua/lua_state.h"

namespace ringkv::server {
namespace {

constexpr const char* kScripts[] = {
    // What was decoded is encoded, and decoded to the same.
    "local v = cjson.decode(ARGV[1]) local s = cjson.encode(v) assert(cjson.encode(cjson.decode(s)) ~= nil)",
    ("cjson.decode_invalid_numbers(false) cjson.encode_invalid_numbers('null') cjson.encode_sparse_array(true, 1, 1) "
     "cjson.encode(cjson.decode(ARGV[1]))"),
    "local v = {cmsgpack.unpack(ARGV[1])} if #v > 0 then cmsgpack.unpack(cmsgpack.pack(unpack(v))) end",
    "cmsgpack.unpack_limit(ARGV[1], #ARGV[2], 1)",
    "struct.unpack(ARGV[1], ARGV[2])",
    "struct.pack(ARGV[1], 1, -2, 'three', 4.5, 2^64, -1e300, ARGV[2], 'more')",
    "struct.size(ARGV[1])",
    "string.find(ARGV[2], ARGV[1])",
    "string.match(ARGV[2], ARGV[1], -3)",
    "for _ in string.gmatch(ARGV[2], ARGV[1]) do end",
    "string.gsub(ARGV[2], ARGV[1], ARGV[1])",
    "string.format(ARGV[1], 1, -2.5, ARGV[2], 2^63, '4', 1e300)",
    "loadstring(ARGV[1])",
    "local f = loadstring(ARGV[1]) if f then f() end",
};

class EndingHost : public ScriptHost {
 public:
  explicit EndingHost(LuaState& state) : state_(state) {}

  Pulse Call(std::span<const std::string_view>, resp::ReplyWriter& reply) override {
    reply.Map(1);
    reply.Bulk("key");
    reply.Double(1.5);
    return Pulse::kContinue;
  }
  Pulse OnPulse() override {
    if (++pulses_ > kPulses) return Pulse::kEnd;
    state_.RequestPulse();
    return Pulse::kContinue;
  }
  void Log(ScriptLogLevel, std::string_view) override {}
  CommandPermit CheckPermit(std::span<const std::string_view>) override { return CommandPermit::kUnknown; }
  void SetReplication(int) override {}

 private:
  static constexpr int kPulses = 2000;
  LuaState& state_;
  int pulses_ = 0;
};

void Fuzz(std::string_view input) {
  static LuaMemory memory;
  memory.SetLimits(16 << 20, 0);
  static LuaState state(LuaState::Purpose::kScripts, memory);
  const size_t which = static_cast<uint8_t>(input[0]) % std::size(kScripts);
  const std::string name = std::string(39, '0') + static_cast<char>('a' + which);
  if (!state.HasScript(name)) state.Compile(name, kScripts[which]);
  const std::string_view rest = input.substr(2);
  const size_t split = std::min<size_t>(static_cast<uint8_t>(input[1]), rest.size());
  const std::vector<std::string_view> arguments = {rest.substr(0, split), rest.substr(split)};
  EndingHost host(state);
  state.RequestPulse();
  resp::Buffer bytes;
  resp::ReplyWriter reply(bytes, 2);
  state.RunScript(host, name, {}, arguments, reply);
}

}  // namespace
}  // namespace ringkv::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size >= 2) ringkv::server::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
