"""Speed of one training step against the reference's way of doing it.

    python -m tests.benchmarks.train_step [--steps 3]

The reference encodes frames one at a time in a loop; the naive network here does the same with plain
layers, the edges of CCC in a tensor of their own, float32 throughout. With BatchNorm frozen and dropout off
both give the same loss to 1e-4, which is asserted; then a step (forward, loss, backward, clip, AdamW) of
each is timed, 16×8 clips of T = 64 on a GPU, 4×2 clips of T = 16 on a CPU. Prints steps/s, clips/s,
peak memory, and the share of the machine's float32 matmul peak the step reaches.
"""

from __future__ import annotations

import argparse
import resource
import time

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from model.export import smooth_frames
from model.layers.f5c import F5C
from model.layers.standardise import standardise
from model.network import DriverNetwork, f5c_network
from model.training.loop import set_precision
from model.training.loss import sup_con
from model.training.memory import keep_freed_memory
from tests.benchmarks.harness import keep, machine

SIZES = {"cuda": (16, 8, 64), "cpu": (4, 2, 16)}


class NaiveBackbone(nn.Module):
    """F5C's own layers as the reference calls them, with the edges of CCC written out."""

    def __init__(self, f5c: F5C) -> None:
        super().__init__()
        self.f5c = f5c

    def forward(self, frame: Tensor) -> Tensor:
        """One frame of each clip, ``[B, 1, 128, 128]`` -> ``[B, 128, 16, 16]``."""
        maps = frame
        for block in self.f5c.conv_stack:
            maps = block(maps)
        rows = self.f5c.fusion(self.f5c.fcc(maps.contiguous()).flatten(2).transpose(1, 2))
        unit = nn.functional.normalize(rows, dim=2)
        nearest = (unit @ unit.transpose(1, 2)).topk(4, dim=2).indices
        index = nearest.flatten(1)[:, :, None].expand(-1, -1, rows.shape[2])
        edges = rows.gather(1, index).unflatten(1, (256, 4)) - rows[:, :, None]
        rows = rows + torch.relu(rows + edges.amax(dim=2))
        return rows.transpose(1, 2).reshape(-1, 128, 16, 16)


class NaiveNetwork(nn.Module):
    """Frames of a clip encoded one after the other, then differenced, float32 throughout."""

    def __init__(self, network: DriverNetwork) -> None:
        super().__init__()
        self.backbone = NaiveBackbone(network.backbone)
        self.head = network.head

    def forward(self, clips: Tensor) -> Tensor:
        """uint8 ``[B, T, 128, 128]`` -> ``[B, 256]``."""
        frames = standardise(clips)
        maps = torch.stack([self.backbone(frames[:, t, None]) for t in range(frames.shape[1])], dim=1)
        return nn.functional.normalize(self.head(maps[:, 1:] - maps[:, :-1]), dim=1)


def seconds_of_a_step(network: nn.Module, clips: Tensor, drivers: Tensor, steps: int) -> float:
    """Median time of a whole optimisation step, after two to warm up."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    network.train()
    times = []
    for _ in range(steps + 2):
        started = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        sup_con(network(clips), drivers, 0.07).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        if clips.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return sorted(times[2:])[steps // 2]


def matmul_peak(device: torch.device) -> float:
    """FLOP/s of a large float32 matrix product."""
    side = 8192 if device.type == "cuda" else 2048
    a = torch.randn(side, side, device=device)
    best = 0.0
    for _ in range(5):
        started = time.perf_counter()
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = max(best, 2 * side**3 / (time.perf_counter() - started))
    return best


def peak_memory(device: torch.device) -> float:
    """GiB: allocated on the GPU, or resident in the process so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Compare the two and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--size", type=int, nargs=3, metavar=("N", "M", "T"), help="drivers, videos, frames")
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    n_drivers, n_videos, length = arguments.size or SIZES[device.type]
    torch.manual_seed(0)
    count = n_drivers * n_videos
    clips = (
        torch.from_numpy(smooth_frames(count * length, seed=0)).reshape(count, length, 128, 128).to(device)
    )
    drivers = torch.arange(n_drivers, device=device).repeat_interleave(n_videos)
    ours = f5c_network().to(device)
    naive = NaiveNetwork(ours)

    ours.eval()
    with torch.no_grad():
        difference = (sup_con(ours(clips), drivers, 0.07) - sup_con(naive(clips), drivers, 0.07)).abs().item()
    print(f"losses differ by {difference:.1e} with BatchNorm frozen and dropout off")
    assert difference < 1e-4

    with FlopCounterMode(display=False) as counter:
        sup_con(ours.train()(clips), drivers, 0.07).backward()
    flops = counter.get_total_flops()
    peak = matmul_peak(device)
    print(f"{device.type}, {torch.get_num_threads()} threads, {n_drivers}×{n_videos} clips of T={length}")
    print(f"{flops / 1e9:.0f} GFLOP a step; float32 matmul peak {peak / 1e9:.0f} GFLOP/s")
    times = {}
    for name, network in (("naive", naive), ("ours", ours)):
        if name == "ours":
            keep_freed_memory()
            set_precision(ours, device)
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
        times[name] = seconds = seconds_of_a_step(network, clips, drivers, arguments.steps)
        print(
            f"{name:6s} {1 / seconds:8.3f} steps/s {count / seconds:8.1f} clips/s "
            f"{peak_memory(device):6.1f} GiB {flops / seconds / peak:6.1%} of peak",
            flush=True,
        )
    print(f"ours is {times['naive'] / times['ours']:.2f} times as fast")
    figures = {
        "device": device.type,
        "seconds_per_step": times,
        "times_naive": times["naive"] / times["ours"],
    }
    keep("train_step", machine(), {**figures, "of_matmul_peak": flops / times["ours"] / peak})


if __name__ == "__main__":
    main()
