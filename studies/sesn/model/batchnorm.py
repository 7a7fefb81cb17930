"""Batch-norm that takes images in whatever order they lie in memory."""

from __future__ import annotations

from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from repro.errors import UsageError


class BatchNorm(_BatchNorm):
    """Normalise (B, C, H, W) or (B, C, S, H, W) as torch's BatchNorm2d and BatchNorm3d do, with their parameters.

    Theirs are several times slower on images that are last in memory, as the scale-convolutions give them. This one
    reads such images as they lie.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise, and keep the order in memory."""
        last = x.movedim((1, 0), (-2, -1))
        if not last.is_contiguous():
            return super().forward(x)
        return super().forward(last.flatten(0, -3)).view_as(last).movedim((-2, -1), (1, 0))

    def _check_input_dim(self, x: Tensor) -> None:
        if x.dim() < 3 or self.num_features not in x.shape:
            raise UsageError(f"batch-norm: wanted (B, {self.num_features}, ..., H, W), got {tuple(x.shape)}")
