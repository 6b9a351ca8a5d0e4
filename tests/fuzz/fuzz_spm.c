/* fuzz_spm.c - a libFuzzer target: clang -fsanitize=fuzzer,address,undefined, with tests/corrupt/parsers.c. */
#include "../corrupt/parsers.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    return parser_fuzz("spm", bytes, n);
}
