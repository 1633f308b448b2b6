// SPDX-License-Identifier: MIT
// What Redis calls an event that an effect alone doesn't name: handlers hand these to Txn::Do.
#pragma once

#include "storage/key_event.h"

namespace ringkv::server::events {

using storage::KeyEvent;

inline constexpr KeyEvent kAppend{"append", '$'};
inline constexpr KeyEvent kCopyTo{"copy_to", 'g'};
inline constexpr KeyEvent kExpire{"expire", 'g'};
inline constexpr KeyEvent kGeoSearchStore{"geosearchstore", 'z'};
inline constexpr KeyEvent kHIncrBy{"hincrby", 'h'};
inline constexpr KeyEvent kHIncrByFloat{"hincrbyfloat", 'h'};
inline constexpr KeyEvent kIncrBy{"incrby", '$'};
inline constexpr KeyEvent kIncrByFloat{"incrbyfloat", '$'};
inline constexpr KeyEvent kLTrim{"ltrim", 'l'};
inline constexpr storage::RenameEvents kMove{{"move_from", 'g'}, {"move_to", 'g'}};
inline constexpr KeyEvent kPfAdd{"pfadd", '$'};
inline constexpr KeyEvent kSDiffStore{"sdiffstore", 's'};
inline constexpr KeyEvent kSInterStore{"sinterstore", 's'};
inline constexpr KeyEvent kSPop{"spop", 's'};
inline constexpr KeyEvent kSUnionStore{"sunionstore", 's'};
inline constexpr KeyEvent kSetBit{"setbit", '$'};
inline constexpr KeyEvent kSortStore{"sortstore", 'l'};
inline constexpr KeyEvent kXGroupCreate{"xgroup-create", 't'};
inline constexpr KeyEvent kZDiffStore{"zdiffstore", 'z'};
inline constexpr KeyEvent kZIncr{"zincr", 'z'};
inline constexpr KeyEvent kZInterStore{"zinterstore", 'z'};
inline constexpr KeyEvent kZPopMax{"zpopmax", 'z'};
inline constexpr KeyEvent kZPopMin{"zpopmin", 'z'};
inline constexpr KeyEvent kZRangeStore{"zrangestore", 'z'};
inline constexpr KeyEvent kZRemRangeByLex{"zremrangebylex", 'z'};
inline constexpr KeyEvent kZRemRangeByRank{"zremrangebyrank", 'z'};
inline constexpr KeyEvent kZRemRangeByScore{"zremrangebyscore", 'z'};
inline constexpr KeyEvent kZUnionStore{"zunionstore", 'z'};

}  // namespace ringkv::server::events
