# Machines that QEMU emulates, for `run`, which sources this: $work, $folder and $job are its.
# shellcheck shell=bash disable=SC2154

readonly PATIENCE=900 # seconds; how long an emulated board takes depends on what else runs here

# machine OPTION...: until it switches off; its console goes into $work/$job.log. Its monitor can be
# had twice: to look and to act.
machine() {
    timeout "$PATIENCE" qemu-system-aarch64 "$@" -accel tcg -display none -nic none -no-reboot \
        -chardev "socket,id=eye,path=$work/eye,server=on,wait=off" -mon eye \
        -chardev "socket,id=hand,path=$work/hand,server=on,wait=off" -mon hand \
        </dev/null >"$work/qemu.log" 2>&1 || true
    rm -f "$work/eye" "$work/hand"
    tr -d '\r' <"$work/console" >"$work/$job.log"
}

# A board of no maker, with eight GPIO lines (PL061), that runs $job.
boot_virt() {
    machine -M virt -cpu cortex-a76 -smp 2 -m 768 -serial "file:$work/console" \
        -kernel "$folder/vmlinuz" -initrd "$work/initrd.gz" \
        -append "console=ttyAMA0 quiet panic=-1 job=$job"
}

# A Raspberry Pi 3 that runs $job.
boot_pi() {
    machine -M raspi3b -dtb "$folder/board.dtb" -serial null -serial "file:$work/console" \
        -kernel "$folder/vmlinuz" -initrd "$work/initrd.gz" \
        -append "console=ttyS1,115200 8250.nr_uarts=2 quiet panic=-1 job=$job"
}

# monitor COMMAND ARGUMENT...: monitor.py while the machine that boots next runs; wait for $!.
monitor() {
    python3 tests/virtual-board/monitor.py "$@" &
}
