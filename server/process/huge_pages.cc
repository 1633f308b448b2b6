// SPDX-License-Identifier: MIT
#include "server/process/huge_pages.h"

#include <sys/prctl.h>

#include <fstream>
#include <string>

namespace ringkv::server {

bool DisableHugePages() {
  std::string line;
  std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled"), line);
  if (line.find("[always]") == std::string::npos) return true;
  constexpr unsigned long kExceptAdvised = 2;  // PR_THP_DISABLE_EXCEPT_ADVISED
  return ::prctl(PR_SET_THP_DISABLE, 1, kExceptAdvised, 0, 0) == 0 || ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0;
}

}  // namespace ringkv::server
