"""Embedding clips on one core: ours against OpenVINO, torch, and what the core's matrix products allow.

Run: python tests/benchmarks/inference.py. Needs torch, and OpenVINO for its rows (the extra `bench`).

All ways but the shipped file get the same untrained weights, and all the same clip of 64 frames, batch 1 and
one thread; this process is pinned to one core, since on many cores the product runs one such session a core.
The ways alternate, and the medians of seven runs are shown, in processor seconds, so that the figures hold
on a busy machine.

The *plain first export* is the network written as the paper's text reads and exported as it stands: CCC
builds its edges with a GatherElements over an expanded index, the head has its Conv3D. The roofline is the
time that the plain network's floating-point operations take at the speed of a large float32 matrix product,
the faster of torch's and ONNX Runtime's, measured in the same run. Results are kept in bench/inference.json.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from model.export import smooth_frames, to_onnx
from model.graph.form import inference_form
from model.layers.ccc import NEIGHBOURS
from model.layers.f5c import CHANNELS, F5C, SIDE
from model.layers.temporal_head import TemporalHead
from model.metadata import INPUT_NAME
from model.network import DriverNetwork
from model.runtime import onnx_runtime
from model.shipped import shipped_model
from pipeline.embed import EmbeddingSession
from tests.benchmarks.harness import keep, machine
from tests.untrained_model import CLIP_LENGTH, SEED, export_untrained

RUNS = 7
SIDE_OF_PRODUCT = 2048
OVER_OPENVINO = 1.15  # times OpenVINO fp32 on the plain first export
OF_ROOFLINE = 0.5
AGREE = 1e-4  # largest difference of an element between any two ways in float32

Embed = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class PlainF5C(F5C):
    """F5C with CCC as the paper's text has it: gather the neighbours, subtract, take the maximum."""

    def forward(self, frames: Tensor) -> Tensor:
        assert self.fcc is not None and self.fusion is not None
        maps = self.fcc(self.conv_stack(frames).contiguous())
        rows = self.fusion(maps.flatten(2).transpose(1, 2))
        unit = nn.functional.normalize(rows, dim=2)
        nearest = (unit @ unit.transpose(1, 2)).topk(NEIGHBOURS, dim=2).indices
        index = nearest.flatten(1).unsqueeze(2).expand(-1, -1, CHANNELS)
        edges = rows.gather(1, index).unflatten(1, (-1, NEIGHBOURS)) - rows.unsqueeze(2)
        rows = rows + (rows + edges.amax(dim=2)).relu()
        return rows.transpose(1, 2).reshape(-1, CHANNELS, SIDE, SIDE)


def spent(work: Callable[[], Any]) -> float:
    """Processor seconds of this process and all its threads."""
    before = time.process_time()
    work()
    return time.process_time() - before


def one_thread(proto: bytes) -> Any:
    """A session of ONNX Runtime."""
    options = onnx_runtime().SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnx_runtime().InferenceSession(proto, options, providers=["CPUExecutionProvider"])


def openvino(proto: bytes, precision: str) -> Embed:
    import openvino as ov

    core = ov.Core()
    network = core.read_model(proto)
    network.reshape([1, CLIP_LENGTH, 128, 128])
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}
    request = core.compile_model(network, "CPU", settings).create_infer_request()
    return lambda clips: np.array(request.infer({0: clips})[0])


def in_torch(network: Callable[[Tensor], Tensor]) -> Embed:
    def embed(clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return network(torch.from_numpy(clips)).numpy()

    return embed


def products() -> dict[str, Callable[[], Any]]:
    """Large float32 matrix products: what they give in a second is what the core has to give."""
    side = SIDE_OF_PRODUCT
    values = np.random.default_rng(0).standard_normal((2, side, side)).astype(np.float32)
    left, right = torch.from_numpy(values)
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [side, side]) for name in "abc"]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "product", info[:2], info[2:])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = one_thread(proto.SerializeToString())
    feed = {"a": values[0], "b": values[1]}
    return {"torch": lambda: left @ right, "ONNX Runtime": lambda: session.run(None, feed)}


