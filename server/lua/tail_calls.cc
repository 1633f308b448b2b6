// SPDX-License-Identifier: MIT
#include "server/lua/tail_calls.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/lua/bytecode.h"
#include "server/lua/interpreter.h"

namespace ringkv::server::lua {

namespace {

using bytecode::Instruction;

// One function of a dump.
class Prototype {
 public:
  explicit Prototype(std::string_view bytes);

  bool is_rewritten() const { return !converted_.empty(); }
  // All but its length.
  std::string Rewritten() const;

 private:
  size_t instructions() const { return code_.size() / bytecode::kInstructionBytes; }
  bool CallsUpvalue(size_t call) const;
  // Where the instruction of this index will be.
  size_t Moved(size_t index) const;
  Instruction Adjusted(size_t index) const;
  void PutCode(std::string& out) const;
  void PutLines(std::string& out) const;
  void PutVariables(std::string& out) const;

  std::string_view head_;  // flags, parameters, size of the frame, upvalues: a byte each
  uint32_t objects_ = 0;   // constants
  uint32_t numbers_ = 0;   // constants
  std::string_view code_;
  std::string_view constants_;  // and upvalues
  uint32_t first_line_ = 0;
  uint32_t line_count_ = 0;
  size_t line_bytes_ = 0;  // of each instruction's line
  std::string_view lines_;
  std::string_view upvalue_names_;
  std::string_view variables_;
  std::vector<size_t> converted_;  // tail calls, in order
};

Prototype::Prototype(std::string_view bytes) {
  bytecode::Reader reader(bytes);
  head_ = reader.Take(4);
  objects_ = reader.Number();
  numbers_ = reader.Number();
  const size_t count = reader.Number();
  const size_t debug_bytes = reader.Number();
  if (debug_bytes == 0) return;
  first_line_ = reader.Number();
  line_count_ = reader.Number();
  line_bytes_ = line_count_ < 256 ? 1 : line_count_ < 65536 ? 2 : 4;
  code_ = reader.Take(count * bytecode::kInstructionBytes);
  constants_ = reader.Take(reader.rest().size() - debug_bytes);
  lines_ = reader.Take(count * line_bytes_);
  const std::string_view names = reader.rest();
  for (int upvalues = static_cast<uint8_t>(head_[3]); upvalues > 0; --upvalues) {
    reader.Take(reader.rest().find('\0') + 1);
  }
  upvalue_names_ = names.substr(0, names.size() - reader.rest().size());
  variables_ = reader.rest();
  for (size_t i = 0; i < instructions(); ++i) {
    if (bytecode::InstructionAt(code_, i).is_tail_call() && !CallsUpvalue(i)) converted_.push_back(i);
  }
}

// The called function is what the register has got last. Only the arguments come after that.
bool Prototype::CallsUpvalue(size_t call) const {
  constexpr size_t kMaxArguments = 1000;  // in instructions
  const uint8_t function = bytecode::InstructionAt(code_, call).a();
  for (size_t i = call; i > 0 && call - i < kMaxArguments;) {
    --i;
    const Instruction instruction = bytecode::InstructionAt(code_, i);
    if (instruction.a() != function) continue;
    const uint8_t opcode = instruction.opcode();
    if (opcode == bytecode::kUpvalueGet) return true;
    if (opcode == bytecode::kMov || opcode == bytecode::kGlobalGet || opcode == bytecode::kCall ||
        (opcode >= bytecode::kTableGetV && opcode <= bytecode::kTableGetR)) {
      return false;
    }
  }
  return true;
}

size_t Prototype::Moved(size_t index) const {
  return index +
         static_cast<size_t>(std::lower_bound(converted_.begin(), converted_.end(), index) - converted_.begin());
}

// Its jump leads to the same instruction as before.
Instruction Prototype::Adjusted(size_t index) const {
  const Instruction instruction = bytecode::InstructionAt(code_, index);
  if (!instruction.is_jump()) return instruction;
  const int64_t target = static_cast<int64_t>(index) + 1 + instruction.d() - bytecode::kJumpBias;
  const int64_t distance =
      static_cast<int64_t>(Moved(static_cast<size_t>(target))) - static_cast<int64_t>(Moved(index)) - 1;
  return instruction.WithD(static_cast<uint32_t>(distance + bytecode::kJumpBias));
}

void Prototype::PutCode(std::string& out) const {
  auto next = converted_.begin();
  for (size_t i = 0; i < instructions(); ++i) {
    if (next == converted_.end() || *next != i) {
      bytecode::PutInstruction(out, Adjusted(i));
      continue;
    }
    ++next;
    // Operand B, the upper byte of D, is 0: all results.
    const Instruction call = bytecode::InstructionAt(code_, i);
    const bool is_multi = call.opcode() == bytecode::kTailCallM;
    bytecode::PutInstruction(out, call.WithOpcode(is_multi ? bytecode::kCallM : bytecode::kCall));
    bytecode::PutInstruction(out, call.WithOpcode(bytecode::kReturnM).WithD(0));
  }
}

void Prototype::PutLines(std::string& out) const {
  for (size_t i = 0; i < instructions(); ++i) {
    const std::string_view line = lines_.substr(i * line_bytes_, line_bytes_);
    out.append(line);
    if (std::binary_search(converted_.begin(), converted_.end(), i)) out.append(line);
  }
}

// Names with the instructions where they begin and end to be valid: the first as a distance from the variable before.
void Prototype::PutVariables(std::string& out) const {
  bytecode::Reader reader(variables_);
  size_t last = 0;
  size_t last_moved = 0;
  // Positions count from an instruction that the dump leaves out.
  const auto moved = [&](size_t position) { return position == 0 ? 0 : Moved(position - 1) + 1; };
  for (;;) {
    const auto first = static_cast<uint8_t>(reader.rest().empty() ? 0 : reader.rest().front());
    if (first == 0) break;
    out.append(reader.Take(first <= bytecode::kLastLoopVariable ? 1 : reader.rest().find('\0') + 1));
    const size_t begin = last + reader.Number();
    const size_t end = begin + reader.Number();
    bytecode::PutNumber(out, static_cast<uint32_t>(moved(begin) - last_moved));
    bytecode::PutNumber(out, static_cast<uint32_t>(moved(end) - moved(begin)));
    last = begin;
    last_moved = moved(begin);
  }
  out.append(reader.rest());
}

std::string Prototype::Rewritten() const {
  std::string debug;
  PutLines(debug);
  debug.append(upvalue_names_);
  PutVariables(debug);
  std::string out(head_);
  bytecode::PutNumber(out, objects_);
  bytecode::PutNumber(out, numbers_);
  bytecode::PutNumber(out, static_cast<uint32_t>(instructions() + converted_.size()));
  bytecode::PutNumber(out, static_cast<uint32_t>(debug.size()));
  bytecode::PutNumber(out, first_line_);
  bytecode::PutNumber(out, line_count_);
  PutCode(out);
  return out.append(constants_).append(debug);
}

// Jumps reach 2^15 instructions: longer functions are left as they are.
constexpr size_t kMaxFunctionBytes = 0x4000 * bytecode::kInstructionBytes;

// The flags of a dump; none if it is of another version.
std::optional<uint32_t> FlagsOf(std::string_view dump) {
  if (!dump.starts_with(bytecode::kMagic)) return std::nullopt;
  return bytecode::Reader(dump.substr(bytecode::kMagic.size())).Number();
}

// Empty: nothing is to be rewritten.
std::string RewrittenDump(std::string_view dump) {
  bytecode::Reader reader(dump);
  reader.Take(bytecode::kMagic.size());
  const uint32_t flags = reader.Number();
  if ((flags & bytecode::kStripped) != 0 || (flags & bytecode::kTwoSlotFrames) == 0) return {};
  reader.Take(reader.Number());
  std::string out(dump.substr(0, dump.size() - reader.rest().size()));
  bool is_rewritten = false;
  while (const uint32_t size = reader.Number()) {
    const std::string_view bytes = reader.Take(size);
    const Prototype prototype(bytes);
    if (bytes.size() <= kMaxFunctionBytes && prototype.is_rewritten()) {
      const std::string rewritten = prototype.Rewritten();
      bytecode::PutNumber(out, static_cast<uint32_t>(rewritten.size()));
      out.append(rewritten);
      is_rewritten = true;
    } else {
      bytecode::PutNumber(out, size);
      out.append(bytes);
    }
  }
  out.push_back('\0');
  return is_rewritten ? out : std::string();
}

int AppendToDump(lua_State*, const void* bytes, size_t size, void* dump) {
  static_cast<std::string*>(dump)->append(static_cast<const char*>(bytes), size);
  return 0;
}

// Of the function on top of the stack. Raises no error.
int RewriteCalls(lua_State* state, const char* name, bool& has_foreign_data) {
  std::string dump;
  if (lua_dump(state, AppendToDump, &dump) != 0) return 0;
  const std::optional<uint32_t> flags = FlagsOf(dump);
  if (!flags) return 0;
  has_foreign_data = (*flags & bytecode::kHasForeignData) != 0;
  if (has_foreign_data) return 0;
  const std::string rewritten = RewrittenDump(dump);
  if (rewritten.empty()) return 0;
  lua_pop(state, 1);
  return luaL_loadbufferx(state, rewritten.data(), rewritten.size(), name, "b");
}

constexpr std::string_view kGoto = "goto";

// A text for the parser, which may take long.
class PiecesOfText {
 public:
  explicit PiecesOfText(std::string_view text) : rest_(text) {}

