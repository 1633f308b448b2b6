// SPDX-License-Identifier: MIT
#include "server/pubsub/key_events.h"

#include "storage/transaction/txn.h"

namespace ringkv::server {
namespace {

using storage::KeyEvent;

// --- the option -----------------------------------------------------------------------------------------------------

// A bit each, in the order in which CONFIG GET lists them.
constexpr std::string_view kKinds = "g$lshzxetdnKEm";
constexpr std::string_view kAll = "g$lshzxetd";

constexpr uint32_t BitOf(char letter) { return 1u << kKinds.find(letter); }

constexpr uint32_t BitsOf(std::string_view letters) {
  uint32_t bits = 0;
  for (const char letter : letters) bits |= BitOf(letter);
  return bits;
}

}  // namespace

std::optional<EventMask> EventMask::Parse(std::string_view letters) {
  uint32_t bits = 0;
  for (const char letter : letters) {
    if (letter == 'A') {
      bits |= BitsOf(kAll);
    } else if (kKinds.find(letter) != std::string_view::npos) {
      bits |= BitOf(letter);
    } else {
      return std::nullopt;
    }
  }
  return EventMask(bits);
}

std::string EventMask::Letters() const {
  std::string letters;
  const bool has_all = (bits_ & BitsOf(kAll)) == BitsOf(kAll);
  if (has_all) letters.push_back('A');
  for (const char letter : kKinds) {
    const bool is_channel = letter == 'K' || letter == 'E' || letter == 'm';
    if (Has(letter) && (is_channel || !has_all)) letters.push_back(letter);
  }
  return letters;
}

bool EventMask::Has(char letter) const { return (bits_ & BitOf(letter)) != 0; }

void KeyEvents::Tell(storage::DbIndex db, std::string_view key, const KeyEvent& event, size_t thread) {
  const EventMask mask(mask_.load(std::memory_order_relaxed));
  ClientLinks* links = links_.load();
  if (links == nullptr || event.name.empty() || !mask.Has(event.type)) return;
  const std::string at = "@" + std::to_string(db) + "__:";
  const auto publish = [&](const std::string& channel, std::string_view message) {
    broker_.Publish(*links, thread, {.channel = channel, .message = message});
  };
  if (mask.Has('K')) publish(("__keyspace" + at).append(key), event.name);
  if (mask.Has('E')) publish(("__keyevent" + at).append(event.name), key);
}

void KeyEvents::Scope::Begin() { outer_ = txn_.CollectEvents(&collected_); }

void KeyEvents::Scope::End() {
  txn_.CollectEvents(outer_);
  later_ != nullptr ? later_->Take(collected_) : events_.TellAll(collected_, thread_);
}

}  // namespace ringkv::server
