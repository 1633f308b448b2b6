// SPDX-License-Identifier: MIT
// Any bytes as a reply of another server: whole, cut short or refused, and never read beyond.
#include <cstdint>
#include <cstdlib>

#include "resp/reply_parser.h"
#include "resp/reply_scanner.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ringkv::resp::Reply reply;
  size_t consumed = 0;
  const auto status = ringkv::resp::ParseReply(text, {.elements = 1000}, &reply, &consumed);
  if (status == ringkv::resp::ReplyStatus::kReply && (consumed == 0 || consumed > size)) std::abort();
  // Who only looks for the end finds the same one, in one piece or in two.
  ringkv::resp::ReplyScanner scanner;
  size_t end = 0;
  const auto found = scanner.Scan(text, size + 1, &end);
  if (status == ringkv::resp::ReplyStatus::kReply) {
    if (found != ringkv::resp::ReplyScanner::Status::kReply || end != consumed) std::abort();
  }
  if (found == ringkv::resp::ReplyScanner::Status::kReply) {
    ringkv::resp::ReplyScanner halves;
    size_t same = 0;
    halves.Scan(text.substr(0, end / 2), size + 1, &same);
    if (halves.Scan(text, size + 1, &same) != found || same != end) std::abort();
  }
  return 0;
}
