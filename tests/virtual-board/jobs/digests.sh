# What the demo model says, as digests of its bits: of answers to random frames and the state after
# them, and of all lines about the clip. Runs on the board and on the desktop, in a folder with both.
# shellcheck shell=sh
digests() {
    praxc run demo.prax --random 12 --digest | sed -n 's/^\(answers\|state\) */DIGEST \1 /p'
    praxiscope run --model demo.prax --input clip.y4m --no-pace --scores 2>/dev/null \
        | sha256sum | sed 's/^\([0-9a-f]*\).*/DIGEST lines \1/'
}
