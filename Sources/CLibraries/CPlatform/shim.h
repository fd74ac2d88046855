// What Glibc's overlay and Swift's SIMD types do not offer: thread names and affinity, signals, the denormal flags,
// vector forms of square root and rounding, hardware CRC32C.
#pragma once
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

int pthread_setname_np(pthread_t thread, const char *name);
int madvise(void *address, size_t length, int advice);
int pipe2(int ends[2], int flags);

// What the kernels were compiled for: runs are only promised the same bits on the same instruction set.
static inline const char *troupe_instruction_set(void) {
#if defined(__AVX512BF16__)
  return "x86-64 AVX-512 BF16";
#elif defined(__AVX512F__)
  return "x86-64 AVX-512";
#elif defined(__AVX2__)
  return "x86-64 AVX2";
#elif defined(__x86_64__)
  return "x86-64";
#elif defined(__aarch64__)
  return "arm64";
#else
  return "unknown";
#endif
}

static inline _Bool troupe_compiled_for_avx512(void) {
#if defined(__AVX512F__)
  return 1;
#else
  return 0;
#endif
}

// SIG_IGN is a cast to a function, which Swift cannot compare.
static inline _Bool troupe_ignores_signal(int number) {
  struct sigaction action;
  return sigaction(number, 0, &action) == 0 && action.sa_handler == SIG_IGN;
}

// The cores that the calling thread may run on, one flag a core; how many flags there are, or -1.
static inline int troupe_allowed_cores(uint8_t *allowed, int count) {
  unsigned long mask[16] = {0};
  const int bits = 8 * (int)sizeof(unsigned long);
  if (count > 16 * bits || syscall(SYS_sched_getaffinity, 0, sizeof mask, mask) < 0) return -1;
  for (int core = 0; core < count; ++core) allowed[core] = mask[core / bits] >> (core % bits) & 1;
  return count;
}
// Lets a thread run on some cores only; the threads that it makes from then on as well. 0, or -1 with errno.
static inline int troupe_pin_thread(int thread, const int32_t *cores, int count) {
  unsigned long mask[16] = {0};
  const int bits = 8 * (int)sizeof(unsigned long);
  for (int i = 0; i < count; ++i) {
    if (cores[i] >= 0 && cores[i] < 16 * bits) mask[cores[i] / bits] |= 1ul << (cores[i] % bits);
  }
  return (int)syscall(SYS_sched_setaffinity, thread, sizeof mask, mask);
}

static inline void troupe_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

// Linux's MADV_HUGEPAGE (14): a hint, so its result is not looked at.
static inline void troupe_advise_huge_pages(void *address, size_t length) { (void)madvise(address, length, 14); }

#if defined(__x86_64__)
#include <immintrin.h>
// Sets flush-to-zero (bit 15) and denormals-are-zero (bit 6) of MXCSR for the calling thread; returns MXCSR as it was.
static inline unsigned troupe_flush_denormals(void) {
  unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);
  return before;
}
static inline void troupe_restore_denormals(unsigned before) { _mm_setcsr(before); }
static inline void troupe_pause(void) { _mm_pause(); }
#else
static inline unsigned troupe_flush_denormals(void) { return 0; }
static inline void troupe_restore_denormals(unsigned before) { (void)before; }
static inline void troupe_pause(void) {}
#endif

typedef float troupe_float16 __attribute__((ext_vector_type(16)));

// One vector square root; Swift's SIMD16.squareRoot() calls sqrtf lane by lane.
static inline troupe_float16 troupe_sqrt16(troupe_float16 x) { return __builtin_elementwise_sqrt(x); }
// x + a·b, rounded once. Swift's addingProduct works lane by lane, and LLVM does not always find the vectors again.
static inline troupe_float16 troupe_fma16(troupe_float16 x, troupe_float16 a, troupe_float16 b) {
  return __builtin_elementwise_fma(a, b, x);
}
static inline troupe_float16 troupe_max16(troupe_float16 x, troupe_float16 y) { return __builtin_elementwise_max(x, y); }
static inline troupe_float16 troupe_min16(troupe_float16 x, troupe_float16 y) { return __builtin_elementwise_min(x, y); }
static inline troupe_float16 troupe_abs16(troupe_float16 x) { return __builtin_elementwise_abs(x); }

