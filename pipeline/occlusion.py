"""Occlusion test of the embedding: where in the picture the motion lies that makes it what it is.

One patch after another is held still, at its picture in the first frame, and the clip is embedded anew
(after Zeiler and Fergus 2014, arXiv 1311.2901, section III.B, who gray a patch out). Holding it keeps what
the patch looks like and takes away only how it moves, which is all that the differences of neighbouring
frames pass on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Patches along each side of the picture: 21 or 22 pixels, about an eye or half a mouth of a head shot.
GRID: Final = 6
#: A case with more questioned videos goes without: the test costs 37 clips a video, as much as 90 seconds
#: of footage, and with hundreds of videos would take longer than everything else.
MOST_VIDEOS: Final = 50

Embed = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def occlusion_effects(clip: NDArray[np.uint8], embed: Embed) -> NDArray[np.float64]:
    """Distance by which the embedding moves when each patch is held still.

    clip : uint8 (t, h, w); embed : clips (n, t, h, w) to unit embeddings (n, d)
    returns float64 (6, 6), rows from the top, 0 (nothing changes) to 2
    """
    rows, columns = (np.linspace(0, side, GRID + 1).round().astype(int) for side in clip.shape[1:])
    clips = np.repeat(clip[None], 1 + GRID * GRID, axis=0)
    for place, held in enumerate(clips[1:]):
        row, column = divmod(place, GRID)
        patch = np.s_[rows[row] : rows[row + 1], columns[column] : columns[column + 1]]
        held[:, *patch] = held[0][patch]
    whole, *without = embed(clips).astype(np.float64)
    moved: NDArray[np.float64] = np.linalg.norm(np.stack(without) - whole, axis=1).reshape(GRID, GRID)
    return moved
