"""Brings a step from ONNX to ncnn by pnnx: `python to_ncnn.py DIR/step.onnx` writes
`DIR/step.ncnn.param` and `.bin`, and the inputs' shapes as `.npz`."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx


def main(path: Path) -> None:
    inputs = onnx.load(path).graph.input
    shapes = [[d.dim_value for d in i.type.tensor_type.shape.dim] for i in inputs]
    given = ",".join("[" + ",".join(map(str, shape)) + "]" for shape in shapes)
    pnnx = Path(sys.executable).with_name("pnnx")
    # Half precision would be another network.
    subprocess.run([pnnx, path, f"inputshape={given}", "fp16=0"], check=True, cwd=path.parent)
    np.savez(path.with_suffix(".ncnn.npz"), *(np.array(shape) for shape in shapes))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
