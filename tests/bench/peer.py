"""One peer in a process of its own: `python peer.py RUNTIME FILE`.

Says `ready VERSION` or `n/a REASON`; for each line `N` on standard input it runs the network N times,
and prints the milliseconds of each. One thread. A step's first output are logits, the others the caches
that its next step takes; a network of clips has one input.
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


def openvino(path: Path, precision: str | None = "f32"):
    import openvino as ov

    core = ov.Core()
    hints = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
    if precision is not None:
        hints["INFERENCE_PRECISION_HINT"] = precision
    compiled = core.compile_model(path, "CPU", hints)
    request = compiled.create_infer_request()
    values = [np.zeros(list(i.shape), np.float32) for i in compiled.inputs]
    values[0] = frame(values[0].shape)

    def step():
        outputs = request.infer(values, share_inputs=True, share_outputs=True)
        for number in range(1, len(values)):
            values[number][...] = outputs[number]

    return step, ov.__version__.split("-")[0]


def openvino_free(path: Path):
    """As it comes: 16-bit floats where the CPU has them."""
    return openvino(path, None)


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


def ncnn(path: Path):
    """What pnnx made: `FILE.param` and `FILE.bin`, blobs `in0`, `in1`, ... and `out0`, ..."""
    import ncnn as nc

    net = nc.Net()
    net.opt.num_threads = 1
    if net.load_param(str(path)) or net.load_model(str(path.with_suffix(".bin"))):
        raise RuntimeError("it cannot be loaded")
    shapes = np.load(path.with_suffix(".npz"))
    # Without the axis of the batch.
    values = [np.zeros(shapes[name][1:], np.float32) for name in shapes.files]
    values[0] = frame(values[0].shape)

    def step():
        with net.create_extractor() as extractor:
            for number, value in enumerate(values):
                extractor.input(f"in{number}", nc.Mat(value))
            outputs = [extractor.extract(f"out{number}")[1] for number in range(len(values))]
            # What was extracted is gone with the extractor.
            values[1:] = [np.array(output) for output in outputs[1:]]

    return step, nc.__version__


def litert(path: Path):
    from importlib.metadata import version

    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    values = [np.zeros(i["shape"], i["dtype"]) for i in inputs]
    # An integer network's frame in its own steps, about 32 to a standard deviation.
    whole = np.issubdtype(values[0].dtype, np.integer)
    values[0] = (frame(values[0].shape) * (32 if whole else 1)).astype(values[0].dtype)

    def step():
        for given, value in zip(inputs, values, strict=True):
            interpreter.set_tensor(given["index"], value)
        interpreter.invoke()
        values[1:] = [interpreter.get_tensor(o["index"]) for o in outputs[1:]]

    return step, version("ai-edge-litert")


def frame(shape) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape, np.float32)


RUNTIMES = {
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "openvino-free": openvino_free,
    "mnn": mnn,
    "ncnn": ncnn,
    "litert": litert,
}


def main(name: str, path: Path) -> None:
    # Some runtimes greet on standard output, which is kept for the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        if not path.exists():
            raise FileNotFoundError(f"{path.name} could not be made")
        step, version = RUNTIMES[name](path)
        step()
    except Exception as error:
        print("n/a", type(error).__name__, *str(error).split()[:12], file=answers, flush=True)
        return
    print("ready", version, file=answers, flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            started = time.perf_counter()
            step()
            times.append(1e3 * (time.perf_counter() - started))
        print(*times, file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
