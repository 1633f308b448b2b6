// SPDX-License-Identifier: MIT
// What clients did and saw, and whether that can be: each key is a list that writes append their number to, so a later
// write does not hide that an earlier one was lost.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ringkv::test {

using Elements = std::vector<uint64_t>;

class ClientHistory {
 public:
  // The number of a new write.
  uint64_t Begin(int64_t now);
  void NoteAcknowledged(const std::string& key, uint64_t number, int64_t now);
  // A read was answered.
  void NoteRead(const std::string& key, Elements seen) { reads_.push_back({key, std::move(seen)}); }

  // An acknowledged write of the key that is not among the elements; 0 if there is none.
  uint64_t Lost(const std::string& key, const Elements& elements) const;
  // What can't be, now that the keys have these elements for good; empty if all can.
  std::string Check(const std::map<std::string, Elements>& last) const;

  const std::map<std::string, Elements>& acknowledged() const { return acknowledged_; }
  uint64_t acknowledged_count() const { return acknowledged_at_.size(); }
  size_t reads() const { return reads_.size(); }

 private:
  struct Read {
    std::string key;
    Elements seen;
  };
  std::string CheckOrder(const std::string& key, const Elements& elements) const;

  std::vector<int64_t> begun_at_;  // by number, from 1 on
  std::map<uint64_t, int64_t> acknowledged_at_;
  std::map<std::string, Elements> acknowledged_;
  std::vector<Read> reads_;
};

}  // namespace ringkv::test
