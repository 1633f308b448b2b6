// SPDX-License-Identifier: MIT
#include "server/observe/command_log.h"

#include <algorithm>

namespace ringkv::server {
namespace {

constexpr size_t kMostArguments = 32;
constexpr size_t kLongestArgument = 128;

std::vector<std::string> Shorten(std::span<const std::string_view> argv) {
  std::vector<std::string> shown;
  const size_t count = std::min(argv.size(), kMostArguments);
  for (size_t i = 0; i < count; ++i) {
    if (count != argv.size() && i == count - 1) {
      shown.push_back("... (" + std::to_string(argv.size() - count + 1) + " more arguments)");
    } else if (argv[i].size() > kLongestArgument) {
      shown.push_back(std::string(argv[i].substr(0, kLongestArgument)) + "... (" +
                      std::to_string(argv[i].size() - kLongestArgument) + " more bytes)");
    } else {
      shown.emplace_back(argv[i]);
    }
  }
  return shown;
}

}  // namespace

void CommandLog::Add(Item item, std::span<const std::string_view> argv, size_t most) {
  item.arguments = Shorten(argv);
  storage::MutexLock lock(mutex_);
  item.id = next_id_++;
  items_.push_front(std::move(item));
  while (items_.size() > most) items_.pop_back();
}

std::vector<CommandLog::Item> CommandLog::Newest(int64_t count) const {
  storage::MutexLock lock(mutex_);
  const size_t shown = count < 0 ? items_.size() : std::min(items_.size(), static_cast<size_t>(count));
  return {items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(shown)};
}

size_t CommandLog::size() const {
  storage::MutexLock lock(mutex_);
  return items_.size();
}

void CommandLog::Reset() {
  storage::MutexLock lock(mutex_);
  items_.clear();
}

void CommandLog::Trim(size_t most) {
  storage::MutexLock lock(mutex_);
  while (items_.size() > most) items_.pop_back();
}

}  // namespace ringkv::server
