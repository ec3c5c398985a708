# shellcheck shell=bash
# ./dev conformance, ./dev bench, ./dev fuzz, ./dev coverage, ./dev fmt. Sourced by ./dev.

# What it says besides the results goes to stderr: stdout may be JSON.
dev_conformance() {
    local given=" $* "
    {
        install_packages build test
        npm_install tests
        if [[ $given != *' --help '* && $given != *' -h '* && $given != *' --server'* ]]; then
            build_preset release turnpike-relay
            if [[ $given == *' --coturn '* ]]; then unpack_coturn; fi
        fi
    } >&2
    TURNPIKE_BIN=$root/build/release/bin TURNPIKE_TOOLS=$root/build/tools/bin node tests/conformance/main.mjs "$@"
}

dev_bench() {
    if [[ ${1:-} == micro ]]; then
        shift
        micro_bench "$@"
        return
    fi
    local given=" $* "
    {
        if [[ $given == *' --help '* || $given == *' -h '* || $given == *' --list '* ]]; then
            npm_install tests
        else
            install_packages build test
            npm_install tests
            build_preset release turnpike-relay turnpike-bench
            unpack_coturn
        fi
    } >&2
    TURNPIKE_BIN=$root/build/release/bin TURNPIKE_TOOLS=$root/build/tools/bin node benchmarks/suite/main.mjs "$@"
}

micro_bench() {
    case ${1:-} in
        -h | --help)
            cat <<'TEXT'
Usage: ./dev bench micro [GOOGLE BENCHMARK OPTIONS]

Micro-benchmarks of the hot paths: time and heap allocations of one operation.

Examples:
  ./dev bench micro
  ./dev bench micro --benchmark_filter=ChannelData --benchmark_repetitions=5
TEXT
            return 0
            ;;
    esac
    install_packages build test
    build_preset bench micro_bench
    build/bench/bin/micro_bench --benchmark_counters_tabular=true "$@"
}

