// SPDX-License-Identifier: MIT
#include "cluster/link/link_input.h"

#include <string_view>
#include <utility>

namespace ringkv::cluster {

using storage::Fail;
using storage::Result;

std::span<char> LinkInput::Room() {
  Forget();
  if (received_.empty() && received_.capacity() > 16 * room_bytes_) received_.ShrinkTo(0);
  return {received_.Prepare(room_bytes_), room_bytes_};
}

void LinkInput::Forget() { received_.Consume(std::exchange(handed_out_, 0)); }

Result<bool> LinkInput::NextLine(size_t most, std::string* line) {
  Forget();
  for (;;) {
    const std::string_view bytes = received_.Readable();
    const size_t end = bytes.find('\n');
    if (end > most && bytes.size() > most) return Fail("the reply is too long");
    if (end == std::string_view::npos) return false;
    line->assign(bytes.substr(0, end));
    received_.Consume(end + 1);
    if (!line->empty() && line->back() == '\r') line->pop_back();
    if (!line->empty()) return true;
  }
}

Result<bool> LinkInput::NextMessage(NodeMessage* message, uint64_t most) {
  Forget();
  if (received_.size() < needed_) return false;
  const Decoded decoded = DecodeMessage(received_.Readable(), message, &needed_);
  if (decoded == Decoded::kBad || needed_ > most) return Fail("a message from it is damaged");
  if (decoded == Decoded::kNeedMore) return false;
  handed_out_ = std::exchange(needed_, 0);
  return true;
}

}  // namespace ringkv::cluster
