// SPDX-License-Identifier: MIT
// The bytes of a log file (docs/formats/log.md): a header, then frames. A frame holds the groups of effects that were
// written together, under one checksum.
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
  // Everything up to here was safe on the disk when the frame was written: damage before it is no torn tail.
  Lsn durable = 0;
  UnixMs time = 0;
  std::string_view body;  // the groups, each as a text of effects

  Lsn last() const { return first + groups - 1; }
  size_t TotalBytes() const { return kFrameHeaderBytes + body.size(); }
};

void EncodeFrame(std::string* out, const LogFrame& frame);
// Bytes of the frame whose header stands at the beginning of `bytes`, good or not; 0 if none does.
uint64_t FrameBytes(std::string_view bytes);
// The frame at the beginning of `bytes`; false if there is no whole and good one.
bool DecodeFrame(std::string_view bytes, LogFrame* frame);
// Where in `bytes` the next good frame begins, or npos.
size_t FindFrame(std::string_view bytes);

}  // namespace ringkv::storage
