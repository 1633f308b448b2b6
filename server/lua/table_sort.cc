// SPDX-License-Identifier: MIT
// table.sort: as in Lua 5.1, whose sequence of comparisons scripts see by their order functions, and by where equal
// elements end. It may take time in the square of the length, so it can be interrupted.
#include "server/lua/interpreter.h"
#include "server/lua/libraries.h"

namespace ringkv::server::lua {

namespace {

// Of the list in stack slot 1, by the function in slot 2, or by "<" if that is nil.
class Sorter {
 public:
  explicit Sorter(lua_State* state)
      : state_(state), interpreter_(Interpreter::Of(state)), has_order_(!lua_isnil(state, 2)) {}

  // Of the elements from `low` to `high`.
  void Sort(int low, int high);

 private:
  void Push(int index) { lua_rawgeti(state_, 1, index); }
  // Of stack slots below the top: whether one value belongs before the other.
  bool IsBefore(int first, int second);
  bool CompareByFunction(int first, int second);
  // Swaps these elements if they are in the wrong order; returns whether they were.
  bool PutInOrder(int low, int high);
  void Swap(int one, int other);
  // Puts the element in the middle where it belongs: no element before it is larger, none behind it is smaller.
  // Returns that place.
  int Partition(int low, int high);
  [[noreturn]] void RefuseOrder();

  lua_State* state_;
  Interpreter& interpreter_;
  bool has_order_;
};

void Sorter::RefuseOrder() {
  luaL_error(state_, "invalid order function for sorting");
  __builtin_unreachable();
}

bool Sorter::IsBefore(int first, int second) {
  interpreter_.PulseIfWanted(state_);
  if (has_order_) return CompareByFunction(first, second);
  if (lua_type(state_, first) == LUA_TNUMBER && lua_type(state_, second) == LUA_TNUMBER) {
    return lua_tonumber(state_, first) < lua_tonumber(state_, second);
  }
  return lua_lessthan(state_, first, second) != 0;
}

bool Sorter::CompareByFunction(int first, int second) {
  lua_pushvalue(state_, 2);
  lua_pushvalue(state_, first - 1);
  lua_pushvalue(state_, second - 2);
  lua_call(state_, 2, 1);
  const bool is_before = lua_toboolean(state_, -1) != 0;
  lua_pop(state_, 1);
  return is_before;
}

bool Sorter::PutInOrder(int low, int high) {
  Push(low);
  Push(high);
  const bool are_swapped = IsBefore(-1, -2);
  if (are_swapped) {
    lua_rawseti(state_, 1, low);
    lua_rawseti(state_, 1, high);
  } else {
    lua_pop(state_, 2);
  }
  return are_swapped;
}

void Sorter::Swap(int one, int other) {
  Push(one);
  Push(other);
  lua_rawseti(state_, 1, one);
  lua_rawseti(state_, 1, other);
}

int Sorter::Partition(int low, int high) {
  Swap((low + high) / 2, high - 1);
  Push(high - 1);  // the pivot stays there until the end
  int left = low;
  int right = high - 1;
  for (;;) {
    for (Push(++left); IsBefore(-1, -2); Push(++left)) {
      if (left > high) RefuseOrder();
      lua_pop(state_, 1);
    }
    for (Push(--right); IsBefore(-3, -1); Push(--right)) {
      if (right < low) RefuseOrder();
      lua_pop(state_, 1);
    }
    if (right < left) break;
    lua_rawseti(state_, 1, left);
    lua_rawseti(state_, 1, right);
  }
  lua_pop(state_, 3);
  Swap(high - 1, left);
  return left;
}

// The larger part comes last, without a call, so that calls nest as often only as the length has digits.
void Sorter::Sort(int low, int high) {
  while (low < high) {
    PutInOrder(low, high);
    if (high - low == 1) return;
    const int middle = (low + high) / 2;
    if (!PutInOrder(low, middle)) PutInOrder(middle, high);
    if (high - low == 2) return;
    const int pivot = Partition(low, high);
    if (pivot - low < high - pivot) {
      Sort(low, pivot - 1);
      low = pivot + 1;
    } else {
      Sort(pivot + 1, high);
      high = pivot - 1;
    }
  }
}

}  // namespace

int TableSort(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  const auto length = static_cast<int>(lua_objlen(state, 1));
  luaL_checkstack(state, 40, "");
  if (!lua_isnoneornil(state, 2)) luaL_checktype(state, 2, LUA_TFUNCTION);
  lua_settop(state, 2);
  Interpreter& interpreter = Interpreter::Of(state);
  interpreter.Enter(state);
  Sorter(state).Sort(1, length);
  interpreter.Leave();
  return 0;
}

}  // namespace ringkv::server::lua
