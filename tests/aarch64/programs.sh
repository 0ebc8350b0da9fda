# Folders with the programs, praxc and praxiscope, for the scripts that source this from the
# repository's root: those of this machine, and those for aarch64, built once for all scripts.
# shellcheck shell=bash

# PRAXISCOPE_PROGRAMS, or the debug build, which is made where it is missing.
desktop_programs() {
    local folder=${PRAXISCOPE_PROGRAMS:-${CARGO_TARGET_DIR:-$PWD/target}/debug}
    if [[ ! -x $folder/praxc || ! -x $folder/praxiscope ]]; then
        cargo build --quiet --locked --workspace --bins >&2 || return
    fi
    echo "$folder"
}

# board_programs TOOLS: PRAXISCOPE_PROGRAMS_AARCH64, or the debug build with the folder of
# tests/aarch64/setup: dependencies and kernels are optimised in it as well, and the rest builds sooner.
# Who counts or times sets BOARD_PROFILE=release.
board_programs() (
    if [[ -n ${PRAXISCOPE_PROGRAMS_AARCH64:-} ]]; then
        echo "$PRAXISCOPE_PROGRAMS_AARCH64"
        return
    fi
    # shellcheck source=/dev/null
    source "$1/env"
    profile=${BOARD_PROFILE:-dev}
    CARGO_INCREMENTAL=0 cargo build --quiet --locked --profile "$profile" --workspace --bins \
        --target aarch64-unknown-linux-gnu >&2 || return
    realpath "$CARGO_TARGET_DIR/aarch64-unknown-linux-gnu/${profile/dev/debug}"
)
