/* fuzz_tokenizer_json.c - a libFuzzer target: clang -fsanitize=fuzzer,address,undefined, with tests/corrupt/parsers.c. */
#include "../corrupt/parsers.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    return parser_fuzz("tokenizer_json", bytes, n);
}
