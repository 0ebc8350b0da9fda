"""Writes the clip networks that are run frame by frame and, by the peers, window by window.

    python clips.py OUT_DIR [NAME]...

Published sizes, random weights, the legacy exporter, a fixed number of frames. Beside each `NAME.onnx`
lies `NAME.npy`: twice as many frames of noise, for `praxc quantize`.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torchvision.models.video import r2plus1d_18

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fixtures"))
from networks.i3d_resnet import mmaction2_i3d  # noqa: E402
from networks.slowfast import SlowFast  # noqa: E402
from networks.videoresnet import Cube, Depthwise, PointThenDepthwise, VideoResNet  # noqa: E402

CLASSES = 400
R50 = (3, 4, 6, 3)


def csn(kind: type) -> VideoResNet:
    kinds = [Cube, *[kind] * 4]
    return VideoResNet(64, kinds, R50, CLASSES, bottleneck=True, pool=True, epsilon=1e-3)


# Each with how it is made, and the frames and pixels of its clip.
NETWORKS = {
    "ir-csn-50": (lambda: csn(Depthwise), 32, 224),
    "ip-csn-50": (lambda: csn(PointThenDepthwise), 32, 224),
    "slowfast-8x8-r50": (lambda: SlowFast(64, 8, 4, R50, CLASSES), 32, 224),
    "r2plus1d-18": (lambda: r2plus1d_18(num_classes=CLASSES), 16, 112),
    "i3d-r50": (lambda: mmaction2_i3d(CLASSES, 64, strides=(1, 1)), 8, 224),
}


def main(out: Path, names: list[str]) -> None:
    for name in names or NETWORKS:
        make, frames, size = NETWORKS[name]
        torch.manual_seed(1)
        torch.onnx.export(
            make().eval(),
            (torch.randn(1, 3, frames, size, size),),
            str(out / f"{name}.onnx"),
            input_names=["clip"],
            output_names=["logits"],
            dynamo=False,
            opset_version=17,
        )
        noise = np.random.default_rng(2)
        noise = noise.standard_normal((2 * frames, 3, size, size), np.float32)
        np.save(out / f"{name}.npy", noise)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
