#!/bin/sh
# Resolves every version anew, for all platforms, and writes the lock files with hashes.
# torch and the CUDA packages it may bring are left out: see the Makefile.
set -eu
cd "$(dirname "$0")/.."
compile() { .venv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate "$@"; }
unlocked=""
for name in torch triton cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti \
    nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand \
    nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink \
    nvidia-nvshmem-cu13 nvidia-nvtx; do
    unlocked="$unlocked --no-emit-package $name"
done
compile requirements/bootstrap.in -o requirements/bootstrap.lock
compile pyproject.toml --extra simulate -o requirements/run.lock
# shellcheck disable=SC2086
compile pyproject.toml --extra simulate --extra images --extra train --extra dev -c requirements/run.lock $unlocked -o requirements/dev.lock