typedef uint16_t troupe_ushort16 __attribute__((ext_vector_type(16)));
typedef uint32_t troupe_uint16 __attribute__((ext_vector_type(16)));
typedef int32_t troupe_int16 __attribute__((ext_vector_type(16)));
typedef float troupe_float8 __attribute__((ext_vector_type(8)));
typedef double troupe_double8 __attribute__((ext_vector_type(8)));

static inline troupe_int16 troupe_max_int16(troupe_int16 x, troupe_int16 y) { return __builtin_elementwise_max(x, y); }

// Hints that a cache line will be read, or written whole, soon.
static inline void troupe_prefetch(const void *address) { __builtin_prefetch(address, 0, 2); }
static inline void troupe_prefetch_to_write(const void *address) { __builtin_prefetch(address, 1, 3); }

// Conversions that Swift's SIMD types make lane by lane.
static inline troupe_float16 troupe_float_of_int16(troupe_int16 x) { return __builtin_convertvector(x, troupe_float16); }
static inline troupe_double8 troupe_double_of_float8(troupe_float8 x) { return __builtin_convertvector(x, troupe_double8); }

// The same vector, of which the optimizer knows nothing: taking halves of a vector otherwise makes LLVM split the whole
// chain of operations that led to it into half registers.
static inline troupe_float16 troupe_whole16(troupe_float16 x) {
#if defined(__AVX512F__)
  __asm__("" : "+v"(x));
#endif
  return x;
}

// bfloat16 is the upper half of a float32; rounds to nearest, ties to even; a NaN stays one.
static inline troupe_float16 troupe_widen_bfloat16(troupe_ushort16 x) {
  return (troupe_float16)(__builtin_convertvector(x, troupe_uint16) << 16);
}
static inline troupe_ushort16 troupe_narrow_bfloat16(troupe_float16 x) {
#if defined(__AVX512BF16__)
  // Takes denormals for zero, as lane threads do everywhere.
  return (troupe_ushort16)_mm512_cvtneps_pbh((__m512)x);
#else
  troupe_uint16 bits = (troupe_uint16)x;
  troupe_uint16 rounded = bits + 0x7FFF + ((bits >> 16) & 1);
  troupe_uint16 quiet = bits | 0x00400000;
  troupe_uint16 nan = (troupe_uint16)(x != x);
  return __builtin_convertvector(((quiet & nan) | (rounded & ~nan)) >> 16, troupe_ushort16);
#endif
}

// sum + the products of the two bfloat16 in each 32-bit lane of x and y.
static inline troupe_float16 troupe_dot_bfloat16(troupe_float16 sum, troupe_float16 x, troupe_float16 y) {
#if defined(__AVX512BF16__)
  return (troupe_float16)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)y);
#else
  troupe_uint16 a = (troupe_uint16)x, b = (troupe_uint16)y;
  sum = __builtin_elementwise_fma((troupe_float16)(a & 0xFFFF0000u), (troupe_float16)(b & 0xFFFF0000u), sum);
  return __builtin_elementwise_fma((troupe_float16)(a << 16), (troupe_float16)(b << 16), sum);
#endif
}

