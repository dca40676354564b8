"""From torch to one ONNX file that says what it is, checked against torch before it is written."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import warnings
from collections.abc import Sequence
from importlib import metadata as packages
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor, nn

from model.graph.assembly import Assembly
from model.graph.form import InferenceForm, inference_form
from model.metadata import (
    FRAME_SIDE,
    INPUT_NAME,
    OUTPUT_NAME,
    ModelMetadata,
    read_metadata,
    write_metadata,
)
from model.network import DriverNetwork
from model.runtime import onnx_runtime

PARITY_BATCHES: Final = (1, 2, 7, 16)
PARITY_LIMIT: Final = 1e-4
#: CCC picks the four nearest. Where the fourth and the fifth are equal to the last bits, two ways of rounding
#: pick differently, and the clip's embedding jumps: by up to 1.6e-4 between two orders of the same sums in
#: torch itself, on recorded faces. So few clips may pass the limit, and none of them by far.
SWAPPED_SHARE: Final = 0.1
SWAPPED_LIMIT: Final = 1e-3
OPSET: Final = 20


class ParityError(ValueError):
    """The exported graph does not compute what torch computes; nothing was written."""


def weights_sha256(network: nn.Module) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of all weights and running statistics, in name order."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        array = np.ascontiguousarray(tensor.detach().cpu().numpy())
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def code_version() -> str:
    """Version of the installed driverprint, or `unknown` where it runs uninstalled."""
    try:
        return packages.version("driverprint")
    except packages.PackageNotFoundError:
        return "unknown"


def export(
    network: DriverNetwork,
    metadata: ModelMetadata,
    out: Path,
    frames: npt.NDArray[np.uint8],
) -> ModelMetadata:
    """Write the network, in evaluation mode, as one ONNX file with a free batch axis and T fixed.

    What is written is its inference form (see :mod:`model.graph`); what it is compared with is the network.
    frames: uint8 ``[N, 128, 128]``, N ≥ T+1, footage on which ONNX Runtime (CPU) is compared with torch
    for batches of 1, 2, 7 and 16 windows. ``weights_sha256``, ``code_version`` and
    ``parity_max_difference`` of the metadata are filled in here; the completed metadata are returned.
    The same weights give the same bytes. Raises ParityError, and writes nothing, when in more than a tenth
    of the windows an element differs by 1e-4 or more, or in any by 1e-3.
    """
    network = network.cpu().eval()
    proto = to_onnx(inference_form(network), metadata.clip_length)
    differences = parity(network, proto.SerializeToString(), frames, metadata.clip_length)
    difference, share = float(differences.max()), float(np.mean(differences >= PARITY_LIMIT))
    if not (difference < SWAPPED_LIMIT and share <= SWAPPED_SHARE):
        raise ParityError(
            f"{out}: not written, it and torch differ by {difference:.2g} (limit {SWAPPED_LIMIT:g}) "
            f"and in {share:.0%} of the clips by {PARITY_LIMIT:g} or more (limit {SWAPPED_SHARE:.0%})."
        )
    complete = dataclasses.replace(
        metadata,
        weights_sha256=weights_sha256(network),
        code_version=code_version(),
        parity_max_difference=difference,
    )
    write_metadata(proto, complete)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".partial")
    partial.write_bytes(proto.SerializeToString(deterministic=True))
    read_metadata(partial)  # what we write, we can read
    partial.replace(out)
    return complete


def parity(
    network: nn.Module, onnx_bytes: bytes, frames: npt.NDArray[np.uint8], clip_length: int
) -> npt.NDArray[np.float64]:
    """Largest difference of an element between torch and ONNX Runtime, for each window of all batches.

    Windows start at evenly spread frames of ``frames``, uint8 ``[N, 128, 128]``.
    """
    if len(frames) <= clip_length:
        raise ValueError(f"parity needs more than {clip_length} frames, got {len(frames)}")
    session = onnx_runtime().InferenceSession(onnx_bytes, providers=["CPUExecutionProvider"])
    differences = []
    for batch in PARITY_BATCHES:
        starts = np.linspace(0, len(frames) - clip_length, batch).astype(int)
        clips = np.stack([frames[start : start + clip_length] for start in starts])
        (found,) = session.run([OUTPUT_NAME], {INPUT_NAME: clips})
        with torch.no_grad():
            wanted = network(torch.from_numpy(clips)).numpy()
        differences.append(np.abs(found - wanted).max(axis=1))
    return np.concatenate(differences).astype(np.float64)


def smooth_frames(count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Synthetic footage, uint8 ``[count, 128, 128]``: broad waves that drift, as smooth as real video.

    For the parity check where no recording is at hand.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:FRAME_SIDE, 0:FRAME_SIDE] / FRAME_SIDE
    time = np.arange(count)[:, None, None] / 25.0
    scene = np.zeros((count, FRAME_SIDE, FRAME_SIDE))
    for _ in range(12):
        along_x, along_y = random.uniform(-6, 6, size=2)
        speed, phase = random.uniform(-4, 4), random.uniform(0, 2 * np.pi)
        scene += np.sin(2 * np.pi * (along_x * x + along_y * y) + speed * time + phase)
    scene = (scene - scene.min()) / np.ptp(scene)
    frames: npt.NDArray[np.uint8] = np.rint(255 * scene).astype(np.uint8)
    return frames


def to_onnx(network: nn.Module, clip_length: int) -> onnx.ModelProto:
    """The network as it stands, uint8 ``[batch, T, 128, 128]`` in, embeddings out, no metadata."""
    # A batch of 2: with 1 the exporter would freeze the batch axis.
    clips = torch.from_numpy(smooth_frames(2 * clip_length, seed=0))
    clips = clips.reshape(2, clip_length, FRAME_SIDE, FRAME_SIDE)
    if isinstance(network, InferenceForm):
        proto = _assembled(network, clips)
    else:
        proto = _traced(network, clips, [OUTPUT_NAME])
    _forget_origin(proto)
    return proto


def _assembled(form: InferenceForm, clips: Tensor) -> onnx.ModelProto:
    """The form's three steps traced by themselves, the encoder placed once for each part of a clip.

    Tracing takes longer for more nodes than there are more of them, and the encoder's are most of the graph.
    """
    with torch.no_grad():
        parts = form.opening(clips)
        moment = form.encoder(parts[0])[0]
    opening = _traced(form.opening, clips, [f"part{number}" for number in range(len(parts))])
    encoders: dict[int, onnx.ModelProto] = {}  # by the frames of a part: the last may have fewer
    whole = Assembly(opening)
    moments: list[str] = []
    for part, name in zip(parts, whole.place("opening", opening, [INPUT_NAME]), strict=True):
        size = part.shape[1]
        if size not in encoders:
            encoders[size] = _traced(form.encoder, part, [f"moment{number}" for number in range(size)])
        moments += whole.place(f"encoder{size}", encoders[size], [name])
    # Examples apart from each other: one tensor given many times is traced as one input.
    closing = _traced(form.closing, [torch.zeros_like(moment) for _ in moments], [OUTPUT_NAME])
    return whole.finish("closing", closing, moments)


def _traced(module: nn.Module, example: Tensor | list[Tensor], outputs: list[str]) -> onnx.ModelProto:
    """A module of one input, a batch or a list of them, as torch writes it; the batch axis free."""
    batch = {0: torch.export.Dim("batch")}
    single = isinstance(example, Tensor)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, which nothing here uses
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        program = torch.onnx.export(
            module,
            (example,),
            input_names=[INPUT_NAME] if single else [f"moment{number}" for number in range(len(example))],
            output_names=outputs,
            dynamic_shapes=(batch if single else [batch] * len(example),),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    proto: onnx.ModelProto = program.model_proto
    return proto


def _forget_origin(proto: onnx.ModelProto) -> None:
    """Drop stack traces and file paths of the exporting machine, so that equal weights give equal bytes."""
    graph = proto.graph
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    values: Sequence[Sequence[onnx.ValueInfoProto | onnx.TensorProto]] = (
        graph.input,
        graph.output,
        graph.value_info,
        graph.initializer,
    )
    for group in values:
        for value in group:
            del value.metadata_props[:]
            value.doc_string = ""
    del graph.metadata_props[:]
    graph.doc_string = ""
    graph.name = "driverprint"
    proto.doc_string = ""
