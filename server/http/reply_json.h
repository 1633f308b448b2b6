// SPDX-License-Identifier: MIT
// A reply of a command as JSON that keeps its type of RESP3: {"type": "integer", "value": "1"}. Numbers are texts,
// because JavaScript rounds those above 2^53. The value of a map is a list of pairs.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "resp/reply.h"

namespace ringkv::server::http {

// Stops behind the element with which the text becomes longer than `most` bytes: what is there then is no JSON.
void AppendReplyJson(const resp::Reply& reply, std::string* json, size_t most = SIZE_MAX);
// About so many bytes of JSON.
size_t ReplyJsonBytes(const resp::Reply& reply);

}  // namespace ringkv::server::http
