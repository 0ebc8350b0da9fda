"""One peer in a process of its own: `python peer.py NAME FOLDER`.

Says `ready` or `n/a REASON`; for each line `N` on standard input it runs N steps, caches carried along,
and prints the milliseconds of each. One thread.
"""

import os
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402


def onnxruntime(path: Path):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    values = [np.zeros(i.shape, np.float32) for i in session.get_inputs()]
    values[0] = frame(values[0].shape)

    def step():
        values[1:] = session.run(None, dict(zip(names, values, strict=True)))[1:]

    return step, ort.__version__


def openvino(path: Path):
    import openvino as ov

    core = ov.Core()
    hints = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(path, "CPU", hints)
    request = compiled.create_infer_request()
    values = [np.zeros(list(i.shape), np.float32) for i in compiled.inputs]
    values[0] = frame(values[0].shape)

    def step():
        outputs = request.infer(values, share_inputs=True, share_outputs=True)
        for number in range(1, len(values)):
            values[number][...] = outputs[number]

    return step, ov.__version__.split("-")[0]


def mnn(path: Path):
    import MNN

    interpreter = MNN.Interpreter(str(path))
    session = interpreter.createSession({"numThread": 1, "backend": "CPU", "precision": "high"})
    inputs = interpreter.getSessionInputAll(session)
    outputs = interpreter.getSessionOutputAll(session)
    values = {name: np.zeros(i.getShape(), np.float32) for name, i in inputs.items()}
    values["frame"] = frame(values["frame"].shape)
    caffe = MNN.Tensor_DimensionType_Caffe

    def step():
        for name, value in values.items():
            given = MNN.Tensor(value.shape, MNN.Halide_Type_Float, value, caffe)
            inputs[name].copyFrom(given)
        interpreter.runSession(session)
        for name in values:
            if name != "frame":
                shape = values[name].shape
                taken = MNN.Tensor(shape, MNN.Halide_Type_Float, np.zeros(shape, np.float32), caffe)
                outputs[name.replace("in", "out")].copyToHostTensor(taken)
                values[name] = np.array(taken.getData(), np.float32).reshape(shape)

    return step, MNN.version()


def frame(shape) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape, np.float32)


# Each name with what runs it, and the file of its network.
PEERS = {
    "ONNX Runtime f32": (onnxruntime, "step.onnx"),
    "ONNX Runtime int8": (onnxruntime, "step.int8.onnx"),
    "OpenVINO f32": (openvino, "step.onnx"),
    "OpenVINO int8": (openvino, "step.int8.onnx"),
    "MNN f32": (mnn, "step.mnn"),
    # No converter from the step's ONNX is set up for these.
    "LiteRT": (None, None),
    "ncnn": (None, None),
}


def main(name: str, folder: Path) -> None:
    load, file = PEERS[name]
    try:
        if load is None:
            raise NotImplementedError("no converter from the step's ONNX is set up")
        step, version = load(folder / file)
        step()
    except Exception as error:
        print("n/a", type(error).__name__, *str(error).split()[:12], flush=True)
        return
    print("ready", version, flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            started = time.perf_counter()
            step()
            times.append(1e3 * (time.perf_counter() - started))
        print(*times, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
