"""Writes the networks that the peers run: MobileNetV2-TSM's online step, 224 pixels, random weights.

    python export.py OUT_DIR

`step.onnx` is float; `step.int8.onnx` is the same with QDQ nodes, calibrated by ONNX Runtime on noise,
8-bit weights for each channel; `calibration.npy` is noise for `praxc quantize`.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fixtures"))
from networks.mobilenetv2 import OnlineMobileNetV2  # noqa: E402

SIZE, CLASSES, FRAMES = 224, 27, 8


class Noise(CalibrationDataReader):
    """Frames and caches of noise."""

    def __init__(self, path: Path):
        graph = onnx.load(path).graph
        shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in graph.input}
        noise = np.random.default_rng(1)
        self.feeds = iter(
            {name: noise.standard_normal(shape, np.float32) for name, shape in shapes.items()}
            for _ in range(FRAMES)
        )

    def get_next(self):
        return next(self.feeds, None)


def main(out: Path) -> None:
    torch.manual_seed(1)
    net = OnlineMobileNetV2(CLASSES).eval()
    inputs = (torch.randn(1, 3, SIZE, SIZE), *net.blank_caches(SIZE))
    caches = range(len(inputs) - 1)
    step = out / "step.onnx"
    torch.onnx.export(
        net,
        inputs,
        str(step),
        input_names=["frame", *(f"cache_in_{i}" for i in caches)],
        output_names=["logits", *(f"cache_out_{i}" for i in caches)],
        dynamo=False,
        opset_version=17,
    )
    prepared = out / "prepared.onnx"
    quant_pre_process(str(step), str(prepared))
    quantize_static(
        str(prepared),
        str(out / "step.int8.onnx"),
        Noise(prepared),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    noise = np.random.default_rng(2).standard_normal((FRAMES, 3, SIZE, SIZE), np.float32)
    np.save(out / "calibration.npy", noise)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
