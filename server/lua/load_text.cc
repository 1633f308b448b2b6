// SPDX-License-Identifier: MIT
#include "server/lua/load_text.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/lua/bytecode.h"
#include "server/lua/interpreter.h"
#include "server/lua/sandbox.h"

namespace ringkv::server::lua {

namespace {

using bytecode::Instruction;

void SkipField(bytecode::Reader& reader) {
  const uint32_t kind = reader.Number();
  if (kind >= bytecode::kTextField) reader.Take(kind - bytecode::kTextField);
  if (kind == bytecode::kIntegerField || kind == bytecode::kNumberField) reader.Number();
  if (kind == bytecode::kNumberField) reader.Number();
}

void SkipTable(bytecode::Reader& reader) {
  const uint32_t array = reader.Number();
  const uint32_t pairs = reader.Number();
  for (uint32_t i = 0; i < array + 2 * pairs; ++i) SkipField(reader);
}

// The texts of constants, by the operand that stands for them; others are empty. `constants`: as in a dump, where the
// last one has the operand 0.
std::vector<std::string_view> TextsOf(std::string_view constants, size_t count) {
  std::vector<std::string_view> texts(count);
  bytecode::Reader reader(constants);
  for (size_t operand = count; operand-- > 0;) {
    const uint32_t kind = reader.Number();
    if (kind >= bytecode::kText) {
      texts[operand] = reader.Take(kind - bytecode::kText);
    } else if (kind == bytecode::kTable) {
      SkipTable(reader);
    }
  }
  return texts;
}

// One function of a dump.
class Prototype {
 public:
  explicit Prototype(std::string_view bytes);

  bool WritesGlobals() const;
  // From now on it reaches libraries directly.
  void UseDirectLibraries();
  bool is_rewritten() const { return !converted_.empty() || !new_texts_.empty(); }
  // All but its length.
  std::string Rewritten() const;

 private:
  size_t instructions() const { return code_.size() / bytecode::kInstructionBytes; }
  // At the start of the constants: what the upvalues are.
  size_t upvalue_bytes() const { return 2 * static_cast<size_t>(static_cast<uint8_t>(head_[3])); }
  bool CallsUpvalue(size_t call) const;
  // Whether this instruction gets a library only to get a field of it.
  bool GetsField(size_t get) const;
  uint32_t OperandOf(const std::string& new_text);
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
  std::vector<std::string> new_texts_;
  std::map<size_t, uint32_t> new_operands_;  // by instruction
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

bool Prototype::WritesGlobals() const {
  if (code_.empty()) return true;  // for all that is known
  for (size_t i = 0; i < instructions(); ++i) {
    if (bytecode::InstructionAt(code_, i).opcode() == bytecode::kGlobalSet) return true;
  }
  return false;
}

// The register that has got the library loses it again, so nothing else can see it.
bool Prototype::GetsField(size_t get) const {
  if (get + 1 == instructions()) return false;
  const Instruction library = bytecode::InstructionAt(code_, get);
  const Instruction field = bytecode::InstructionAt(code_, get + 1);
  return library.opcode() == bytecode::kGlobalGet && field.opcode() == bytecode::kTableGetS &&
         field.a() == library.a() && field.b() == library.a();
}

void Prototype::UseDirectLibraries() {
  const std::vector<std::string_view> texts = TextsOf(constants_.substr(upvalue_bytes()), objects_);
  for (size_t i = 0; i < instructions(); ++i) {
    if (!GetsField(i)) continue;
    const std::string_view name = texts[bytecode::InstructionAt(code_, i).d()];
    if (IsLibrary(name)) new_operands_[i] = OperandOf(DirectName(name));
  }
}

uint32_t Prototype::OperandOf(const std::string& new_text) {
  const auto found = std::find(new_texts_.begin(), new_texts_.end(), new_text);
  const auto index = static_cast<uint32_t>(found - new_texts_.begin());
  if (found == new_texts_.end()) new_texts_.push_back(new_text);
  return objects_ + index;
}

size_t Prototype::Moved(size_t index) const {
  return index +
         static_cast<size_t>(std::lower_bound(converted_.begin(), converted_.end(), index) - converted_.begin());
}

// Its jump leads to the same instruction as before.
Instruction Prototype::Adjusted(size_t index) const {
  const Instruction instruction = bytecode::InstructionAt(code_, index);
  if (const auto found = new_operands_.find(index); found != new_operands_.end()) {
    return instruction.WithD(found->second);
  }
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
  bytecode::PutNumber(out, objects_ + static_cast<uint32_t>(new_texts_.size()));
  bytecode::PutNumber(out, numbers_);
  bytecode::PutNumber(out, static_cast<uint32_t>(instructions() + converted_.size()));
  bytecode::PutNumber(out, static_cast<uint32_t>(debug.size()));
  bytecode::PutNumber(out, first_line_);
  bytecode::PutNumber(out, line_count_);
  PutCode(out);
  out.append(constants_.substr(0, upvalue_bytes()));
  for (auto text = new_texts_.rbegin(); text != new_texts_.rend(); ++text) {
    bytecode::PutNumber(out, static_cast<uint32_t>(bytecode::kText + text->size()));
    out.append(*text);
  }
  return out.append(constants_.substr(upvalue_bytes())).append(debug);
}

// Jumps reach 2^15 instructions: longer functions are left as they are.
constexpr size_t kMaxFunctionBytes = 0x4000 * bytecode::kInstructionBytes;

// A chunk.
class Dump {
 public:
  explicit Dump(std::string_view bytes);

