# shellcheck shell=bash
# What ./dev says and how: colours only on a terminal, progress in a pipe too, and nothing left
# running behind. Sourced by ./dev.

on_terminal=false bold='' dim='' red='' green='' yellow='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb && -z ${CI:-} ]]; then
    on_terminal=true
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
fi

log_folder=build/log
mkdir -p "$log_folder"

say() { printf '%s\n' "$*"; }
good() { printf '%s✔%s %s\n' "$green" "$plain" "$*"; }
warn() { printf '%s!%s %s\n' "$yellow" "$plain" "$*" >&2; }
die() {
    printf '%s✖ %s%s\n' "$red" "$*" "$plain" >&2
    exit 1
}
fail_usage() {
    printf '%s✖ %s%s\n' "$red" "$*" "$plain" >&2
    exit 2
}

# "3.4 s", "2 min 05 s", from a start taken with now_ms.
now_ms() {
    local t=${EPOCHREALTIME/[.,]/}
    printf '%s' "$((t / 1000))"
}
since() {
    local ms=$(($(now_ms) - $1))
    if ((ms < 60000)); then
        printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
    else
        printf '%d min %02d s' $((ms / 60000)) $((ms / 1000 % 60))
    fi
}

# Every process started in the background is ended with the script, by its own id.
declare -A children=()
child_started() { children[$1]=$2; }
child_ended() { unset "children[$1]"; }
stop_children() {
    local pid
    for pid in "${!children[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${!children[@]}"; do
        local tries=100
        while kill -0 "$pid" 2>/dev/null && ((tries-- > 0)); do sleep 0.05; done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    children=()
}
trap stop_children EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The last "[12/345]" that Ninja wrote, or nothing.
ninja_progress() { tail -c 2000 "$1" 2>/dev/null | grep -oE '^\[[0-9]+/[0-9]+\]' | tail -1 || true; }

# watched TITLE LOG COMMAND...: runs COMMAND with its output in build/log/LOG.log and says how it is
# getting on: at the same place on a terminal, a line every 20 s elsewhere. Returns COMMAND's status.
watched() {
    local title=$1 log=$log_folder/$2.log
    shift 2
    local began said status=0 pid
    began=$(now_ms) said=$SECONDS
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    child_started "$pid" "$title"
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.1
        if $on_terminal; then
            printf '\r\e[K  %s… %s %s%s%s' "$dim" "$title" "$(ninja_progress "$log") " "$(since "$began")" "$plain"
        elif ((SECONDS - said >= 20)); then
            said=$SECONDS
            printf '  … %s %s%s\n' "$title" "$(ninja_progress "$log") " "$(since "$began")"
        fi
    done
    wait "$pid" || status=$?
    child_ended "$pid"
    if $on_terminal; then printf '\r\e[K'; fi
    return "$status"
}

# step TITLE LOG COMMAND...: watched, one line when done; a failure shows what went wrong and ends all.
step() {
    local title=$1 log=$2 began
    began=$(now_ms)
    if watched "$@"; then
        good "$title ${dim}($(since "$began"))$plain"
        return 0
    fi
    printf '%s✖ %s failed%s, the end of %s:\n' "$red" "$title" "$plain" "$log_folder/$log.log" >&2
    show_failure "$log_folder/$log.log" >&2
    exit 1
}
show_failure() {
    if grep -q '^FAILED: ' "$1"; then
        grep -A 25 -m 2 '^FAILED: ' "$1" | cut -c 1-300
    else
        tail -n 30 "$1" | cut -c 1-300
    fi | sed 's/^/    /'
}
