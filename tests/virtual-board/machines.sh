# Machines that QEMU emulates, for `run`, which sources this: $work and $folder are its.
# shellcheck shell=bash disable=SC2154

readonly PATIENCE=900 # seconds for a job; how long an emulated board takes depends on what else runs here

# machine JOBS OPTION...: until it switches off, or the time for so many jobs is over; its console is
# $work/console. Its monitor can be had twice: to look and to act.
machine() {
    local seconds=$(($1 * PATIENCE))
    shift
    rm -f "$work/console"
    timeout "$seconds" qemu-system-aarch64 "$@" -accel tcg -display none -nic none -no-reboot \
        -serial "file:$work/console" \
        -chardev "socket,id=eye,path=$work/eye,server=on,wait=off" -mon eye \
        -chardev "socket,id=hand,path=$work/hand,server=on,wait=off" -mon hand \
        </dev/null >"$work/qemu.log" 2>&1 || true
    # Monitors go when their machine does.
    wait
    rm -f "$work/eye" "$work/hand"
}

# part_logs JOB...: what each job said on the console goes into $work/JOB.log.
part_logs() {
    tr -d '\r' <"$work/console" | awk -v folder="$work" -v log_of="$work/$1.log" \
        '/^JOB / { log_of = folder "/" $2 ".log" } { print >log_of }'
}

# boot_virt JOB...: a board of no maker, with eight GPIO lines (PL061), that runs them.
boot_virt() {
    machine $# -M virt -cpu cortex-a76 -smp 2 -m 768 \
        -kernel "$folder/vmlinuz" -initrd "$work/initrd" \
        -append "console=ttyAMA0 quiet panic=-1 jobs=$(tr ' ' , <<<"$*")"
    part_logs "$@"
}

# boot_pi JOB...: a Raspberry Pi 3 that runs them. Its second serial line is the console.
boot_pi() {
    machine $# -M raspi3b -dtb "$folder/board.dtb" -serial null \
        -kernel "$folder/vmlinuz" -initrd "$work/initrd" \
        -append "console=ttyS1,115200 8250.nr_uarts=2 quiet panic=-1 jobs=$(tr ' ' , <<<"$*")"
    part_logs "$@"
}

# monitor COMMAND ARGUMENT...: monitor.py beside the machine that boots next.
monitor() {
    python3 tests/virtual-board/monitor.py "$@" &
}
