"""What the network is asked at every frame of a stream, and what its answers cost.

A gesture is named from when it is clear what it is until a little after its end; just before and
just after, nothing is asked; everywhere else the answer is idle. Besides each frame's own loss, one
answer within a gesture must be sure (an event needs only one), and the idle frames that come
closest to a false alarm count once more.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rendered import END, LABEL, LABELS, MIRRORED, RATE, START, SURE

IGNORE = -100
"""The target of a frame that is not judged."""
HELD = (9, 10, 11)
"""Labels of what is held or goes on (shake, thumb_up, stop), not of a stroke."""
LATER, FORGIVEN = 0.25, 0.60
"""Seconds after a stroke's end for which it is named, and not judged."""
GESTURE_WEIGHT, SURE_WEIGHT, ALARM_WEIGHT = 2.0, 0.5, 0.5
HARDEST = 0.05
"""The share of idle frames that counts once more."""


def targets(truth: np.ndarray) -> np.ndarray:
    """A label or `IGNORE` for each frame, int64 [N,T], from truth [N,T,TRUTH].

    A stroke whose beginning the recording missed is not asked for.
    """
    label = truth[..., LABEL].astype(np.int64)
    start, sure, end = truth[..., START], truth[..., SURE], truth[..., END]
    held = np.isin(label, HELD)
    begun = start + 0.25 * (sure - start) <= np.where(held, 0.15, 0.0)
    judged_again = end < -FORGIVEN
    named = (sure <= 0) & (end >= np.where(held, 0.0, -LATER))
    times = np.arange(truth.shape[1]) / RATE
    unseen = ~held & (start + times < -0.1)
    wanted = np.where(begun & ~judged_again, IGNORE, 0)
    wanted = np.where(named & ~unseen, label, wanted)
    return np.where(label > 0, wanted, 0)


def mirror(wanted: np.ndarray) -> np.ndarray:
    """The targets of the mirror image: left and right, and the turns, change places."""
    table = np.array(MIRRORED)
    return np.where(wanted == IGNORE, IGNORE, table[np.maximum(wanted, 0)])


def loss(logits: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """The cost of `logits` [N,T,classes], and of each stream's worst idle frames [N]."""
    weights = torch.full((len(LABELS),), GESTURE_WEIGHT, device=logits.device)
    weights[0] = 1.0
    flat, asked = logits.flatten(0, 1), wanted.flatten()
    each = F.cross_entropy(flat, asked, ignore_index=IGNORE, reduction="none")
    share = weights[asked.clamp(min=0)] * (asked != IGNORE)
    total = (each * share).sum() / share.sum().clamp(min=1)

    idle = (asked == 0).view(wanted.shape)
    costs = (each.view(wanted.shape) * idle).sort(dim=1, descending=True).values
    worst = costs[:, :2].mean(1).detach()
    count = max(1, int(HARDEST * idle.sum()))
    total = total + ALARM_WEIGHT * (each * (asked == 0)).topk(count).values.mean()

    # Of each gesture in each stream the surest answer: a soft maximum over its frames.
    sure = []
    logs = F.log_softmax(logits, dim=-1)
    for name in range(1, len(LABELS)):
        mask = wanted == name
        some = mask.any(1)
        if some.any():
            best = logs[..., name].masked_fill(~mask, -1e4)[some].amax(1)
            sure.append(-best)
    if sure:
        total = total + SURE_WEIGHT * torch.cat(sure).mean()
    return total, worst
