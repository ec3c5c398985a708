# shellcheck shell=bash
# What must be on the machine. Nothing is asked of apt when everything is there. Sourced by ./dev.

# The packages of a list, without comments.
packages_of() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "deploy/packages/$1.txt"; }

missing_packages() {
    local installed
    installed=$(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null | sed -n 's/^[hi]i *//p' || true)
    local package
    for package in "$@"; do
        grep -qxF "$package" <<<"$installed" || printf '%s\n' "$package"
    done
}

as_root() {
    if [[ $(id -u) -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "packages are missing and there is no sudo here; as root: $*"
    fi
}

apt_lists_fresh=false
refresh_apt() {
    $apt_lists_fresh && return 0
    as_root apt-get update -q >"$log_folder/apt-update.log" 2>&1 ||
        warn "apt-get update had problems (build/log/apt-update.log); going on with the lists there are"
    apt_lists_fresh=true
}

# install_packages LIST...: what is missing of deploy/packages/LIST.txt, in one call.
install_packages() {
    command -v dpkg-query >/dev/null || {
        warn "this is no Debian; the packages of deploy/packages/{$*}.txt are yours to install"
        return 0
    }
    local wanted=() missing list
    for list in "$@"; do mapfile -t -O "${#wanted[@]}" wanted < <(packages_of "$list"); done
    have_node || wanted+=(nodejs npm)
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    [[ ${#missing[@]} -eq 0 ]] && return 0
    say "Installing ${#missing[@]} packages: ${missing[*]}"
    # The password, if sudo wants one, is asked for here and not behind a log file.
    [[ $(id -u) -eq 0 ]] || as_root true
    refresh_apt
    step "packages" apt-install \
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

have_node() {
    command -v node >/dev/null && command -v npm >/dev/null || return 1
    [[ $(node -p 'Number(process.versions.node.split(".")[0])' 2>/dev/null || echo 0) -ge 18 ]]
}

# coturn's command-line tools in build/tools/bin. Unpacked, never installed: the package starts a
# server on 3478. Libraries that are missing are unpacked beside it, and found by a wrapper.
coturn_tools=(usr/bin/turnutils_peer usr/bin/turnutils_stunclient usr/bin/turnutils_natdiscovery
    usr/bin/turnutils_oauth usr/bin/turnserver usr/bin/turnutils_uclient)
unpack_coturn() { unpack_tools coturn "${coturn_tools[@]}"; }
# HAProxy, which would start a service too.
unpack_haproxy() { unpack_tools haproxy usr/sbin/haproxy; }

# unpack_tools PACKAGE PROGRAM...
unpack_tools() {
    local folder=build/tools package=$1 program complete=true
    shift
    for program in "$@"; do [[ -x $folder/bin/$(basename "$program") ]] || complete=false; done
    $complete && return 0
    mkdir -p "$folder/download" "$folder/bin"
    apt-cache show "$package" >/dev/null 2>&1 || refresh_apt
    step "$package's programs" "$package" download_tools "$folder" "$package" "$@"
}
download_tools() {
    local folder=$1 wanted=$2 triplet package debs
    shift 2
    triplet=$(g++ -print-multiarch 2>/dev/null || true)
    triplet=${triplet:-$(uname -m)-linux-gnu}
    fetch_package "$folder" "$wanted" || return 1
    # What a library needs may itself be missing; three rounds are more than enough.
    for _ in 1 2 3; do
        missing_library "$folder" "$triplet" "$@" || break
        debs=("$folder"/download/*.deb)
        while read -r package; do
            fetch_package "$folder" "$package" || true
        done < <(for deb in "${debs[@]}"; do dpkg-deb -f "$deb" Depends; done |
            tr ',' '\n' | sed -e 's/^ *//' -e 's/[ (|].*//' |
            grep -E '^lib' | sort -u | while read -r name; do missing_packages "$name"; done)
    done
    if missing_library "$folder" "$triplet" "$@"; then
        echo "libraries that $wanted's programs need are still missing"
        return 1
    fi
    local program tool
    for program in "$@"; do
        tool=$folder/bin/$(basename "$program")
        cat >"$tool" <<WRAPPER
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
LD_LIBRARY_PATH=\$here/../root/usr/lib/$triplet exec "\$here/../root/$program" "\$@"
WRAPPER
        chmod +x "$tool"
    done
}
fetch_package() {
    compgen -G "$1/download/$2_*.deb" >/dev/null && return 0
    (cd "$1/download" && apt-get -o APT::Sandbox::User="$(id -un)" -q download "$2") || return 1
    dpkg-deb -x "$1"/download/"$2"_*.deb "$1/root"
}
missing_library() {
    local root=$1/root library=$1/root/usr/lib/$2
    shift 2
    [[ $(LD_LIBRARY_PATH=$library ldd "${@/#/$root/}" 2>/dev/null) == *'not found'* ]]
}
