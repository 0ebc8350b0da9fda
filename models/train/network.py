"""One-way TSM-MobileNetV2: a picture network that remembers a little of the frame before.

Temporal Shift Module: Lin, Gan, Han, "TSM: Temporal Shift Module for Efficient Video
Understanding", ICCV 2019. MobileNetV2: Sandler et al., CVPR 2018. Tensor names and wiring are those
of MIT's online demo (`features.1.conv.0.weight`, ..., `classifier.bias`), so the checkpoint passes
through the same door of `praxc convert` as theirs.

Every inverted residual block with an expansion AND a residual is shifted: before its expansion the
first eighth of its channels is replaced by that of the frame before (zeros before the first frame);
the residual adds the unshifted tensor. The two forwards below read the same weights:

* clip form, `forward`: whole clips at once, for training and as the reference;
* step form, `step`: one frame and the kept channels in, logits and the new kept channels out.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FOLD = 8
"""One channel in `FOLD` comes from the frame before."""

MEAN, STD = 0.5, 0.25
"""Per channel, of pictures in 0..1."""

STAGES = [
    # expansion, channels at width 1, blocks, stride of the first block
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


def normalise(pictures: Tensor, size: int | None = None) -> Tensor:
    """uint8 [N,H,W,3] to float [N,3,H,W] or [N,3,size,size], channels last in memory."""
    x = pictures.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last)
    if size is not None and size != x.shape[-1]:
        x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
    return (x / 255 - MEAN) / STD


def make_divisible(channels: float, divisor: int = 8) -> int:
    """The smallest multiple of `divisor` that is not below `channels`."""
    return math.ceil(channels / divisor) * divisor


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list:
    """A convolution that keeps the size (up to its stride) and its batch normalisation."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs)]


class InvertedResidual(nn.Module):
    """Expansion (1x1), depthwise 3x3, projection (1x1); shifted when `self.shifted`."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.shifted = self.residual and expansion > 1
        self.fold = inputs // FOLD
        layers = []
        if expansion > 1:
            layers += [*conv_norm(inputs, hidden, 1), nn.ReLU6(inplace=True)]
        layers += [*conv_norm(hidden, hidden, 3, stride, groups=hidden), nn.ReLU6(inplace=True)]
        layers += conv_norm(hidden, outputs, 1)
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor, previous: Callable[[Tensor], Tensor]) -> Tensor:
        """`x` [N,C,H,W]; `previous` gives for its first channels those one frame earlier."""
        if not self.residual:
            return self.conv(x)
        if not self.shifted:
            return x + self.conv(x)
        moved = torch.cat((previous(x[:, : self.fold]), x[:, self.fold :]), dim=1)
        return x + self.conv(moved)


class OnlineTsmMobileNetV2(nn.Module):
    """Logits of `classes` classes after every frame."""

    def __init__(self, classes: int, width: float = 0.35) -> None:
        super().__init__()
        last = make_divisible(1280 * width) if width > 1.0 else 1280
        channels = 32  # the first convolution keeps its 32 channels at every width
        stem = conv_norm(3, channels, 3, stride=2)
        features: list[nn.Module] = [nn.Sequential(*stem, nn.ReLU6(inplace=True))]
        for expansion, wide, blocks, first_stride in STAGES:
            outputs = make_divisible(wide * width) if expansion > 1 else wide
            for block in range(blocks):
                stride = first_stride if block == 0 else 1
                features.append(InvertedResidual(channels, outputs, stride, expansion))
                channels = outputs
        features.append(nn.Sequential(*conv_norm(channels, last, 1), nn.ReLU6(inplace=True)))
        self.features = nn.ModuleList(features)
        self.classifier = nn.Linear(last, classes)
        self._initialise()

    def forward(self, frames: Tensor, clip_length: int | None = None) -> Tensor:
        """Clip form: `frames` [T,3,H,W] to logits [T,classes].

        With `clip_length` L the T frames are T/L independent clips laid end to end, each starting
        from zeros.
        """

        def previous(kept: Tensor) -> Tensor:
            if clip_length is None:
                return torch.cat((torch.zeros_like(kept[:1]), kept[:-1]), dim=0)
            clips = kept.unflatten(0, (-1, clip_length))
            clips = torch.cat((torch.zeros_like(clips[:, :1]), clips[:, :-1]), dim=1)
            return clips.flatten(0, 1)

        return self._run(frames, previous)

    def stream(
        self, frames: Tensor, length: int, state: list[Tensor] | None
    ) -> tuple[Tensor, list[Tensor]]:
        """A piece of some streams at once, for training on long ones.

        `frames` [N*length,3,H,W] holds `length` frames of each of N streams; `state` is what the
        piece before gave (zeros where there was none). Gives logits and the state for the next one.
        """
        waiting = iter(state) if state is not None else None
        kept_last: list[Tensor] = []

        def previous(kept: Tensor) -> Tensor:
            clips = kept.unflatten(0, (-1, length))
            kept_last.append(clips[:, -1].detach())
            first = next(waiting) if waiting is not None else torch.zeros_like(clips[:, 0])
            return torch.cat((first[:, None], clips[:, :-1]), dim=1).flatten(0, 1)

        logits = self._run(frames, previous)
        return logits, kept_last

    def step(self, frame: Tensor, *shift_in: Tensor) -> tuple[Tensor, ...]:
        """Step form: `frame` [1,3,H,W] and the kept channels to (logits, *new kept channels)."""
        waiting = iter(shift_in)
        shift_out: list[Tensor] = []

        def previous(kept: Tensor) -> Tensor:
            shift_out.append(kept)
            return next(waiting)

        logits = self._run(frame, previous)
        return (logits, *shift_out)

    def zero_state(self, size: int) -> list[Tensor]:
        """The kept channels before the first frame of a stream of `size` x `size` pictures."""
        state = []
        side = size // 2
        for block in self.features:
            if isinstance(block, InvertedResidual):
                if block.shifted:
                    state.append(torch.zeros(1, block.fold, side, side))
                depthwise = next(m for m in block.conv if isinstance(m, nn.Conv2d) and m.groups > 1)
                side = (side - 1) // depthwise.stride[0] + 1
        return state

    def _run(self, x: Tensor, previous: Callable[[Tensor], Tensor]) -> Tensor:
        for layer in self.features:
            x = layer(x, previous) if isinstance(layer, InvertedResidual) else layer(x)
        return self.classifier(x.mean(dim=(2, 3)))

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)
