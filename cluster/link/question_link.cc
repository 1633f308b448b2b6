// SPDX-License-Identifier: MIT
#include "cluster/link/question_link.h"

#include <utility>

namespace ringkv::cluster {

using storage::Fail;
using storage::Result;
using storage::Status;

QuestionLink::QuestionLink(Asker& asker, std::vector<std::string> authentication, std::vector<std::string> question)
    : asker_(asker), question_(std::move(question)), handshake_(out_, std::move(authentication)) {}

Status QuestionLink::Open(int64_t now) {
  is_open_ = true;
  handshake_.Open(question_, now);
  return {};
}

void QuestionLink::Ask(int64_t now) {
  if (is_open_ && !handshake_.is_asking()) handshake_.Ask(question_, now);
}

int64_t QuestionLink::wake_at() const {
  return handshake_.is_asking() ? handshake_.ends_at(asker_.timeout_ms()) : INT64_MAX;
}

Result<Link::Next> QuestionLink::Work(int64_t now) {
  if (Status timely = handshake_.CheckTime(asker_.timeout_ms(), now); !timely) return tl::unexpected(timely.error());
  return Next::kWait;
}

Status QuestionLink::Received(size_t count, int64_t now) {
  input_.Commit(count);
  Status taken =
      handshake_.TakeReplies(input_, now, [&](const std::string& line) { return asker_.NoteAnswer(line, now); });
  if (!taken && handshake_.is_authenticating()) asker_.NoteRefusal(taken.error().text, now);
  if (taken && !handshake_.is_asking() && !input_.empty()) return Fail("it says what nobody has asked");
  return taken;
}

}  // namespace ringkv::cluster
