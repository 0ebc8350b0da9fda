"""Every family as a small network, spelled as public code spells it.

`networks()` gives for each name a function that makes `(network, head, inputs, axis)`: the head's
weights are made random with the others, `axis` is that of the frames where their number may be open.
"""

import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fixtures"))

from make_nonlocal import network as nonlocal_network  # noqa: E402
from make_onnx import SHIFTS  # noqa: E402
from make_resnet3d import MIXED  # noqa: E402
from make_slowfast import TwoClips, packed, pytorchvideo  # noqa: E402
from networks.artnet import ArtNet  # noqa: E402
from networks.exports import (  # noqa: E402
    Attention, HalfTime, LentClip, MobileClip, PaddedShortcuts, Resized, RunningClip,
    ShiftedByWindow, SmallTsm, Squeezed, assigned_shift, circular_shift, joined_shift, one_way_shift,
)  # fmt: skip
from networks.i3d import InceptionI3d  # noqa: E402
from networks.i3d_resnet import INFLATED, PytorchVideoI3d, mmaction2_i3d  # noqa: E402
from networks.inception import Table  # noqa: E402
from networks.mobilenetv2 import MobileNetV2  # noqa: E402
from networks.randomize import clip  # noqa: E402
from networks.resnet import ResNet  # noqa: E402
from networks.s3d import S3D, torchvision_s3d  # noqa: E402
from networks.s3dg import S3DG  # noqa: E402
from networks.shift import set_time  # noqa: E402
from networks.slowfast import SlowFast  # noqa: E402
from networks.smallbig import SmallBigNet  # noqa: E402
from networks.videoresnet import (  # noqa: E402
    Cube, Depthwise, Factored, PointThenDepthwise, VideoResNet, mmaction_csn, mmaction_r2plus1d,
)  # fmt: skip

CLASSES = 5
SIDE = 48
SEGMENTS = 8


class MitTsn(nn.Module):
    """MIT's TSN around a network of frames: `forward(clip [1, T * 3, H, W])`."""

    def __init__(self, base: nn.Module, one_way: bool):
        super().__init__()
        set_time(base, SEGMENTS, one_way)
        self.base_model, self.new_fc = base, nn.Linear(base.width, CLASSES)

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        rows = self.new_fc(self.base_model(clip.view((-1, 3) + clip.size()[-2:])))
        rows = rows.view((-1, SEGMENTS) + rows.size()[1:])
        return rows.mean(dim=1, keepdim=True).squeeze(1)


