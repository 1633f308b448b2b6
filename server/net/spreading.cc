// SPDX-License-Identifier: MIT
#include "server/net/spreading.h"

#include <algorithm>

namespace ringkv::server {
namespace {

// In permille of a processor. What two threads have to do when one has been full fits on one again only far below, so
// that clients don't move to and fro.
constexpr unsigned kFull = 600;
constexpr unsigned kFitsOne = 400;
constexpr unsigned kMuchLess = 250;  // worth a move
constexpr unsigned kNoise = 50;      // of a measurement
// A thrifty server uses another thread beyond so many connections, whatever they do: a thread looks at each of them
// several times a second.
constexpr size_t kManyConnections = 256;
// At a time: each takes some microseconds, while other clients wait.
constexpr size_t kMostMoves = 64;

bool IsInUse(const Burden& thread) { return thread.connections > 0; }

// The best of the threads that fit, by `is_better`; none if none fits.
template <typename Fits, typename IsBetter>
std::optional<size_t> Best(std::span<const Burden> threads, Fits&& fits, IsBetter&& is_better) {
  std::optional<size_t> best;
  for (size_t i = 0; i < threads.size(); ++i) {
    if (fits(i) && (!best || is_better(threads[i], threads[*best]))) best = i;
  }
  return best;
}

bool HasFewer(const Burden& one, const Burden& other) { return one.connections < other.connections; }
bool IsLessBusy(const Burden& one, const Burden& other) { return one.busy < other.busy; }
bool Neither(const Burden&, const Burden&) { return false; }  // the first one is as good as the others

// Half of the difference in load goes to a thread that has much less of it.
std::optional<Handover> Relieve(std::span<const Burden> threads, size_t own, Spreading spreading) {
  const unsigned busy = threads[own].busy;
  if (busy < kFull || threads[own].connections < 2) return std::nullopt;
  const auto has_much_less = [&](size_t i) { return i != own && threads[i].busy + kMuchLess <= busy; };
  std::optional<size_t> to;
  if (spreading == Spreading::kThrifty) {
    to = Best(
        threads, [&](size_t i) { return has_much_less(i) && IsInUse(threads[i]); }, IsLessBusy);
  }
  if (!to) to = Best(threads, has_much_less, IsLessBusy);
  if (!to) return std::nullopt;
  return Handover{.to = *to, .connections = kMostMoves, .busy = (busy - threads[*to].busy) / 2, .only_active = true};
}

// As many connections as the others have, but no more load: else Relieve would send it back. Where threads are full,
// load doesn't tell how many clients wait for each.
std::optional<Handover> Level(std::span<const Burden> threads, size_t own, Spreading spreading) {
  const Burden& mine = threads[own];
  const bool only_full = spreading == Spreading::kThrifty;
  if (only_full && mine.busy < kFull) return std::nullopt;
  const auto fits = [&](size_t i) {
    return i != own && threads[i].busy <= mine.busy + kNoise && (!only_full || threads[i].busy >= kFull);
  };
  const std::optional<size_t> to = Best(threads, fits, HasFewer);
  if (!to || threads[*to].connections >= mine.connections) return std::nullopt;
  const size_t more = mine.connections - threads[*to].connections;
  if (more < 2 || more < mine.connections / 4) return std::nullopt;
  const unsigned less = mine.busy - std::min(mine.busy, threads[*to].busy);
  return Handover{.to = *to, .connections = std::min(more / 2, kMostMoves), .busy = std::max(less / 2, kNoise)};
}

// All connections, to a thread before this one which can serve them as well.
std::optional<Handover> GiveUp(std::span<const Burden> threads, size_t own) {
  const Burden& mine = threads[own];
  const auto fits = [&](size_t i) {
    return i < own && IsInUse(threads[i]) && threads[i].busy + mine.busy <= kFitsOne &&
           threads[i].connections + mine.connections <= kManyConnections;
  };
  const std::optional<size_t> to = Best(threads, fits, Neither);
  if (!to) return std::nullopt;
  return Handover{.to = *to, .connections = kMostMoves};
}

}  // namespace

size_t ThreadForNewClient(std::span<const Burden> threads, Spreading spreading) {
  if (spreading == Spreading::kThrifty) {
    const auto has_room = [&](size_t i) {
      return IsInUse(threads[i]) && threads[i].busy < kFull && threads[i].connections < kManyConnections;
    };
    if (const auto found = Best(threads, has_room, Neither)) return *found;
  }
  return *Best(
      threads, [](size_t) { return true; }, HasFewer);
}

std::optional<Handover> PlanHandover(std::span<const Burden> threads, size_t own, Spreading spreading) {
  if (!IsInUse(threads[own])) return std::nullopt;
  if (const auto handover = Relieve(threads, own, spreading)) return handover;
  if (const auto handover = Level(threads, own, spreading)) return handover;
  return spreading == Spreading::kThrifty ? GiveUp(threads, own) : std::nullopt;
}

}  // namespace ringkv::server
