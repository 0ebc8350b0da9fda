"""Frames of real videos as a network takes them.

Calibration sees clips of some videos, what is reported was measured on others: no frame decides
anything about itself.
"""

import json
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

CALIBRATION = ["carving_ice.mp4", "flipping_a_pancake.mkv", "demo_skeleton.mp4"]
HELD_OUT = ["arm_wrestling.mp4", "kinetics_test.mp4", "demo_spatiotemporal_det.mp4"]
CLIPS, CLIP_FRAMES, CLIP_STEP = 100, 8, 2
"""Of calibration: how many clips, their frames, and how many of the video's make a step."""
RATE = 15
"""Frames a second, at most, that are measured: those of faster videos are much alike."""


def read(path: Path) -> tuple[np.ndarray, float]:
    """A video's frames `[T, H, W, 3]`, and how many there are in a second."""
    show = "stream=width,height,r_frame_rate"
    probe = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", show]
    found = subprocess.run([*probe, "-of", "json", path], check=True, capture_output=True)
    stream = json.loads(found.stdout)["streams"][0]
    over, under = map(int, stream["r_frame_rate"].split("/"))
    decode = ["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    pixels = subprocess.run(decode, check=True, capture_output=True).stdout
    frames = np.frombuffer(pixels, np.uint8).reshape(-1, stream["height"], stream["width"], 3)
    return frames, over / under


def crop(frame: np.ndarray, size: int, place: float = 0.5) -> np.ndarray:
    """A frame `[size, size, 3]`: the shorter side is made an eighth longer than `size`, and a square is
    cut out at a share `place` of what is left on both axes."""
    picture = Image.fromarray(frame)
    scale = 1.125 * size / min(picture.size)
    width, height = (round(side * scale) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - size) * place), round((height - size) * place)
    return np.asarray(picture.crop((left, top, left + size, top + size)))


def tensor(frames: list[np.ndarray], mean: float, std: float) -> np.ndarray:
    """Frames as `[T, 3, H, W]`, normalised."""
    pixels = np.stack(frames).astype(np.float32) / 255
    return np.ascontiguousarray(((pixels - mean) / std).astype(np.float32).transpose(0, 3, 1, 2))


def calibration(folder: Path, size: int) -> list[list[np.ndarray]]:
    """`CLIPS` clips, evenly over the videos, cut out at three places in turn."""
    videos = [read(folder / name)[0] for name in CALIBRATION]
    span = (CLIP_FRAMES - 1) * CLIP_STEP + 1
    starts = [(video, start) for video in videos for start in range(len(video) - span + 1)]
    clips = []
    for number in range(CLIPS):
        video, start = starts[number * len(starts) // CLIPS]
        chosen = video[start : start + span : CLIP_STEP]
        clips.append([crop(frame, size, (0.5, 0.1, 0.9)[number % 3]) for frame in chosen])
    return clips


def held_out(folder: Path, size: int) -> dict[str, list[np.ndarray]]:
    """The other videos, whole, by name."""
    recordings = {}
    for name in HELD_OUT:
        frames, rate = read(folder / name)
        frames = frames[:: max(1, round(rate / RATE))]
        recordings[name] = [crop(frame, size) for frame in frames]
    return recordings