class Packed(nn.Module):
    """A network of two clips that is given one, of which it takes unevenly spread frames."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        return self.net(torch.index_select(video, 2, packed(video.shape[2], 4)), video)


class Turned(nn.Module):
    """A network whose clip lies otherwise."""

    def __init__(self, net: nn.Module, order: tuple[int, ...]):
        super().__init__()
        self.net, self.order = net, order

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        return self.net(video.permute(self.order))


def tsm(frames: torch.Tensor) -> dict:
    stacked, crops = frames.reshape(1, -1, SIDE, SIDE), frames[None]
    found = {}
    bases = {
        "resnet18": lambda place: ResNet(18, base=8, segments=SEGMENTS, place=place),
        "resnet50": lambda place: ResNet(50, base=8, segments=SEGMENTS, place=place),
        "mobilenetv2": lambda place: MobileNetV2(0.125, segments=SEGMENTS),
    }
    for base, make in bases.items():
        for way in ("one-way", "two-way"):
            net = MitTsn(make("blockres"), way == "one-way")
            found[f"tsm.mit.{base}.{way}"] = (net, net.new_fc, [stacked], None)
    net = MitTsn(bases["resnet18"]("block"), False)
    found["tsm.mit.resnet18.block"] = (net, net.new_fc, [stacked], None)
    for name, move, as_crops, between, behind in [
        ("tsm.mit.small.one-way", one_way_shift, False, None, None),
        ("tsm.mit.nonlocal", assigned_shift, False, Attention(16, SEGMENTS), None),
        ("tsm.mit.temporal-pool", assigned_shift, False, HalfTime(SEGMENTS), SEGMENTS // 2),
        ("tsm.mmaction2", joined_shift, True, None, None),
        ("tsm.mmaction2.temporal-pool", joined_shift, True, HalfTime(SEGMENTS), SEGMENTS // 2),
        ("tsm.circular", circular_shift, True, None, None),
    ]:
        net = SmallTsm(move, SEGMENTS, CLASSES, as_crops, between, behind)
        found[name] = (net, net.fc, [crops if as_crops else stacked], None)
    video = frames.transpose(0, 1)[None].contiguous()
    net = LentClip(SHIFTS, CLASSES)
    found["tsm.other-shifts"] = (net, net.fc, [video], 2)
    net = ShiftedByWindow(CLASSES)
    found["tsm.window"] = (net, net.fc, [video], None)
    return found


def convolutions(video: torch.Tensor) -> dict:
    found = {}
    for name in ("r3d", "mc3", "rmc3"):
        net = VideoResNet(4, MIXED[name], (1, 1, 1, 1), CLASSES)
        found[name] = (net, net.fc, [video], 2)
    for name, order, given in [
        ("r3d.channels-last", (0, 4, 1, 2, 3), (0, 2, 3, 4, 1)),
        ("r3d.frames-first", (0, 2, 1, 3, 4), (0, 2, 1, 3, 4)),
    ]:
        net = VideoResNet(4, MIXED["r3d"], (1, 1, 1, 1), CLASSES)
        found[name] = (Turned(net, order), net.fc, [video.permute(given).contiguous()], None)
    net = PaddedShortcuts(CLASSES)
    found["r3d.padded-shortcuts"] = (net, net.fc, [video], 2)
    net = VideoResNet(4, [Factored] * 5, (2, 1, 1, 1), CLASSES)
    found["r2plus1d"] = (net, net.fc, [video], 2)
    net = mmaction_r2plus1d(4, (1, 1, 1, 1), CLASSES)
    found["r2plus1d.mmaction2"] = (net, net.cls_head.fc_cls, [video], None)
    for name, kind in [("csn.ir", Depthwise), ("csn.ip", PointThenDepthwise)]:
        kinds = [Cube] + [kind] * 4
        net = VideoResNet(4, kinds, (1, 2, 1, 1), CLASSES, bottleneck=True, pool=True)
        found[name] = (net, net.fc, [video], 2)
    net = mmaction_csn(4, (2, 1, 1, 1), CLASSES, True)
    found["csn.ip.mmaction2"] = (net, net.cls_head.fc_cls, [video], None)
    net = ArtNet(4, (1, 1, 1, 1), CLASSES)
    found["artnet"] = (net, net.fc8, [video], None)
    for name, causal in [("x3d", False), ("movinet.causal", True)]:
        net = MobileClip(CLASSES, causal)
        found[name] = (net, net.fc, [video], 2)
    net = RunningClip(CLASSES)
    found["movinet.running"] = (net, net.fc, [video], 2)
    return found


def inflated(video: torch.Tensor) -> dict:
    found = {}
    table = Table(16, (2, 3, 1))
    net = InceptionI3d(CLASSES, table)
    found["i3d.inception"] = (net, net.logits.conv3d, [video], 2)
    net = InceptionI3d(CLASSES, table)
    found["i3d.inception.squeezed"] = (Squeezed(net, 2), net.logits.conv3d, [video], None)
    small = [blocks[:2] for blocks in INFLATED]
    net = mmaction2_i3d(CLASSES, 4, small)
    found["i3d.resnet50.mmaction2"] = (net, net.cls_head.fc_cls, [video], 2)
    net = PytorchVideoI3d(CLASSES, 4, small)
    found["i3d.resnet50.pytorchvideo"] = (net, net.cls_head.fc_cls, [video], None)
    net = torchvision_s3d(CLASSES, table)
    found["s3d.torchvision"] = (net, net.classifier[1], [video], None)
    net = S3D(CLASSES, table)
    found["s3d.kylemin"] = (net, net.fc[0], [video], None)
    for name, has_depth in [("s3d-g", True), ("s3d-g.plain", False)]:
        net = S3DG(CLASSES, Table(32, (1, 1, 1)), space_to_depth=has_depth)
        found[name] = (net, net.fc, [video], None)
    return found


def attending(video: torch.Tensor) -> dict:
    found = {}
    for mode in ("embedded_gaussian", "dot_product", "gaussian"):
        inflate, attend = ((1,), (0,), (0, 0), (0,)), ((0,), (0,), (0, 1), (0,))
        net = nonlocal_network(2, inflate, attend, CLASSES, mode=mode, subsample=True)
        found[f"nonlocal.{mode}"] = (net, net.cls_head.fc_cls, [video], None)
    for name, extra in [("smallbig", False), ("smallbig.extra", True)]:
        net = SmallBigNet(4, (1, 1, 1, 1), CLASSES, SEGMENTS, extra=extra)
        found[name] = (net, net.fc, [video[:, :, :SEGMENTS].contiguous()], None)
    return found


def pathways(video: torch.Tensor) -> dict:
    found = {}
    slow = video[:, :, ::4].contiguous()
    for lateral in ("conv", "sampling", "time-to-channel"):
        net = SlowFast(4, 4, 4, (1, 1, 1, 1), CLASSES, lateral=lateral)
        found[f"slowfast.{lateral}"] = (net, net.cls_head.fc_cls, [video], None)
    net = SlowFast(4, 4, 4, (1, 1, 1, 1), CLASSES, fuse="sum")
    found["slowfast.sum"] = (net, net.cls_head.fc_cls, [video], None)
    for name, wrap in [("slowfast.resized", Resized), ("slowfast.packed", Packed)]:
        net = SlowFast(4, 4, 4, (1, 1, 1, 1), CLASSES)
        found[name] = (wrap(net), net.cls_head.fc_cls, [video], None)
    net = SlowFast(4, 4, 4, (1, 1, 1, 1), CLASSES)
    found["slowfast.two-inputs"] = (net, net.cls_head.fc_cls, [slow, video], None)
    net = TwoClips(pytorchvideo(2))
    found["slowfast.pytorchvideo.two-inputs"] = (net, net.net.blocks[-1].proj, [slow, video], None)
    return found


def networks() -> dict:
    frames = clip(16, SIDE, seed=0)
    video = frames.transpose(0, 1)[None].contiguous()
    return {
        **tsm(frames[:SEGMENTS]),
        **convolutions(video),
        **inflated(video),
        **attending(video),
        **pathways(video),
    }
