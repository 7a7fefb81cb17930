"""Best linear answers by least squares, which no training of the same layer can beat on the same images.

Shape legend: N images, C channels in, O channels out, H height, W width, K kernel, P patch entries and the bias.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.errors import UsageError


def best_convolution(inputs: Tensor, targets: Tensor, kernel: int) -> nn.Conv2d:
    """Return the K x K convolution with bias and zero padding that has the least mean squared error.

    The normal equations of images (N, C, H, W) and (N, O, H, W) are summed and solved in float64; of several
    solutions the one of least norm is taken. Raise UsageError for shapes that do not belong together or an even kernel.
    """
    if inputs.dim() != 4 or targets.dim() != 4 or inputs.shape[::2] != targets.shape[::2] or kernel % 2 == 0:
        raise UsageError(
            f"least squares: wanted images (N, C, H, W), as many and as large targets and an odd kernel, got "
            f"{tuple(inputs.shape)}, {tuple(targets.shape)} and {kernel}; give images of one size"
        )
    channels, outputs = inputs.shape[1], targets.shape[1]
    size = channels * kernel**2 + 1
    gram_PP = torch.zeros(size, size, dtype=torch.float64)
    moment_PO = torch.zeros(size, outputs, dtype=torch.float64)
    for x, t in zip(inputs, targets, strict=True):  # one by one: the patches of an image stay in the cache
        patches = F.pad(F.unfold(x.double(), kernel, padding=kernel // 2), (0, 0, 0, 1), value=1.0)
        gram_PP.addmm_(patches, patches.T)
        moment_PO.addmm_(patches, t.double().flatten(1).T)
    solution = torch.from_numpy(np.linalg.lstsq(gram_PP.numpy(), moment_PO.numpy(), rcond=None)[0])
    layer = nn.Conv2d(channels, outputs, kernel, padding=kernel // 2)
    with torch.no_grad():
        layer.weight.copy_(solution[:-1].T.reshape(layer.weight.shape))
        layer.get_parameter("bias").copy_(solution[-1])
    return layer.requires_grad_(False)
