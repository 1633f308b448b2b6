// SPDX-License-Identifier: MIT
#include "server/scripts/functions.h"

#include <algorithm>
#include <set>
#include <utility>

#include "server/scripts/library_metadata.h"
#include "server/scripts/log_levels.h"
#include "server/scripts/memory_limits.h"
#include "storage/rdb/dump_payload.h"

namespace ringkv::server {
namespace {

// The time that the code of a library may take to register its functions, as in redis-server; and that of all libraries
// of a payload together.
constexpr int64_t kLoadTimeoutMs = 500;
constexpr int64_t kRestoreTimeoutMs = 2000;
// That of a library that was loaded in such a time before: only in case it does not end any more.
constexpr int64_t kAcceptedTimeoutMs = 10'000;
// Between two attempts to load libraries that could not be loaded; and so many times as long as the first one took.
constexpr int64_t kRetryMs = 1000;
constexpr int64_t kRetryRatio = 10;

// A library sees nothing of the data while it is loaded. The time of others between its turns is not its own.
class LoadHost final : public ScriptHost {
 public:
  LoadHost(server::Log& log, const storage::Clock& clock, ScriptClock& script_clock, const Functions::Seat& seat,
           LuaState& state, int64_t& left_ms, const std::atomic<bool>& is_ending)
      : log_(log),
        clock_(clock),
        script_clock_(script_clock),
        seat_(seat),
        state_(state),
        left_ms_(left_ms),
        is_ending_(is_ending) {
    BeginTurn(ScriptClock::kFirstSliceNs);
  }
  ~LoadHost() override { EndTurn(); }
  LoadHost(const LoadHost&) = delete;
  LoadHost& operator=(const LoadHost&) = delete;

  Pulse Call(std::span<const std::string_view>, resp::ReplyWriter&) override { return Pulse::kEnd; }
  Pulse OnPulse() override {
    EndTurn();
    const bool goes_on = left_ms_ > 0 && (seat_.turns == nullptr ? !is_ending_ : seat_.turns->GoOn());
    BeginTurn(seat_.turns == nullptr ? ScriptClock::kFirstSliceNs : ScriptClock::kNextSliceNs);
    return goes_on ? Pulse::kContinue : Pulse::kEnd;
  }
  void Log(ScriptLogLevel level, std::string_view text) override { log_.Write(LogLevelOf(level), std::string(text)); }
  CommandPermit CheckPermit(std::span<const std::string_view>) override { return CommandPermit::kUnknown; }
  void SetReplication(int) override {}
  std::string_view unwind_error() const override { return "FUNCTION LOAD timeout"; }

 private:
  void BeginTurn(uint64_t slice_ns) {
    constexpr uint64_t kMillisecondNs = 1'000'000;
    turn_began_ms_ = clock_.SteadyMs();
    const auto left_ns = static_cast<uint64_t>(std::max<int64_t>(left_ms_, 1)) * kMillisecondNs;
    script_clock_.Begin(seat_.slot, state_, script_clock_.Now(), std::min(left_ns, slice_ns));
  }
  void EndTurn() {
    script_clock_.End(seat_.slot);
    left_ms_ -= clock_.SteadyMs() - turn_began_ms_;
  }

