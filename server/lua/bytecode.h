// SPDX-License-Identifier: MIT
// LuaJIT's bytecode as lua_dump writes it, version 2 (LuaJIT 2.1): as much of it as rewriting calls and names needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace ringkv::server::lua::bytecode {

// A dump: this, flags, the length and the name of the chunk, and functions up to one of length 0.
inline constexpr std::string_view kMagic = "\x1bLJ\x02";
inline constexpr uint32_t kStripped = 0x02;
inline constexpr uint32_t kHasForeignData = 0x04;
inline constexpr uint32_t kTwoSlotFrames = 0x08;

inline constexpr size_t kInstructionBytes = 4;
inline constexpr int64_t kJumpBias = 0x8000;
inline constexpr uint8_t kLastLoopVariable = 6;  // variables of loops have a number instead of a name

enum Opcode : uint8_t {
  kMov = 18,
  kUpvalueGet = 45,
  kClose = 50,
  kGlobalGet = 54,
  kGlobalSet = 55,
  kTableGetV = 56,
  kTableGetS = 57,
  kTableGetR = 59,
  kCallM = 65,
  kCall = 66,
  kTailCallM = 67,
  kTailCall = 68,
  kIsNext = 72,
  kReturnM = 73,
  kForI = 77,
  kForL = 79,
  kIterL = 82,
  kLoop = 85,
  kJump = 88,
};

enum Constant : uint32_t { kChild = 0, kTable = 1, kText = 5 };  // kText and above: its length is added
enum TableConstant : uint32_t { kIntegerField = 3, kNumberField = 4, kTextField = 5 };  // likewise

// Operands A, B and C of a byte each, or A and D, of two bytes in the place of C and B.
struct Instruction {
  uint32_t word = 0;

  uint8_t opcode() const { return static_cast<uint8_t>(word); }
  uint8_t a() const { return static_cast<uint8_t>(word >> 8); }
  uint8_t b() const { return static_cast<uint8_t>(word >> 24); }
  uint32_t d() const { return word >> 16; }
  Instruction WithOpcode(Opcode opcode) const { return {(word & ~0xffu) | opcode}; }
  Instruction WithD(uint32_t d) const { return {(word & 0xffff) | d << 16}; }

  bool is_jump() const {
    const uint8_t code = opcode();
    return code == kClose || code == kIsNext || code == kForI || code == kForL || code == kIterL || code == kLoop ||
           code == kJump;
  }
  bool is_tail_call() const { return opcode() == kTailCall || opcode() == kTailCallM; }
};

// Reads fields one after the other. What LuaJIT has written itself is not checked.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::string_view Take(size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  uint8_t Byte() { return static_cast<uint8_t>(Take(1).front()); }
  // ULEB128
  uint32_t Number() {
    uint32_t number = 0;
    for (int shift = 0;; shift += 7) {
      const uint8_t byte = Byte();
      number |= static_cast<uint32_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return number;
    }
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

inline void PutNumber(std::string& out, uint32_t number) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
  out.push_back(static_cast<char>(number));
}

inline void PutInstruction(std::string& out, Instruction instruction) {
  char bytes[kInstructionBytes];
  std::memcpy(bytes, &instruction.word, sizeof bytes);
  out.append(bytes, sizeof bytes);
}

inline Instruction InstructionAt(std::string_view code, size_t index) {
  Instruction instruction;
  std::memcpy(&instruction.word, code.data() + index * kInstructionBytes, kInstructionBytes);
  return instruction;
}

}  // namespace ringkv::server::lua::bytecode
