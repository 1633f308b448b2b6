// SPDX-License-Identifier: MIT
// Asks another node the same question again and again, over a connection that stays open: whether it is there (CLUSTER
// ANNOUNCED). Each answer is one line.
//
// Threads: confined to the pump's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/link/handshake.h"
#include "cluster/link/link.h"
#include "cluster/link/link_input.h"
#include "cluster/link/outbox.h"

namespace ringkv::cluster {

class QuestionLink final : public Link {
 public:
  class Asker {
   public:
    // For an answer.
    virtual int64_t timeout_ms() const = 0;
    // An error begins with a minus sign. Fails if this is no answer to the question; the link ends.
    virtual storage::Status NoteAnswer(std::string_view line, int64_t now) = 0;
    // The node does not let this one in; the link ends.
    virtual void NoteRefusal(const std::string& why, int64_t now) = 0;

   protected:
    ~Asker() = default;
  };

  // `asker` must outlive the link. `authentication`: AUTH; empty: none. It asks as soon as the connection stands.
  QuestionLink(Asker& asker, std::vector<std::string> authentication, std::vector<std::string> question);

  // Asks again, if the last answer has come; does nothing else.
  void Ask(int64_t now);

  storage::Status Open(int64_t now) override;
  storage::Result<Next> Work(int64_t now) override;
  int64_t wake_at() const override;
  std::span<char> Room() override { return input_.Room(); }
  storage::Status Received(size_t count, int64_t now) override;
  size_t unread() const override { return input_.size(); }
  std::string_view ToSend() const override { return out_.front(); }
  void Sent(size_t count, int64_t) override { out_.Consume(count); }

 private:
  static constexpr size_t kRoomBytes = 4096;

  Asker& asker_;
  const std::vector<std::string> question_;
  LinkInput input_{kRoomBytes};
  Outbox out_;
  Handshake handshake_;
  bool is_open_ = false;
};

}  // namespace ringkv::cluster
