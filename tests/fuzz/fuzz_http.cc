// SPDX-License-Identifier: MIT
// Any bytes as HTTP requests: the same in one piece and in two, and never more of the head or the body than is allowed.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "server/command/command_table.h"
#include "server/commands/families.h"
#include "server/http/admission.h"
#include "server/http/entity_tag.h"
#include "server/http/json.h"
#include "server/http/request_reader.h"
#include "server/options/option_table.h"
#include "storage/base/base64.h"

namespace {

using ringkv::server::http::Progress;
using ringkv::server::http::RequestReader;

constexpr ringkv::server::http::RequestLimits kLimits{.head_bytes = 400, .body_bytes = 300};

// Up to the end of a request, an error, or the end of the bytes. Returns how many were taken.
size_t ReadSome(RequestReader& reader, std::string_view bytes, Progress* progress) {
  size_t at = 0;
  *progress = Progress::kNeedMore;
  while ((at < bytes.size() || *progress == Progress::kHead) &&
         (*progress == Progress::kNeedMore || *progress == Progress::kHead)) {
    size_t taken = 0;
    *progress = reader.Read(bytes.substr(at), kLimits, &taken);
    if (taken == 0 && *progress == Progress::kNeedMore && at < bytes.size()) std::abort();
    at += taken;
    if (at > bytes.size()) std::abort();
  }
  return at;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static ringkv::server::Options* const options = [] {
    auto* made = new ringkv::server::Options;
    SetDefaults(*made);
    return made;
  }();
  static const ringkv::server::CommandTable* const commands =
      new ringkv::server::CommandTable(ringkv::server::AllCommands());
  static const auto* const users = new ringkv::server::Users(*commands);
  RequestReader whole;
  Progress progress;
  const size_t end = ReadSome(whole, bytes, &progress);
  if (whole.request().body.size() > kLimits.body_bytes) std::abort();
  if (progress == Progress::kWhole) {
    RequestReader halves;
    Progress first;
    const size_t taken = ReadSome(halves, bytes.substr(0, end / 2), &first);
    Progress second = first;
    if (first == Progress::kNeedMore || first == Progress::kHead)
      ReadSome(halves, bytes.substr(taken, end - taken), &second);
    if (second != Progress::kWhole || halves.request().body != whole.request().body) std::abort();
    if (halves.request().target != whole.request().target) std::abort();
    const auto sender = ringkv::server::http::Identify(whole.request().authorization, *users);
    [[maybe_unused]] const auto admitted = Admit(whole.request(), sender, {*options, *users, nullptr});
  }
  [[maybe_unused]] const auto json = ringkv::server::http::ParseJson(bytes, 1000);
  [[maybe_unused]] const auto tags = ParseTags(bytes, ringkv::server::http::Comparison::kWeak);
  if (const auto decoded = ringkv::storage::DecodeBase64(bytes)) {
    if (ringkv::storage::EncodeBase64(*decoded).size() != bytes.size()) std::abort();
  }
  return 0;
}
