"""A Ray cluster of several nodes on this machine, for the tests of `--address`.

    python local_cluster.py NODES

Prints its address, then kills a node, not gracefully, for every line it reads. Ends, with all nodes, when
its input ends. Everything Ray writes goes below RAY_TMPDIR.
"""

from __future__ import annotations

import os
import sys

from pipeline.lean_ray import lean_start
from pipeline.ray_session import OWN_NODES


def main(nodes: int) -> None:
    """Start the nodes, one core each, and obey."""
    for name in OWN_NODES:  # nodes of a cluster listen on the network
        os.environ.pop(name)
    from ray.cluster_utils import Cluster

    with lean_start():
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        for _ in range(nodes - 1):
            cluster.add_node(num_cpus=1, wait=False)
        cluster.wait_for_nodes(timeout=200)
    print(cluster.address, flush=True)
    for _ in sys.stdin:
        cluster.remove_node(min(cluster.worker_nodes, key=lambda node: node.unique_id), allow_graceful=False)
        print("killed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
