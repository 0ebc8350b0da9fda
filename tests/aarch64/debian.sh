# Debian's packages, for scripts that source this: $folder is where they may write.
# shellcheck shell=bash disable=SC2154

has() { command -v "$1" >/dev/null; }

# fail WHY [STATUS]: by default 3, for tools that cannot be had.
fail() {
    echo "${0##*/}: $1" >&2
    exit "${2:-3}"
}

# apt_retry COMMAND...: apt-get's update can meet a mirror amid its own update.
apt_retry() {
    local attempt
    for attempt in 1 2 3; do
        if "$@" >"$folder/apt.log" 2>&1; then return; fi
        sleep $((attempt * 5))
    done
    tail -n 5 "$folder/apt.log" >&2
    fail "failed three times: $*"
}

# install_tools PROGRAM[:PACKAGE]...: Debian's packages, of the same names where none is given, where
# the programs are missing.
install_tools() {
    local missing=() program
    for program in "$@"; do
        has "${program%%:*}" || [[ -e ${program%%:*} ]] || missing+=("${program##*:}")
    done
    ((${#missing[@]})) || return 0
    [[ $(id -u) == 0 ]] && has apt-get || fail "root and apt-get are needed to install ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt_retry apt-get update
    apt_retry apt-get install -y --no-install-recommends "${missing[@]}"
}

# A view of apt's packages for arm64 that leaves the machine's own alone; firmware is in it too.
arm64_view() {
    local view=$folder/apt
    mkdir -p "$view"/{state/lists/partial,cache/archives/partial,sources.list.d}
    : >"$view/status"
    cp /etc/apt/sources.list.d/debian.sources "$view/sources.list.d/" 2>/dev/null \
        || cp /etc/apt/sources.list "$view/sources.list" 2>/dev/null \
        || fail "apt's Debian sources stand neither in sources.list nor in debian.sources"
    # In either kind of list: `Components: main`, or `deb [...] URI SUITE main`.
    find "$view" \( -name '*.sources' -o -name sources.list \) -exec sed -Ei \
        '/non-free-firmware/! s/^(Components:|deb) .*\bmain\b/& non-free-firmware/' {} +
    cat >"$view/conf" <<EOF
APT::Architecture "arm64";
APT::Architectures "arm64";
APT::Sandbox::User "root";
Dir::State "$view/state";
Dir::State::status "$view/status";
Dir::Cache "$view/cache";
Dir::Etc::sourcelist "$view/sources.list";
Dir::Etc::sourceparts "$view/sources.list.d";
EOF
    APT_CONFIG=$view/conf apt_retry apt-get update
}

# dependency PATTERN PACKAGE...: the first dependency of the packages that matches, if there is one.
dependency() {
    local pattern=$1
    shift
    apt-cache depends "$@" | grep -oE "$pattern" | head -n 1 || true
}

# c_library FOLDER: puts into it what the cross compiler's programs need.
c_library() {
    local library
    mkdir -p "$1"
    for library in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 libgcc_s.so.1 \
        ld-linux-aarch64.so.1; do
        cp -L "/usr/aarch64-linux-gnu/lib/$library" "$1/"
    done
}
