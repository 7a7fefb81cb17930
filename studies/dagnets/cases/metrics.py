"""What experiments with many metrics measure."""

from __future__ import annotations

from repro.study import Metric
from studies.dagnets.cases.libraries import COLOURS, STAGES

TRAINED = (
    Metric("error", "%", counted=True, useful=5.0),
    Metric("loss", "nats", judged=False),
    Metric("log10_loss", "log10 nats", useful=0.1),  # judged in its place: over seeds, losses spread by factors
    Metric("log10_train_loss", "log10 nats", useful=0.1),
    Metric("train_error", "%", judged=False),
    Metric("train_loss", "nats", judged=False),
    *(
        Metric(f"{part}_log10_{quantile}", "log10 nats", judged=False)
        for part in ("train", "test")
        for quantile in ("median", "p90")
    ),
    Metric("best_loss_epoch", "epoch", judged=False),
    Metric("best_error_epoch", "epoch", judged=False),
)
OF_A_CLASSIFIER: tuple[Metric | str, ...] = (
    "parameters", "convolutions", "linear_layers", "convolutions_behind", "classes", "channels", Metric("side", "px"),
    *(f"{part}_{colour}" for part in ("mean", "deviation") for colour in COLOURS),
)  # fmt: skip
OF_A_RESIDUAL_NETWORK: tuple[Metric | str, ...] = (
    "weight_layers", "products", "bare_products", "stem_kernel", "stem_channels", "stem_stride", "pooling_kernel",
    "pooling_stride", *(Metric(f"side_{number}", "px") for number in range(5)),
    *(f"{name}_{stage}" for name in ("blocks", "halving") for stage in STAGES),
    *(f"channels_{stage}_{place}" for stage in STAGES for place in (1, 2, 3)),
    "averaged_height", "averaged_width", "scores", "block_weights", "block_parameters",
)  # fmt: skip
