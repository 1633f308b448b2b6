// SPDX-License-Identifier: MIT
#include "server/commands/script_call.h"

#include <cstdint>

#include "server/command/error_replies.h"
#include "server/composition/server.h"
#include "server/scripts/scripts.h"

namespace ringkv::server {

std::optional<size_t> ReadKeyCount(AdminCall& call, std::string_view not_a_number) {
  const std::optional<int64_t> count = resp::ParseInteger(call.args[2]);
  const auto fail = [&call](std::string_view error) {
    call.reply.Error(error);
    return std::nullopt;
  };
  if (!count) return fail(not_a_number);
  if (*count > static_cast<int64_t>(call.args.size()) - 3) return fail(errors::kTooManyKeys);
  if (*count < 0) return fail("ERR Number of keys can't be negative");
  return static_cast<size_t>(*count);
}

void RunProgram(AdminCall& call, const Program& program, std::string_view name, size_t keys) {
  const Arguments::View words = call.args.all().subspan(3);
  call.server.scripts().Run(call, {.program = program,
                                   .keys = words.first(keys),
                                   .arguments = words.subspan(keys),
                                   .name = name,
                                   .only_reads = call.command.Is(kReadOnly)});
}

}  // namespace ringkv::server
