"""A picture that does not move, sent through a video encoder: what coding noise alone changes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import DecodeFailure, DecodeRequest

CRF: Final = 23  # x264's default
KEY_FRAME_EVERY: Final = 12  # frames; each key frame codes the picture afresh, where most of the noise arises


def frozen_clip(picture: NDArray[np.uint8], length: int, decoder: GuardedDecoder) -> NDArray[np.uint8] | None:
    """``picture`` (gray, [height, width]) held for ``length`` frames, encoded as H.264 and decoded again.

    Returns uint8 [length, 128, 128], or None where the decoder gives it back short.
    """
    height, width = (side - side % 2 for side in picture.shape)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "frozen.mp4"
        with av.open(str(path), "w") as container:
            options = {"crf": str(CRF), "g": str(KEY_FRAME_EVERY), "sc_threshold": "0"}
            stream = container.add_stream("libx264", rate=25, options=options)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            chroma = np.full((height // 2, width), 128, np.uint8)
            planes = np.concatenate([picture[:height, :width], chroma])
            for _ in range(length):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, "yuv420p")))
            container.mux(stream.encode(None))
        decoded = decoder.decode(path, DecodeRequest(fps=None, thumbnails=0))
    if isinstance(decoded, DecodeFailure) or len(decoded.frames) < length:
        return None
    return decoded.frames[:length]
