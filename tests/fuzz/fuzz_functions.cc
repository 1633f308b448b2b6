// SPDX-License-Identifier: MIT
// Any bytes as a payload of FUNCTION RESTORE whose checksum is right, and as the code of a library in it: restored or
// refused, and what was restored can be dumped and restored again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/base/late_links.h"
#include "server/execution/administration.h"
#include "server/scripts/functions.h"
#include "storage/rdb/dump_payload.h"

namespace {

using namespace ringkv;

class Fuzzed {
 public:
  Fuzzed() {
    std::string error;
    log_.Open("/dev/null", &error);
  }
  // The error; empty if it was restored.
  std::string Restore(const std::string& payload) {
    const server::Functions::Prepared prepared = functions_.PrepareAll({0, nullptr}, payload);
    if (!prepared.error.empty()) return prepared.error;
    storage::Txn txn(store_, clock_.Now(), random_);
    txn.LockAll();
    return functions_.Put(txn, prepared, server::RestorePolicy::kFlush);
  }
  std::string Dump() {
    std::string payload;
    for (const auto& [name, code] : *store_.libraries().Get().set) storage::AddLibraryToPayload(&payload, *code);
    storage::SealPayload(&payload);
    return payload;
  }

 private:
  storage::SystemClock clock_;
  storage::Store store_{{}, clock_};
  storage::Random random_{1};
  server::Options options_;
  server::Log log_;
  server::TickClock ticks_ = server::TickClock::Calibrate();
  server::ScriptClock script_clock_{ticks_, 2};
  server::LuaMemory memory_;
  server::Administration administration_;
  server::LateLinks links_;
  server::Functions functions_{options_, store_, log_, clock_, script_clock_, 1, memory_, administration_, links_};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Fuzzed fuzzed;
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::string any = text;
  storage::SealPayload(&any);
  fuzzed.Restore(any);
  std::string library;
  storage::AddLibraryToPayload(&library, "#!lua name=fuzzed\n" + text);
  storage::SealPayload(&library);
  if (fuzzed.Restore(library).empty() && fuzzed.Dump() != library) std::abort();
  if (!fuzzed.Restore(fuzzed.Dump()).empty()) std::abort();
  return 0;
}
