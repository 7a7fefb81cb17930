"""The layers of three classifiers as the slides list them (section 7.2), in the printed form of an older torch."""

from __future__ import annotations

LENET5 = (
    "(0): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))",
    "(1): ReLU (inplace)",
    "(2): MaxPool2d (size=(2, 2), stride=(2, 2), dilation=(1, 1))",
    "(3): Conv2d(6, 16, kernel_size=(5, 5), stride=(1, 1))",
    "(4): ReLU (inplace)",
    "(5): MaxPool2d (size=(2, 2), stride=(2, 2), dilation=(1, 1))",
    "(0): Linear (256 -> 120)",
    "(1): ReLU (inplace)",
    "(2): Linear (120 -> 84)",
    "(3): ReLU (inplace)",
    "(4): Linear (84 -> 10)",
)

ALEXNET_FEATURES = (
    "(0): Conv2d(3, 64, kernel_size=(11, 11), stride=(4, 4), padding=(2, 2))",
    "(1): ReLU (inplace)",
    "(2): MaxPool2d (size=(3, 3), stride=(2, 2), dilation=(1, 1))",
    "(3): Conv2d(64, 192, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))",
    "(4): ReLU (inplace)",
    "(5): MaxPool2d (size=(3, 3), stride=(2, 2), dilation=(1, 1))",
    "(6): Conv2d(192, 384, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(7): ReLU (inplace)",
    "(8): Conv2d(384, 256, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(9): ReLU (inplace)",
    "(10): Conv2d(256, 256, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(11): ReLU (inplace)",
    "(12): MaxPool2d (size=(3, 3), stride=(2, 2), dilation=(1, 1))",
)

ALEXNET = (
    *ALEXNET_FEATURES,
    "(0): Dropout (p = 0.5)",
    "(1): Linear (9216 -> 4096)",
    "(2): ReLU (inplace)",
    "(3): Dropout (p = 0.5)",
    "(4): Linear (4096 -> 4096)",
    "(5): ReLU (inplace)",
    "(6): Linear (4096 -> 1000)",
)

CONVOLUTIONIZED = (
    *ALEXNET_FEATURES,
    "(13): Dropout (p = 0.5)",
    "(14): Conv2d(256, 4096, kernel_size=(6, 6), stride=(1, 1))",
    "(15): ReLU (inplace)",
    "(16): Dropout (p = 0.5)",
    "(17): Conv2d(4096, 4096, kernel_size=(1, 1), stride=(1, 1))",
    "(18): ReLU (inplace)",
    "(19): Conv2d(4096, 1000, kernel_size=(1, 1), stride=(1, 1))",
)

VGG19 = (
    "(0): Conv2d(3, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(1): ReLU (inplace)",
    "(2): Conv2d(64, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(3): ReLU (inplace)",
    "(4): MaxPool2d (size=(2, 2), stride=(2, 2), dilation=(1, 1))",
    "(5): Conv2d(64, 128, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(6): ReLU (inplace)",
    "(7): Conv2d(128, 128, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(8): ReLU (inplace)",
    "(9): MaxPool2d (size=(2, 2), stride=(2, 2), dilation=(1, 1))",
    "(10): Conv2d(128, 256, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(11): ReLU (inplace)",
    "(12): Conv2d(256, 256, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(13): ReLU (inplace)",
    "(14): Conv2d(256, 256, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(15): ReLU (inplace)",
    "(16): Conv2d(256, 256, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(17): ReLU (inplace)",
    "(18): MaxPool2d (size=(2, 2), stride=(2, 2), dilation=(1, 1))",
    "(19): Conv2d(256, 512, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(20): ReLU (inplace)",
    "(21): Conv2d(512, 512, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(22): ReLU (inplace)",
    "(23): Conv2d(512, 512, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(24): ReLU (inplace)",
    "(25): Conv2d(512, 512, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
    "(26): ReLU (inplace)",
    "(27): MaxPool2d (size=(2, 2), stride=(2, 2), dilation=(1, 1))",
    "(0): Linear (25088 -> 4096)",
    "(1): ReLU (inplace)",
    "(2): Dropout (p = 0.5)",
    "(3): Linear (4096 -> 4096)",
    "(4): ReLU (inplace)",
    "(5): Dropout (p = 0.5)",
    "(6): Linear (4096 -> 1000)",
)
