// SPDX-License-Identifier: MIT
// A Lua state whose scripts have a host that is none: some commands over a map.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/lua/lua_state.h"
#include "server/lua/sha1.h"

namespace ringkv::server {

// A host with GET, SET and INCR, and PULSE, which requests a pulse.
class FakeHost : public ScriptHost {
 public:
  Pulse Call(std::span<const std::string_view> argv, resp::ReplyWriter& reply) override {
    const std::string name(argv[0]);
    if (name == "pulse") {
      state->RequestPulse();
      reply.Ok();
    } else if (name == "end") {
      return Pulse::kEnd;
    } else if (name == "reply") {
      replies.at(std::string(argv[1]))(reply);
    } else if ((name == "get" || name == "GeT" || name == "incr") != (argv.size() == 2)) {
      reply.Error(known.contains(name) ? "ERR Wrong number of args calling Redis command from script"
                                       : "ERR Unknown Redis command called from script");
    } else if (name == "set") {
      keys[std::string(argv[1])] = argv[2];
      reply.Ok();
    } else if (name == "incr") {
      Increment(keys[std::string(argv[1])], reply);
    } else if (name == "get" || name == "GeT") {
      const auto found = keys.find(std::string(argv[1]));
      found == keys.end() ? reply.Null() : reply.Bulk(found->second);
    } else {
      reply.Error("ERR Unknown Redis command called from script");
    }
    return Pulse::kContinue;
  }

  // Pulses follow each other until the run ends.
  Pulse OnPulse() override {
    if (++pulses > pulses_to_end) return Pulse::kEnd;
    state->RequestPulse();
    return Pulse::kContinue;
  }
  void Log(ScriptLogLevel, std::string_view text) override { logged.emplace_back(text); }
  CommandPermit CheckPermit(std::span<const std::string_view> argv) override {
    return argv[0] == "get" ? CommandPermit::kAllowed : CommandPermit::kUnknown;
  }
  void SetReplication(int flags) override { replication = flags; }
  std::string_view unwind_error() const override { return words; }

  LuaState* state = nullptr;
  std::map<std::string, std::string> keys;
  std::map<std::string, std::function<void(resp::ReplyWriter&)>> replies;
  std::vector<std::string> logged;
  std::string words;
  int replication = -1;
  int pulses = 0;
  int pulses_to_end = 100;

 private:
  static void Increment(std::string& value, resp::ReplyWriter& reply) {
    if (value.empty()) value = "0";
    if (value.find_first_not_of("0123456789") != std::string::npos) {
      return reply.Error("ERR value is not an integer or out of range");
    }
    value = std::to_string(std::stoi(value) + 1);
    reply.Integer(std::stoi(value));
  }

  const std::map<std::string, int> known = {{"get", 0}, {"set", 0}, {"incr", 0}};
};

class Lua : public testing::Test {
 protected:
  Lua() { host_.state = &state_; }

  // The reply, with | for line ends.
  std::string Run(const std::string& text, int protocol = 2, const std::vector<std::string_view>& keys = {},
                  const std::vector<std::string_view>& arguments = {}) {
    const auto digits = Sha1Hex(text);
    const std::string_view sha1(digits.data(), digits.size());
    resp::Buffer bytes;
    resp::ReplyWriter reply(bytes, protocol);
    host_.pulses = 0;
    if (const auto error = state_.Compile(sha1, text)) {
      reply.Error(*error);
    } else {
      end_ = state_.RunScript(host_, sha1, keys, arguments, reply);
    }
    std::string shown;
    for (std::string_view rest = bytes.Readable(); !rest.empty();) {
      if (rest.starts_with("\r\n")) {
        shown.push_back('|');
        rest.remove_prefix(2);
      } else if (rest.starts_with(sha1)) {
        shown.append("SHA");
        rest.remove_prefix(sha1.size());
      } else {
        shown.push_back(rest.front());
        rest.remove_prefix(1);
      }
    }
    return shown;
  }

  LuaMemory memory_;
  LuaState state_{LuaState::Purpose::kScripts, memory_};
  FakeHost host_;
  RunEnd end_ = RunEnd::kReplied;
};

}  // namespace ringkv::server
