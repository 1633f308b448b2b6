// SPDX-License-Identifier: MIT
#include "server/migration/lone_execution.h"

#include <algorithm>
#include <variant>

#include "server/execution/execution.h"

namespace ringkv::server {

LoneOutcome ExecuteAlone(const Caller& caller, std::span<const std::string_view> argv) {
  constexpr ForEachOutcome kMeaning{[](const outcome::Done&) { return LoneOutcome::kDone; },
                                    [](const outcome::Redirected&) { return LoneOutcome::kDone; },
                                    [](const outcome::Postponed&) { return LoneOutcome::kPostponed; },
                                    [](const outcome::Elsewhere&) { return LoneOutcome::kMeansConnection; },
                                    [](const outcome::KeyWait&) { return LoneOutcome::kMeansConnection; },
                                    [](const outcome::LateReply&) { return LoneOutcome::kMeansConnection; },
                                    [](const outcome::ReplicaWait&) { return LoneOutcome::kMeansConnection; },
                                    [](const outcome::Stream&) { return LoneOutcome::kMeansConnection; },
                                    [](const outcome::HandOver&) { return LoneOutcome::kMeansConnection; },
                                    [](const outcome::Close&) { return LoneOutcome::kMeansConnection; }};
  return std::visit(kMeaning, Execute(caller, {.argv = argv}));
}

std::string_view FirstError(std::string_view reply) {
  constexpr std::string_view kNextError = "\r\n-";
  const size_t inner = reply.find(kNextError);
  if (!reply.starts_with('-') && inner != std::string_view::npos) reply.remove_prefix(inner + kNextError.size() - 1);
  return reply.substr(0, std::min<size_t>(120, reply.find('\r')));
}

}  // namespace ringkv::server
