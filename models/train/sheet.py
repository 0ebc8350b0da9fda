"""Draws rendered recordings as a contact sheet: a row of frames for each, an event's frames framed.

praxiscope-renderer --out R --frames 48 --count 8 && python sheet.py R --frames 48 --out s.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw

from rendered import LABELS, read


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--frames", type=int, default=48, help="of each recording")
    parser.add_argument("--every", type=int, default=4)
    parser.add_argument("--rows", type=int, default=10)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    frames, truth = read(arguments.file, arguments.frames)
    height, width = frames.shape[2:4]
    rows = frames[: arguments.rows, :: arguments.every]
    sheet = Image.new("RGB", (rows.shape[1] * width, len(rows) * height))
    draw = ImageDraw.Draw(sheet)
    for row, recording in enumerate(rows):
        for column, picture in enumerate(recording):
            place = column * width, row * height
            sheet.paste(Image.fromarray(picture), place)
            label, start, _, end = truth[row, column * arguments.every, :4]
            if start <= 0 <= end:
                draw.rectangle((*place, place[0] + width - 1, place[1] + height - 1), outline="red")
                draw.text((place[0] + 2, place[1] + 1), LABELS[int(label)], fill="yellow")
    sheet.save(arguments.out)


if __name__ == "__main__":
    main()
