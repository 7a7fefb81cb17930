"""What the slides print, as they print it; the modules of `measured.printed` hold a function of the same name for each.

A part that ends with "…" is compared as a beginning, because torch has since put more behind it. A number is compared
at its printed precision: by half a unit of its last digit, or exactly where it is a whole number without a unit.
"""

from __future__ import annotations

from dataclasses import dataclass

from repro.errors import UsageError
from studies.dagnets.published import layers


@dataclass(frozen=True)
class Published:
    """A printed item: its section, the parts as printed, and what is known where they no longer come out."""

    topic: str
    name: str
    where: str
    parts: tuple[str, ...]
    note: str = ""


AUTOGRAD = (
    Published("autograd", "requires_grad", "4.2, the flag of x, x + y and x + z", ("False", "False", "True")),
    Published(
        "autograd", "whole_number_error", "4.2, requires_grad on whole numbers",
        ("RuntimeError: only Tensors of floating point…",),
        note="the slides' torch went on 'dtype can require gradients', torch 2 says 'and complex dtype'",
    ),
    Published(
        "autograd", "gradient_of_two", "4.2, torch.autograd.grad(a, (t, u))", ("2.", "4.", "8.", "0.1000", "0.0500")
    ),
    Published("autograd", "one_element_tuple", "4.2, the result of a single input", ("1",)),
    Published("autograd", "backward", "4.2, x.grad before and after u.backward()", ("None", "27.", "12.", "75.")),
    Published(
        "autograd", "graph", "4.2, next_functions of the sum of absolute values",
        ("10.", "SumBackward0", "AbsBackward…", "AccumulateGrad"),
        note="AbsBackward is called AbsBackward0 in torch 2",
    ),
    Published("autograd", "pair", "4.2, descent on a and b", ("0.333333", "-0.333333")),
    Published("autograd", "pair_detached", "4.2, descent with a.detach()", ("1.000000", "-0.000000")),
    Published("autograd", "first_derivative", "4.2, create_graph = True", ("2.", "4.", "6.")),
    Published(
        "autograd", "first_derivative_name", "4.2, grad_fn of the first derivative", ("ThMulBackward",),
        note="the name in torch 0.4; MulBackward0 in torch 2",
    ),
    Published("autograd", "second_derivative", "4.2, create_graph = True", ("14.7781", "0.0000", "-806.8576")),
    Published(
        "autograd", "in_place_error", "4.2, y *= y on a sine",
        (
            "RuntimeError: one of the variables needed for gradient computation has been modified by an inplace "
            "operation…",
        ),
        note="in torch 2 the tensor's type and version follow",
    ),
    Published(
        "autograd", "leaf_error", "4.2, an in-place operation on a leaf", ("RuntimeError…",),
        note="the slides print no message; torch 2 says 'a leaf Variable that requires grad is being used in an "
        "in-place operation.'",
    ),
)  # fmt: skip

MODULES = (
    Published(
        "modules", "relu", "4.3, F.relu",
        ("0.8008", "0.0000", "0.5019", "0.0000", "0.0000", "0.0557", "0.6046", "0.0864", "0.0000", "1.2606"),
    ),
    Published(
        "modules", "linear", "4.3, nn.Linear",
        ("weight torch.Size([4, 10])", "bias torch.Size([4])", "torch.Size([523, 4])"),
    ),
    Published("modules", "mean_square", "4.3, nn.MSELoss", ("9.", "2.2500")),
    Published(
        "modules", "target_error", "4.3, a target that requires a gradient",
        ("AssertionError: nn criterions don't compute the gradient w.r.t. targets…",),
        note="torch 0.4 raised it; the check was taken out of the loss modules in June 2018, and whether what was "
        "current in February 2019 still had it is not settled; torch 2 returns 12.5 and differentiates the target too",
    ),
    Published("modules", "net_output", "4.6, the size of model(input)", ("torch.Size([12, 10])",)),
    Published(
        "modules", "net_parameters", "4.6, model.parameters()",
        (
            "torch.Size([32, 1, 5, 5])", "torch.Size([32])", "torch.Size([64, 32, 5, 5])", "torch.Size([64])",
            "torch.Size([200, 256])", "torch.Size([200])", "torch.Size([10, 200])", "torch.Size([10])",
        ),
    ),
    Published(
        "modules", "hidden_in_a_list", "4.6, a module in a Python list",
        ("torch.Size([123, 456])", "torch.Size([32, 1, 5, 5])", "torch.Size([32])"),
    ),
    Published(
        "modules", "seen_in_a_module_list", "4.6, a module in a ModuleList",
        (
            "torch.Size([123, 456])", "torch.Size([32, 1, 5, 5])", "torch.Size([32])", "torch.Size([21, 543])",
            "torch.Size([21])",
        ),
    ),
)  # fmt: skip

CONVOLUTION = (
    Published("convolution", "dense_parameters", "4.4, a linear layer on 256x256 RGB", ("3.87e+10",)),
    Published(
        "convolution", "dense_memory", "4.4, its memory", ("150Gb",),
        note="about: 154.6 GB or 144.0 GiB; 'Gb' is read as GB",
    ),
    Published("convolution", "example", "4.4, (1,2,3,4) with (3,2)", ("7", "12", "17")),
    Published(
        "convolution", "ramp", "4.4, a ramp with (-1,1)", ("0", "0", "0", "1", "1", "1", "1", "0", "0", "0")
    ),
    Published("convolution", "function_size", "4.4, F.conv2d", ("torch.Size([117, 5, 9, 1])",)),
    Published(
        "convolution", "module_sizes", "4.4, nn.Conv2d",
        ("weight torch.Size([5, 4, 2, 3])", "bias torch.Size([5])", "torch.Size([117, 5, 9, 1])"),
    ),
    Published("convolution", "padding_and_stride", "4.4, padding (2, 1), stride (2, 2)", ("1", "3", "3")),
    Published("convolution", "dilation_loss", "4.4, k = 3 and d = 4", ("8",)),
    Published("convolution", "dilation_size", "4.4, nn.Conv2d with dilation 4", ("torch.Size([1, 1, 12, 22])",)),
    Published(
        "convolution", "max_pooling", "4.5, F.max_pool2d(x, (1, 2))",
        ("2.", "2.", "2.", "2.", "0.", "1.", "2.", "2.", "1.", "0.", "1.", "2."),
    ),
)  # fmt: skip

