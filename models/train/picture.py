"""Draws moments of the demo clip with what the program said: `models/demo/moments.png`.

cargo run --release -p praxiscope -- demo | python models/train/picture.py
"""

import io
import json
import sys
from pathlib import Path

from PIL import Image, ImageDraw

DEMO = Path(__file__).parent.parent / "demo"
MARGIN = 6
CAPTION = 18
STEP = 4  # frames between the pictures of one gesture
PICTURES = 3  # of one gesture, the last one where the event started


def pictures() -> list[Image.Image]:
    """The clip's frames: JPEG pictures one after another, each of them from SOI to EOI."""
    parts = (DEMO / "clip.mjpeg").read_bytes().split(b"\xff\xd8\xff")[1:]
    return [Image.open(io.BytesIO(b"\xff\xd8\xff" + part)).convert("RGB") for part in parts]


def main() -> None:
    frames = pictures()
    width, height = frames[0].size
    starts = [event for event in map(json.loads, sys.stdin) if event["event"] == "start"]
    column, row = width + MARGIN, height + CAPTION + MARGIN
    size = (PICTURES * column * 2 + MARGIN, (len(starts) + 1) // 2 * row + MARGIN)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for place, event in enumerate(starts):
        left = MARGIN + place % 2 * PICTURES * column
        top = MARGIN + place // 2 * row
        for picture in range(PICTURES):
            at = event["frame"] - (PICTURES - 1 - picture) * STEP
            sheet.paste(frames[max(at, 0)], (left + picture * column, top))
        caption = f"{event['t']:.2f} s  {event['label']}  {event['score']:.2f}"
        draw.text((left, top + height + 3), caption, fill="black")
    sheet.save(DEMO / "moments.png", optimize=True)


if __name__ == "__main__":
    main()
