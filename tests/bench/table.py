"""The tables of `tests/bench/peers`:

    python table.py FOLDER PRAXC [--only step|clips] [--isa NAME] [--rounds N] [--frames N]

Rounds go over all in turn, so that whatever else the machine does hits all of them. It hits a window of a
second more surely than a frame of ten milliseconds, though: on a busy machine read the medians. With `--isa avx2`
OpenVINO is held to AVX2 as well; ONNX Runtime knows no such limit.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
WARM = 3

STEPS = [
    ("ONNX Runtime f32", "onnxruntime", "step.onnx"),
    ("ONNX Runtime int8", "onnxruntime", "step.int8.onnx"),
    ("OpenVINO f32", "openvino", "step.onnx"),
    ("OpenVINO, its choice", "openvino-free", "step.onnx"),
    ("OpenVINO int8", "openvino", "step.int8.onnx"),
    ("MNN f32", "mnn", "step.mnn"),
    ("ncnn f32", "ncnn", "step.ncnn.param"),
    ("LiteRT f32", "litert", "step.tflite"),
    ("LiteRT int8", "litert", "step.int8.tflite"),
]
CLIP_PEERS = [
    ("OpenVINO f32", "openvino"),
    ("ONNX Runtime f32", "onnxruntime"),
    ("OpenVINO, its choice", "openvino-free"),
]
# Each with the part of OpenVINO's float clip time that a frame may take in float and in int8.
CLIPS = {
    "ir-csn-50": (20, 24),
    "ip-csn-50": (20, 24),
    "slowfast-8x8-r50": (20, None),
    "r2plus1d-18": (12, 12),
    "i3d-r50": (4, None),
}


class Peer:
    """A peer's process."""

    def __init__(self, name: str, runtime: str, file: Path, isa: str | None):
        self.name = name
        command = [sys.executable, str(HERE / "peer.py"), runtime, str(file)]
        limit = {"ONEDNN_MAX_CPU_ISA": "AVX2"} if isa == "avx2" else {}
        # Whether it uses no better instructions than ours.
        self.is_held = not limit or runtime.startswith("openvino")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=os.environ | limit,
        )  # fmt: skip
        self.said = self.process.stdout.readline().strip() or "n/a it ended while it loaded"
        self.works = self.said.startswith("ready")
        self.times = []

    def round(self, runs: int, warm: int) -> None:
        self.process.stdin.write(f"{runs + warm}\n")
        self.process.stdin.flush()
        self.times += [float(t) for t in self.process.stdout.readline().split()][warm:]

    def row(self):
        return min(self.times), statistics.median(self.times)

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Ours:
    """`praxc bench`, once a round: of a cycle of frames the average; the median is that of the rounds'
    medians."""

    def __init__(self, name: str, praxc: Path, bundle: Path, isa: str | None):
        self.name, self.said = name, "n/a the bundle could not be made"
        self.works = bundle.exists()
        self.command = [str(praxc), "bench", str(bundle)] + (["--isa", isa] if isa else [])
        self.minima, self.medians, self.every = [], [], 1

    def round(self, frames: int, warm: int) -> None:
        options = ["--frames", str(frames), "--warmup", str(warm), "--json"]
        done = subprocess.run(self.command + options, check=True, capture_output=True, text=True)
        report = json.loads(done.stdout)
        self.said = report["isa"]
        times = report["cycle"] or report["milliseconds"]
        self.minima.append(times["min"])
        self.medians.append(times["median"])
        self.every = times.get("frames", 1)

    def row(self):
        return min(self.minima), statistics.median(self.medians)


def steps(folder: Path, praxc: Path, isa: str | None, rounds: int, frames: int) -> None:
    ours = [
        Ours(f"Praxiscope {kind}", praxc, folder / file, isa)
        for kind, file in [("f32", "step.prax"), ("int8", "step.int8.prax")]
    ]
    peers = [Peer(name, runtime, folder / file, isa) for name, runtime, file in STEPS]
    for _ in range(rounds):
        for row in ours + peers:
            if row.works:
                row.round(frames, WARM)
    equals = [row.row() for row in peers if row.works and row.is_held]
    minima, medians = zip(*equals, strict=True)
    print("A step of MobileNetV2-TSM at 224 pixels; ratios are by the fastest peer that is held to the")
    print("same instructions.\n")
    print("| runs the step | min ms | median ms | of minima | of medians | |")
    print("|---|---:|---:|---:|---:|---|")
    for row in ours + peers:
        said = row.said.removeprefix("ready ")
        if row.works:
            least, median = row.row()
            ratios = f"{least / min(minima):.2f} | {median / min(medians):.2f}"
            print(f"| {row.name} | {least:.2f} | {median:.2f} | {ratios} | {said} |")
        else:
            print(f"| {row.name} | n/a | n/a | | | {said.removeprefix('n/a ')} |")
    for peer in peers:
        peer.end()


def clips(folder: Path, praxc: Path, isa: str | None, rounds: int) -> None:
    print("\nA frame of ours, averaged, beside a window of theirs (hop 1), and theirs at our hop k.")
    print("Minima of all rounds; in brackets medians. `1/x` is by OpenVINO's float window.\n")
    print("| network | runs | ms | 1/x | bar | k | theirs at hop k |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for name, bars in CLIPS.items():
        ours = [
            (Ours(f"ours {kind}", praxc, folder / file, isa), bar)
            for kind, file, bar in [
                ("f32", f"{name}.prax", bars[0]),
                ("int8", f"{name}.int8.prax", bars[1]),
            ]
            if bar is not None
        ]
        peers = [Peer(label, runtime, folder / f"{name}.onnx", isa) for label, runtime in CLIP_PEERS]
        for _ in range(rounds):
            for row, _ in ours:
                if row.works:
                    row.round(32, 16)
            for row in peers:
                if row.works:
                    row.round(1, 0)
        openvino = peers[0].row() if peers[0].works else (float("nan"),) * 2
        every = max(row.every for row, _ in ours)
        for row, bar in [*ours, *((peer, None) for peer in peers)]:
            if not row.works:
                print(f"| {name} | {row.name} | n/a | | | | {row.said.removeprefix('n/a ')} |")
                continue
            least, median = row.row()
            if bar is not None:
                ratios = f"{openvino[0] / least:.1f} ({openvino[1] / median:.1f}) | {bar} | {every} |"
            else:
                ratios = f" | | {every} | {least / every:.1f} ({median / every:.1f})"
            print(f"| {name} | {row.name} | {least:.2f} ({median:.2f}) | {ratios} |", flush=True)
        for peer in peers:
            peer.end()


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("praxc", type=lambda path: Path(path).resolve())
    parser.add_argument("--only", choices=["step", "clips"])
    parser.add_argument("--isa", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=20)
    options = parser.parse_args()
    for isa in options.isa or [None]:
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        load = os.getloadavg()[0]
        print(f"## {isa or 'the best instructions'}\n")
        print(f"{now}, {processor()}, load {load:.1f}; one thread, {options.rounds} rounds, in turn.\n")
        if options.only != "clips":
            steps(options.folder, options.praxc, isa, options.rounds, options.frames)
        if options.only != "step":
            clips(options.folder, options.praxc, isa, options.rounds)
        print(f"\nLoad {os.getloadavg()[0]:.1f} at the end.\n")


if __name__ == "__main__":
    main()
