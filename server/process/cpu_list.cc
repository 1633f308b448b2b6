// SPDX-License-Identifier: MIT
#include "server/process/cpu_list.h"

#include <sched.h>

#include <algorithm>
#include <charconv>

namespace ringkv::server {
namespace {

// Takes a number from the front of the text.
std::optional<int> TakeNumber(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || number >= CPU_SETSIZE) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

bool Take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

// "2", "0-7" or "0-7:2".
bool AddRange(std::string_view text, std::vector<int>* cpus) {
  const std::optional<int> first = TakeNumber(text);
  if (!first) return false;
  std::optional<int> last = first;
  std::optional<int> step = 1;
  if (Take(text, '-')) last = TakeNumber(text);
  if (last && Take(text, ':')) step = TakeNumber(text);
  if (!last || !step || *step == 0 || !text.empty()) return false;
  for (int cpu = *first; cpu <= *last; cpu += *step) cpus->push_back(cpu);
  return *first <= *last;
}

}  // namespace

std::optional<std::vector<int>> ParseCpuList(std::string_view text) {
  std::vector<int> cpus;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    if (!AddRange(text.substr(0, end), &cpus)) return std::nullopt;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return cpus;
}

bool RunOnProcessors(std::string_view cpu_list) {
  const std::optional<std::vector<int>> cpus = ParseCpuList(cpu_list);
  if (!cpus || cpus->empty()) return true;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : *cpus) CPU_SET(static_cast<size_t>(cpu), &set);
  return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

}  // namespace ringkv::server
