// SPDX-License-Identifier: MIT
#include "server/execution/administer.h"

#include <optional>
#include <string>
#include <utility>

#include "resp/buffer.h"
#include "server/base/client_links.h"
#include "server/command/command.h"
#include "server/execution/outcome.h"
#include "server/execution/stages.h"

namespace ringkv::server {
namespace {

// What the work replies.
LateAnswer DoAndAnswer(const AdministrativeWork& work, int protocol) {
  resp::Buffer output;
  resp::ReplyWriter reply(output, protocol);
  work(reply);
  const bool has_failed = reply.errors() > 0;
  return {.reply = std::string(output.Readable()),
          .error = has_failed ? std::optional(std::string(reply.last_error_code())) : std::nullopt,
          .is_accounted = true};
}

}  // namespace

void Administer(AdminCall& call, Administration::Lane lane, AdministrativeWork work) {
  const ExecutionParts& parts = call.execution.parts();
  const int protocol = call.reply.protocol();
  if (call.execution.enclosing != nullptr) {
    call.execution.enclosing->administration.emplace_back(
        [work = std::move(work), protocol] { static_cast<void>(DoAndAnswer(work, protocol)); });
    return call.reply.Ok();
  }
  if (!call.may_wait) return work(call.reply);
  call.outcome = outcome::LateReply{};
  parts.administration.Do(lane, [&links = parts.links, card = call.session.card, work = std::move(work), protocol] {
    links.Answer(*card, DoAndAnswer(work, protocol));
  });
}

}  // namespace ringkv::server
