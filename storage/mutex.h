// SPDX-License-Identifier: MIT
// A mutex that Clang's thread safety analysis understands: members say GUARDED_BY, functions say REQUIRES, and the
// `lint` build turns an unguarded access into an error.
//
// Lock order, everywhere: what serves blocked clients, then partitions ascending, then whatever an observer of changes
// needs, or the log's writer, then the log's buffer or a snapshot's file, then nothing.
#pragma once

#include <mutex>

#if defined(__clang__)
#define RINGKV_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define RINGKV_THREAD_ANNOTATION(x)
#endif

#define CAPABILITY(x) RINGKV_THREAD_ANNOTATION(capability(x))
#define SCOPED_CAPABILITY RINGKV_THREAD_ANNOTATION(scoped_lockable)
#define GUARDED_BY(x) RINGKV_THREAD_ANNOTATION(guarded_by(x))
#define REQUIRES(...) RINGKV_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) RINGKV_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) RINGKV_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
// For locks that are taken in a loop or conditionally, which the analysis can't follow.
#define NO_THREAD_SAFETY_ANALYSIS RINGKV_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace ringkv::storage {

class CAPABILITY("mutex") Mutex {
 public:
  void Lock() ACQUIRE() { mutex_.lock(); }
  void Unlock() RELEASE() { mutex_.unlock(); }
  std::mutex& native() { return mutex_; }  // for condition variables

 private:
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace ringkv::storage
