// SPDX-License-Identifier: MIT
#include "server/process/processors.h"

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "resp/integer_text.h"
#include "server/base/text.h"

namespace ringkv::server {
namespace {

// Where the files of a hierarchy of control groups are.
struct Mount {
  std::string root;  // the group that is shown there
  std::string place;
  bool is_unified;  // version 2
};

// As this process sees them (proc(5)): "36 35 98:0 /root /place options - cgroup2 source options".
std::vector<Mount> CpuMounts(const std::string& root) {
  std::vector<Mount> mounts;
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const std::vector<std::string_view> before = Words(std::string_view(line).substr(0, dash));
    const std::vector<std::string_view> behind = Words(std::string_view(line).substr(dash + 3));
    if (before.size() < 5 || behind.empty()) continue;
    const bool is_unified = behind.front() == "cgroup2";
    const std::string options = "," + std::string(behind.back()) + ",";
    if (!is_unified && (behind.front() != "cgroup" || options.find(",cpu,") == std::string::npos)) continue;
    mounts.push_back({std::string(before[3]), std::string(before[4]), is_unified});
  }
  return mounts;
}

// The path of this process's group in the hierarchy (cgroups(7)): "0::/path", or "4:cpu,cpuacct:/path" in version 1.
std::string GroupPath(const std::string& root, bool is_unified) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool is_it = is_unified ? controllers == ",," : controllers.find(",cpu,") != std::string::npos;
    if (is_it) return line.substr(second + 1);
  }
  return "/";
}

std::optional<double> Ratio(std::string_view quota, std::string_view period) {
  const std::optional<int64_t> time = resp::ParseInteger(quota);
  const std::optional<int64_t> of = resp::ParseInteger(period);
  if (!time || !of || *time <= 0 || *of <= 0) return std::nullopt;  // "max" and -1: no limit
  return static_cast<double>(*time) / static_cast<double>(*of);
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<double> LimitIn(const std::string& directory, bool is_unified) {
  if (!is_unified)
    return Ratio(FirstLine(directory + "/cpu.cfs_quota_us"), FirstLine(directory + "/cpu.cfs_period_us"));
  const std::string line = FirstLine(directory + "/cpu.max");
  const std::vector<std::string_view> words = Words(line);
  return words.size() == 2 ? Ratio(words[0], words[1]) : std::nullopt;
}

// The least limit of the group and of those around it, as far as they are to be seen. In a container the path may be
// that on the host, of which nothing is mounted but the container's own group.
double LeastLimit(const std::string& root, const Mount& mount) {
  std::string path = GroupPath(root, mount.is_unified);
  const bool is_below = mount.root != "/" && (path + "/").starts_with(mount.root + "/");
  if (is_below) path.erase(0, mount.root.size());
  if (path.starts_with("/..")) path.clear();  // beside what this process's namespace shows
  double least = static_cast<double>(UINT32_MAX);
  for (;;) {
    if (path == "/") path.clear();
    least = std::min(least, LimitIn(root + mount.place + path, mount.is_unified).value_or(least));
    if (path.empty()) return least;
    const size_t slash = path.rfind('/');
    path.erase(slash == std::string::npos ? 0 : slash);
  }
}

size_t MaskedProcessors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<size_t>(CPU_COUNT(&set));
  return std::thread::hardware_concurrency();  // more than a set holds
}

}  // namespace

size_t CpuLimitOfGroup(const std::string& root) {
  const double none = static_cast<double>(UINT32_MAX);
  double least = none;
  for (const Mount& mount : CpuMounts(root)) least = std::min(least, LeastLimit(root, mount));
  return least == none ? SIZE_MAX : std::max<size_t>(static_cast<size_t>(least), 1);
}

size_t UsableProcessors() { return std::max<size_t>(std::min(MaskedProcessors(), CpuLimitOfGroup("")), 1); }

}  // namespace ringkv::server
