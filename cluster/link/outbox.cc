// SPDX-License-Identifier: MIT
#include "cluster/link/outbox.h"

#include <utility>

namespace ringkv::cluster {

void Outbox::Append(std::string_view bytes) {
  if (bytes.empty()) return;
  if (pieces_.empty() || pieces_.back().shared != nullptr) pieces_.push_back({std::exchange(spare_, {}), nullptr});
  pieces_.back().own += bytes;
  size_ += bytes.size();
}

void Outbox::Share(std::shared_ptr<const std::string> bytes) {
  if (bytes->empty()) return;
  size_ += bytes->size();
  pieces_.push_back({{}, std::move(bytes)});
}

std::string_view Outbox::front() const {
  return pieces_.empty() ? std::string_view() : pieces_.front().bytes().substr(sent_);
}

void Outbox::Consume(size_t count) {
  sent_ += count;
  size_ -= count;
  if (pieces_.empty() || sent_ < pieces_.front().bytes().size()) return;
  Recycle(std::move(pieces_.front().own));
  pieces_.pop_front();
  sent_ = 0;
}

void Outbox::Recycle(std::string text) {
  if (text.capacity() <= spare_.capacity() || text.capacity() > kMostSpareBytes) return;
  spare_ = std::move(text);
  spare_.clear();
}

}  // namespace ringkv::cluster
