#!/bin/sh
# Writes src/bindings.rs anew from this machine's <linux/videodev2.h>.
#
# Needs bindgen (cargo install bindgen-cli --version 0.72.1 --locked) and libclang (on Debian:
# apt-get install libclang1-14; its folder goes into LIBCLANG_PATH when it is not found).
# Any 64-bit Linux gives the same file. Arguments go to clang, to look at another CPU's headers.
set -eu
cd "$(dirname "$0")"
bindgen=${BINDGEN:-bindgen}

# What the `v4l` crate names, and what these types reach. The stateless codecs' control payloads
# are reached through pointers only: their size is kept, their fields are left out.
types='v4l2_(capability|fmtdesc|format|pix_format|requestbuffers|buffer|exportbuffer|framebuffer'
types="$types|streamparm|std_id|standard|input|output|control|ext_control|ext_controls|queryctrl"
types="$types|query_ext_ctrl|querymenu|tuner|modulator|audio|audioout|frequency|cropcap|crop|edid"
types="$types|jpegcompression|sliced_vbi_cap|frmsizeenum|frmsizetypes|frmivalenum|frmivaltypes"
types="$types|enc_idx|encoder_cmd|dv_timings)|timeval|time_t"
opaque='v4l2_(ctrl|h264|hevc|vp8|vp9|fwht|mpeg2|av1)_.*'
vars='V4L2_(BUF_FLAG|CAP|CTRL_FLAG|FMT_FLAG|IN_ST)_.*'

header=$(mktemp --suffix=.h)
trap 'rm -f "$header"' EXIT
echo '#include <linux/videodev2.h>' >"$header"
"$bindgen" "$header" \
    --rust-target 1.85 --rust-edition 2021 --no-doc-comments \
    --allowlist-type "$types" --opaque-type "$opaque" --allowlist-var "$vars" \
    --output "${OUTPUT:-src/bindings.rs}" -- "$@"
