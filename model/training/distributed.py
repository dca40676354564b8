"""Several processes, one a GPU, started by torchrun; a single process is a world of one."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn import functional as gathered


@dataclass(frozen=True)
class World:
    """This process's number, how many there are, and its device."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and shows the progress."""
        return self.rank == 0


def join_world() -> World:
    """Join the processes torchrun started (RANK, WORLD_SIZE, LOCAL_RANK), or stand alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    cuda = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if size > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if cuda else "gloo")
    return World(int(os.environ.get("RANK", "0")), size, device)


def share_statistics(network: nn.Module, world: World) -> None:
    """Let BatchNorm see the whole batch on GPUs; on CPUs, where torch cannot, each process sees its own."""
    if world.size > 1 and world.device.type == "cuda":
        for name, child in network.named_children():
            synced = nn.SyncBatchNorm.convert_sync_batchnorm(child)  # type: ignore[no-untyped-call]
            setattr(network, name, synced)


def gather(embeddings: Tensor, world: World) -> Tensor:
    """Embeddings of all processes, ``[B/size, D]`` -> ``[B, D]``; gradients flow back to each."""
    if world.size == 1:
        return embeddings
    parts = gathered.all_gather(embeddings.contiguous())  # type: ignore[no-untyped-call]
    return torch.cat(parts)


def average_gradients(network: nn.Module, world: World) -> None:
    """Mean over the processes of each gradient.

    Every process has backpropagated the whole batch's loss through the gather, which sums over the
    processes; so the mean is the gradient of a single process with the whole batch.
    """
    if world.size == 1:
        return
    for parameter in network.parameters():
        if parameter.grad is not None:
            distributed.all_reduce(parameter.grad)
            parameter.grad /= world.size
