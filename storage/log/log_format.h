// SPDX-License-Identifier: MIT
// The format of a log file (docs/formats/log.md): a header, then frames. A frame contains the groups of effects that
// were written together, under one checksum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/base/lsn.h"
#include "storage/disk/file_header.h"

namespace ringkv::storage {

constexpr size_t kFrameHeaderBytes = 48;

struct LogFrame {
  Lsn first = 0;
  uint32_t groups = 0;
  // The last durable LSN when the frame was written: damage before it is not a torn tail.
  Lsn durable = 0;
  UnixMs time = 0;
  std::string_view body;  // the groups, each a text of effects

  Lsn last() const { return first + groups - 1; }
  size_t TotalBytes() const { return kFrameHeaderBytes + body.size(); }
};

void EncodeFrame(std::string* out, const LogFrame& frame);
// The size of the frame whose header is at the beginning of `bytes`, valid or not; 0 if there is no header.
uint64_t FrameBytes(std::string_view bytes);
// Decodes the frame at the beginning of `bytes`; false if it is incomplete or damaged.
bool DecodeFrame(std::string_view bytes, LogFrame* frame);
// The offset of the next valid frame in `bytes`, or npos.
size_t FindFrame(std::string_view bytes);

}  // namespace ringkv::storage
