// SPDX-License-Identifier: MIT
#include "server/pubsub/key_events.h"

#include <algorithm>

#include "server/command/command.h"
#include "server/command/text.h"

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

// --- names ----------------------------------------------------------------------------------------------------------

// What a command calls an event that has another name elsewhere; an empty name: it doesn't tell of it.
struct OwnName {
  std::string_view command;
  std::string_view event;
  KeyEvent becomes;
};

constexpr OwnName kOwnNames[] = {
    {"incr", "set", {"incrby", '$'}},
    {"decr", "set", {"incrby", '$'}},
    {"incrby", "set", {"incrby", '$'}},
    {"decrby", "set", {"incrby", '$'}},
    {"incrbyfloat", "set", {"incrbyfloat", '$'}},
    {"append", "set", {"append", '$'}},
    {"append", "setrange", {"append", '$'}},
    {"setrange", "set", {"setrange", '$'}},
    {"setbit", "set", {"setbit", '$'}},
    {"setbit", "setrange", {"setbit", '$'}},
    {"bitfield", "set", {"setbit", '$'}},
    {"bitfield", "setrange", {"setbit", '$'}},
    {"pfadd", "set", {"pfadd", '$'}},
    {"pfadd", "setrange", {"pfadd", '$'}},
    {"pfmerge", "set", {"pfadd", '$'}},
    {"pfcount", "setrange", {{}, '$'}},
    {"hincrby", "hset", {"hincrby", 'h'}},
    {"hincrbyfloat", "hset", {"hincrbyfloat", 'h'}},
    {"ltrim", "lpop", {"ltrim", 'l'}},
    {"ltrim", "rpop", {"ltrim", 'l'}},
    {"sort", "restore", {"sortstore", 'l'}},
    {"spop", "srem", {"spop", 's'}},
    {"sinterstore", "restore", {"sinterstore", 's'}},
    {"sunionstore", "restore", {"sunionstore", 's'}},
    {"sdiffstore", "restore", {"sdiffstore", 's'}},
    {"zincrby", "zadd", {"zincr", 'z'}},
    {"zpopmin", "zrem", {"zpopmin", 'z'}},
    {"zpopmax", "zrem", {"zpopmax", 'z'}},
    {"bzpopmin", "zrem", {"zpopmin", 'z'}},
    {"bzpopmax", "zrem", {"zpopmax", 'z'}},
    {"zremrangebyrank", "zrem", {"zremrangebyrank", 'z'}},
    {"zremrangebyscore", "zrem", {"zremrangebyscore", 'z'}},
    {"zremrangebylex", "zrem", {"zremrangebylex", 'z'}},
    {"zunionstore", "restore", {"zunionstore", 'z'}},
    {"zinterstore", "restore", {"zinterstore", 'z'}},
    {"zdiffstore", "restore", {"zdiffstore", 'z'}},
    {"zrangestore", "restore", {"zrangestore", 'z'}},
    {"geosearchstore", "restore", {"geosearchstore", 'z'}},
    {"xreadgroup", "xgroup-setid", {{}, 't'}},
    {"xclaim", "xgroup-setid", {{}, 't'}},
    {"xgroup create", "xgroup-setid", {"xgroup-create", 't'}},
    {"copy", "set", {"copy_to", 'g'}},
    {"copy", "restore", {"copy_to", 'g'}},
    {"restore", "set", {"restore", 'g'}},
    {"rename", "del", {{}, 'g'}},
    {"move", "rename_from", {"move_from", 'g'}},
    {"move", "rename_to", {"move_to", 'g'}},
};

bool Names(const Command& row, std::string_view command) {
  if (row.parent.empty()) return row.name == command;
  return command.size() == row.parent.size() + 1 + row.name.size() && command.starts_with(row.parent) &&
         command.ends_with(row.name);
}

bool HasWord(std::span<const std::string_view> argv, std::string_view word) {
  return std::any_of(argv.begin(), argv.end(), [&](std::string_view each) { return EqualsIgnoringCase(each, word); });
}

KeyEvent NameOf(const Command& row, std::span<const std::string_view> argv, const KeyEvent& event) {
  for (const OwnName& own : kOwnNames) {
    if (own.event == event.name && Names(row, own.command)) return own.becomes;
  }
  // What the arguments decide.
  if (row.name == "zadd" && event.name == "zadd" && argv.size() > 2 &&
      HasWord(argv.subspan(2, argv.size() - 4), "INCR")) {
    return {"zincr", 'z'};
  }
  if ((row.name == "zmpop" || row.name == "bzmpop") && event.name == "zrem") {
    return {HasWord(argv, "MIN") ? "zpopmin" : "zpopmax", 'z'};
  }
  return event;
}

// Whether the command has given the string an expiry.
bool SetsExpiry(const Command& row, std::span<const std::string_view> argv) {
  if (row.name == "setex" || row.name == "psetex") return true;
  if (row.name != "set") return false;
  for (const std::string_view word : {"EX", "PX", "EXAT", "PXAT"}) {
    if (HasWord(argv.subspan(3), word)) return true;
  }
  return false;
}

thread_local KeyEvents::Scope* running = nullptr;

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

void KeyEvents::Note(storage::DbIndex db, std::string_view key, const KeyEvent& event) {
  if (!is_on() || event.name.empty()) return;
  if (running == nullptr) return Tell(db, key, event, kNoThread);
  running->Note(db, key, event);
}

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

KeyEvents::Scope::Scope(KeyEvents& events, const Command& row, std::span<const std::string_view> argv, size_t thread) {
  if (!events.is_on()) return;
  events_ = &events;
  row_ = &row;
  argv_ = argv;
  thread_ = thread;
  outer_ = running;
  running = this;
}

KeyEvents::Scope::~Scope() {
  if (events_ == nullptr) return;
  running = outer_;
  for (const Noted& each : noted_) events_->Tell(each.db, each.key, each.event, thread_);
}

void KeyEvents::Scope::Note(storage::DbIndex db, std::string_view key, const KeyEvent& event) {
  const KeyEvent named = NameOf(*row_, argv_, event);
  // Several elements are one event; each new value of a string is one, and each look in vain.
  const bool is_same = !noted_.empty() && noted_.back().event.name == named.name && noted_.back().key == key &&
                       noted_.back().db == db && named.name != "set" && named.type != 'm';
  if (is_same) return;
  noted_.push_back({db, std::string(key), named});
  if (named.name == "set" && SetsExpiry(*row_, argv_)) noted_.push_back({db, std::string(key), {"expire", 'g'}});
}

}  // namespace ringkv::server