// One element of x and one of y in turns: of their first halves, of their second halves.
static inline troupe_float16 troupe_interleave_low16(troupe_float16 x, troupe_float16 y) {
  return __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
static inline troupe_float16 troupe_interleave_high16(troupe_float16 x, troupe_float16 y) {
  return __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

// Two bfloat16 in a 32-bit word: x in the lower half, y in the upper.
static inline troupe_float16 troupe_pair_bfloat16(troupe_float16 x, troupe_float16 y) {
  troupe_uint16 low = __builtin_convertvector(troupe_narrow_bfloat16(x), troupe_uint16);
  troupe_uint16 high = __builtin_convertvector(troupe_narrow_bfloat16(y), troupe_uint16);
  return (troupe_float16)(low | (high << 16));
}
// Transposes sixteen rows of sixteen words; strides in words. Four perfect shuffles swap the bits of row and column.
static inline void troupe_transpose16(const float *source, int64_t sourceStride, float *destination, int64_t stride) {
  troupe_float16 x[16], y[16];
  for (int i = 0; i < 16; ++i) memcpy(&x[i], source + i * sourceStride, sizeof x[i]);
#pragma clang loop unroll(full)
  for (int stage = 0; stage < 2; ++stage) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; ++i) {
      y[2 * i] = troupe_interleave_low16(x[i], x[i + 8]);
      y[2 * i + 1] = troupe_interleave_high16(x[i], x[i + 8]);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; ++i) {
      x[2 * i] = troupe_interleave_low16(y[i], y[i + 8]);
      x[2 * i + 1] = troupe_interleave_high16(y[i], y[i + 8]);
    }
  }
  for (int i = 0; i < 16; ++i) memcpy(destination + i * stride, &x[i], sizeof x[i]);
}

// The first `count` (0 to 16) of sixteen elements; the rest are read as zero and not written.
#if defined(__AVX512BW__) && defined(__AVX512VL__)
static inline troupe_float16 troupe_load_first16(const float *source, uint32_t count) {
  return (troupe_float16)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), source);
}
static inline void troupe_store_first16(float *destination, troupe_float16 x, uint32_t count) {
  _mm512_mask_storeu_ps(destination, (__mmask16)((1u << count) - 1), (__m512)x);
}
static inline troupe_ushort16 troupe_load_first_halves16(const void *source, uint32_t count) {
  return (troupe_ushort16)_mm256_maskz_loadu_epi16((__mmask16)((1u << count) - 1), source);
}
static inline void troupe_store_first_halves16(void *destination, troupe_ushort16 x, uint32_t count) {
  _mm256_mask_storeu_epi16(destination, (__mmask16)((1u << count) - 1), (__m256i)x);
}
#else
static inline troupe_float16 troupe_load_first16(const float *source, uint32_t count) {
  troupe_float16 x = 0;
  memcpy(&x, source, count * sizeof(float));
  return x;
}
static inline void troupe_store_first16(float *destination, troupe_float16 x, uint32_t count) {
  memcpy(destination, &x, count * sizeof(float));
}
static inline troupe_ushort16 troupe_load_first_halves16(const void *source, uint32_t count) {
  troupe_ushort16 x = 0;
  memcpy(&x, source, count * sizeof(uint16_t));
  return x;
}
static inline void troupe_store_first_halves16(void *destination, troupe_ushort16 x, uint32_t count) {
  memcpy(destination, &x, count * sizeof(uint16_t));
}
#endif

// CRC32C (Castagnoli) of `count` bytes continued from `crc` (which starts at 0), in hardware where there is any.
static inline uint32_t troupe_crc32c(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *p = (const uint8_t *)bytes;
  crc = ~crc;
#if defined(__SSE4_2__)
  uint64_t wide = crc;
  for (; count >= 8; count -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = (uint32_t)wide;
  for (; count; --count, ++p) crc = __builtin_ia32_crc32qi(crc, *p);
#else
  for (; count; --count, ++p) {
    crc ^= *p;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1)));
  }
#endif
  return ~crc;
}

// Memory that another process can map, as a file descriptor; -1 with errno.
static inline int troupe_shared_memory(void) { return (int)syscall(SYS_memfd_create, "troupe", 1u); }
