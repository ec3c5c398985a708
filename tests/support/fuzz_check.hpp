#pragma once

#include <cstdio>
#include <cstdlib>

/// For fuzz targets: a claim about the code under test that no input may break. Where it breaks, the
/// process stops, and the fuzzer keeps the input.
#define FUZZ_CHECK(claim)                                                                      \
    do {                                                                                       \
        if (!(claim)) {                                                                        \
            std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #claim);    \
            std::abort();                                                                      \
        }                                                                                      \
    } while (false)
