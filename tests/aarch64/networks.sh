# What the scripts that run networks under emulation share; source it from the repository's root.
# shellcheck shell=bash

fail() {
    echo "$(basename "$0"): $1" >&2
    exit 2
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/aarch64/programs.sh
source tests/aarch64/programs.sh

# Finds or builds praxc for this machine, $desktop, and for the board, $board.
programs() {
    local folder=${PRAXISCOPE_AARCH64:-$HOME/.cache/praxiscope-aarch64}
    tests/aarch64/setup "$folder" || exit 3
    desktop=${PRAXC:-$(desktop_programs)/praxc}
    board=${PRAXC_AARCH64:-$(board_programs "$folder")/praxc}
    [[ -x $desktop && -x $board ]] || fail 'praxc could not be built'
}

# quiet COMMAND...: speaks only when it fails.
quiet() {
    "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2 && fail "failed: $*"; }
}

# random NAME SIZE FAMILY OPTION...: a float step program with random weights, $work/NAME.prax.
random() {
    local name=$1 side=$2 family=$3
    shift 3
    quiet "$desktop" convert --random 1 --family "$family" --size "$side" --reproducible \
        -o "$work/$name.prax" "$@"
}

# quantized FLOAT NAME: $work/NAME.prax, the network in integers, calibrated on the demo's clip.
quantized() {
    quiet "$desktop" quantize "$work/$1.prax" --frames 16 --max-drop 100 \
        --calibration models/demo/clip.mjpeg -o "$work/$2.prax"
}

# isas BUNDLE PROGRAM...: the instruction sets that a praxc can run, the least first.
isas() {
    local bundle=$1
    shift
    "$@" bench "$bundle" --frames 1 --warmup 0 --json | tr -d ' \n' \
        | sed -n 's/.*"available":\[\([^]]*\)\].*/\1/p' | tr -d '"' | tr ',' ' '
}
