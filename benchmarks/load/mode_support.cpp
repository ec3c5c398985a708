#include "benchmarks/load/mode_support.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "benchmarks/load/modes.hpp"

namespace turnpike::bench {

int complain(const std::string& problem, int exit_code) {
    fmt::print(stderr, "turnpike-bench: {}\n", problem);
    return exit_code;
}

int exit_code_of(const Verdict& verdict) noexcept {
    switch (verdict.kind) {
        case Verdict::Kind::Clean:
            return kOk;
        case Verdict::Kind::Imperfect:
            return kNotClean;
        case Verdict::Kind::Saturated:
            return kSaturated;
    }
    return kNotClean;
}

}  // namespace turnpike::bench
