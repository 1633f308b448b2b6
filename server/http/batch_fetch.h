// SPDX-License-Identifier: MIT
// The values of many keys, in JSON: fetched some at a time, between which other clients are served.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace ringkv::server::http {

class Exchange;

// `then` gets the values in the order of their keys, with commas between them; null where there is none. Values of up
// to a hundred keys are read as one step; in a cluster, where keys needn't have the same slot, `one_by_one` reads each
// by itself, and what is elsewhere is null. Longer values than http-max-response-size allows are a response of 413.
void FetchValues(Exchange& exchange, std::vector<std::string> keys, std::function<void(std::string)> then,
                 bool one_by_one = false);

}  // namespace ringkv::server::http
