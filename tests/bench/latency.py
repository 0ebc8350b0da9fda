"""How long an event takes, from outside the program (issue 6, bar 3):

    python3 tests/bench/latency.py PRAXISCOPE [--rates 24,30,60] [--rounds N]

A camera of this script's own writes the demo clip to a pipe in real time, 640x480 pixels in 4:4:4, N times
over, and notes the monotonic clock before each frame's first byte: its time stamp. Each line of the program
is noted as it comes. An event's latency is from the stamp of the frame that it names as `decided`; the bar is
one frame interval and one inference. Prints what the program itself measures, too. Exit status: 0 the bar is
held at all rates, 1 it is not.
"""

import argparse
import json
import re
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

SCALE = 4
STILL = 1.0  # seconds of the first frame before the clip, so that a start is no part of it


def read_clip(path: Path) -> tuple[list[bytes], int, int, float]:
    header, body = path.read_bytes().split(b"\n", 1)
    words = {word[:1]: word[1:] for word in header.decode().split()[1:]}
    assert words["C"] == "444", header
    width, height = int(words["W"]), int(words["H"])
    over, under = map(int, words["F"].split(":"))
    size = 3 * width * height
    stride = len(b"FRAME\n") + size
    frames = [body[at + stride - size : at + stride] for at in range(0, len(body), stride)]
    return frames, width, height, over / under


def enlarge(frame: bytes, width: int) -> bytes:
    """Each pixel `SCALE` times in both directions."""
    rows = []
    for at in range(0, len(frame), width):
        row = bytearray(width * SCALE)
        for shift in range(SCALE):
            row[shift::SCALE] = frame[at : at + width]
        rows.append(bytes(row) * SCALE)
    return b"".join(rows)


def play(pipe, clip, rate: float, rounds: int, stamps: list[float]) -> None:
    frames, width, height, own = clip
    header = f"YUV4MPEG2 W{width * SCALE} H{height * SCALE} F{rate:g}:1 Ip A1:1 C444 XCOLORRANGE=FULL\n"
    pipe.write(header.encode())
    pipe.flush()
    length = STILL + len(frames) / own
    start = time.monotonic()
    for number in range(round(rate * length * rounds)):
        at = max(number / rate % length - STILL, 0.0)
        picture = b"FRAME\n" + enlarge(frames[min(int(at * own), len(frames) - 1)], width)
        time.sleep(max(0.0, start + number / rate - time.monotonic()))
        stamps.append(time.monotonic())
        pipe.write(picture)
        pipe.flush()
    pipe.close()


def measure(program: str, clip, rate: float, rounds: int) -> bool:
    running = subprocess.Popen(
        [program, "run", "--input", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    stamps: list[float] = []
    camera = threading.Thread(target=play, args=(running.stdin, clip, rate, rounds, stamps))
    camera.start()
    latencies = []
    for line in running.stdout:
        now = time.monotonic()
        event = json.loads(line)
        # The last event may be the end of the recording's, which no frame decides.
        if event["event"] in ("start", "end") and event["decided"] < round(rate * (STILL + len(clip[0]) / clip[3]) * rounds) - 1:
            latencies.append((now - stamps[event["decided"]]) * 1e3)
    camera.join()
    summary = running.stderr.read().decode()
    assert running.wait() == 0, summary
    stage = {name: float(value) for name, value in re.findall(r"^(infer|to event) +([0-9.]+) ms", summary, re.M)}
    bar = 1e3 / rate + stage["infer"]
    latencies.sort()
    median = statistics.median(latencies)
    print(
        f"{rate:4g} {len(latencies):7} {median:9.2f} {latencies[int(len(latencies) * 0.95)]:9.2f} "
        f"{latencies[-1]:9.2f} {stage['to event']:9.2f} {stage['infer']:9.2f} {bar:9.2f}"
    )
    return median <= bar


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("praxiscope")
    parser.add_argument("--rates", default="24,30,60")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.y4m"
        subprocess.run([options.praxiscope, "demo", "--write", path], check=True, capture_output=True)
        clip = read_clip(path)
    print("milliseconds from a frame's time stamp to its event on standard output")
    print("rate  events    median      95 %   longest its median     infer       bar")
    held = [measure(options.praxiscope, clip, float(rate), options.rounds) for rate in options.rates.split(",")]
    raise SystemExit(0 if all(held) else 1)


main()
