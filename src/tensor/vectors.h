/* vectors.h - what gcc and clang say differently of vectors, an extension of both.
 *
 * + and * work on all elements of a vector, a number times a vector on each. Owns nothing; knows no width. */
#ifndef TENSOR_VECTORS_H
#define TENSOR_VECTORS_H

#include "tensor/real.h"

#include <stdint.h>

/* How many bytes a real has, for the preprocessor. */
#define REAL_SIZE_float 4
#define REAL_SIZE_double 8
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define REAL_SIZE JOIN(REAL_SIZE_, REAL)

/* An integer as large as a real. */
#if REAL_SIZE == 4
typedef int32_t Index;
#else
typedef int64_t Index;
#endif

/* The elements of a and b by number, those of b counted on from a's; `indices` is the type of a vector of as many Index. */
#if defined __clang__
#define SHUFFLE(indices, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(indices, a, b, ...) __builtin_shuffle(a, b, (indices){__VA_ARGS__})
#endif

/* The same, where which ones is not known before: gcc only, clang has no word for it. */
#if !defined __clang__
#define PICK(a, b, which) __builtin_shuffle(a, b, which)
#endif

/* Unrolls the following loop, whose count the compiler knows. */
#if defined __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Leaves the following loop, of as many turns as a vector has elements, to be made one of vectors: unrolled, it would be one of numbers. */
#if defined __clang__
#define KEEP_LOOP _Pragma("clang loop unroll(disable)")
#else
#define KEEP_LOOP _Pragma("GCC unroll 1")
#endif

/* A function that becomes part of those that call it. */
#define INLINE static inline __attribute__((always_inline))

/* A function that is compiled once for each width of vector; the processor's is chosen when the program starts. CLONES_FUSE: 1 where
 * the wide ones have an instruction for a multiplication and an addition. (Before gcc 12 only single features can be named: "avx2" alone never
 * fuses the two; "avx512f" would in some places of a loop and not in others.) */
#if !defined __x86_64__ || !defined __gnu_linux__ || defined __SANITIZE_ADDRESS__ || defined __clang__
#define CLONES
#define CLONES_FUSE 0
#elif __GNUC__ >= 12
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define CLONES_FUSE 1
#else
#define CLONES __attribute__((target_clones("avx2", "default")))
#define CLONES_FUSE 0
#endif

#endif
