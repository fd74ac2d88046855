// Counts a process's allocations by thread, and apart those that one shared library asks for itself.
#pragma once
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc's own functions, which the counted ones stand in front of.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

long syscall(long number, ...);

enum { troupe_most_threads = 256 };

typedef struct {
  int thread;
  uint64_t own;
  uint64_t library;
} troupe_thread_allocations;

typedef struct {
  _Atomic int count;
  // The code of the library that is counted apart.
  uintptr_t low, high;
  troupe_thread_allocations threads[troupe_most_threads];
} troupe_allocations;

// Every object file that uses this header brings its own copy of what is defined in it; weak makes the program take
// one.
#define TROUPE_COUNTED __attribute__((weak, noinline))

TROUPE_COUNTED troupe_allocations *troupe_allocation_table(void) {
  static troupe_allocations table;
  return &table;
}

static inline troupe_thread_allocations *troupe_allocations_at(int index) {
  return &troupe_allocation_table()->threads[index];
}

static inline int troupe_allocating_threads(void) {
  int count = atomic_load(&troupe_allocation_table()->count);
  return count < troupe_most_threads ? count : troupe_most_threads;
}

static inline void troupe_count_apart(uintptr_t low, uintptr_t high) {
  troupe_allocation_table()->low = low;
  troupe_allocation_table()->high = high;
}

TROUPE_COUNTED void troupe_count_allocation(void *caller) {
  static __thread int place;
  troupe_allocations *table = troupe_allocation_table();
  if (place == 0) place = atomic_fetch_add(&table->count, 1) + 1;
  if (place > troupe_most_threads) return;
  troupe_thread_allocations *mine = &table->threads[place - 1];
  if (mine->thread == 0) mine->thread = (int)syscall(SYS_gettid);
  if ((uintptr_t)caller >= table->low && (uintptr_t)caller < table->high) {
    ++mine->library;
  } else {
    ++mine->own;
  }
}

// What stands in front of malloc and the others, under names that the linker gives to them (Package.swift). Not
// inline, so that the return address is in the caller.

TROUPE_COUNTED void *troupe_counted_malloc(size_t size) {
  troupe_count_allocation(__builtin_return_address(0));
  return __libc_malloc(size);
}

TROUPE_COUNTED void *troupe_counted_calloc(size_t count, size_t size) {
  troupe_count_allocation(__builtin_return_address(0));
  return __libc_calloc(count, size);
}

TROUPE_COUNTED void *troupe_counted_realloc(void *pointer, size_t size) {
  troupe_count_allocation(__builtin_return_address(0));
  return __libc_realloc(pointer, size);
}

TROUPE_COUNTED void *troupe_counted_aligned_alloc(size_t alignment, size_t size) {
  troupe_count_allocation(__builtin_return_address(0));
  return __libc_memalign(alignment, size);
}

TROUPE_COUNTED int troupe_counted_posix_memalign(void **result, size_t alignment, size_t size) {
  troupe_count_allocation(__builtin_return_address(0));
  *result = __libc_memalign(alignment, size);
  return *result ? 0 : 12;  // ENOMEM
}

// operator new(size_t): malloc, which it calls, would not see who asks.
TROUPE_COUNTED void *troupe_counted__Znwm(size_t size) {
  troupe_count_allocation(__builtin_return_address(0));
  return __libc_malloc(size ? size : 1);
}
