# shellcheck shell=bash
# ./dev run: relay and signaling on loopback, with a proof that packets are relayed. Sourced by ./dev.

run_usage() {
    cat <<'TEXT'
Usage: ./dev run [--check] [--port-base N] [--no-build]

Builds, starts turnpike-relay and turnpike-signaling on loopback with the embedded store, relays
packets through itself over UDP, TCP and TLS and checks each of them, prints where the page is, and
waits. Ctrl-C stops all of it. Configuration, secrets and sockets are in build/run (TURNPIKE_RUN=DIR:
elsewhere).

  --check        exit after the proof: 0 when everything held
  --port-base N  ports N to N+4 instead of 3478, 5349, 8080, 9641 and 9642
  --no-build     with what is in build/release and build/web already
TEXT
}

dev_run() {
    local check=false build=true base=''
    while [[ $# -gt 0 ]]; do
        case $1 in
            -h | --help) run_usage; return 0 ;;
            --check) check=true ;;
            --no-build) build=false ;;
            --port-base) base=${2:-}; shift ;;
            --port-base=*) base=${1#*=} ;;
            *) fail_usage "there is no ./dev run $1; ./dev run --help" ;;
        esac
        shift
    done
    turn_port=3478 tls_port=5349 web_port=8080 relay_metrics=9641 signaling_metrics=9642
    if [[ -n $base ]]; then
        [[ $base =~ ^[0-9]+$ && $base -ge 1024 && $base -le 49000 ]] ||
            fail_usage "--port-base takes a number from 1024 to 49000, not '$base'"
        turn_port=$base tls_port=$((base + 1)) web_port=$((base + 2))
        relay_metrics=$((base + 3)) signaling_metrics=$((base + 4))
    fi

    install_packages build
    if $build; then
        build_preset release turnpike-relay turnpike-signaling turnpike turnpike-bench
        build_web
    fi
    bin=build/release/bin
    for program in turnpike-relay turnpike-signaling turnpike turnpike-bench; do
        [[ -x $bin/$program ]] || die "$bin/$program is missing; run ./dev build"
    done

    refuse_taken_ports
    write_run_folder
    start_daemon turnpike-relay relay
    start_daemon turnpike-signaling signaling
    prove
    run_summary
    $check && return 0

    # Neither daemon ends by itself; if one does, that is the end, and it is said which.
    local status=0
    wait -n || status=$?
    for name in "${!children[@]}"; do
        kill -0 "$name" 2>/dev/null || die "${children[$name]} ended with status $status: build/log/run-${children[$name]}.log"
    done
    return 1
}

refuse_taken_ports() {
    local taken='' port what holder
    while read -r what port; do
        holder=$(ss -Hlnptu "sport = :$port" 2>/dev/null | grep -E '127\.0\.0\.1:|0\.0\.0\.0:|\*:|\[::\]:|\[::1\]:' | head -1 || true)
        [[ -z $holder ]] && continue
        holder=$(grep -oE 'users:\(\("[^"]+",pid=[0-9]+' <<<"$holder" | sed -E 's/users:\(\("([^"]+)",pid=([0-9]+)/ by \1 (pid \2)/' || true)
        taken+="  port $port ($what) is taken$holder"$'\n'
    done <<PORTS
TURN-udp/tcp $turn_port
TURN-tls $tls_port
page $web_port
relay-metrics $relay_metrics
signaling-metrics $signaling_metrics
PORTS
    [[ -z $taken ]] && return 0
    printf '%s' "$taken" >&2
    die "stop what holds them, or take others: ./dev run --port-base 20000"
}

