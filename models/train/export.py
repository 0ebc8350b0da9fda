"""Writes a checkpoint as ONNX, in step form and in clip form, and checks them by ONNX Runtime."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import judge_streams
import rendered
from dataset import SIZE
from gestures import LABELS
from network import OnlineTsmMobileNetV2
from recordings import load_network

OPSET = 17
TOLERANCE = 1e-4
CAUTION = 1.2
"""Taken off every gesture's logit: training counts gestures double and shows them more often than
life does. Chosen on validation recordings (seed 2), where 0, 0.69, 1.2 and 1.8 were tried."""


class StepForm(nn.Module):
    """The network's `step` as a module of its own, for the exporter."""

    def __init__(self, network: OnlineTsmMobileNetV2) -> None:
        super().__init__()
        self.network = network

    def forward(self, frame: Tensor, *shift_in: Tensor) -> tuple[Tensor, ...]:
        """See `OnlineTsmMobileNetV2.step`."""
        return self.network.step(frame, *shift_in)


def export_step(network: OnlineTsmMobileNetV2, path: Path) -> None:
    """Inputs `frame`, `shift_in_0`, ...; outputs `logits`, `shift_out_0`, ..."""
    state = network.zero_state(SIZE)
    torch.onnx.export(
        StepForm(network).eval(),  # the exporter restores the mode it finds, of all parts
        (torch.zeros(1, 3, SIZE, SIZE), *state),
        path,
        input_names=["frame", *(f"shift_in_{i}" for i in range(len(state)))],
        output_names=["logits", *(f"shift_out_{i}" for i in range(len(state)))],
        opset_version=OPSET,
        dynamo=False,
    )


def export_clip(network: OnlineTsmMobileNetV2, path: Path) -> None:
    """Input `frames` [T,3,SIZE,SIZE], any T; output `logits` [T,classes]."""
    torch.onnx.export(
        network,
        (torch.zeros(8, 3, SIZE, SIZE),),
        path,
        input_names=["frames"],
        output_names=["logits"],
        dynamic_axes={"frames": {0: "T"}, "logits": {0: "T"}},
        opset_version=OPSET,
        dynamo=False,
    )


@torch.no_grad()
def check(network: OnlineTsmMobileNetV2, folder: Path) -> float:
    """The largest difference from PyTorch's clip form, over clips of two lengths."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    step = onnxruntime.InferenceSession(folder / "demo-step.onnx", options)
    clip = onnxruntime.InferenceSession(folder / "demo-clip.onnx", options)
    worst = 0.0
    for length in (5, 40):
        frames = torch.randn(length, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(length))
        wanted = network(frames).numpy()
        answers = [clip.run(["logits"], {"frames": frames.numpy()})[0]]
        state, kept = network.zero_state(SIZE), [s.numpy() for s in network.zero_state(SIZE)]
        ours, theirs = [], []
        for frame in frames.split(1):
            logits, *state = network.step(frame, *state)
            ours.append(logits.numpy())
            inputs = {f"shift_in_{i}": s for i, s in enumerate(kept)}
            logits, *kept = step.run(None, {"frame": frame.numpy(), **inputs})
            theirs.append(logits)
        answers += [np.concatenate(ours), np.concatenate(theirs)]
        worst = max(worst, *(float(np.abs(answer - wanted).max()) for answer in answers))
    return worst


def export(
    checkpoint: Path,
    folder: Path,
    load: Callable[[Path], OnlineTsmMobileNetV2] = load_network,
    labels: Sequence[str] = LABELS,
    caution: float = CAUTION,
) -> None:
    """What the program needs of a trained checkpoint: weights, both ONNX forms, labels."""
    folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    network = load(checkpoint)
    with torch.no_grad():
        network.classifier.bias[1:] -= caution
    weights = {name: t for name, t in network.state_dict().items() if t.is_floating_point()}
    save_file(weights, folder / "demo.safetensors")
    export_step(network, folder / "demo-step.onnx")
    export_clip(network, folder / "demo-clip.onnx")
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    worst = check(network, folder)
    print(f"PyTorch, step and clip form in ONNX Runtime differ by at most {worst:.1e}")
    if worst > TOLERANCE:
        raise RuntimeError(f"that is more than {TOLERANCE}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--streams", action="store_true", help="a checkpoint of train_streams.py")
    parser.add_argument("--caution", type=float, help="taken off every gesture's logit")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    kind = {"load": judge_streams.load, "labels": rendered.LABELS} if arguments.streams else {}
    caution = CAUTION if arguments.caution is None else arguments.caution
    export(arguments.checkpoint, arguments.out, caution=caution, **kind)


if __name__ == "__main__":
    main()
