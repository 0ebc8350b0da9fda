"""The step of MobileNetV2-TSM as LiteRT runs it fastest, channels last: `python to_litert.py OUT_DIR`.

`step.tflite` is float; `step.int8.tflite` is integer throughout, calibrated on noise.
`litert-torch` pins an older PyTorch than the other packages, so it has an environment of its own.
"""

import sys
from pathlib import Path

import litert_torch
import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fixtures"))
from networks.mobilenetv2 import OnlineMobileNetV2  # noqa: E402

SIZE, CLASSES, FRAMES = 224, 27, 8


def quantize(path: Path, out: Path) -> None:
    signature, inputs = next(iter(Interpreter(str(path)).get_signature_list().items()))
    shapes = Interpreter(str(path)).get_signature_runner(signature).get_input_details()
    noise = np.random.default_rng(1)
    feeds = [
        {name: noise.standard_normal(shapes[name]["shape"], np.float32) for name in inputs["inputs"]}
        for _ in range(FRAMES)
    ]
    work = quantizer.Quantizer(str(path))
    work.load_quantization_recipe(recipe.static_wi8_ai8())
    work.quantize(work.calibrate({signature: feeds})).export_model(str(out), overwrite=True)


def main(out: Path) -> None:
    torch.manual_seed(1)
    net = OnlineMobileNetV2(CLASSES).eval()
    inputs = (torch.randn(1, 3, SIZE, SIZE), *net.blank_caches(SIZE))
    pictures = list(range(len(inputs)))
    last = litert_torch.to_channel_last_io(net, args=pictures, outputs=pictures[1:])
    inputs = tuple(value.permute(0, 2, 3, 1).contiguous() for value in inputs)
    litert_torch.convert(last.eval(), inputs).export(str(out / "step.tflite"))
    quantize(out / "step.tflite", out / "step.int8.tflite")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