  server::Log& log_;
  const storage::Clock& clock_;
  ScriptClock& script_clock_;
  const Functions::Seat& seat_;
  LuaState& state_;
  int64_t& left_ms_;
  const std::atomic<bool>& is_ending_;
  int64_t turn_began_ms_ = 0;
};

std::string LibraryExists(std::string_view name) { return "ERR Library '" + std::string(name) + "' already exists"; }
std::string FunctionExists(std::string_view name) { return "ERR Function " + std::string(name) + " already exists"; }

std::string ErrorOf(storage::LibrariesStatus status) {
  switch (status) {
    case storage::LibrariesStatus::kValid: break;
    case storage::LibrariesStatus::kWrongEnvelope: return "ERR DUMP payload version or checksum are wrong";
    case storage::LibrariesStatus::kOldFormat: return "ERR Pre-GA function format not supported";
    case storage::LibrariesStatus::kNoLibrary: return "ERR given type is not a function";
    case storage::LibrariesStatus::kIncomplete: return "ERR Failed loading library payload";
    case storage::LibrariesStatus::kTooLong:
      return "ERR the libraries of the payload together exceed proto-max-bulk-len";
  }
  return {};
}

// Whether the libraries can stand beside those of the catalog, of which they replace those of the same name if
// `replaces`. Returns the error.
std::string WhyNotBeside(const std::map<std::string, SharedLibrary, std::less<>>& libraries,
                         const FunctionCatalog& catalog, bool replaces) {
  for (const auto& [name, library] : libraries) {
    if (!replaces && catalog.set()->contains(name)) return "ERR Library " + name + " already exists";
  }
  for (const auto& [name, library] : libraries) {
    for (const SharedFunction& function : library->functions) {
      const SharedFunction other = catalog.Find(function->name());
      if (other != nullptr && !libraries.contains(other->library())) return FunctionExists(function->name());
    }
  }
  return {};
}

}  // namespace

SharedLibrary Functions::RunNew(const Seat& seat, SharedCode code, int64_t& left_ms, std::string& error) {
  SetLimits(memory_, options_);
  return Run(seat, std::move(code), left_ms, memory_, error);
}

SharedLibrary Functions::RunAccepted(SharedCode code, std::string& error) {
  LuaMemory memory;  // of this state alone
  memory.SetLimits(static_cast<size_t>(options_.script_memory_limit.load()), 0);
  int64_t left_ms = kAcceptedTimeoutMs;
  return Run({.slot = slot_, .turns = nullptr}, std::move(code), left_ms, memory, error);
}

SharedLibrary Functions::Run(const Seat& seat, SharedCode code, int64_t& left_ms, LuaMemory& memory,
                             std::string& error) {
  LibraryMetadata metadata;
  error = ReadLibraryMetadata(*code, metadata);
  if (!error.empty()) return nullptr;
  LuaState state(LuaState::Purpose::kFunctions, memory);
  std::optional<std::vector<RegisteredFunction>> registered;
  {
    LoadHost host(log_, clock_, script_clock_, seat, state, left_ms, is_ending_);
    registered = state.LoadLibrary(host, metadata.name, metadata.body, error);
  }
  if (!registered) return nullptr;
  auto library = std::make_shared<FunctionLibrary>();
  library->name = metadata.name;
  library->code = std::move(code);
  for (RegisteredFunction& each : *registered) {
    library->functions.push_back(std::make_shared<const Function>(std::move(each), library->name, library->code));
  }
  return library;
}

// --- what is known --------------------------------------------------------------------------------------------------

Functions::Known Functions::KnownOf(std::shared_ptr<const storage::LibrarySet> set, bool is_changed,
                                    const Libraries& prepared) {
  storage::MutexLock lock(mutex_);
  std::shared_ptr<const FunctionCatalog>& catalog = is_changed ? changed_ : catalog_;
  const Libraries& of_others = (is_changed ? catalog_ : changed_)->libraries();
  if (catalog->set() != set || (is_changed && !catalog->is_complete())) {
    const auto find = [&](const std::string& name, const SharedCode& code) -> SharedLibrary {
      for (const Libraries* libraries : {&prepared, &of_others}) {
        const auto found = libraries->find(name);
        if (found != libraries->end() && *found->second->code == *code) return found->second;
      }
      return nullptr;
    };
    catalog = std::make_shared<const FunctionCatalog>(std::move(set), *catalog, find);
  }
  if (catalog->is_complete()) return {catalog, false};
  if (tried_ != store_.libraries().Get().set) {
    LoadAside(Loading::kNew);
  } else if (loading_ == Loading::kNo && clock_.SteadyMs() >= retry_at_ms_) {
    LoadAside(Loading::kAgain);
  }
  return {catalog, loading_ == Loading::kNew};
}

void Functions::LoadAside(Loading loading) {
  const bool is_asked_for = std::exchange(loading_, loading) != Loading::kNo;
  if (!is_asked_for) administration_.Do(Administration::Lane::kLibraries, [this] { Load(); });
}

void Functions::Load() {
  {
    storage::MutexLock lock(running_);
    while (!TryLoad() && !is_ending_) {
    }
  }
  links_.ResumePaused();
}

bool Functions::TryLoad() {
  const std::shared_ptr<const storage::LibrarySet> set = store_.libraries().Get().set;
  std::shared_ptr<const FunctionCatalog> before;
  bool is_new = false;
  {
    storage::MutexLock lock(mutex_);
    before = catalog_;
    is_new = tried_ != set;
  }
  const auto load = [&](const std::string& name, const SharedCode& code) {
    running_.AssertHeld();
    std::string error;
    SharedLibrary library = RunAccepted(code, error);
    if (library == nullptr && is_new) {
      log_.Warning("library of functions '" + name + "' can't be loaded: " + error);
    }
    return library;
  };
  const int64_t began_ms = clock_.SteadyMs();
  auto loaded = std::make_shared<const FunctionCatalog>(set, *before, load);
  const int64_t now_ms = clock_.SteadyMs();
  storage::MutexLock lock(mutex_);
  catalog_ = std::move(loaded);
  tried_ = set;
  retry_at_ms_ = now_ms + kRetryMs + kRetryRatio * (now_ms - began_ms);
  const bool is_current = store_.libraries().Get().set == set;
  loading_ = is_current ? Loading::kNo : Loading::kNew;
  return is_current;
}

// --- changes --------------------------------------------------------------------------------------------------------

Functions::Prepared Functions::PrepareOne(storage::Txn& txn, std::string_view code, bool replaces, const RunCode& run) {
  Prepared prepared;
  LibraryMetadata metadata;
  prepared.error = ReadLibraryMetadata(code, metadata);
  if (!prepared.error.empty()) return prepared;
  if (!replaces && txn.ReadLibraries()->contains(metadata.name)) {
    prepared.error = LibraryExists(metadata.name);
    return prepared;
  }
  SharedLibrary library = run(std::make_shared<const std::string>(code), prepared.error);
  if (library != nullptr) prepared.libraries.emplace(metadata.name, std::move(library));
  return prepared;
}

Functions::Prepared Functions::Prepare(storage::Txn& txn, const Seat& seat, std::string_view code, bool replaces) {
  return PrepareOne(txn, code, replaces, [&](SharedCode shared, std::string& error) {
    int64_t left_ms = kLoadTimeoutMs;
    return RunNew(seat, std::move(shared), left_ms, error);
  });
}

Functions::Prepared Functions::PrepareAccepted(storage::Txn& txn, std::string_view code) {
  return PrepareOne(txn, code, false, [this](SharedCode shared, std::string& error) {
    storage::MutexLock lock(running_);
    return RunAccepted(std::move(shared), error);
  });
}

Functions::Prepared Functions::PrepareAll(const Seat& seat, std::string_view payload) {
  storage::LibrariesContent content =
      storage::DecodeLibrariesPayload(payload, static_cast<size_t>(options_.proto_max_bulk_len));
  Prepared prepared;
  std::set<std::string_view, LessIgnoringCase> functions;
  int64_t all_left_ms = kRestoreTimeoutMs;
  for (std::string& code : content.codes) {
    const int64_t most_ms = std::min(kLoadTimeoutMs, all_left_ms);
    int64_t left_ms = most_ms;
    const SharedLibrary library =
        RunNew(seat, std::make_shared<const std::string>(std::move(code)), left_ms, prepared.error);
    if (library == nullptr) return prepared;
    all_left_ms -= most_ms - left_ms;
    if (!prepared.libraries.emplace(library->name, library).second) {
      prepared.error = LibraryExists(library->name);
      return prepared;
    }
    for (const SharedFunction& each : library->functions) {
      if (functions.insert(each->name()).second) continue;
      prepared.error = FunctionExists(each->name());
      return prepared;
    }
  }
  prepared.error = ErrorOf(content.status);
  return prepared;
}

std::string Functions::Put(storage::Txn& txn, const Prepared& prepared, RestorePolicy policy) {
  // In any case: what others see stays known to them until the transaction has ended.
  const std::shared_ptr<const FunctionCatalog> catalog = Get(txn).catalog;
  if (policy == RestorePolicy::kFlush) {
    txn.Do(storage::LibrariesFlush{});
  } else {
    const bool replaces = policy == RestorePolicy::kReplace;
    std::string error = WhyNotBeside(prepared.libraries, *catalog, replaces);
    if (!error.empty()) return error;
    // All before the first new one: a function may go from one of them to another.
    const bool are_several = prepared.libraries.size() > 1;
    for (const auto& [name, library] : prepared.libraries) {
      if (are_several) txn.Do(storage::LibraryErase{name});
    }
  }
  for (const auto& [name, library] : prepared.libraries) txn.Do(storage::LibraryPut{name, *library->code});
  KnownOf(txn.ReadLibraries(), txn.has_changed_libraries(), prepared.libraries);
  return {};
}

}  // namespace ringkv::server
