// SPDX-License-Identifier: MIT
// Any text as a cluster-config or a history: it is refused in one line, or read, and what is printed of it reads the
// same.
#include <cstdint>
#include <cstdlib>

#include "cluster/replication/history.h"
#include "cluster/topology.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringkv::cluster;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto topology = Topology::Parse(text)) {
    const auto again = Topology::Parse(topology->Print());
    if (!again || again->Print() != topology->Print()) std::abort();
  } else if (topology.error().text.find('\n') != std::string::npos) {
    std::abort();
  }
  if (const auto history = History::Parse(text)) {
    const auto again = History::Parse(history->Print());
    if (!again || again->Print() != history->Print()) std::abort();
  }
  return 0;
}
