// SPDX-License-Identifier: MIT
#include "etcd/etcd_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "cluster/failover/etcd_json.h"

namespace ringkv::etcd {
namespace {

using cluster::EtcdAnswer;

constexpr size_t kLongestAnswer = 4 << 20;
constexpr long kHttpUnauthorized = 401;

}  // namespace

// libcurl's state of all transfers.
class EtcdClient::Library {
 public:
  Library() {
    static const CURLcode kOnce = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(kOnce);
    multi_ = curl_multi_init();
  }
  ~Library() { curl_multi_cleanup(multi_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  CURLM* multi() { return multi_; }

 private:
  CURLM* multi_;
};

// One request on its way.
struct EtcdClient::Transfer {
  Transfer(Library& used, uint64_t called, cluster::EtcdRequest asked)
      : library(used), number(called), request(std::move(asked)), easy(curl_easy_init()) {}
  ~Transfer() {
    curl_multi_remove_handle(library.multi(), easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  bool is_watch() const { return std::holds_alternative<cluster::WatchKeys>(request); }
  void AddHeader(const std::string& line) { headers = curl_slist_append(headers, line.c_str()); }
  static size_t Receive(char* bytes, size_t size, size_t count, void* transfer) {
    std::string& received = static_cast<Transfer*>(transfer)->received;
    if (received.size() + size * count > kLongestAnswer) return 0;  // ends it
    received.append(bytes, size * count);
    return size * count;
  }

  Library& library;
  const uint64_t number;
  const cluster::EtcdRequest request;
  CURL* const easy;
  cluster::EtcdPost post;
  curl_slist* headers = nullptr;
  std::string received;
  bool is_login = false;
  bool is_obsolete = false;
};

EtcdClient::EtcdClient(cluster::CoordinatorAddress address, Access access, int64_t deadline_ms, OnAnswer on_answer)
    : address_(std::move(address)),
      access_(std::move(access)),
      deadline_ms_(deadline_ms),
      on_answer_(std::move(on_answer)),
      library_(std::make_unique<Library>()) {}

EtcdClient::~EtcdClient() { transfers_.clear(); }

void EtcdClient::Wake() { curl_multi_wakeup(library_->multi()); }

// --- begin ----------------------------------------------------------------------------------------------------------

void EtcdClient::Begin(const cluster::EtcdCall& call) {
  auto transfer = std::make_unique<Transfer>(*library_, call.number, call.request);
  if (transfer->is_watch()) {
    for (const auto& each : transfers_) each->is_obsolete = each->is_obsolete || each->is_watch();
  }
  transfer->post = cluster::EncodeEtcd(call.request);
  if (!access_.user.empty() && token_.empty()) LogIn();
  Start(std::move(transfer));
}

void EtcdClient::LogIn() {
  if (std::exchange(is_logging_in_, true)) return;
  auto transfer = std::make_unique<Transfer>(*library_, 0, cluster::EtcdRequest());
  transfer->is_login = true;
  transfer->post = cluster::EncodeEtcdLogin(access_.user, access_.password);
  Start(std::move(transfer));
}

void EtcdClient::Start(std::unique_ptr<Transfer> transfer) {
  CURL* const easy = transfer->easy;
  const std::string url = address_.members[member_] + transfer->post.path;
  const auto deadline = static_cast<long>(deadline_ms_);
  transfer->AddHeader("Content-Type: application/json");
  transfer->AddHeader("Expect:");  // no pause before the body
  // A member without a leader ends the watch instead of saying nothing.
  transfer->AddHeader("Grpc-Metadata-hasleader: true");
  if (!token_.empty()) transfer->AddHeader("Authorization: " + token_);
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->post.body.c_str());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(transfer->post.body.size()));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::Receive);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer.get());
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer.get());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, deadline);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, transfer->is_watch() ? 0L : deadline);
  // A member whose machine has gone sends no end.
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 1L);
  // libcurl asks again by itself when a connection that it reuses ends before the answer. A transaction that was done
  // would be answered as refused then.
  if (std::holds_alternative<cluster::CommitKeys>(transfer->request)) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  if (!access_.ca.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, access_.ca.c_str());
  if (!access_.certificate.empty()) curl_easy_setopt(easy, CURLOPT_SSLCERT, access_.certificate.c_str());
  if (!access_.key.empty()) curl_easy_setopt(easy, CURLOPT_SSLKEY, access_.key.c_str());
  curl_multi_add_handle(library_->multi(), easy);
  transfers_.push_back(std::move(transfer));
}

// --- work -----------------------------------------------------------------------------------------------------------

void EtcdClient::Work(int64_t milliseconds) {
  int running = 0;
  std::erase_if(transfers_, [](const auto& each) { return each->is_obsolete; });
  curl_multi_perform(library_->multi(), &running);
  TakeEnded();
  if (milliseconds > 0) {
    const auto longest = static_cast<int>(std::min<int64_t>(milliseconds, 60'000));
    curl_multi_poll(library_->multi(), nullptr, 0, longest, nullptr);
    curl_multi_perform(library_->multi(), &running);
  }
  TakeEnded();
  for (size_t i = 0; i < transfers_.size(); ++i) {
    Transfer& each = *transfers_[i];
    if (each.is_watch() && !each.is_obsolete) TakeLines(each);
  }
}

void EtcdClient::TakeEnded() {
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(library_->multi(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    char* found = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &found);
    const auto at = std::find_if(transfers_.begin(), transfers_.end(), [found](const auto& each) {
      return static_cast<void*>(each.get()) == static_cast<void*>(found);
    });
    if (at == transfers_.end()) continue;
    const int result = message->data.result;
    const std::unique_ptr<Transfer> ended = std::move(*at);
    transfers_.erase(at);
    if (!ended->is_obsolete) End(*ended, result);
  }
}

void EtcdClient::TakeLines(Transfer& transfer) {
  for (size_t end = transfer.received.find('\n'); end != std::string::npos; end = transfer.received.find('\n')) {
    const std::string line = transfer.received.substr(0, end);
    transfer.received.erase(0, end + 1);
    if (line.empty()) continue;
    const EtcdAnswer answer = cluster::DecodeEtcd(transfer.request, 200, line);
    if (cluster::SaysNothing(answer)) continue;
    transfer.is_obsolete = answer.outcome != EtcdAnswer::Outcome::kDone;
    if (transfer.is_obsolete) UseNext();
    on_answer_(transfer.number, answer);
    if (transfer.is_obsolete) return;
  }
}

void EtcdClient::End(Transfer& transfer, int result) {
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  if (transfer.is_login) is_logging_in_ = false;
  if (transfer.is_watch()) {
    TakeLines(transfer);
    if (transfer.is_obsolete) return;  // it has said that it ends
  }
  const bool is_answered = result == CURLE_OK;
  if (status == kHttpUnauthorized) token_.clear();
  if (!is_answered || transfer.is_watch() || status >= 500) UseNext();
  if (transfer.is_login) {
    token_ = is_answered && status == 200 ? cluster::DecodeEtcdToken(transfer.received) : std::string();
    return;
  }
  if (!is_answered || transfer.is_watch()) {
    const char* const why = is_answered ? "the watch has ended" : curl_easy_strerror(static_cast<CURLcode>(result));
    return on_answer_(transfer.number, {.outcome = EtcdAnswer::Outcome::kUnknown, .error = why});
  }
  on_answer_(transfer.number, cluster::DecodeEtcd(transfer.request, status, transfer.received));
}

}  // namespace ringkv::etcd
