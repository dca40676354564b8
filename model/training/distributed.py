"""Several processes, one a GPU, started by torchrun; a single process is a world of one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn


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


class _Gather(torch.autograd.Function):
    """All processes' rows in order; each process's gradient is the sum of what all found for its rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, world: World) -> Tensor:
        ctx.world, ctx.count = world, len(rows)
        parts = [torch.empty_like(rows) for _ in range(world.size)]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        total = gradient.contiguous()
        distributed.all_reduce(total)
        first = ctx.world.rank * ctx.count
        return total[first : first + ctx.count], None


def gather(embeddings: Tensor, world: World) -> Tensor:
    """Embeddings of all processes, ``[B/size, D]`` -> ``[B, D]``; gradients flow back to each."""
    if world.size == 1:
        return embeddings
    whole: Tensor = _Gather.apply(embeddings, world)  # type: ignore[no-untyped-call]
    return whole


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


def wait_for_all(world: World) -> None:
    """Go on only when every process has come here."""
    if world.size > 1:
        distributed.barrier()
