// SPDX-License-Identifier: MIT
#include "server/scripts/library_load.h"

#include "resp/buffer.h"
#include "server/base/client_links.h"
#include "server/execution/stages.h"
#include "server/lua/lua_state.h"
#include "server/replication/replication.h"
#include "server/session/session.h"

namespace ringkv::server {
namespace {

constexpr size_t kLoadStackBytes = kLuaStackBytes + 256 * 1024;

}  // namespace

Functions::Prepared PrepareLibraries(Functions& functions, storage::Txn& txn, const Functions::Seat& seat,
                                     const LibrarySource& source) {
  return source.is_payload ? functions.PrepareAll(seat, source.text)
                           : functions.Prepare(txn, seat, source.text, source.policy == RestorePolicy::kReplace);
}

void PutLibraries(Functions& functions, storage::Txn& txn, const LibrarySource& source,
                  const Functions::Prepared& prepared, resp::ReplyWriter& reply) {
  const std::string error = prepared.error.empty() ? functions.Put(txn, prepared, source.policy) : prepared.error;
  if (!error.empty()) return reply.Error(error);
  source.is_payload ? reply.Ok() : reply.Bulk(prepared.libraries.begin()->first);
}

LibraryLoad::LibraryLoad(const ExecutionParts& parts, Functions& functions, size_t slot, ThreadState& thread)
    : parts_(parts),
      functions_(functions),
      seat_{.slot = slot, .turns = this},
      random_(thread.random.Next()),
      own_txn_(parts.data.store(), 0, random_),
      fiber_(parts.ticks, kLoadStackBytes) {
  own_txn_.set_skips_held(true);
}

LibraryLoad::~LibraryLoad() = default;

void LibraryLoad::Body(void* with) {
  auto& load = *static_cast<LibraryLoad*>(with);
  load.prepared_ = PrepareLibraries(load.functions_, *load.txn_, load.seat_, load.source_);
}

bool LibraryLoad::Begin(const AdminCall& call, const LibrarySource& source) {
  fiber_.Begin(parts_.ticks.Now());
  txn_ = &call.txn;
  source_ = source;
  own_txn_.ActLike(call.txn);
  client_ = call.session.card;
  protocol_ = call.reply.protocol();
  return fiber_.Enter(&Body, this);
}

// Behind the codes it waits for the locks, holding none.
SlicedRun::Progress LibraryLoad::Resume() {
  fiber_.BeginSlice();
  if (fiber_.is_under_way() && !fiber_.Enter(&Body, this)) return Progress::kSuspended;
  if (!prepared_.error.empty()) return Progress::kEnded;
  if (functions_.Get(own_txn_).is_loading) return Progress::kWaits;
  const bool is_locked = own_txn_.LockAll(false);
  is_locked ? parts_.long_holds.NoteWalkPassed() : parts_.long_holds.NoteWalkWaits(parts_.clock.SteadyMs());
  return is_locked ? Progress::kEnded : Progress::kWaits;
}

void LibraryLoad::FinishLate() {
  // Before the unlocking, as in Retry: the answer may be delivered in a later term, which did not assign its LSN.
  const uint32_t term = parts_.replication.quorum_term();
  resp::Buffer output;
  resp::ReplyWriter reply(output, protocol_);
  PutLibraries(functions_, own_txn_, source_, prepared_, reply);
  own_txn_.Unlock();
  const bool has_failed = reply.errors() > 0;
  parts_.links.Answer(
      *client_, LateAnswer{.reply = std::string(output.Readable()),
                           .lsn = own_txn_.depends_on(),
                           .term = term,
                           .error = has_failed ? std::optional(std::string(reply.last_error_code())) : std::nullopt,
                           .is_accounted = true,
                           .nanoseconds = fiber_.LateNanoseconds()});
}

bool LibraryLoad::Abandon() {
  fiber_.Abandon();
  while (fiber_.is_under_way()) fiber_.Enter(&Body, this);
  own_txn_.Unlock();
  return true;
}

bool LibraryLoad::GoOn() {
  return fiber_.IsSliceOver(fiber_.SliceNanoseconds()) ? Suspend(false) : !fiber_.is_abandoned();
}

bool LibraryLoad::Suspend(bool waits) { return fiber_.Suspend(waits); }

}  // namespace ringkv::server
