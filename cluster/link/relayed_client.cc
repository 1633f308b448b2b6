// SPDX-License-Identifier: MIT
#include "cluster/link/relayed_client.h"

#include <algorithm>
#include <utility>

namespace ringkv::cluster {

using resp::ReplyScanner;
using storage::Status;

namespace {

constexpr size_t kLongestValue = size_t{1} << 30;
constexpr size_t kKept = size_t{64} * 1024;           // a larger buffer is freed when it is empty
constexpr std::string_view kTooEarly = "-TRYAGAIN ";  // the node will be the primary in a moment

void ConsumeFrom(resp::Buffer& buffer, size_t count) {
  buffer.Consume(count);
  if (buffer.empty() && buffer.capacity() > kKept) buffer.ShrinkTo(0);
}

}  // namespace

RelayedClient::RelayedClient(Opening opening)
    : opening_(std::move(opening)), introductions_(opening_.introductions), to_drop_(opening_.answered) {
  to_node_.Append(opening_.introduction);
}

void RelayedClient::AskAgain() {
  is_too_early_ = false;
  introductions_ = opening_.introductions;
  to_node_.Append(opening_.introduction);
}

// --- the node -------------------------------------------------------------------------------------------------------

Status RelayedClient::FromNode(std::string_view bytes) {
  if (has_begun() && to_drop_ == 0) {
    PassToClient(bytes);
    return {};
  }
  from_node_.Append(bytes);
  while (!has_begun() || to_drop_ > 0) {
    size_t size = 0;
    const ReplyScanner::Status found = scanner_.Scan(from_node_.Readable(), kLongestValue, &size);
    if (found == ReplyScanner::Status::kNeedMore) return {};
    if (found == ReplyScanner::Status::kError) return storage::Fail("what came from it is no reply");
    if (has_begun()) {
      --to_drop_;
      --open_;
    } else if (Status agreed = TakeAgreement(from_node_.Readable().substr(0, size)); !agreed) {
      return agreed;
    }
    from_node_.Consume(size);
  }
  PassToClient(from_node_.Readable());
  from_node_ = resp::Buffer();
  return {};
}

Status RelayedClient::TakeAgreement(std::string_view reply) {
  is_too_early_ = reply.starts_with(kTooEarly);
  if (is_too_early_) return {};
  if (reply.starts_with('-')) return storage::Fail(std::string(reply.substr(1, reply.find('\r') - 1)));
  if (--introductions_ == 0) Begin();
  return {};
}

void RelayedClient::Begin() {
  CountRequests(opening_.requests);
  to_node_.Append(opening_.requests);
  opening_ = {};
  CountRequests(held_.Readable());
  to_node_.Append(held_.Readable());
  held_ = resp::Buffer();
}

void RelayedClient::PassToClient(std::string_view bytes) {
  if (bytes.empty()) return;
  if (!is_client_lost_) to_client_.Append(bytes);
  if (!is_counting_) return;
  const int64_t ended = replies_.Take(bytes);
  open_ -= ended;
  is_counting_ = ended >= 0 && open_ >= 0;
  is_amid_request_ &= is_counting_;
}

void RelayedClient::SentToNode(size_t count) { ConsumeFrom(to_node_, count); }

void RelayedClient::EndReplies(std::string_view to_unanswered) {
  has_ended_replies_ = true;
  const bool lacks_reply = is_counting_ && open_ > 0 && !replies_.is_amid_value();
  if (lacks_reply && !is_client_lost_) to_client_.Append(to_unanswered);
}

// --- the client -----------------------------------------------------------------------------------------------------

void RelayedClient::FromClient(std::string_view bytes) {
  if (!has_begun()) return held_.Append(bytes);
  CountRequests(bytes);
  to_node_.Append(bytes);
}

void RelayedClient::SentToClient(size_t count) { ConsumeFrom(to_client_, count); }

void RelayedClient::LoseClient() {
  EndRequests();
  is_client_lost_ = true;
  to_client_ = resp::Buffer();
}

// A request is an array, which looks as a reply would. One without that form, on a line by itself, is not counted.
void RelayedClient::CountRequests(std::string_view bytes) {
  if (!is_counting_ || bytes.empty()) return;
  const int64_t ended = requests_.Take(bytes);
  is_counting_ = ended >= 0;
  open_ += ended;
  is_amid_request_ = is_counting_ && requests_.is_amid_value();
}

int64_t RelayedClient::Counter::Take(std::string_view bytes) {
  kept_.Append(bytes);
  int64_t ended = 0;
  while (!kept_.empty()) {
    if (!std::exchange(is_amid_value_, true)) is_push_ = kept_.Readable().front() == '>';
    size_t size = 0;
    const ReplyScanner::Status found = scanner_.Scan(kept_.Readable(), kLongestValue, &size);
    if (found == ReplyScanner::Status::kError) return -1;
    if (found == ReplyScanner::Status::kNeedMore) {
      const size_t known = std::min(scanner_.known(), kept_.size());
      ConsumeFrom(kept_, known);
      scanner_.Forget(known);
      break;
    }
    ConsumeFrom(kept_, size);
    is_amid_value_ = false;
    if (!is_push_) ++ended;
  }
  return ended;
}

}  // namespace ringkv::cluster
