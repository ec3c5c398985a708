# shellcheck shell=bash
# ./dev build, and what the other commands build. Sourced by ./dev.

jobs=${JOBS:-$(nproc)}
presets='release dev asan tsan coverage fuzz bench'

build_usage() {
    cat <<'TEXT'
Usage: ./dev build [PRESET] [TARGET...]

Builds the programs into build/PRESET/bin (PRESET release unless given: dev release asan tsan fuzz
bench) and, for release, the page into build/web. JOBS=N sets how many compilers run at once.

Examples:
  ./dev build
  ./dev build asan test_turn_core
TEXT
}

dev_build() {
    case ${1:-} in
        -h | --help) build_usage; return 0 ;;
    esac
    local preset=${1:-release}
    [[ $# -gt 0 ]] && shift
    [[ " $presets " == *" $preset "* ]] || fail_usage "there is no preset '$preset'; there are: $presets"
    if [[ $preset == fuzz ]]; then install_packages build fuzz; else install_packages build; fi
    build_preset "$preset" "$@"
    if [[ $preset == release && $# -eq 0 ]]; then build_web; fi
    say "Programs: build/$preset/bin$([[ $preset == release && $# -eq 0 ]] && printf ' · page: build/web')"
}

# build_preset PRESET [TARGET...]. Tests are built where GoogleTest is.
build_preset() {
    local preset=$1 title
    shift
    local options=()
    [[ $preset != fuzz* && ! -e /usr/include/gtest/gtest.h ]] && options+=(-DTURNPIKE_TESTS=OFF)
    [[ $preset != fuzz* && -e /usr/include/gtest/gtest.h ]] && options+=(-DTURNPIKE_TESTS=ON)
    title="build ($preset)"
    if [[ $# -gt 0 ]]; then title="build ($preset, $# targets)"; fi
    step "configure ($preset)" "configure-$preset" cmake --preset "$preset" "${options[@]}"
    step "$title" "build-$preset" ninja -C "build/$preset" -j "$jobs" "$@"
}

# A digest of everything below the folders given, without what npm and builds put there.
tree_digest() {
    find "$@" -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -print0 2>/dev/null |
        LC_ALL=C sort -z | xargs -0r sha256sum | sha256sum | cut -d ' ' -f 1
}

# changed STAMP DIGEST: whether the digest is not the one of the last success.
changed() { [[ $(cat "build/stamp/$1" 2>/dev/null) != "$2" ]]; }
stamp() { mkdir -p build/stamp && printf '%s\n' "$2" >"build/stamp/$1"; }

# npm_install FOLDER: npm ci where there is a lock file and it changed.
npm_install() {
    [[ -f $1/package-lock.json ]] || return 0
    local name=npm-${1//\//-} digest
    digest=$(sha256sum "$1/package-lock.json" | cut -d ' ' -f 1)
    if changed "$name" "$digest" || [[ ! -d $1/node_modules ]]; then
        step "npm ci ($1)" "$name" npm ci --prefix "$1" --no-audit --no-fund --loglevel=warn
        stamp "$name" "$digest"
    fi
}

build_web() {
    npm_install signaling/web
    local digest
    digest=$(tree_digest signaling/web)
    if changed web "$digest" || [[ ! -f build/web/index.html ]]; then
        step "the page" web npm run --prefix signaling/web build
        [[ -f build/web/index.html ]] || die "the page's build left no build/web/index.html"
        stamp web "$digest"
    fi
}

# Sanitizers want a memory layout that very random kernels (mmap_rnd_bits 32) do not leave them.
unrandomized() {
    if [[ $(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28) -gt 28 ]] && setarch -R true 2>/dev/null; then
        exec setarch -R "$@"
    fi
    exec "$@"
}
