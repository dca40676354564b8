"""The network in the form that ONNX Runtime runs fastest: same weights, same result, cheaper order of work.

Everything between the last ReLU of ConvStack and CCC is linear, and so is everything between the
differences and the first ReLU of the temporal head. Constants are folded in float64, FCC's two branches
become one product along H and one along W, and the 3×3×3 convolutions, which ONNX Runtime can only do by
unrolling, become 3×3 convolutions with its fast kernels, eight for six moments.
What was measured: ``tests/benchmarks/inference.py``.
"""
