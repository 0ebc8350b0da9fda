"""What else to learn while learning gestures: where the hand is, and how it moves.

A label for a whole picture says little about its pixels, and a network that starts from nothing
takes long to find the hand by it. So two layers in the middle of the network are also asked, at
each place of their maps, whether the hand is there and how fast it goes. The extra 1x1
convolutions are only for training.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from network import OnlineTsmMobileNetV2

LAYERS = (6, 13)
"""Features at a stride of 8 and of 16."""
RADIUS = 0.08
"""Of the hand's place on the map, in picture heights."""
FASTEST = 2.5
"""Velocities above this, in picture heights a second, count as this."""


class HandHints(nn.Module):
    """The extra loss of a network; listens to its layers."""

    def __init__(self, network: OnlineTsmMobileNetV2) -> None:
        super().__init__()
        self.heads = nn.ModuleList()
        self._maps: dict[int, Tensor] = {}
        for layer in LAYERS:
            block = network.features[layer]
            self.heads.append(nn.Conv2d(block.conv[-1].num_features, 3, 1))
            block.register_forward_hook(
                lambda _module, _inputs, output, layer=layer: self._maps.update({layer: output})
            )

    def loss(self, hands: Tensor) -> Tensor:
        """For the frames that the network saw last; `hands` [N,5] as of `Scene.hand`."""
        total = torch.zeros(())
        for layer, head in zip(LAYERS, self.heads):
            answer = head(self._maps[layer])
            side = answer.shape[-1]
            place = hand_map(hands, side)
            there = F.binary_cross_entropy_with_logits(answer[:, 0], place, reduction="none")
            total = total + (there * (1 + 5 * place)).mean()
            velocity = hands[:, 3:, None, None].clamp(-FASTEST, FASTEST).expand(-1, -1, side, side)
            wrong = F.smooth_l1_loss(answer[:, 1:], velocity, reduction="none") * place[:, None]
            total = total + wrong.sum() / (place.sum() + 1)
        return total


def hand_map(hands: Tensor, side: int) -> Tensor:
    """A soft spot where the hand is, in square pictures: [N,side,side] in 0..1."""
    axis = (torch.arange(side, device=hands.device) + 0.5) / side - 0.5
    dx = axis[None, None, :] - hands[:, 0, None, None]
    dy = axis[None, :, None] - hands[:, 1, None, None]
    return torch.exp(-(dx * dx + dy * dy) / (2 * RADIUS**2)) * hands[:, 2, None, None]
