"""The soak looks at the same small case as the fault tests."""

from tests.pipeline.faults.conftest import small_evidence, undisturbed

__all__ = ["small_evidence", "undisturbed"]
