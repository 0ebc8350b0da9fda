"""Holds quantized bundles of trained networks against the float networks in PyTorch.

    python measure.py WEIGHTS CLIPS PRAXC WORK [--only NETWORK] [--shift SHIFT] [--max-drop PERCENT]
        [--frames FRAMES] [--table]

WEIGHTS is a folder in which the networks' files lie at any depth, CLIPS one of videos. What was measured
of a network lies in WORK as JSON, and is not measured again while it lies there. `--table` only prints.
`--max-drop` and `--frames` go to `praxc quantize`; with a drop of 100 % all layers stay in integers, unless
the logits have less than 20 dB.

A prediction is a row of scores, one for each frame; a clip's is the mean of eight rows in a row, as TSN
and TSM take it. The float network runs in PyTorch over a whole video as one clip; the integer one in
`praxc run`, frame by frame.
"""

import argparse
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

import clips
from trained import SHIFTS, SOURCES, Source

CLIP = 8


def export(network: torch.nn.Module, size: int, path: str) -> None:
    warnings.simplefilter("ignore")
    torch.onnx.export(
        network,
        (torch.zeros(CLIP, 3, size, size),),
        path,
        input_names=["frames"],
        output_names=["scores"],
        dynamo=False,
        opset_version=17,
    )


def run(praxc: str, *arguments) -> str:
    ended = subprocess.run([praxc, *map(str, arguments)], capture_output=True, text=True)
    if ended.returncode not in (0, 1):
        sys.exit(f"praxc {arguments[0]}: {ended.stderr.strip()}")
    return ended.stdout


def windows(rows: np.ndarray) -> np.ndarray:
    """The means of every eight rows in a row."""
    sums = np.cumsum(np.concatenate([np.zeros_like(rows[:1]), rows]), axis=0, dtype=np.float64)
    return (sums[CLIP:] - sums[:-CLIP]) / CLIP


def decibels(truth: np.ndarray, found: np.ndarray) -> float:
    return float(10 * np.log10((truth**2).sum() / ((found - truth) ** 2).sum()))


def agreement(truth: np.ndarray, found: np.ndarray) -> float:
    return float((truth.argmax(1) == found.argmax(1)).mean())


def measured(name: str, shift: str, source: Source, options, folder: Path) -> dict:
    (file,) = list(options.weights.rglob(source.file))[:1]
    torch.set_grad_enabled(False)
    network = source.read(file, shift).eval()
    base = folder / f"{name}.{shift}"
    file, bundle, integer = (f"{base}.{suffix}" for suffix in ("onnx", "prax", "int8.prax"))
    export(network, source.size, file)
    run(options.praxc, "convert", file, "--mode", "stream", "-o", bundle)

    calibration = folder / f"{name}.calibration"
    if not calibration.exists():
        calibration.mkdir()
        for number, clip in enumerate(clips.calibration(options.clips, source.size)):
            np.save(calibration / f"{number:03}.npy", clips.tensor(clip, source.mean, source.std))
    given = ["--max-drop", options.max_drop, "--frames", options.frames, "--json"]
    told = run(options.praxc, "quantize", bundle, "--calibration", calibration, "-o", integer, *given)
    report = json.loads(told)["quantization"]

    truths, founds, floats = [], [], []
    for frames in clips.held_out(options.clips, source.size).values():
        recording = clips.tensor(frames, source.mean, source.std)
        np.save(folder / "recording.npy", recording)
        truths.append(network(torch.from_numpy(recording)).numpy().astype(np.float64))
        for given, rows in ((integer, founds), (bundle, floats)):
            out = folder / "rows.npy"
            run(options.praxc, "run", given, "--tensor", folder / "recording.npy", "-o", out)
            rows.append(np.load(out).astype(np.float64))
    frame_rows = np.concatenate(truths), np.concatenate(founds)
    clip_rows = tuple(np.concatenate([windows(rows) for rows in side]) for side in (truths, founds))
    return {
        "frames": len(frame_rows[0]),
        "frame_agreement": agreement(*frame_rows),
        "frame_decibels": decibels(*frame_rows),
        "clips": len(clip_rows[0]),
        "clip_agreement": agreement(*clip_rows),
        "clip_decibels": decibels(*clip_rows),
        "float_decibels": decibels(frame_rows[0], np.concatenate(floats)),
        "classes_seen": len(set(frame_rows[0].argmax(1))),
        "calibrated": {
            key: report[key]
            for key in ("method", "recordings", "frames", "top1_agreement", "logits_decibels")
        },
        "float_nodes": report["float_nodes"],
        "float_share": report["float_share"],
        "bit_exact": report["bit_exact"],
    }


def table(folder: Path) -> None:
    print(
        "| network | shift | frames | same class | signal | clips | same class | signal | classes seen "
        "| in float |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---|"
    )
    for name in SOURCES:
        for shift in SHIFTS:
            path = folder / f"{name}.{shift}.json"
            if not path.exists():
                print(f"| {name} | {shift} | not measured | | | | | | | |")
                continue
            found = json.loads(path.read_text())
            floats = f"{len(found['float_nodes'])} nodes, {found['float_share']:.1%} of the multiply-adds"
            print(
                f"| {name} | {shift} | {found['frames']} | {found['frame_agreement']:.1%} "
                f"| {found['frame_decibels']:.1f} dB | {found['clips']} "
                f"| {found['clip_agreement']:.1%} | {found['clip_decibels']:.1f} dB "
                f"| {found['classes_seen']} | {floats} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for name in ("weights", "clips", "praxc", "work"):
        parser.add_argument(name, type=str if name == "praxc" else Path)
    parser.add_argument("--only", choices=SOURCES)
    parser.add_argument("--shift", choices=SHIFTS)
    parser.add_argument("--max-drop", type=float, default=2.0)
    parser.add_argument("--frames", type=int, default=clips.CLIP_FRAMES)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    for name, source in SOURCES.items():
        for shift in SHIFTS:
            path = options.work / f"{name}.{shift}.json"
            is_wanted = options.only in (None, name) and options.shift in (None, shift)
            if options.table or not is_wanted or path.exists():
                continue
            found = measured(name, shift, source, options, options.work)
            path.write_text(json.dumps(found, indent=1) + "\n")
    table(options.work)


if __name__ == "__main__":
    main()
