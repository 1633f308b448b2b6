// SPDX-License-Identifier: MIT
#include "server/execution/administration.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "resp/buffer.h"
#include "server/base/client_links.h"
#include "server/command/command.h"
#include "server/execution/outcome.h"
#include "server/execution/stages.h"
#include "server/execution/transaction.h"
#include "server/observe/log.h"
#include "storage/base/allocator.h"

namespace ringkv::server {

using storage::MutexLock;

void Administration::Do(Lane lane, std::function<void()> work) {
  {
    MutexLock lock(mutex_);
    if (is_stopping_) return;
    Worker& worker = workers_[static_cast<size_t>(lane)];
    worker.work.push_back(std::move(work));
    if (!worker.thread.joinable()) worker.thread = std::thread([this, &worker] { Run(worker); });
  }
  changed_.notify_all();
}

void Administration::Stop() {
  std::array<std::thread, std::tuple_size_v<decltype(workers_)>> threads;
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    for (size_t i = 0; i < threads.size(); ++i) threads[i].swap(workers_[i].thread);
  }
  changed_.notify_all();
  for (std::thread& thread : threads) {
    if (thread.joinable()) thread.join();
  }
}

void Administration::Run(Worker& worker) {
  NameThisThread("admin");
  storage::CountMemoryOfThisThread();
  std::function<void()> work;
  while (Next(worker, work)) {
    work();
    work = nullptr;
  }
}

bool Administration::Next(Worker& worker, std::function<void()>& work) {
  MutexLock lock(mutex_);
  while (!is_stopping_ && worker.work.empty()) mutex_.Wait(changed_);
  if (is_stopping_) return false;
  work = std::move(worker.work.front());
  worker.work.pop_front();
  return true;
}

namespace {

// What the work replies.
LateAnswer DoAndAnswer(const AdministrativeWork& work, int protocol) {
  resp::Buffer output;
  resp::ReplyWriter reply(output, protocol);
  work(reply);
  const bool has_failed = reply.errors() > 0;
  return {.reply = std::string(output.Readable()),
          .error = has_failed ? std::optional(std::string(reply.last_error_code())) : std::nullopt,
          .is_accounted = true};
}

}  // namespace

void Administer(AdminCall& call, Administration::Lane lane, AdministrativeWork work) {
  const ExecutionParts& parts = call.execution.parts();
  const int protocol = call.reply.protocol();
  if (call.execution.enclosing != nullptr) {
    call.execution.enclosing->administration.emplace_back(
        [work = std::move(work), protocol] { static_cast<void>(DoAndAnswer(work, protocol)); });
    return call.reply.Ok();
  }
  if (!call.may_wait) return work(call.reply);
  call.outcome = outcome::LateReply{};
  parts.administration.Do(lane, [&links = parts.links, card = call.session.card, work = std::move(work), protocol] {
    links.Answer(*card, DoAndAnswer(work, protocol));
  });
}

void AfterAdministration(AdminCall& call, std::function<void()> work) {
  Enclosing* const enclosing = call.execution.enclosing;
  if (enclosing == nullptr || enclosing->administration.empty()) return AfterUnlock(call, std::move(work));
  enclosing->administration.push_back(std::move(work));
}

void AdministerAfter(AdminCall& exec, std::vector<std::function<void()>> work) {
  if (work.empty()) return;
  if (!exec.may_wait) {
    for (const auto& each : work) each();
    return;
  }
  const ExecutionParts& parts = exec.execution.parts();
  const bool waits = exec.outcome.is_done();  // else the connection ends, or goes elsewhere
  if (waits) exec.outcome = outcome::LateReply{};
  parts.administration.Do(Administration::Lane::kRoles,
                          [&links = parts.links, card = exec.session.card, work = std::move(work), waits] {
                            for (const auto& each : work) each();
                            if (waits) links.Answer(*card, {.reply = {}, .is_accounted = true});
                          });
}

}  // namespace ringkv::server
