// SPDX-License-Identifier: MIT
#include "server/report/process_report.h"

#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <span>
#include <string_view>

namespace ringkv::server {
namespace {

constexpr size_t kDigits = 16;

size_t RoundUp(size_t size) { return (size + 3) / 4 * 4; }

// The bytes of the build id among the notes, or nothing.
std::span<const unsigned char> FindBuildId(std::span<const unsigned char> notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    const auto& note = *reinterpret_cast<const ElfW(Nhdr)*>(notes.data());
    const size_t value_at = sizeof note + RoundUp(note.n_namesz);
    const size_t size = value_at + RoundUp(note.n_descsz);
    if (size > notes.size()) return {};
    const std::string_view name(reinterpret_cast<const char*>(notes.data() + sizeof note), note.n_namesz);
    if (note.n_type == NT_GNU_BUILD_ID && name == std::string_view(ELF_NOTE_GNU, sizeof ELF_NOTE_GNU)) {
      return notes.subspan(value_at, note.n_descsz);
    }
    notes = notes.subspan(size);
  }
  return {};
}

std::string InDigits(std::span<const unsigned char> bytes) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string digits;
  for (const unsigned char byte : bytes.first(std::min(bytes.size(), kDigits / 2))) {
    digits += kHex[byte >> 4];
    digits += kHex[byte & 15];
  }
  return digits;
}

// The program is the first object that the loader knows.
int LookAtProgram(dl_phdr_info* info, size_t, void* digits) {
  for (size_t i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    if (part.p_type != PT_NOTE) continue;
    const auto* notes = reinterpret_cast<const unsigned char*>(info->dlpi_addr + part.p_vaddr);
    const auto id = FindBuildId({notes, part.p_memsz});
    if (!id.empty()) *static_cast<std::string*>(digits) = InDigits(id);
  }
  return 1;
}

// Adds the times in a line of /proc/self/task/ID/stat if the thread has the prefix in its name.
void AddTimes(const std::string& line, std::string_view name_prefix, double ticks_per_second, CpuTime* sum) {
  const size_t open = line.find('(');
  const size_t close = line.rfind(')');
  if (close == std::string::npos || line.compare(open + 1, name_prefix.size(), name_prefix) != 0) return;
  // Behind the name: the state, ten numbers, then the ticks of user and system.
  unsigned long user = 0;
  unsigned long system = 0;
  if (std::sscanf(line.c_str() + close + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) !=
      2) {
    return;
  }
  sum->user_seconds += static_cast<double>(user) / ticks_per_second;
  sum->system_seconds += static_cast<double>(system) / ticks_per_second;
}

}  // namespace

std::string BuildId() {
  std::string digits;
  ::dl_iterate_phdr(LookAtProgram, &digits);
  digits.resize(kDigits, '0');
  return digits;
}

CpuTime CpuOfIoThreads() {
  const auto ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  CpuTime sum;
  std::error_code failed;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", failed)) {
    std::ifstream stat(thread.path() / "stat");
    std::string line;
    if (std::getline(stat, line)) AddTimes(line, "io-", ticks_per_second, &sum);
  }
  return sum;
}

}  // namespace ringkv::server
