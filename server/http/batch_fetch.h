// SPDX-License-Identifier: MIT
// Fetches the values of many keys as JSON, in steps between which other clients are served.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace ringkv::server::http {

class Exchange;

// `then` gets the values in the order of the keys, separated by commas, in several pieces of which none is empty; null
// for missing keys. Up to a hundred keys are read per step, atomically, and fewer where values are long. In a cluster,
// where the keys may have different slots, `one_by_one` reads each key separately, and keys of other nodes are null.
// Values above http-max-response-size give a 413 response, and are not read.
void FetchValues(Exchange& exchange, std::vector<std::string> keys, std::function<void(std::vector<std::string>)> then,
                 bool one_by_one = false);

}  // namespace ringkv::server::http
