"""Evidence on what the slides print: what the modules `recompute_*` compute for it, item by item."""

from __future__ import annotations

from collections.abc import Callable

from studies.dagnets.printed import TOPICS, Value

Evidence = Callable[[], list[Value]]


def _item(topic: str, name: str) -> Evidence:
    """Return the evidence on a printed item: a function that computes it when it is called."""

    def evidence() -> list[Value]:
        """Compute a printed item anew."""
        return list(getattr(TOPICS[topic], name)())

    return evidence


first_derivative = _item("autograd", "first_derivative")
one_element_tuple = _item("autograd", "one_element_tuple")
pair = _item("autograd", "pair")
pair_detached = _item("autograd", "pair_detached")
requires_grad = _item("autograd", "requires_grad")
second_derivative = _item("autograd", "second_derivative")

hidden_in_a_list = _item("modules", "hidden_in_a_list")
linear = _item("modules", "linear")
net_output = _item("modules", "net_output")
net_parameters = _item("modules", "net_parameters")
relu = _item("modules", "relu")
seen_in_a_module_list = _item("modules", "seen_in_a_module_list")

dense_parameters = _item("convolution", "dense_parameters")
dilation_loss = _item("convolution", "dilation_loss")
dilation_size = _item("convolution", "dilation_size")
example = _item("convolution", "example")
function_size = _item("convolution", "function_size")
max_pooling = _item("convolution", "max_pooling")
module_sizes = _item("convolution", "module_sizes")
padding_and_stride = _item("convolution", "padding_and_stride")
ramp = _item("convolution", "ramp")

criteria = _item("losses", "criteria")
cross_entropy = _item("losses", "cross_entropy")
cross_entropy_by_hand = _item("losses", "cross_entropy_by_hand")
log_softmax = _item("losses", "log_softmax")
one_hot = _item("losses", "one_hot")
softmax = _item("losses", "softmax")

adam_defaults = _item("optimisers", "adam_defaults")
names = _item("optimisers", "names")

augmentation = _item("architectures", "augmentation")
googlenet_ratio = _item("architectures", "googlenet_ratio")
score_format = _item("architectures", "score_format")
table_sizes = _item("architectures", "table_sizes")

sides_of_50 = _item("resnet", "sizes")
