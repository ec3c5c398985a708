# shellcheck shell=bash
# ./dev test: builds what the suites need, runs them, counts. Sourced by ./dev.

test_usage() {
    cat <<'TEXT'
Usage: ./dev test [--all] [--list] [--no-build] [SUITE...]

Builds (release, and AddressSanitizer for the parsers and the state machine) and runs every suite, or
those named. A name stands for all below it: "interop" is all of interop/. Full output: build/log.
Suites run with the relay's engine "sockets"; range/SUITE is the same suite with the engine "range" (root).

  --all       also ASan of the drivers, ThreadSanitizer of the workers, conformance, interop and end-to-end tests
              on the range engine, slow tests (TURNPIKE_SLOW=1)
  --list      the names of the suites
  --no-build  with what is built already

The last line is "N passed, N failed, N skipped"; the exit code is 1 when something failed.

Examples:
  ./dev test
  ./dev test turn/core asan/turn/core
  ./dev test interop e2e/denied_peers
TEXT
}

asan_rooms=(common/base common/crypto turn/stun turn/core)
asan_rooms_all=(common/config common/cluster common/ops turn/net turn/server signaling/core signaling/net signaling/server)
tsan_rooms_all=(turn/net)
range_folders_all=(conformance interop e2e)  # all that relays

