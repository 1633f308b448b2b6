// SPDX-License-Identifier: MIT
#include "cluster/link/handshake.h"

#include <utility>

#include "resp/request_writer.h"

namespace ringkv::cluster {

using storage::Fail;
using storage::Status;

void Handshake::Open(std::vector<std::string> first, int64_t now) {
  if (authentication_.empty()) return Ask(first, now);
  first_ = std::move(first);
  is_authenticating_ = true;
  Ask(authentication_, now);
}

void Handshake::Ask(const std::vector<std::string>& request, int64_t now) {
  out_.Append(resp::EncodeRequest(request));
  asked_ = request.front();
  is_asking_ = true;
  silence_.Begin(now);
}

Status Handshake::TakeWelcome(std::string_view line, int64_t now) {
  if (Status known = CheckAuthReply(authentication_, line); !known) return known;
  is_authenticating_ = false;
  Ask(first_, now);
  return {};
}

Status Handshake::CheckTime(int64_t timeout_ms, int64_t now) {
  if (!is_asking_ || !silence_.HasLasted(timeout_ms, now)) return {};
  return Fail("no answer within " + std::to_string(timeout_ms) + " ms");
}

Status CheckNoError(std::string_view command, std::string_view line) {
  return line.starts_with('-') ? Fail(std::string(command) + " was answered: " + std::string(line.substr(1)))
                               : Status();
}

Status CheckAuthReply(const std::vector<std::string>& request, std::string_view line) {
  if (!line.starts_with('-')) return {};
  // A server that knows no AUTH quotes what it was sent, and the answer goes into logs.
  const bool quotes_it = line.find(request.back()) != std::string_view::npos;
  return quotes_it ? Fail("AUTH was refused") : CheckNoError("AUTH", line);
}

}  // namespace ringkv::cluster
