// SPDX-License-Identifier: MIT
// Any bytes as a reply of another server: whole, cut short or refused, and never read beyond.
#include <cstdint>
#include <cstdlib>

#include "resp/reply_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ringkv::resp::Reply reply;
  size_t consumed = 0;
  const auto status = ringkv::resp::ParseReply(text, {.elements = 1000}, &reply, &consumed);
  if (status == ringkv::resp::ReplyStatus::kReply && (consumed == 0 || consumed > size)) std::abort();
  return 0;
}
