// SPDX-License-Identifier: MIT
#include "tests/simulation/fault_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "storage/base/random.h"

namespace ringkv::test {
namespace {

constexpr const char* kNames[] = {
    "kill",    "kill the primary", "kill at a write to disk", "disconnect",    "cut",      "set the clock of",
    "stop",    "fail the disk of", "fill the disk of",        "flip a bit of", "redirect", "rewrite the log of",
    "promote", "heal the network", "reshape the cluster by"};

int64_t Between(storage::Random& random, int64_t least, int64_t most) {
  return least + static_cast<int64_t>(random.Below(static_cast<uint64_t>(most - least + 1)));
}

int64_t AmountOf(FaultKind kind, storage::Random& random) {
  switch (kind) {
    case FaultKind::kKillAtWrite: return Between(random, 0, 40);
    case FaultKind::kSetClock: return Between(random, -100'000, 100'000);
    case FaultKind::kStop: return Between(random, 1, 1) << Between(random, 4, 13);
    case FaultKind::kFailDisk: return Between(random, 1, random.Below(2) == 0 ? 2 : 40);
    case FaultKind::kFillDisk: return Between(random, 100, 4000);
    case FaultKind::kReshape:
    case FaultKind::kFlipBit: return static_cast<int64_t>(random.Next() >> 1);
    default: return 0;
  }
}

}  // namespace

std::string Show(const Fault& fault) {
  const auto kind = static_cast<size_t>(fault.kind);
  return std::to_string(fault.at_ms) + " ms: " + kNames[kind] + " node " + std::to_string(fault.node) + ", other " +
         std::to_string(fault.other) + ", " + std::to_string(fault.amount) + (fault.is_harsh ? ", harsh" : "");
}

FaultPlan PlanFor(uint64_t seed, size_t nodes, int64_t duration_ms, std::vector<FaultKind> always,
                  std::span<const FaultKind> sometimes) {
  FaultPlan plan{.seed = seed, .nodes = nodes, .duration_ms = duration_ms, .faults = {}};
  storage::Random random(~seed);
  // Each seed has kinds of faults of its own, and a rate: what always comes together hides what comes alone.
  std::vector<FaultKind> kinds = std::move(always);
  for (const FaultKind kind : sometimes) {
    if (random.Below(100) < 40) kinds.push_back(kind);
  }
  const int64_t longest_peace_ms = int64_t{100} << Between(random, 0, 5);
  for (int64_t at = Between(random, 0, longest_peace_ms); at < duration_ms;
       at += Between(random, 0, longest_peace_ms)) {
    Fault& fault = plan.faults.emplace_back();
    fault.at_ms = at;
    fault.kind = kinds[random.Below(kinds.size())];
    fault.node = random.Below(nodes);
    fault.other = random.Below(nodes);
    fault.amount = AmountOf(fault.kind, random);
    fault.is_harsh = random.Below(2) == 0;
  }
  return plan;
}

FaultPlan Shrink(FaultPlan plan, size_t attempts, const std::function<bool(const FaultPlan&)>& fails) {
  const auto is_enough = [&](const FaultPlan& smaller) {
    if (attempts == 0) return false;
    --attempts;
    if (!fails(smaller)) return false;
    plan = smaller;
    return true;
  };
  for (int64_t shorter = plan.duration_ms / 2; shorter > 100; shorter /= 2) {
    FaultPlan smaller = plan;
    smaller.duration_ms = shorter;
    std::erase_if(smaller.faults, [&](const Fault& fault) { return fault.at_ms >= shorter; });
    if (!is_enough(smaller)) break;
  }
  for (size_t piece = std::max<size_t>(plan.faults.size() / 2, 1); attempts > 0;) {
    const size_t before = plan.faults.size();
    for (size_t from = 0; from < plan.faults.size();) {
      FaultPlan smaller = plan;
      const auto first = smaller.faults.begin() + static_cast<ptrdiff_t>(from);
      smaller.faults.erase(first, first + static_cast<ptrdiff_t>(std::min(piece, smaller.faults.size() - from)));
      if (!is_enough(smaller)) from += piece;
    }
    if (piece == 1 && plan.faults.size() == before) break;
    piece = std::max<size_t>(piece / 2, 1);
  }
  return plan;
}

}  // namespace ringkv::test