  static const char* Next(lua_State* state, void* pieces, size_t* size) {
    const std::string_view piece = static_cast<PiecesOfText*>(pieces)->TakeNext(state);
    *size = piece.size();
    return piece.empty() ? nullptr : piece.data();
  }

 private:
  std::string_view TakeNext(lua_State* state);
  void CountGotos(lua_State* state, std::string_view text);

  std::string_view rest_;
  bool has_begun_ = false;
  int gotos_ = 0;
};

// For each block and each label the parser looks at all of them. Redis has none.
void PiecesOfText::CountGotos(lua_State* state, std::string_view text) {
  constexpr int kMostGotos = 1000;
  for (size_t at = 0; (at = text.find(kGoto, at)) != std::string_view::npos; ++at) ++gotos_;
  if (gotos_ <= kMostGotos) return;
  lua_pushfstring(state, "more than %d goto statements", kMostGotos);
  lua_error(state);
}

// LuaJIT knows bytecode, marks of UTF-8 and lines of "#" by the first character, so that is a space.
std::string_view PiecesOfText::TakeNext(lua_State* state) {
  constexpr size_t kPiece = 4096;
  if (!std::exchange(has_begun_, true)) return " ";
  Interpreter::Of(state).PulseIfWanted(state);
  CountGotos(state, rest_.substr(0, kPiece + kGoto.size() - 1));
  const std::string_view piece = rest_.substr(0, kPiece);
  rest_.remove_prefix(piece.size());
  return piece;
}

}  // namespace

int LoadText(lua_State* state, std::string_view text, const char* name) {
  PiecesOfText pieces(text);
  const int status = lua_loadx(state, PiecesOfText::Next, &pieces, name, "t");
  if (Interpreter::Of(state).is_unwinding()) Interpreter::Of(state).Unwind(state);
  if (status != 0) return status;
  bool has_foreign_data = false;
  if (const int rewritten = RewriteCalls(state, name, has_foreign_data); rewritten != 0) return rewritten;
  if (!has_foreign_data) return 0;
  lua_pop(state, 1);
  lua_pushfstring(state, "%s: malformed number", name[0] == '@' ? name + 1 : name);
  return LUA_ERRSYNTAX;
}

}  // namespace ringkv::server::lua
