// SPDX-License-Identifier: MIT
// What faults do to one node, its disk and its connections, whatever the nodes of a simulation are for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/simulation/fault_plan.h"
#include "tests/simulation/network.h"
#include "tests/simulation/timeline.h"

namespace ringkv::test {

// `site_of(node)`: its disk, and its process, which is null if none runs; called later, too. False if the fault is none
// of these: the simulation knows what it does.
template <typename SiteOf>
bool HarmNode(const Fault& fault, Network& network, const SiteOf& site_of) {
  const int node = static_cast<int>(fault.node);
  const int other = static_cast<int>(fault.other);
  Timeline& timeline = network.timeline();
  auto& site = site_of(node);
  switch (fault.kind) {
    case FaultKind::kKillAtWrite: site.disk->KillFrom(static_cast<size_t>(fault.amount)); return true;
    case FaultKind::kDisconnect:
      if (site.process != nullptr) site.process->Disconnect(!fault.is_harsh);
      return true;
    case FaultKind::kCut:
      timeline.Note(node, "does not reach node " + std::to_string(other));
      network.Block(node, other);
      if (fault.is_harsh) network.Block(other, node);
      return true;
    case FaultKind::kSetClock:
      if (site.process != nullptr) site.process->clock().Set(fault.amount);
      return true;
    case FaultKind::kStop:
      timeline.Note(node, "is stopped for " + std::to_string(fault.amount) + " ms");
      network.Stop(node, timeline.now() + fault.amount);
      return true;
    case FaultKind::kFailDisk:
      timeline.Note(node, "has a disk that fails");
      site.disk->FailFrom(0, static_cast<size_t>(fault.amount));
      return true;
    case FaultKind::kFillDisk:
      timeline.Note(node, "has a full disk");
      site.disk->SetCapacity(0);
      timeline.After(fault.amount, [site_of, node] { site_of(node).disk->SetCapacity(SIZE_MAX); });
      return true;
    case FaultKind::kHealNetwork: network.HealAll(); return true;
    default: return false;
  }
}

}  // namespace ringkv::test
