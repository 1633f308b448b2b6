// SPDX-License-Identifier: MIT
// How a link begins that this node has opened: it authenticates itself, if it has to, then asks, one request after the
// other, each with a reply of one line. A part of such a link, which decides what is asked and what the replies mean.
//
// The time for a reply counts from its request: a peer that sends it byte by byte does not get more.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/link/link_input.h"
#include "cluster/link/outbox.h"
#include "cluster/link/silence.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

constexpr size_t kLongestReply = 128 * 1024;  // to a request of one node to another: a list of slots, at the worst

// "COMMAND was answered: ...", if the reply is an error.
storage::Status CheckNoError(std::string_view command, std::string_view line);
// `request`: AUTH that was sent; its last word is the password.
storage::Status CheckAuthReply(const std::vector<std::string>& request, std::string_view line);

class Handshake {
 public:
  // `authentication`: AUTH with its arguments; empty: none. `out` must outlive the object.
  Handshake(Outbox& out, std::vector<std::string> authentication)
      : out_(out), authentication_(std::move(authentication)) {}

  // Authenticates, then asks this.
  void Open(std::vector<std::string> first, int64_t now);
  // The next request, after the reply to the last one.
  void Ask(const std::vector<std::string>& request, int64_t now);
  // Calls `take(line)` for the reply to each request. Without a next request the handshake is over.
  template <typename Take>
  storage::Status TakeReplies(LinkInput& input, int64_t now, Take&& take) {
    while (is_asking_) {
      std::string line;
      const storage::Result<bool> got = input.NextLine(kLongestReply, &line);
      if (!got) return tl::unexpected(got.error());
      if (!*got) return {};
      is_asking_ = false;
      const storage::Status taken = is_authenticating_ ? TakeWelcome(line, now) : take(line);
      if (!taken) return taken;
    }
    return {};
  }
  // A reply is awaited.
  bool is_asking() const { return is_asking_; }
  bool is_authenticating() const { return is_authenticating_; }
  // When CheckTime is to be called, while a reply is awaited.
  int64_t ends_at(int64_t timeout_ms) const { return silence_.ends_at(timeout_ms); }
  // Fails if the reply that is awaited has taken too long.
  storage::Status CheckTime(int64_t timeout_ms, int64_t now);

  // As the function of this name, of the command that was asked.
  storage::Status CheckNoError(std::string_view line) const { return cluster::CheckNoError(asked_, line); }

 private:
  // The reply to AUTH.
  storage::Status TakeWelcome(std::string_view line, int64_t now);

  Outbox& out_;
  std::vector<std::string> authentication_;
  std::vector<std::string> first_;
  std::string asked_;  // the name of the command
  Silence silence_;    // since it was asked
  bool is_asking_ = false;
  bool is_authenticating_ = false;
};

}  // namespace ringkv::cluster