# The suites, in the order in which they run: the quick ones first.
list_suites() {
    local file folder
    find tests -name node_modules -prune -o -name '*_test.cpp' -printf '%h\n' | sed 's,^tests/,,' | LC_ALL=C sort -u
    for file in tests/fuzz/*_fuzz.cpp; do [[ -e $file ]] && echo "fuzz/$(basename "$file" _fuzz.cpp)"; done
    compgen -G 'benchmarks/*_bench.cpp' >/dev/null && echo bench/allocations && echo bench/hot_paths
    [[ -f signaling/web/package.json ]] && echo web/types && echo web/unit
    local room
    for room in "${asan_rooms[@]}"; do echo "asan/$room"; done
    if $all_suites; then
        for room in "${asan_rooms_all[@]}"; do echo "asan/$room"; done
        for room in "${tsan_rooms_all[@]}"; do echo "tsan/$room"; done
    fi
    for folder in conformance interop e2e browser; do
        for file in "tests/$folder"/*.test.mjs; do [[ -e $file ]] && echo "$folder/$(basename "$file" .test.mjs)"; done
    done
    echo range/turn/net
    if $all_suites; then
        echo range/asan/turn/net
        for folder in "${range_folders_all[@]}"; do
            for file in "tests/$folder"/*.test.mjs; do [[ -e $file ]] && echo "range/$folder/$(basename "$file" .test.mjs)"; done
        done
    fi
    return 0
}

dev_test() {
    local build=true patterns=() suites=() suite pattern
    all_suites=false
    while [[ $# -gt 0 ]]; do
        case $1 in
            -h | --help) test_usage; return 0 ;;
            --all) all_suites=true ;;
            --list) list_suites; return 0 ;;
            --no-build) build=false ;;
            -*) fail_usage "there is no ./dev test $1; ./dev test --help" ;;
            *) patterns+=("${1%/}") ;;
        esac
        shift
    done
    $all_suites && export TURNPIKE_SLOW=1
    # A sanitizer's suite may be named without --all, and another engine's.
    [[ "${patterns[*]:-}" == *san/* ]] && all_suites=true && export TURNPIKE_SLOW=1
    [[ "${patterns[*]:-}" == *range* ]] && all_suites=true
    while read -r suite; do
        if [[ ${#patterns[@]} -eq 0 ]]; then
            suites+=("$suite")
            continue
        fi
        for pattern in "${patterns[@]}"; do
            if [[ $suite == "$pattern" || $suite == "$pattern"/* ]]; then suites+=("$suite"); break; fi
        done
    done < <(list_suites)
    [[ ${#suites[@]} -gt 0 ]] || fail_usage "no suite is called ${patterns[*]}; ./dev test --list"

    local began
    began=$(now_ms)
    if $build; then prepare "${#patterns[@]}" "${suites[@]}"; fi

    passed=0 failed=0 skipped=0 failures=()
    for suite in "${suites[@]}"; do run_suite "$suite"; done
    say ''
    if [[ ${#failures[@]} -gt 0 ]]; then
        say "${red}Failed:$plain"
        printf '  %s\n' "${failures[@]}"
    fi
    say "${dim}$(since "$began")$plain"
    say "$passed passed, $failed failed, $skipped skipped"
    [[ $failed -eq 0 ]]
}

target_of() { printf 'test_%s' "${1//\//_}"; }

# prepare PATTERNS SUITE...: packages, programs, pages and tools that these suites use.
prepare() {
    local whole=$1 suite release=() asan=() tsan=() node=false web=false
    shift
    for suite in "${@#range/}"; do
        case $suite in
            asan/*) asan+=("$(target_of "${suite#asan/}")") ;;
            tsan/*) tsan+=("$(target_of "${suite#tsan/}")") ;;
            fuzz/*) release+=("${suite#fuzz/}_fuzz") ;;
            bench/*) release+=(micro_bench) ;;
            web/*) web=true ;;
            conformance/* | interop/* | e2e/* | browser/*) node=true ;;
            *) release+=("$(target_of "$suite")") ;;
        esac
    done
    install_packages build test
    $node && release+=(turnpike-relay turnpike-signaling turnpike turnpike-bench)
    # Everything, so that what no test covers compiles too.
    [[ $whole -eq 0 ]] && release=(all)
    if [[ ${#release[@]} -gt 0 ]]; then build_preset release "${release[@]}"; fi
    if [[ ${#asan[@]} -gt 0 ]]; then build_preset asan "${asan[@]}"; fi
    if [[ ${#tsan[@]} -gt 0 ]]; then build_preset tsan "${tsan[@]}"; fi
    if $web; then npm_install signaling/web; fi
    if $node; then
        build_web
        npm_install tests
        unpack_coturn
        unpack_haproxy
    fi
}

# Whether this process may have the relay's range engine: CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF.
range_engine_here() {
    local capabilities
    capabilities=$((16#$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)))
    (((capabilities >> 12 & 1) && (capabilities >> 13 & 1) && (capabilities >> 39 & 1)))
}

# run_suite NAME: one line, and its numbers into the sums.
run_suite() {
    local name=$1 suite=${1#range/} log=test-${1//\//-} began status=0 ok=0 bad=0 skip=0
    local -x TURNPIKE_IO_ENGINE=sockets
    [[ $name == range/* ]] && TURNPIKE_IO_ENGINE=range
    began=$(now_ms)
    rm -f "$log_folder/$log.log"
    if [[ $name == range/* ]] && ! range_engine_here; then
        skip=1
        echo "the range engine needs CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW" >"$log_folder/$log.log"
        suite=nothing
    fi
    case $suite in
        nothing) ;;
        asan/*) run_cpp asan "${suite#asan/}" || status=$? ;;
        tsan/*) run_cpp tsan "${suite#tsan/}" || status=$? ;;
        fuzz/*)
            local fuzz=${suite#fuzz/}
            watched "$name" "$log" timeout -k 5 300 "build/release/bin/${fuzz}_fuzz" "tests/fuzz/corpus/$fuzz" || status=$?
            if [[ $status -eq 0 ]]; then ok=1; fi
            ;;
        bench/allocations)
            watched "$name" "$log" check_allocations || status=$?
            count_lines "$log_folder/$log.log"
            ;;
        bench/hot_paths)
            watched "$name" "$log" check_hot_paths || status=$?
            count_lines "$log_folder/$log.log"
            ;;
        web/types)
            watched "$name" "$log" timeout -k 5 300 npm run --prefix signaling/web typecheck || status=$?
            if [[ $status -eq 0 ]]; then ok=1; fi
            ;;
        web/unit) run_vitest || status=$? ;;
        conformance/* | interop/* | e2e/* | browser/*) run_node "tests/$suite.test.mjs" || status=$? ;;
        *) run_cpp release "$suite" || status=$? ;;
    esac
    # A suite that ends badly without naming a test (a crash, a time-out) is a failure of its own.
    if [[ $status -ne 0 && $bad -eq 0 ]]; then
        bad=1
        failures+=("$name: ended with status $status (see build/log/$log.log)")
    fi
    if [[ $status -eq 0 && $((ok + bad + skip)) -eq 0 ]]; then
        bad=1
        failures+=("$name: ran no test (see build/log/$log.log)")
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    local mark="$green✔$plain" text="$ok passed"
    [[ $skip -gt 0 ]] && text+=", $skip skipped"
    if [[ $bad -gt 0 ]]; then
        mark="$red✖$plain"
        text+=", $bad failed (build/log/$log.log)"
    fi
    printf '%s %-28s %-34s %s\n' "$mark" "$name" "$text" "$(since "$began")"
}

run_cpp() {
    local preset=$1 room=$2 program result=0
    program=build/$preset/bin/$(target_of "$room")
    if [[ ! -x $program ]]; then
        echo "$program was not built" >"$log_folder/$log.log"
        return 127
    fi
    watched "$name" "$log" unrandomized timeout -k 5 600 "$program" --gtest_color=no || result=$?
    ok=$(grep -c '^\[       OK \]' "$log_folder/$log.log" || true)
    skip=$(grep -c '^\[  SKIPPED \] .*ms)$' "$log_folder/$log.log" || true)
    bad=$(grep -c '^\[  FAILED  \] .*ms)$' "$log_folder/$log.log" || true)
    remember_failures '^\[  FAILED  \] \(.*\) (.*ms)$'
    return "$result"
}

# remember_failures SED-PATTERN: the names in the log that match, at most ten of a suite.
remember_failures() {
    local line
    while read -r line; do failures+=("$name: $line"); done < <(sed -n "s/$1/\1/p" "$log_folder/$log.log" | head -10)
}

run_node() {
    local result=0
    watched "$name" "$log" timeout -k 10 900 env TURNPIKE_BIN="$root/build/release/bin" TURNPIKE_TOOLS="$root/build/tools/bin" \
        TURNPIKE_TEST_LOGS="$root/$log_folder/stacks/$name" node --test --test-reporter=tap "$1" || result=$?
    ok=$(tap_count pass) bad=$(tap_count fail)
    skip=$(($(tap_count skipped) + $(tap_count todo)))
    remember_failures '^ *not ok [0-9]* - \(.*\)$'
    return "$result"
}
tap_count() {
    local number
    number=$(sed -n "s/^# $1 \([0-9]*\)$/\1/p" "$log_folder/$log.log" | tail -1)
    printf '%s' "${number:-0}"
}

run_vitest() {
    local result=0 report=$root/$log_folder/vitest.json
    rm -f "$report"
    watched "$name" "$log" timeout -k 5 300 npm run --prefix signaling/web test -- --reporter=default --reporter=json --outputFile="$report" || result=$?
    if [[ -f $report ]]; then
        read -r ok bad skip < <(node -p 'const r = JSON.parse(require("fs").readFileSync(process.argv[1])); [r.numPassedTests, r.numFailedTests, r.numPendingTests + r.numTodoTests].join(" ")' "$report")
        [[ $bad -gt 0 ]] && failures+=("$name: $bad tests (see build/log/$log.log)")
    fi
    return "$result"
}

# The data plane allocates nothing: each benchmark of it says so by its counter. "ok NAME" or
# "not ok NAME" a line.
check_allocations() {
    timeout -k 5 300 build/release/bin/micro_bench --benchmark_format=json --benchmark_min_time=0.02 >"$log_folder/micro_bench.json" || exit $?
    node -e '
        const report = JSON.parse(require("fs").readFileSync(process.argv[1]));
        const data_plane = /^(to_peer|to_client)\b|ChannelData|Parse/;
        const seen = new Set();
        let bad = 0;
        for (const one of report.benchmarks) {
            const allocations = one.heap_allocs_per_op ?? one["allocs/op"];
            if (allocations === undefined || !data_plane.test(one.name)) continue;
            seen.add(one.name.split("/")[0]);
            if (allocations !== 0) bad += 1;
            console.log(`${allocations === 0 ? "ok" : "not ok"} ${one.name}: ${allocations} heap allocations`);
        }
        for (const name of ["to_peer", "to_client"]) {
            if (seen.has(name)) continue;
            bad += 1;
            console.log(`not ok ${name}: no such benchmark, or it counts no allocations`);
        }
        process.exitCode = bad ? 1 : 0;
    ' "$log_folder/micro_bench.json"
}

# What a hot path takes, in multiples of reference_loop, is at most what benchmarks/hot_paths.txt allows: half as much again
# and more, so a path that got twice as slow is found. Others use the processor too: counted is processor time, the
# least of several runs in mixed order, and a path over its limit is measured once more.
check_hot_paths() {
    local paths attempt
    paths=$(grep -v '^#' benchmarks/hot_paths.txt | cut -d' ' -f1)
    for attempt in 1 2 3; do
        timeout -k 5 300 build/release/bin/micro_bench --benchmark_format=json --benchmark_min_time=0.02 --benchmark_repetitions=9 \
            --benchmark_enable_random_interleaving=true \
            --benchmark_filter="^(reference_loop|$(tr '\n' '|' <<<"$paths" | sed 's/|$//'))\$" >"$log_folder/hot_paths.$attempt.json" || return $?
        # Those that were too slow every time so far.
        paths=$(hot_paths over $attempt)
        [[ -n $paths ]] || break
    done
    hot_paths report $attempt
}

# hot_paths over ATTEMPTS: the names over their limit in each of them. hot_paths report ATTEMPTS: "ok NAME" or "not ok NAME".
hot_paths() {
    node -e '
        const { readFileSync } = require("fs");
        const [what, folder, attempts] = process.argv.slice(1);
        const limits = readFileSync("benchmarks/hot_paths.txt", "utf8").split("\n").filter((line) => line && !line.startsWith("#"))
            .map((line) => line.split(/ +/)).map(([name, limit]) => [name, Number(limit)]);
        const best = new Map();
        for (let attempt = 1; attempt <= Number(attempts); attempt += 1) {
            const least = new Map();
            for (const one of JSON.parse(readFileSync(`${folder}/hot_paths.${attempt}.json`, "utf8").replace(/: NaN/g, ": null")).benchmarks) {
                if (one.run_type !== "iteration") continue;
                least.set(one.run_name, Math.min(least.get(one.run_name) ?? Infinity, one.cpu_time));
            }
            const reference = least.get("reference_loop");
            for (const [name, time] of least) best.set(name, Math.min(best.get(name) ?? Infinity, time / reference));
        }
        let bad = 0;
        for (const [name, limit] of limits) {
            const ratio = best.get(name);
            const slow = !(ratio <= limit);
            if (what === "over" && slow) console.log(name);
            if (what === "report") console.log(`${slow ? "not ok" : "ok"} ${name}: ${ratio === undefined ? "no such benchmark" : `${ratio.toFixed(2)} of ${limit}`}`);
            bad += slow ? 1 : 0;
        }
        process.exitCode = what === "report" && bad ? 1 : 0;
    ' "$1" "$log_folder" "$2"
}
count_lines() {
    ok=$(grep -c '^ok ' "$1" || true)
    bad=$(grep -c '^not ok ' "$1" || true)
    remember_failures '^not ok \(.*\)$'
}
