"""One ONNX Runtime session that turns clips into driver embeddings.

Batches have one fixed shape, the last one padded, so that an embedding does not depend on which
clips happened to share its batch: a resumed run gives the same bits as an undisturbed one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.metadata import ModelMetadata, read_metadata

#: Clips per inference. On a CPU one clip already fills the vector units and its activations stay
#: near the cache; a GPU wants more to fill.
BATCH: Final = {"CPUExecutionProvider": 1, "CUDAExecutionProvider": 16}


def best_provider() -> str:
    """CUDA when this build of ONNX Runtime has it and a device answers, else the CPU."""
    import onnxruntime

    if (
        "CUDAExecutionProvider" in onnxruntime.get_available_providers()
        and Path("/proc/driver/nvidia").exists()
    ):
        return "CUDAExecutionProvider"
    return "CPUExecutionProvider"


class EmbeddingSession:
    """State: the loaded model and the provider it really runs on."""

    def __init__(self, model: Path, provider: str, threads: int) -> None:
        """Load ``model``.

        Raises model.metadata.ModelFileError when the file is not a driverprint model.
        """
        import onnxruntime

        self.metadata: ModelMetadata = read_metadata(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        cuda = ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"})
        wanted: list[Any] = [cuda] if provider == "CUDAExecutionProvider" else []
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=[*wanted, "CPUExecutionProvider"]
        )
        self.provider: str = self._session.get_providers()[0]
        self._input = self._session.get_inputs()[0].name

    def embed(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings of ``clips`` (n, T, 128, 128) as (n, 256), each of L2 norm 1."""
        size = BATCH[self.provider]
        parts = []
        for start in range(0, len(clips), size):
            batch = clips[start : start + size]
            missing = size - len(batch)
            if missing:
                batch = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
            parts.append(self._session.run(None, {self._input: batch})[0][: size - missing])
        if not parts:
            return np.zeros((0, self.metadata.embedding_size), np.float32)
        return np.concatenate(parts)
