#pragma once

#include <cstdio>
#include <cstdlib>

/// A broken invariant of ours (never a stranger's doing): say where, and abort.
#define TURNPIKE_ASSERT(condition)                                                              \
    do {                                                                                        \
        if (!(condition)) [[unlikely]] {                                                        \
            std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                       \
        }                                                                                       \
    } while (false)
