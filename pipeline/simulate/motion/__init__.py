"""Motion of simulated drivers: styles, contents, performances, and recorded tracks from Live Link Face."""

from pipeline.simulate.motion.content import Content, sample_content
from pipeline.simulate.motion.live_link import external_tracks, read_live_link
from pipeline.simulate.motion.perform import perform, sample_driver
from pipeline.simulate.motion.style import DriverStyle
from pipeline.simulate.motion.track import ARKIT_NAMES, FPS, INDEX, MotionTrack

__all__ = [
    "ARKIT_NAMES",
    "FPS",
    "INDEX",
    "Content",
    "DriverStyle",
    "MotionTrack",
    "external_tracks",
    "perform",
    "read_live_link",
    "sample_content",
    "sample_driver",
]
