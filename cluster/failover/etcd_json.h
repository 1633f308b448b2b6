// SPDX-License-Identifier: MIT
// The requests of etcd's JSON gateway (3.4 and later) and their answers: HTTP bodies without HTTP.
#pragma once

#include <string>
#include <string_view>

#include "cluster/failover/etcd.h"

namespace ringkv::cluster {

// A POST.
struct EtcdPost {
  std::string path;
  std::string body;
};

EtcdPost EncodeEtcd(const EtcdRequest& request);
// The answer to a request, complete; of a watch, one line of it. `http_status`: 200 if it was done.
EtcdAnswer DecodeEtcd(const EtcdRequest& request, int64_t http_status, std::string_view body);
// A watch begins with a line that says no more than that.
bool SaysNothing(const EtcdAnswer& of_watch);

// For a token of a user, and its answer: empty if there is none in it.
EtcdPost EncodeEtcdLogin(std::string_view user, std::string_view password);
std::string DecodeEtcdToken(std::string_view body);

}  // namespace ringkv::cluster