# Secrets and the certificate are made once and kept, so that links and clients of yesterday work.
write_run_folder() {
    run_folder=${TURNPIKE_RUN:-build/run}
    mkdir -p "$run_folder"
    chmod 700 "$run_folder"
    sockets=$run_folder
    # A socket's path has 107 bytes; a checkout deep in a tree has its sockets elsewhere.
    local deepest
    deepest=$(absolute "$sockets")/signaling/admin.sock
    if ((${#deepest} > 107)); then
        sockets=$(mktemp -d "${TMPDIR:-/tmp}/turnpike-run.XXXXXX")
        trap 'stop_children; rm -rf "$sockets"' EXIT
    fi
    run_files=$(absolute "$run_folder")
    local old_umask
    old_umask=$(umask)
    umask 077
    [[ -s $run_folder/turn-secret ]] || openssl rand -base64 32 >"$run_folder/turn-secret"
    [[ -s $run_folder/api-key ]] || openssl rand -hex 24 >"$run_folder/api-key"
    if ! openssl x509 -checkend 86400 -noout -in "$run_folder/certificate.pem" >/dev/null 2>&1; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
            -keyout "$run_folder/key.pem" -out "$run_folder/certificate.pem" -subj "/CN=localhost" \
            -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1" >"$log_folder/run-certificate.log" 2>&1 ||
            die "openssl made no certificate: build/log/run-certificate.log"
    fi
    api_key=$(cat "$run_folder/api-key")

    local v6='' v6_relay=''
    if grep -q '^00000000000000000000000000000001 .* lo$' /proc/net/if_inet6 2>/dev/null; then
        v6="[::1]" v6_relay=', "::1"'
    fi
    {
        echo "# Written by ./dev run. One machine, loopback only."
        echo "[node]"
        echo "id = \"dev\""
        echo "runtime_dir = \"$(absolute "$sockets")/relay\""
        local transport address
        for address in 127.0.0.1 $v6; do
            for transport in udp tcp; do
                printf '\n[[listen]]\ntransport = "%s"\naddress = "%s:%s"\n' "$transport" "$address" "$turn_port"
            done
            printf '\n[[listen]]\ntransport = "tls"\naddress = "%s:%s"\n' "$address" "$tls_port"
            printf 'certificate = "%s"\nkey = "%s"\n' "$run_files/certificate.pem" "$run_files/key.pem"
        done
        cat <<TOML

[relay]
address = ["127.0.0.1"$v6_relay]
default_family = "listener"

[auth]
realm = "turnpike"
secrets = [{ file = "$run_files/turn-secret", id = "dev", issuer = "turnpike" }]

[peers]
# Loopback peers, which no server that others reach would allow.
mode = "lab"
allow = ["127.0.0.0/8", "::1/128"]

[metrics]
address = "127.0.0.1:$relay_metrics"
TOML
    } >"$run_folder/relay.toml"
    cat >"$run_folder/signaling.toml" <<TOML
# Written by ./dev run. One machine, loopback only.
relays = ["$(absolute "$sockets")/relay/admin.sock"]

[node]
id = "dev"
runtime_dir = "$(absolute "$sockets")/signaling"

[listen]
address = "127.0.0.1:$web_port"

[web]
root = "$root/build/web"

[auth]
realm = "turnpike"
secrets = [{ file = "$run_files/turn-secret", id = "dev", issuer = "turnpike" }]
api_keys = [{ file = "$run_files/api-key" }]

[metrics]
address = "127.0.0.1:$signaling_metrics"
TOML
    umask "$old_umask"
}
absolute() { [[ $1 == /* ]] && printf '%s' "$1" || printf '%s/%s' "$root" "$1"; }

# start_daemon PROGRAM INSTANCE: in the background; returns when it answers on its admin socket.
start_daemon() {
    local program=$1 instance=$2 began pid log=$log_folder/run-$1.log
    local admin_socket=$sockets/$instance/admin.sock
    began=$(now_ms)
    "$bin/$program" --config "$run_folder/$instance.toml" >"$log" 2>&1 </dev/null &
    pid=$!
    child_started "$pid" "$program"
    while ! curl -fsS -m 2 --unix-socket "$admin_socket" http://localhost/readyz >/dev/null 2>&1; do
        if ! kill -0 "$pid" 2>/dev/null; then
            local status=0
            wait "$pid" || status=$?
            show_failure "$log" >&2
            die "$program ended with status $status"
        fi
        if (($(now_ms) - began > 20000)); then
            show_failure "$log" >&2
            die "$program does not answer on $admin_socket"
        fi
        sleep 0.05
    done
    good "$program is ready ${dim}($(since "$began"))$plain"
}

# Packets through the relay, each checked; then the page, the API and the CLI. The rates leave a machine
# that has just compiled room to breathe: this proves correctness, ./dev bench measures speed.
proofs=()
prove() {
    prove_relay "UDP, channels" udp "$turn_port" --packets 2000 --rate 800 --mode channels
    prove_relay "UDP, Send indications" udp "$turn_port" --packets 400 --rate 400 --mode send
    prove_relay "TCP" tcp "$turn_port" --packets 300 --rate 300 --mode channels
    prove_relay "TLS" tls "$tls_port" --packets 300 --rate 300 --mode channels --insecure
    local answer
    answer=$(curl -fsS -m 5 "http://127.0.0.1:$web_port/") || die "the page does not answer on port $web_port"
    grep -qi '<script' <<<"$answer" || die "port $web_port answers, but not with the page"
    answer=$(curl -fsS -m 5 -X POST -H "Authorization: Bearer $api_key" "http://127.0.0.1:$web_port/v1/ice-servers") ||
        die "POST /v1/ice-servers refused the API key"
    grep -q '"credential"' <<<"$answer" || die "POST /v1/ice-servers gave no credential: $answer"
    "$bin/turnpike" --runtime-dir "$sockets" status >"$log_folder/run-status.log" 2>&1 ||
        die "turnpike status failed: build/log/run-status.log"
}
prove_relay() {
    local title=$1 transport=$2 port=$3 log answer
    shift 3
    log=$log_folder/run-bench-$transport.log
    if ! answer=$("$bin/turnpike-bench" relay --json --server "127.0.0.1:$port" --transport "$transport" --allocations 2 --relay-to-relay \
        --secret-file "$run_folder/turn-secret" --size 160 "$@" 2>"$log"); then
        tail -n 10 "$log" >&2
        printf '%s\n' "$answer" >>"$log"
        [[ -n $answer ]] || die "nothing was relayed over $title ($log)"
        die "over $title $(json_number "$answer" lost) of $(json_number "$answer" sent) packets were lost," \
            "$(json_number "$answer" drops) of them by this machine before they were read ($log)"
    fi
    printf '%s\n' "$answer" >>"$log"
    local sent received order p50
    sent=$(json_number "$answer" sent) received=$(json_number "$answer" received)
    order=$(json_number "$answer" reordered) p50=$(json_number "$answer" p50_us)
    if [[ $order -eq 0 ]]; then order='in order'; else order="$order out of order"; fi
    proofs+=("$(printf '%-22s %6d of %-6d packets, each intact and once, %s, p50 %s µs' "$title" "$received" "$sent" "$order" "$p50")")
}
json_number() { grep -oE "\"$2\": ?[0-9.]+" <<<"$1" | head -1 | sed 's/.*: *//'; }

run_summary() {
    local cli=$bin/turnpike folder=$sockets proof
    if [[ $invoked_from != "$root" ]]; then cli=$root/$cli folder=$(absolute "$sockets"); fi
    say ''
    say "${bold}Proved: relayed through itself, checked packet by packet$plain"
    for proof in "${proofs[@]}"; do say "  $green✔$plain $proof"; done
    say ''
    say "${bold}Call$plain    http://localhost:$web_port/          open it in two tabs"
    say "${bold}TURN$plain    127.0.0.1:$turn_port udp and tcp, 127.0.0.1:$tls_port tls (self-signed)"
    say "${bold}API$plain     curl -X POST -H 'Authorization: Bearer $api_key' http://127.0.0.1:$web_port/v1/ice-servers"
    say "${bold}CLI$plain     $cli --runtime-dir $folder status"
    say "        $cli --runtime-dir $folder rooms list"
    say "        $cli --runtime-dir $folder credentials mint --user alice -o uclient"
    say "${dim}Logs    build/log/run-turnpike-relay.log, build/log/run-turnpike-signaling.log$plain"
    $check || say "${dim}Ctrl-C stops everything.$plain"
}
