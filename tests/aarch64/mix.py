"""The instructions of the kernels in one step of a network, by kind and by inner loop:

    mix.py PRAXC BUNDLE CPU ISA

qemu-user logs each block of instructions as it begins it, of the kernels alone; the blocks of a run of
two frames less those of a run of one are a step's. Packing and copies by the C library are left out.
"""

import collections
import re
import subprocess
import sys

KINDS = {
    "products": "sdot smmla smull smull2 smlal smlal2 sadalp saddw saddw2 saddlp mul mla fmla",
    "conversion to 8 bits": "scvtf fmul fadd fmin fmax fcvtns sqxtn sqxtn2 sqadd smax smin",
    "loads": "ldr ldp ldur ld1 ld1r ldrb ldrsb ldrh ldrsw ld2 ld3 ld4 ldpsw",
    "stores": "str stp stur st1 strb strh",
    "moves within registers": "mov dup zip1 zip2 uzp1 uzp2 trn1 trn2 ext tbl movi ins sshll sxtl sshll2 "
    "sxtl2 umov orr",
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names.split()}
OTHER = "addresses, counts, branches"
PREFIX = "aarch64-linux-gnu-"
LOOPS_SHOWN = 6


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def functions(program):
    """(address, size, name) of the kernels' functions."""
    found = []
    for line in output(PREFIX + "nm", "-S", "-C", "--defined-only", program).splitlines():
        fields = line.split(" ", 3)
        if len(fields) == 4 and fields[2] in "tT" and "praxiscope_kernels::" in fields[3]:
            name = fields[3].split("praxiscope_kernels::", 1)[1]
            name = re.sub(r"::h[0-9a-f]{16}$", "", name).rstrip(">")
            if not re.search(r"pack|::new|::check|isa::", name):
                found.append((int(fields[0], 16), int(fields[1], 16), name))
    if not found:
        sys.exit("mix.py: the program has no symbols of the kernels")
    return sorted(set(found))


def mnemonics(program, ranges):
    """What stands at each address of the functions."""
    found = {}
    for start, size, _ in ranges:
        span = [f"--start-address={start}", f"--stop-address={start + size}"]
        listing = output(PREFIX + "objdump", "-d", "--no-show-raw-insn", *span, program)
        for address, name in re.findall(r"^ *([0-9a-f]+):\t(\S+)", listing, re.M):
            found[int(address, 16)] = name.split(".")[0]
    return found


def load_bias(program, cpu):
    """Where qemu-user puts the program."""
    log = output("qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu", "-cpu", cpu, "-d", "page",
                 "-D", "/dev/stdout", program, "--version")
    return int(re.search(r"^([0-9a-f]+)-", log, re.M)[1], 16)


def blocks(arguments, ranges, bias, frames):
    """How often each block was begun, and the addresses of its instructions."""
    program, bundle, cpu, isa = arguments
    spans = ",".join(f"{start + bias:#x}+{size:#x}" for start, size, _ in ranges)
    command = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu", "-cpu", cpu,
               "-d", "in_asm,exec,nochain", "-dfilter", spans, "-D", "/dev/stderr",
               program, "run", bundle, "--isa", isa, "--random", str(frames), "--digest"]
    counts, content, first = collections.Counter(), {}, None
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for line in running.stderr:
        if line.startswith(b"Trace"):
            counts[line.split(b"/", 2)[1]] += 1
        elif line.startswith(b"IN:"):
            first = None
        elif line.startswith(b"0x"):
            address = int(line.split(b":", 1)[0], 16) - bias
            if first is None:
                first = address
                content[first] = []
            content[first].append(address)
    if running.wait() != 0:
        sys.exit(f"mix.py: {' '.join(command[-8:])} failed")
    return {int(address, 16) - bias: count for address, count in counts.items()}, content


def mix(names):
    parts = collections.Counter(names).most_common()
    return ", ".join(f"{count} {name}" for name, count in parts)


def main(arguments):
    program, bundle, cpu, isa = arguments
    ranges = functions(program)
    names, bias = mnemonics(program, ranges), load_bias(program, cpu)
    (one, _), (two, content) = (blocks(arguments, ranges, bias, frames) for frames in (1, 2))
    step = {block: two[block] - one.get(block, 0) for block in two}
    by_kind, by_name = collections.Counter(), collections.defaultdict(collections.Counter)
    for block, count in step.items():
        for address in content[block]:
            name = names[address]
            by_kind[KIND_OF.get(name, OTHER)] += count
            by_name[KIND_OF.get(name, OTHER)][name] += count
    total = sum(by_kind.values())
    print(f"{bundle.rsplit('/', 1)[-1]} on {cpu} by {isa}: {total / 1e6:.1f} million instructions of the "
          "kernels in a step")
    for kind, count in by_kind.most_common():
        most = ", ".join(f"{name} {n / 1e6:.2f}" for name, n in by_name[kind].most_common(6))
        print(f"{count / 1e6:9.2f} {100 * count / total:5.1f} %  {kind}: {most}")
    print("the blocks that most instructions belong to:")
    weight = {block: count * len(content[block]) for block, count in step.items()}
    for block in sorted(weight, key=weight.get, reverse=True)[:LOOPS_SHOWN]:
        function = next(n for start, size, n in ranges if start <= block < start + size)
        print(f"{weight[block] / 1e6:9.2f} {100 * weight[block] / total:5.1f} %  {function}: "
              f"{step[block]} times {mix(names[a] for a in content[block])}")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(sys.argv[1:])