  // Whether it is of the version that can be rewritten.
  bool is_known() const { return is_known_; }
  bool has_foreign_data() const { return (flags_ & bytecode::kHasForeignData) != 0; }
  bool WritesGlobals() const;
  void UseDirectLibraries();
  // Empty: nothing is to be rewritten.
  std::string Rewritten() const;

 private:
  struct Function {
    std::string_view bytes;
    std::optional<Prototype> prototype;  // unless it is too long
  };

  uint32_t flags_ = 0;
  bool is_known_ = false;
  std::string_view head_;
  std::vector<Function> functions_;
};

Dump::Dump(std::string_view bytes) {
  if (!bytes.starts_with(bytecode::kMagic)) return;
  bytecode::Reader reader(bytes);
  reader.Take(bytecode::kMagic.size());
  flags_ = reader.Number();
  is_known_ = (flags_ & bytecode::kStripped) == 0 && (flags_ & bytecode::kTwoSlotFrames) != 0;
  if (!is_known_ || has_foreign_data()) return;
  reader.Take(reader.Number());
  head_ = bytes.substr(0, bytes.size() - reader.rest().size());
  while (const uint32_t size = reader.Number()) {
    const std::string_view function = reader.Take(size);
    functions_.push_back({.bytes = function, .prototype = {}});
    if (size <= kMaxFunctionBytes) functions_.back().prototype.emplace(function);
  }
}

bool Dump::WritesGlobals() const {
  return std::any_of(functions_.begin(), functions_.end(), [](const Function& function) {
    return !function.prototype || function.prototype->WritesGlobals();
  });
}

void Dump::UseDirectLibraries() {
  for (Function& function : functions_) function.prototype->UseDirectLibraries();
}

std::string Dump::Rewritten() const {
  std::string out(head_);
  bool is_rewritten = false;
  for (const Function& function : functions_) {
    const bool changes = function.prototype && function.prototype->is_rewritten();
    const std::string rewritten = changes ? function.prototype->Rewritten() : std::string();
    const std::string_view bytes = changes ? rewritten : function.bytes;
    bytecode::PutNumber(out, static_cast<uint32_t>(bytes.size()));
    out.append(bytes);
    is_rewritten = is_rewritten || changes;
  }
  out.push_back('\0');
  return is_rewritten ? out : std::string();
}

int AppendToDump(lua_State*, const void* bytes, size_t size, void* dump) {
  static_cast<std::string*>(dump)->append(static_cast<const char*>(bytes), size);
  return 0;
}

enum class Recoded : uint8_t { kDone, kFailed, kHasForeignData };

// Rewrites the function on top of the stack; if that fails, an error's text is there. Raises no error. LUA_NOREF:
// without direct globals.
Recoded Recode(lua_State* state, const char* name, int direct_globals) {
  std::string bytes;
  if (lua_dump(state, AppendToDump, &bytes) != 0) return Recoded::kDone;
  Dump dump(bytes);
  if (dump.has_foreign_data()) return Recoded::kHasForeignData;
  const bool is_direct = dump.is_known() && direct_globals != LUA_NOREF && !dump.WritesGlobals();
  if (is_direct) dump.UseDirectLibraries();
  if (const std::string rewritten = dump.Rewritten(); !rewritten.empty()) {
    lua_pop(state, 1);
    if (luaL_loadbufferx(state, rewritten.data(), rewritten.size(), name, "b") != 0) return Recoded::kFailed;
  }
  if (is_direct) {
    lua_rawgeti(state, LUA_REGISTRYINDEX, direct_globals);
    lua_setfenv(state, -2);
  }
  return Recoded::kDone;
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

// As LoadText and LoadScript.
int Load(lua_State* state, std::string_view text, const char* name, int direct_globals) {
  PiecesOfText pieces(text);
  const int status = lua_loadx(state, PiecesOfText::Next, &pieces, name, "t");
  if (Interpreter::Of(state).is_unwinding()) Interpreter::Of(state).Unwind(state);
  if (status != 0) return status;
  switch (Recode(state, name, direct_globals)) {
    case Recoded::kDone: return 0;
    case Recoded::kFailed: return LUA_ERRMEM;
    case Recoded::kHasForeignData: break;
  }
  lua_pop(state, 1);
  lua_pushfstring(state, "%s: malformed number", name[0] == '@' ? name + 1 : name);
  return LUA_ERRSYNTAX;
}

}  // namespace

int LoadText(lua_State* state, std::string_view text, const char* name) { return Load(state, text, name, LUA_NOREF); }

int LoadScript(lua_State* state, std::string_view text, const char* name, const Sandbox& sandbox) {
  return Load(state, text, name, sandbox.direct_globals);
}

}  // namespace ringkv::server::lua