LOSSES = (
    Published(
        "losses", "one_hot", "5.1, N = 5 and C = 3",
        ("0", "1", "0", "1", "0", "0", "1", "0", "0", "0", "0", "1", "0", "1", "0"),
    ),
    Published("losses", "cross_entropy", "5.1, nn.CrossEntropyLoss", ("2.5141",)),
    Published("losses", "cross_entropy_by_hand", "5.1, its closed form", ("2.5141",)),
    Published("losses", "log_softmax", "5.1, nn.LogSoftmax and nn.NLLLoss", ("2.5141",)),
    Published(
        "losses", "softmax", "5.1, nn.Softmax",
        (
            "2.0612e-09", "2.0612e-09", "1.0000e+00", "3.0590e-07", "8.7005e-01", "4.3317e-02", "4.3317e-02",
            "4.3317e-02", "3.2059e-02", "8.7144e-02", "2.3688e-01", "6.4391e-01",
        ),
    ),
    Published(
        "losses", "criteria", "5.1, criteria of torch.nn",
        ("MSELoss", "CrossEntropyLoss", "NLLLoss", "L1Loss", "NLLLoss2d", "MultiMarginLoss"),
        note="NLLLoss2d is deprecated",
    ),
)  # fmt: skip

OPTIMISERS = (
    Published("optimisers", "adam_defaults", "5.2, beta_1, beta_2 and epsilon", ("0.9", "0.999", "1e-8")),
    Published(
        "optimisers", "names", "5.3, variants of SGD", ("SGD", "Adam", "Adadelta", "Adagrad", "RMSprop", "LBFGS")
    ),
)

ARCHITECTURES = (
    Published(
        "architectures", "table_parameters", "4.6, table: parameters and their total",
        ("832", "51,264", "51,400", "2,010", "105,506"),
    ),
    Published(
        "architectures", "table_products", "4.6, table: products and their total",
        ("460,800", "819,200", "51,200", "2,000", "1,333,200"),
    ),
    Published(
        "architectures", "table_sizes", "4.6, table: input sizes",
        (
            "1x28x28", "32x24x24", "32x8x8", "32x8x8", "64x4x4", "64x2x2", "64x2x2", "256", "200", "200", "10",
        ),
    ),
    Published("architectures", "lenet5_layers", "7.2, LeNet5", layers.LENET5),
    Published("architectures", "alexnet_layers", "7.2, AlexNet", layers.ALEXNET),
    Published(
        "architectures", "vgg19_layers", "7.2, VGGNet19", layers.VGG19,
        note="the slide stops at the fourth of five pooling layers",
    ),
    Published(
        "architectures", "convolutionized_layers", "7.2, AlexNet made fully convolutional",
        layers.CONVOLUTIONIZED,
    ),
    Published(
        "architectures", "augmentation", "7.2, AlexNet's crops and reflections", ("2,048",),
        note="offsets below 32 on each axis, and mirrors; with the last place of either there are 2,178",
    ),
    Published(
        "architectures", "score_format", "7.2, the first of 15 scores, '%02f'", ("12.26",),
        note="this format prints six decimals",
    ),
    Published(
        "architectures", "googlenet_ratio", "7.2, AlexNet's parameters over GoogLeNet's", ("12 times",),
        note="8.7 by the layers as published; 9.2 by torchvision's networks, 4.7 with GoogLeNet's two auxiliary heads; "
        "the 12 is quoted from its paper",
    ),
)  # fmt: skip

RESNET = (
    Published(
        "resnet", "block", "7.2, the residual block of 64 channels", ("73k",),
        note="about: 73,856, cut off, not rounded"
    ),
    Published("resnet", "wide_block", "7.2, the residual block of 256 channels", ("1.2m",)),
    Published(
        "resnet", "bottleneck", "7.2, the bottleneck block", ("70k",),
        note="the slide's sum has a bias in the middle layer only; 70,016 with all biases, 69,632 with none",
    ),
    Published("resnet", "sizes", "7.2, table: output size", ("112", "56", "28", "14", "7")),
    Published(
        "resnet", "flops", "7.2, table: FLOPs of 18 to 152 layers", ("1.8e9", "3.6e9", "3.8e9", "7.6e9", "11.3e9"),
        note="multiply-adds, strides placed as in the paper; 3.8 is cut off, not rounded, and 3.6 is of shortcuts "
        "without weights, 3.644, which the table leaves open",
    ),
)  # fmt: skip

PUBLISHED = (*AUTOGRAD, *MODULES, *CONVOLUTION, *LOSSES, *OPTIMISERS, *ARCHITECTURES, *RESNET)


def published_named(topic: str, name: str) -> Published:
    """Return a printed item. Raise UsageError for a name that the topic does not have."""
    for item in PUBLISHED:
        if (item.topic, item.name) == (topic, name):
            return item
    known = ", ".join(item.name for item in PUBLISHED if item.topic == topic)
    raise UsageError(f"printed item: no '{name}' in topic '{topic}'; choose one of {known or 'another topic'}")
