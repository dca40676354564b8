"""Small corpora of empty files in the released layouts; labels are read without opening a video."""

from __future__ import annotations

from pathlib import Path

SPLITS = """identities in train set:
1002
Actor_01

identities in validation set:
1004

identities in test set:
1001
1003
id001
"""

SOURCES = """NVIDIA-VC-subset
id001

RAVDESS dataset
Actor_01

CREMA-D dataset
1001
1002
1003
1004
1085'
"""

NVFAIR_FILES = (
    "CREMA-D/originals/1001/1001_IEO_FEA_LO.mp4",
    "CREMA-D/facevid2vid-generated/1001/1001--1001_IEO_FEA_LO--1001.mp4",
    "CREMA-D/facevid2vid-generated/1001/1001--1003_IEO_FEA_LO--1003.mp4",
    "CREMA-D/facevid2vid-generated/1001/1001--1003.mp4",  # two fields
    "CREMA-D/tps-generated/1001/1001--1002_DFA_ANG_XX--1002.mp4",  # test target, train driver
    "CREMA-D/lia-generated/1002/1002--1002_DFA_ANG_XX--1002.mp4",
    "CREMA-D/lia-generated/1004/1004--1004_DFA_ANG_XX--1004.mp4",
    "NVIDIA-VC-subset/tps-generated/id001/id001--1003_IEO_FEA_LO--1003.mp4",  # cross-source
)


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def nvfair(root: Path, *more: str) -> Path:
    touch(root, *NVFAIR_FILES, *more)
    (root / "train_val_test_splits.txt").write_text(SPLITS, encoding="utf-8")
    (root / "subject_sources.txt").write_text(SOURCES, encoding="utf-8")
    return root
