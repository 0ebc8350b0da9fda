"""From scores to events, by the same rule as the runtime's event detector, and their judgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gestures import LABELS
from track import Event


@dataclass(frozen=True)
class Rule:
    """When an event starts and ends."""

    window: int = 3
    """Frames over which probabilities are averaged."""
    on: float = 0.6
    off: float = 0.35
    cooldown: float = 0.5
    """Seconds after an event's end in which the same label does not start again."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def detect(
    logits: np.ndarray,
    times: np.ndarray,
    rule: Rule = Rule(),
    labels: Sequence[str] = LABELS,
) -> list[tuple[str, float, float]]:
    """The events in `logits` [T,classes] at `times`: label, start, probability at the start."""
    probabilities = softmax(logits)
    running: int | None = None
    ended = np.full(len(labels), -np.inf)
    found = []
    for i, time in enumerate(times):
        smooth = probabilities[max(0, i + 1 - rule.window) : i + 1].mean(0)
        best = int(smooth.argmax())
        rises = best not in (0, running) and smooth[best] >= rule.on
        rises = rises and time - ended[best] >= rule.cooldown
        if running is not None and (rises or smooth[running] < rule.off):
            ended[running] = time
            running = None
        if rises:
            running = best
            found.append((labels[best], float(time), float(smooth[best])))
    return found


@dataclass
class Tally:
    """Counts over recordings, per true label."""

    seconds: float = 0.0
    true: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LABELS[1:], 0))
    right: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LABELS[1:], 0))
    wrong: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LABELS[1:], 0))
    missed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LABELS[1:], 0))
    false: int = 0
    delays: list[float] = field(default_factory=list)

    def add(
        self, truth: list[Event], found: list[tuple[str, float, float]], seconds: float
    ) -> None:
        """Judges one recording.

        An event is right when, from its stroke's start to 0.5 s after its end, exactly one event
        starts and has its label. Starts outside every such window are false.
        """
        self.seconds += seconds
        unclaimed = list(found)
        for event in truth:
            near = [f for f in unclaimed if event.start <= f[1] <= event.end + 0.5]
            unclaimed = [f for f in unclaimed if f not in near]
            self.true[event.label] += 1
            if not near:
                self.missed[event.label] += 1
            elif len(near) == 1 and near[0][0] == event.label:
                self.right[event.label] += 1
                self.delays.append(near[0][1] - event.middle)
            else:
                self.wrong[event.label] += 1
        self.false += len(unclaimed)

    def report(self) -> str:
        """A table with a line for each label."""
        rows = ["| class | events | right | wrong | missed |", "|---|---|---|---|---|"]
        for label in LABELS[1:]:
            total = max(1, self.true[label])
            share = f"{self.right[label]} ({100 * self.right[label] / total:.1f} %)"
            rows.append(
                f"| {label} | {self.true[label]} | {share} "
                f"| {self.wrong[label]} | {self.missed[label]} |"
            )
        total, right = sum(self.true.values()), sum(self.right.values())
        if total:
            rows.append(
                f"| all | {total} | {right} ({100 * right / total:.1f} %) "
                f"| {sum(self.wrong.values())} | {sum(self.missed.values())} |"
            )
        minutes = self.seconds / 60
        rows.append("")
        rows.append(
            f"{minutes:.1f} minutes, {self.false} false events, {self.false / minutes:.2f} a minute"
        )
        if self.delays:
            delays = np.array(self.delays)
            rows.append(
                f"start after the stroke's middle: median {np.median(delays):.2f} s, "
                f"90 % within {np.percentile(delays, 90):.2f} s"
            )
        return "\n".join(rows)
