"""Exports every family by both exporters, makes a frame-by-frame program of each file with `praxc`, and
writes a table of what its certificate says.

    python certify.py PRAXC FOLDER [NAME...] > table.md     # those whose names begin so

`../fixtures/requirements-onnx.txt` pins the packages, and `ORT_DYLIB_PATH` may name ONNX Runtime's
library. Files whose number of frames is open are run by ONNX Runtime over a longer clip as well, which
the program is held against when it is flushed, its last mean over all rows.
"""

import contextlib
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxslim
import torch

from families import SIDE, networks  # first: it finds the fixtures
from make_onnx import DYNAMO, LEGACY, export
from networks.randomize import randomize

EXPORTS = [(LEGACY, 13, ""), (LEGACY, 17, "slim"), (LEGACY, 17, "open"), (DYNAMO, 18, ""),
           (DYNAMO, 18, "open")]  # fmt: skip


def is_valid(path: Path, inputs, wanted) -> bool:
    """Whether ONNX Runtime takes the file and agrees with PyTorch."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feeds = {i.name: x.numpy() for i, x in zip(session.get_inputs(), inputs, strict=True)}
    (found,) = session.run(None, feeds)
    return bool(np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max())


def certified(praxc: str, path: Path, frames: int | None) -> dict:
    command = [praxc, "convert", str(path), "--mode", "stream", "--json"]
    command += ["-o", str(path.with_suffix(".prax"))]
    if frames is not None:
        command += ["--frames", str(frames), "--size", str(SIDE)]
    run = subprocess.run(command, capture_output=True, text=True)
    if not run.stdout:
        return {"refused": run.stderr.strip().removeprefix("praxc: ")}
    return json.loads(run.stdout)["certificate"] | {"code": run.returncode}


def row(name: str, found: dict) -> str:
    if "refused" in found:
        return f"| {name} | refused | | | | {found['refused'].split(';')[0]} |"
    by = {"source": [], "rows": [], "longer": []}
    for one in found["comparisons"]:
        kind = "source" if "clip graph against the source" in one["what"] else "rows"
        kind = "longer" if "longer clip" in one["what"] else kind
        by[kind].append(one)
    worst = {k: f"{max(o['relative_difference'] for o in v):.1e}" if v else "" for k, v in by.items()}
    notes = [f"windowed operators: {len(found['changes'])}"] if found["changes"] else []
    beyond = [o for v in by.values() for o in v if o["relative_difference"] > o["tolerance"]]
    rounding = [o["rounding"] for v in by.values() for o in v if o.get("rounding")]
    if rounding:
        notes.append(f"amplifies last bits to {max(rounding):.0e}")
    if beyond or found["code"]:
        notes.append("BEYOND its tolerance")
    columns = [name, found["kind"], worst["source"], worst["rows"], worst["longer"], ", ".join(notes)]
    return f"| {' | '.join(columns)} |"


def main() -> None:
    praxc, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    print("| export | kind | clip graph: source | program: clip graph | flushed: longer source | |")
    print("|---|---|---|---|---|---|")
    wanted_names = tuple(sys.argv[3:]) or ("",)
    for name, (net, head, inputs, time) in networks().items():
        if not name.startswith(wanted_names):
            continue
        randomize(net, head, lambda: net(*inputs), seed=1)
        with torch.no_grad():
            wanted = net.eval()(*inputs).numpy()
        for exporter, opset, word in EXPORTS:
            if word == "open" and time is None:
                continue
            stem = ".".join(part for part in [name, f"{exporter}{opset}", word] if part)
            path = folder / f"{stem}.onnx"
            try:
                with contextlib.redirect_stdout(sys.stderr):
                    export(path, net, inputs, exporter, opset, time if word == "open" else None)
                if word == "slim":
                    onnx.save(onnxslim.slim(onnx.load(path)), path)
                valid = is_valid(path, inputs, wanted)
            except Exception as error:  # whatever an exporter or ONNX Runtime says
                print(f"| {stem} | no valid file | | | | {type(error).__name__} |", flush=True)
                continue
            if not valid:
                print(f"| {stem} | no valid file | | | | it differs from PyTorch |", flush=True)
                continue
            frames = inputs[-1].shape[2] if word == "open" else None
            print(row(stem, certified(praxc, path, frames)), flush=True)


if __name__ == "__main__":
    main()