dev_fuzz() {
    local targets=() file name
    for file in tests/fuzz/*_fuzz.cpp; do
        [[ -e $file ]] || continue
        name=$(basename "$file" _fuzz.cpp)
        targets+=("$name")
    done
    case ${1:-} in
        -h | --help)
            cat <<TEXT
Usage: ./dev fuzz [--fast] [TARGET] [SECONDS]

Searches for inputs that break a parser, each TARGET for SECONDS (60), starting from its corpus in
tests/fuzz/corpus, under ASan and UBSan; with --fast without them, which tries many more inputs a
second. What it finds interesting goes to build/fuzz-corpus; a crash is kept in build/fuzz-crashes
and belongs into the corpus once it is understood.

Targets: ${targets[*]}

Examples:
  ./dev fuzz                     all of them, a minute each
  ./dev fuzz ${targets[0]:-stun} 600
  ./dev fuzz --fast stun_parse 20
TEXT
            return 0
            ;;
    esac
    local seconds=60 preset=fuzz
    if [[ ${1:-} == --fast ]]; then
        preset=fuzz-fast
        shift
    fi
    if [[ ${1:-} =~ ^[0-9]+$ ]]; then
        seconds=$1
    elif [[ -n ${1:-} ]]; then
        local wanted=${1%_fuzz}
        [[ " ${targets[*]} " == *" $wanted "* ]] ||
            fail_usage "there is no fuzz target '$1'; there are: ${targets[*]}"
        targets=("$wanted")
        seconds=${2:-60}
    fi
    [[ $seconds =~ ^[0-9]+$ ]] || fail_usage "SECONDS is a number, not '$seconds'"
    install_packages build fuzz
    build_preset "$preset" "${targets[@]/%/_fuzz}"
    # As many at a time as there are processors.
    local -A fuzzing=()
    local failed=0 pid
    for name in "${targets[@]}"; do
        while ((${#fuzzing[@]} >= jobs)); do fuzz_ended; done
        mkdir -p "build/fuzz-corpus/$name" build/fuzz-crashes "tests/fuzz/corpus/$name"
        say "  … fuzzing $name for $seconds s"
        unrandomized "build/$preset/bin/${name}_fuzz" \
            -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
            -artifact_prefix="build/fuzz-crashes/$name-" "build/fuzz-corpus/$name" "tests/fuzz/corpus/$name" \
            >"$log_folder/fuzz-$name.log" 2>&1 </dev/null &
        pid=$!
        child_started "$pid" "fuzzing $name"
        fuzzing[$pid]=$name
    done
    while ((${#fuzzing[@]} > 0)); do fuzz_ended; done
    [[ $failed -eq 0 ]]
}

# Waits for one of `fuzzing` and says how it went; counts `failed`.
fuzz_ended() {
    local pid status=0 name log
    wait -n -p pid "${!fuzzing[@]}" || status=$?
    name=${fuzzing[$pid]} log=$log_folder/fuzz-${fuzzing[$pid]}.log
    unset "fuzzing[$pid]"
    child_ended "$pid"
    if [[ $status -eq 0 ]]; then
        local inputs rate
        inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
        good "$name: $inputs inputs, $rate a second, none broke it"
    else
        failed=$((failed + 1))
        printf '%s✖ %s%s: see build/fuzz-crashes and %s\n' "$red" "$name" "$plain" "$log" >&2
        show_failure "$log" >&2
    fi
}

dev_coverage() {
    case ${1:-} in
        -h | --help)
            cat <<'TEXT'
Usage: ./dev coverage [ROOM...]

Builds with gcov, runs the tests and the fuzzers' corpora of the rooms (turn/stun and turn/core unless
given) and prints which lines they ran. A page per file is in build/coverage/html.

Examples:
  ./dev coverage
  ./dev coverage common/base
TEXT
            return 0
            ;;
    esac
    local rooms=("$@") room file name binaries=() programs=() filters=()
    [[ ${#rooms[@]} -gt 0 ]] || rooms=(turn/stun turn/core)
    for room in "${rooms[@]}"; do
        [[ -d $room && -d tests/$room ]] || fail_usage "there is no room '$room' with tests"
        binaries+=("test_${room//\//_}")
        filters+=(--filter "$room/")
        for file in tests/fuzz/*_fuzz.cpp; do
            grep -q "^// rooms: .*$room" "$file" && binaries+=("$(basename "$file" .cpp)")
        done
    done
    mapfile -t programs < <(printf '%s\n' "${binaries[@]}" | LC_ALL=C sort -u)
    install_packages build test coverage
    build_preset coverage "${programs[@]}"
    find build/coverage -name '*.gcda' -delete
    for name in "${programs[@]}"; do
        if [[ $name == *_fuzz ]]; then
            step "corpus of ${name%_fuzz}" "coverage-$name" "build/coverage/bin/$name" "tests/fuzz/corpus/${name%_fuzz}"
        else
            step "$name" "coverage-$name" "build/coverage/bin/$name" --gtest_brief=1
        fi
    done
    mkdir -p build/coverage/html
    # gcov 12 may count a branch below zero, which has nothing to do with the lines.
    gcovr --root . "${filters[@]}" --object-directory build/coverage --gcov-ignore-parse-errors --exclude-unreachable-branches \
        --exclude-throw-branches --sort-uncovered --txt --html-details build/coverage/html/index.html -j "$jobs" build/coverage
}

dev_fmt() {
    local check=false
    case ${1:-} in
        -h | --help)
            cat <<'TEXT'
Usage: ./dev fmt [--check] [FILE...]

Formats the C++ sources with clang-format 14; --check only names the files that it would change and
exits 1 if there are any.
TEXT
            return 0
            ;;
        --check)
            check=true
            shift
            ;;
        -*) fail_usage "there is no ./dev fmt $1" ;;
    esac
    command -v clang-format-14 >/dev/null || install_packages fmt
    local files=("$@") wrong=0 file
    [[ ${#files[@]} -gt 0 ]] || mapfile -t files < <(find admin benchmarks common signaling tests turn \
        -name node_modules -prune -o \( -name '*.cpp' -o -name '*.hpp' \) -print | LC_ALL=C sort)
    if $check; then
        for file in "${files[@]}"; do
            if ! clang-format-14 "$file" | cmp -s - "$file"; then
                say "$file"
                wrong=$((wrong + 1))
            fi
        done
        say "$wrong of ${#files[@]} files want formatting"
        [[ $wrong -eq 0 ]]
    else
        clang-format-14 -i "${files[@]}"
        say "${#files[@]} files formatted"
    fi
}
