"""Evaluates an ONNX clip network on labelled clips, and holds the answers against `praxc evaluate`'s.

Shares no code with Praxiscope: frames by FFmpeg, resizing by Pillow, the network by ONNX Runtime. What is
the same is the rule by which frames are picked: the frame nearest in time to each tick of the network's
rate (the earlier of two), views from end to end, the last frame repeated where a clip is short.

Exits with 1 if the five best classes of one view or video are others.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image


def frames_of(path):
    """All frames as RGB pictures, and their times in seconds from the first."""
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
         "stream=width,height:frame=best_effort_timestamp_time", "-of", "json", path],
        check=True, capture_output=True)
    found = json.loads(probe.stdout)
    stream = found["streams"][0]
    width, height = stream["width"], stream["height"]
    times = [float(frame["best_effort_timestamp_time"]) for frame in found["frames"]]
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-map", "0:V:0", "-fps_mode", "passthrough",
         "-sws_flags", "bitexact+accurate_rnd+full_chroma_int", "-pix_fmt", "rgb24",
         "-f", "rawvideo", "-"], check=True, capture_output=True)
    pictures = np.frombuffer(raw.stdout, np.uint8).reshape(-1, height, width, 3)
    assert len(pictures) == len(times), f"{path}: {len(pictures)} frames, {len(times)} times"
    return pictures, [time - times[0] for time in times]


def ticks_of(times, rate):
    """For each tick of the rate, the number of the frame nearest in time."""
    interval = times[-1] - times[-2] if len(times) > 1 else 0.0
    last = math.floor((times[-1] + interval / 2) * rate + 1e-3)
    picked = []
    for tick in range(last + 1):
        at = tick / rate
        # A thousandth of a tick decides nothing: times are rounded.
        picked.append(min(range(len(times)), key=lambda n: (abs(times[n] - at) > abs_best(times, at)
                                                            + 1e-3 / rate, n)))
    return picked


def abs_best(times, at):
    return min(abs(time - at) for time in times)


def crops_of(picture, size, shorter, count):
    """The centre, or both ends of the longer side and the centre, as torchvision cuts it."""
    height, width = picture.shape[:2]
    if width <= height:
        wide, high = shorter, int(shorter * height / width)
    else:
        wide, high = int(shorter * width / height), shorter
    resized = np.asarray(Image.fromarray(picture).resize((wide, high), Image.BILINEAR))
    middle = (round((wide - size[1]) / 2), round((high - size[0]) / 2))
    places = [middle]
    if count == 3:
        ends = (0, middle[1]), (wide - size[1], middle[1])
        if width < height:
            ends = (middle[0], 0), (middle[0], high - size[0])
        places = [ends[0], middle, ends[1]]
    return [resized[top:top + size[0], left:left + size[1]] for left, top in places]


def windows_of(ticks, frames, views):
    room = max(ticks - frames, 0)
    starts = [room // 2] if views == 1 else [room * view // (views - 1) for view in range(views)]
    return [[min(start + at, ticks - 1) for at in range(frames)] for start in starts]


def softmax(logits):
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return powers / powers.sum()


def best(scores):
    return np.argsort(-scores, kind="stable")[:5].tolist()


def numbers(text):
    return np.array([float(number) for number in text.split(",")], np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--onnx", required=True)
    parser.add_argument("--dataset", required=True, type=Path, help="a folder for each class")
    parser.add_argument("--results", required=True, type=Path, help="of `praxc evaluate -o`")
    parser.add_argument("--column", type=int, default=0, help="which bundle of the results")
    parser.add_argument("--labels", type=Path, help="one a line; else the results' own")
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--size", required=True, help="N or HxW")
    parser.add_argument("--shorter", type=int, required=True)
    parser.add_argument("--fps", type=float, required=True)
    parser.add_argument("--mean", type=numbers, required=True)
    parser.add_argument("--std", type=numbers, required=True)
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--crops", type=int, default=1, choices=[1, 3])
    options = parser.parse_args()
    size = [int(side) for side in options.size.split("x")] * 2

    header, *lines = [json.loads(line) for line in options.results.read_text().splitlines()]
    labels = options.labels.read_text().splitlines() if options.labels else header["labels"]
    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(options.onnx, session_options)
    entry = session.get_inputs()[0]

    def classify(clip):
        clip = np.stack(clip)
        rank = len(entry.shape)
        if rank == 5:
            time_axis = 2 if entry.shape[1] == 3 else 1
            clip = (clip.transpose(1, 0, 2, 3) if time_axis == 2 else clip)[None]
        return session.run(None, {entry.name: clip})[0].reshape(-1)[:len(labels)]

    same, first_right, right_of_five, wrong = 0, 0, 0, []
    for line in sorted(lines, key=lambda line: line["item"]):
        answers = line["found"]["clip"]["columns"][options.column]
        path = options.dataset / line["name"]
        truth = labels.index(path.parent.name)
        assert truth == line["found"]["clip"]["truth"], line
        pictures, times = frames_of(path)
        picked = ticks_of(times, options.fps)
        cut = {number: crops_of(pictures[number], size, options.shorter, options.crops)
               for number in set(picked)}
        rows = []
        for crop in range(options.crops):
            for window in windows_of(len(picked), options.frames, options.views):
                frames = [cut[picked[tick]][crop] for tick in window]
                frames = [((frame.astype(np.float32) / 255 - options.mean) / options.std)
                          .transpose(2, 0, 1) for frame in frames]
                rows.append(classify(frames))
        views = [best(row) for row in rows]
        video = best(np.mean([softmax(row) for row in rows], axis=0))
        first_right += video[0] == truth
        right_of_five += truth in video
        if views == answers["views"] and video == answers["video"]:
            same += 1
        else:
            wrong.append(f"{line['name']}: {views} {video}, praxc says {answers}")
    print(f"{same} of {len(lines)} videos have the same five best classes in every view; "
          f"video top-1 {first_right}, top-5 {right_of_five}")
    for line in wrong:
        print(line)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