def operations(network: nn.Module, clips: NDArray[np.uint8]) -> int:
    """Floating-point operations of the network's convolutions and matrix products, for these clips."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.from_numpy(clips))
    return counter.get_total_flops()


def ways(folder: Path, network: DriverNetwork, plain: DriverNetwork) -> dict[str, Embed]:
    """Every way to embed clips, ours first, ready to run."""
    exported = folder / "ours.onnx"
    export_untrained(exported)
    ours, shipped = (
        EmbeddingSession(path, "CPUExecutionProvider", threads=1) for path in (exported, shipped_model())
    )
    first = to_onnx(plain, CLIP_LENGTH).SerializeToString()
    first_session = one_thread(first)
    found: dict[str, Embed] = {
        "ours": ours.embed,
        "the shipped file": shipped.embed,
        "ONNX Runtime, plain first export": lambda clips: first_session.run(None, {INPUT_NAME: clips})[0],
        "torch eager": in_torch(network),
        "torch.compile": in_torch(torch.compile(network)),
    }
    if importlib.util.find_spec("openvino") is None:
        print("OpenVINO is not installed, its rows are left out; install it by: uv pip install '.[bench]'")
        return found
    ours_proto = onnx.load(exported).SerializeToString()
    found |= {
        "OpenVINO fp32, plain first export": openvino(first, "f32"),
        "OpenVINO fp32, our graph": openvino(ours_proto, "f32"),
        "OpenVINO bf16, our graph": openvino(ours_proto, "bf16"),
    }
    return found


def main() -> None:
    described = machine()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    network = DriverNetwork(F5C(), "FEAT_DIFF", TemporalHead()).eval()
    plain = DriverNetwork(PlainF5C(), "FEAT_DIFF", TemporalHead()).eval()
    plain.load_state_dict(network.state_dict())
    clips = smooth_frames(CLIP_LENGTH, seed=3)[None]
    counted = {"plain": operations(plain, clips), "ours": operations(inference_form(network), clips)}
    with tempfile.TemporaryDirectory() as folder:
        embedders = ways(Path(folder), network, plain)
        wanted = embedders["torch eager"](clips)
        differences = {way: float(np.abs(embed(clips) - wanted).max()) for way, embed in embedders.items()}
        del differences["the shipped file"]  # other weights
        seconds: dict[str, list[float]] = {way: [] for way in embedders}
        peaks = products()
        per_product: dict[str, list[float]] = {way: [] for way in peaks}
        for _ in range(RUNS):
            for way, embed in embedders.items():
                seconds[way].append(spent(lambda embed=embed: embed(clips)))
            for way, multiply in peaks.items():
                per_product[way].append(spent(multiply))
    speeds = {way: 2 * SIDE_OF_PRODUCT**3 / statistics.median(s) for way, s in per_product.items()}
    medians = {way: statistics.median(times) for way, times in seconds.items()}
    report(described, medians, differences, speeds, counted)


def report(
    described: dict[str, Any],
    medians: dict[str, float],
    differences: dict[str, float],
    speeds: dict[str, float],
    counted: dict[str, int],
) -> None:
    fastest = max(speeds, key=lambda way: speeds[way])
    medians["roofline"] = counted["plain"] / speeds[fastest]
    ours = medians["ours"]
    print(f"{described['cpu']}, 1 core, 1 thread, load {described['load_before']}; {RUNS} alternating runs")
    print(f"{counted['plain'] / 1e9:.2f} GFLOP a clip ({counted['ours'] / 1e9:.2f} in our graph); ", end="")
    print(f"peak {speeds[fastest] / 1e9:.0f} GFLOP/s ({fastest})")
    print(f"{'one clip of 64 frames':36}{'ms':>8}{'frames/s':>10}{'time/ours':>10}{'difference':>12}")
    for way, median in medians.items():
        off = f"{differences[way]:12.1g}" if way in differences else ""
        print(f"{way:36}{1e3 * median:8.1f}{CLIP_LENGTH / median:10.0f}{median / ours:10.2f}{off}")
    keep(
        "inference",
        described,
        {
            "cores_used": 1,
            "runs": RUNS,
            "gflop_per_clip": {way: count / 1e9 for way, count in counted.items()},
            "peak_gflops": {way: speed / 1e9 for way, speed in speeds.items()},
            "seconds_per_clip": medians,
            "time_over_ours": {way: median / ours for way, median in medians.items()},
            "difference_to_torch": differences,
        },
    )
    exact = {way: difference for way, difference in differences.items() if "bf16" not in way}
    assert max(exact.values()) < AGREE, f"the ways differ: {exact}"
    assert medians["roofline"] / ours >= OF_ROOFLINE, f"below {OF_ROOFLINE} of the roofline"
    theirs = medians.get("OpenVINO fp32, plain first export")
    assert theirs is None or theirs / ours >= OVER_OPENVINO, f"below {OVER_OPENVINO} × OpenVINO"


if __name__ == "__main__":
    main()
