// SPDX-License-Identifier: MIT
#include "server/scripts/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <boost/context/detail/fcontext.hpp>
#include <new>

#include "storage/base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define RINGKV_FIBER_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RINGKV_FIBER_ASAN
#endif
#endif

#ifdef RINGKV_FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef RINGKV_THREAD_SANITIZED
#include <sanitizer/tsan_interface.h>
#endif

namespace ringkv::server {

namespace context = boost::context::detail;

// What the sanitizers are told.
struct Fiber::Switching {
#ifdef RINGKV_FIBER_ASAN
  static void BeforeEntering(Fiber& fiber) {
    __sanitizer_start_switch_fiber(&fiber.fake_stack_outside_, StackBottom(fiber), StackBytes(fiber));
  }
  static void Entered(Fiber& fiber) {
    __sanitizer_finish_switch_fiber(fiber.fake_stack_inside_, &fiber.outside_bottom_, &fiber.outside_bytes_);
  }
  static void BeforeLeaving(Fiber& fiber) {
    __sanitizer_start_switch_fiber(&fiber.fake_stack_inside_, fiber.outside_bottom_, fiber.outside_bytes_);
  }
  static void Left(Fiber& fiber) { __sanitizer_finish_switch_fiber(fiber.fake_stack_outside_, nullptr, nullptr); }
  static const void* StackBottom(const Fiber& fiber) { return static_cast<char*>(fiber.memory_) + ::getpagesize(); }
  static size_t StackBytes(const Fiber& fiber) { return fiber.bytes_ - static_cast<size_t>(::getpagesize()); }
  static void Make(Fiber&) {}
  static void Destroy(Fiber&) {}
#elif defined(RINGKV_THREAD_SANITIZED)
  static void BeforeEntering(Fiber& fiber) {
    fiber.checked_outside_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber.checked_, 0);
  }
  static void Entered(Fiber&) {}
  static void BeforeLeaving(Fiber& fiber) { __tsan_switch_to_fiber(fiber.checked_outside_, 0); }
  static void Left(Fiber&) {}
  static void Make(Fiber& fiber) { fiber.checked_ = __tsan_create_fiber(0); }
  static void Destroy(Fiber& fiber) { __tsan_destroy_fiber(fiber.checked_); }
#else
  static void BeforeEntering(Fiber&) {}
  static void Entered(Fiber&) {}
  static void BeforeLeaving(Fiber&) {}
  static void Left(Fiber&) {}
  static void Make(Fiber&) {}
  static void Destroy(Fiber&) {}
#endif

  // The lowest function on the stack: runs one body after the other.
  [[noreturn]] static void Main(context::transfer_t from) {
    auto& fiber = *static_cast<Fiber*>(from.data);
    fiber.outside_ = from.fctx;
    Entered(fiber);
    for (;;) {
      fiber.body_(fiber.with_);
      fiber.body_ = nullptr;
      fiber.Leave();
    }
  }
};

Fiber::Fiber(size_t stack_bytes) {
  const auto page = static_cast<size_t>(::getpagesize());
  bytes_ = (stack_bytes + page - 1) / page * page + page;
  memory_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory_ == MAP_FAILED) throw std::bad_alloc();
  ::mprotect(memory_, page, PROT_NONE);
  inside_ = context::make_fcontext(static_cast<char*>(memory_) + bytes_, bytes_ - page, &Switching::Main);
  Switching::Make(*this);
}

Fiber::~Fiber() {
  RINGKV_CHECK(body_ == nullptr);
  Switching::Destroy(*this);
  ::munmap(memory_, bytes_);
}

bool Fiber::Start(Body body, void* with) {
  body_ = body;
  with_ = with;
  return Enter();
}

bool Fiber::Resume() { return Enter(); }

void Fiber::Suspend() { Leave(); }

bool Fiber::Enter() {
  Switching::BeforeEntering(*this);
  inside_ = context::jump_fcontext(inside_, this).fctx;
  Switching::Left(*this);
  return body_ == nullptr;
}

void Fiber::Leave() {
  Switching::BeforeLeaving(*this);
  outside_ = context::jump_fcontext(outside_, nullptr).fctx;
  Switching::Entered(*this);
}

}  // namespace ringkv::server
