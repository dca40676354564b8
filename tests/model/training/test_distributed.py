"""Processes that share a batch arrive at the gradient of one process with the whole batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.frame_store import FrameStore
from model.training.log import read_rows
from tests.model.training.corpus import small_store

# BatchNorm sees a process's own share on a CPU, so the gradients are compared on a network without it.
GRADIENTS = """
import torch
from torch import distributed, nn
from model.training.distributed import average_gradients, gather, join_world
from model.training.loss import sup_con
torch.manual_seed(0)
net, data = nn.Linear(5, 4), torch.randn(6, 5)
drivers = torch.tensor([0, 0, 0, 1, 1, 1])
loss = lambda e, d: sup_con(nn.functional.normalize(e), d, 0.5)
loss(net(data), drivers).backward()
wanted = net.weight.grad.clone()
net.zero_grad()
world = join_world()
order = [0, 2, 4, 1, 3, 5]
loss(gather(net(data[world.rank::2]), world), drivers[order]).backward()
average_gradients(net, world)
torch.testing.assert_close(net.weight.grad, wanted)
distributed.destroy_process_group()
"""

RUN = """
import sys
from pathlib import Path
from torch import distributed
from model.frame_store import FrameStore
from model.system import System
from model.training.config import TrainConfig
from model.training.loop import train
config = TrainConfig(
    System(clip_length=3), 3, 2, epochs=2, steps_per_epoch=2, warmup_epochs=1, validate_every=1
)
train(config, FrameStore(Path(sys.argv[1])), Path(sys.argv[2]))
distributed.destroy_process_group()
"""


def torchrun(script: Path, *arguments: str) -> None:
    """Run a script in two processes."""
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run([*command, str(script), *arguments], check=True, env=environment, timeout=240)


def test_two_processes_have_the_gradient_of_one(tmp_path: Path) -> None:
    (tmp_path / "gradients.py").write_text(GRADIENTS)
    torchrun(tmp_path / "gradients.py")


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    """The tiny corpus on disk."""
    return small_store(tmp_path / "store")


def test_a_run_shared_by_two_processes_is_written_once(store: FrameStore, tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(RUN)
    torchrun(tmp_path / "run.py", str(store.folder), str(tmp_path / "run"))
    assert [row["step"] for row in read_rows(tmp_path / "run" / "steps.csv")] == [1, 2, 3, 4]
    assert [row["step"] for row in read_rows(tmp_path / "run" / "validation.csv")] == [2, 4]
