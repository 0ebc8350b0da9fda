# Debian's packages for the setup scripts, which source this: $folder is where they may write.
# shellcheck shell=bash disable=SC2154

has() { command -v "$1" >/dev/null; }

fail() {
    echo "setup: $1" >&2
    exit 3
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

# A view of apt's packages for arm64 that leaves the machine's own alone.
arm64_view() {
    local view=$folder/apt
    mkdir -p "$view"/{state/lists/partial,cache/archives/partial,sources.list.d}
    : >"$view/status"
    cp /etc/apt/sources.list.d/debian.sources "$view/sources.list.d/" 2>/dev/null \
        || cp /etc/apt/sources.list "$view/sources.list" 2>/dev/null \
        || fail "apt's Debian sources stand neither in sources.list nor in debian.sources"
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
