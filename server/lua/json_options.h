// SPDX-License-Identifier: MIT
// The settings of cjson, which hold to the end of a run.
#pragma once

namespace ringkv::server::lua {

enum class InvalidNumbers { kRefused, kAllowed, kNull };

struct JsonOptions {
  // An array whose highest index exceeds both `sparse_safe` and the number of its elements times `sparse_ratio` is
  // refused, or written as an object.
  bool sparse_as_object = false;
  int sparse_ratio = 2;
  int sparse_safe = 10;
  int encode_depth = 1000;
  int decode_depth = 1000;
  int precision = 14;       // digits of numbers
  bool keep_buffer = true;  // without effect
  InvalidNumbers encode_invalid = InvalidNumbers::kRefused;
  bool decode_invalid = true;
};

}  // namespace ringkv::server::lua
