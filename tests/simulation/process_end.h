// SPDX-License-Identifier: MIT
// How the process of a node in a simulation ends that is killed, or whose machine loses its power.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "tests/simulation/network.h"
#include "tests/simulation/timeline.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {

// Ends it at once, and leaves the disk as the next process finds it. False if somebody else keeps the process: it would
// go on, on that disk.
template <typename Node>
bool EndProcess(std::shared_ptr<Node>& process, Network& network, FaultyFileSystem& disk, bool machine_fails) {
  Timeline& timeline = network.timeline();
  const int number = process->number();
  timeline.Note(number, machine_fails ? "loses its power" : "is killed");
  disk.KillFrom(0);
  process->Disconnect(!machine_fails);
  const std::weak_ptr<Node> ended = std::exchange(process, nullptr);
  network.Stop(number, 0);
  if (machine_fails) {
    storage::Random& random = timeline.random();
    const bool is_torn = timeline.Percent(50);
    disk.Crash([&](size_t unsynced) { return random.Below(unsynced + 1); },
               [&](std::string& kept) {
                 // The system wrote later pages first.
                 if (is_torn) std::fill_n(kept.begin(), random.Below(kept.size() + 1), '\0');
               });
  } else {
    disk.Revive();
  }
  return ended.expired();
}

}  // namespace ringkv::test
