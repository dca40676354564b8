"""One ONNX Runtime session that turns clips into driver embeddings.

Batches have one fixed shape, the last one padded, so that an embedding does not depend on which
clips happened to share its batch: a resumed run gives the same bits as an undisturbed one. A batch's
pixels and embeddings lie in two buffers on the session's device, bound once; the feature maps in
between, a hundred times as large, never leave it. On a CPU this is measured (tests/benchmarks/inference.py);
on a GPU it is written after the makers' advice and not measured, no GPU having been at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.metadata import FRAME_SIDE, INPUT_NAME, OUTPUT_NAME, ModelMetadata, model_id, read_metadata
from model.runtime import onnx_runtime
from pipeline.errors import UserError

#: Clips per inference. On a CPU one clip already fills the vector units and its activations stay
#: near the cache; a GPU wants more to fill.
BATCH: Final = {"CPUExecutionProvider": 1, "CUDAExecutionProvider": 16}
BETWEEN: Final = " / "


class NotFiniteError(UserError, ValueError):
    """An embedding is NaN or infinite: compared, it would be ranked as if it meant something."""


class ReplacedModelError(UserError, OSError):
    """The model file is not the one the run began with: no evidence's fault."""


def finite(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """The embeddings as they are. Raises NotFiniteError when one holds a value that is NaN or infinite."""
    if not np.isfinite(embeddings).all():
        raise NotFiniteError(
            "The model gives an embedding that is not finite and cannot be compared: name another model file."
        )
    return embeddings


def embed_blank(embed: Callable[[NDArray[np.uint8]], object], clip_length: int) -> None:
    """Raise what ``embed`` raises for every clip: then the model or the machine is to blame, and no file."""
    embed(np.zeros((1, clip_length, FRAME_SIDE, FRAME_SIDE), np.uint8))


def same_model(model: Path, known_as: str) -> None:
    """Raise ReplacedModelError when the file is not the one of the model_id ``known_as`` any more.

    Asked after loading it: a worker that died is started again at any time, and embeddings of another model
    would stand under the ID of the one the run began with.
    """
    if model_id(model) != known_as:
        raise ReplacedModelError(
            f"{model} is no longer the model file the run began with: put that back and run the same command "
            "again, what is done is kept."
        )


def best_provider() -> str:
    """CUDA when this build of ONNX Runtime has it and NVIDIA's driver is loaded, else the CPU."""
    if (
        "CUDAExecutionProvider" in onnx_runtime().get_available_providers()
        and Path("/proc/driver/nvidia").exists()
    ):
        return "CUDAExecutionProvider"
    return "CPUExecutionProvider"


def all_of(names: Iterable[str]) -> str:
    """Every name once, for the record of a run: where workers or GPUs differ, no one of them is the truth.

    A name may be such a record itself.
    """
    return BETWEEN.join(sorted({one for name in names for one in name.split(BETWEEN)}))


class EmbeddingSession:
    """State: the loaded model, the provider it really runs on, a batch's buffers. One caller at a time."""

    def __init__(self, model: Path, provider: str, threads: int) -> None:
        """Load ``model``.

        Raises model.metadata.ModelFileError when the file is not a driverprint model.
        """
        onnxruntime = onnx_runtime()
        self.metadata: ModelMetadata = read_metadata(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Planned ahead, a result goes into the room of one long dead. Left to the allocator it goes where one
        # died just now, which the core still has in its cache: a tenth less time on a CPU, no more memory.
        options.enable_mem_reuse = provider == "CUDAExecutionProvider"
        # HEURISTIC: EXHAUSTIVE tries every convolution anew for each shape. TF32 has a mantissa of 10 bits.
        cuda = ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"})
        wanted: list[Any] = [cuda] if provider == "CUDAExecutionProvider" else []
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=[*wanted, "CPUExecutionProvider"]
        )
        self.provider: str = self._session.get_providers()[0]
        self.providers = frozenset({self.provider})
        device = "cuda" if self.provider == "CUDAExecutionProvider" else "cpu"
        empty = onnxruntime.OrtValue.ortvalue_from_shape_and_type
        size = BATCH[self.provider]
        pixels = (size, self.metadata.clip_length, FRAME_SIDE, FRAME_SIDE)
        self._clips = empty(pixels, np.uint8, device)
        self._embeddings = empty((size, self.metadata.embedding_size), np.float32, device)
        self._binding = self._session.io_binding()
        self._binding.bind_ortvalue_input(INPUT_NAME, self._clips)
        self._binding.bind_ortvalue_output(OUTPUT_NAME, self._embeddings)

    def embed(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings of ``clips``, uint8 (n, T, 128, 128), as (n, 256), each of L2 norm 1.

        Raises ValueError when the clips have another shape or type: a buffer would take them all the same;
        NotFiniteError when the model gives no embedding of one of them.
        """
        return finite(self.embed_unchecked(clips))

    def embed_unchecked(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As `embed`, but finite or not: for clips of many files, where whoever asked checks their own."""
        size, *clip = self._clips.shape()
        if list(clips.shape[1:]) != clip or clips.dtype != np.uint8:
            raise ValueError(
                f"clips are {clips.dtype} {clips.shape[1:]}, the model takes uint8 {tuple(clip)}"
            )
        found = np.empty((len(clips), self.metadata.embedding_size), np.float32)
        for start in range(0, len(clips), size):
            batch = clips[start : start + size]
            present = len(batch)
            if present < size:
                batch = np.concatenate([batch, np.repeat(batch[-1:], size - present, axis=0)])
            self._clips.update_inplace(batch)
            self._session.run_with_iobinding(self._binding)
            found[start : start + present] = self._embeddings.numpy()[:present]
        return found
