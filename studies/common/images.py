"""Images as studies are shown them.

Shape legend: N images, H height, W width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def enlarged(images_NHW: Tensor, peak: int, side: int) -> Tensor:
    """Return grey images at least as large as `side`: smaller ones are interpolated and fill the range of a byte."""
    if images_NHW.shape[-1] >= side:
        return images_NHW
    scaled = images_NHW.unsqueeze(1).double() * (255 / peak)
    larger = F.interpolate(scaled, size=(side, side), mode="bilinear", align_corners=False)
    return larger.round().squeeze(1).to(torch.uint8)
