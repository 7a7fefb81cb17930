"""Evidence on operators, DAGs and autograd (sections 4.1 to 4.3), computed when it is asked for."""

from __future__ import annotations

import importlib.metadata
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.audit.evidence import Shown, published
from studies.common.drawn import distance, drawn
from studies.dagnets.claims.evidence import beginning, jacobian
from studies.dagnets.measured import dag, detached
from studies.dagnets.measured.printed import autograd as prints

STEP = 1e-5  # of central differences
BSD = (
    "Redistributions of source code must retain the above copyright notice",
    "Redistributions in binary form must reproduce the above copyright notice",
    "may be used to endorse or promote products derived from this software without specific prior written permission",
)
OPERATOR = drawn("operator", 3, 9)  # from five numbers b and four numbers c to three


def operator(both: Tensor) -> Tensor:
    """Return three numbers for nine."""
    return (OPERATOR @ both).tanh()


def jacobian_of_an_operator() -> float:
    """Compare a Jacobian with differences, an output a row and an input a column (4.1, the notation)."""
    at = drawn("at", 9)
    moves = STEP * torch.eye(9, dtype=torch.float64)
    columns = [(operator(at + move) - operator(at - move)) / (2 * STEP) for move in moves]
    return distance(jacobian(operator, at), torch.stack(columns, 1))


def jacobian_of_a_part() -> float:
    """Compare the Jacobian in some inputs with those columns of the whole (4.1, the notation with two arguments)."""
    b, c = torch.split(drawn("at", 9), [5, 4])
    whole = jacobian(operator, torch.cat([b, c]))
    return distance(jacobian(lambda part: operator(torch.cat([b, part])), c), whole[:, 5:])


def dag_written_out() -> float:
    """Compare the recursion of the DAG with its expanded form, (w1 w1 + w1 + w1 w2 w1) x (4.1, forward pass)."""
    nodes = dag.example()
    return distance(nodes.x3, (nodes.w1 @ nodes.w1 + nodes.w1 + nodes.w1 @ nodes.w2 @ nodes.w1) @ nodes.x0)


def dag_by_hand() -> float:
    """Return how far the DAG's derivatives by hand, Jacobians transposed, lie from autograd's at most (4.2)."""
    return max(dag.backward_figures("transposed").values())


def chain_rule_as_printed() -> Shown:
    """Compare Jacobian times derivative, as printed, with autograd (4.1, derivatives of the activations)."""
    literal, transposed = (
        [dag.backward_figures(form)[name] for name in ("x0", "x1", "x2")] for form in ("literal", "transposed")
    )
    words = f"as printed off by {min(literal):.2f} to {max(literal):.2f} of the largest entry"
    words += f", with the Jacobians transposed by {max(transposed):g}"
    return max(literal) == 0, f"{words}; for the weights, {parameter_rule_as_printed()[1]}"


def parameter_rule_as_printed() -> Shown:
    """Ask whether a Jacobian in the weights times a derivative is a product at all (4.1, the weights)."""
    nodes = dag.example()
    rows, columns = jacobian(lambda w: w.view_as(nodes.w1) @ nodes.x0, nodes.w1.flatten()).shape
    return columns == len(nodes.x1), f"{rows}x{columns} times {len(nodes.x1)} is no product; transposed, it is one"


def shared_weight_adds_up() -> Shown:
    """Compare one and two contributions to the derivative of the shared weight (4.1, weight sharing)."""
    one, two = (dag.backward_figures(form)["w1"] for form in ("one_term", "transposed"))
    return two == 0 < one, f"off by {two:g} with both contributions and by {one:.2f} with one"


def operators_as_listed() -> Shown:
    """Differentiate the DAG with its operators' derivatives in their weights alone (4.1, a library of operators)."""
    nodes = dag.example()
    w1, w2 = (one.clone().requires_grad_() for one in (nodes.w1, nodes.w2))
    x2 = nodes.x0 + w2 @ nodes.x1
    loss = (w1 @ (nodes.x1 + x2.detach())).norm()  # nothing goes back through an operator's inputs
    slope, none = torch.autograd.grad(loss, (w1, w2), allow_unused=True)
    gap = distance(slope, dag.by_autograd(nodes)["w1"])
    words = f"derivatives in the weights alone leave that of w1 off by {gap:.2f} and reach w2 "
    return gap == 0 and none is not None, words + ("not at all" if none is None else "too")


def pytorch_licence() -> Shown:
    """Look for the three conditions of the BSD licence in the installed torch's own text (4.1, table of frameworks).

    What its package states names the licences of all that it holds, of others, too.
    """
    texts = [path for path in importlib.metadata.files("torch") or [] if path.name == "LICENSE"]
    own = min(texts, key=lambda path: len(path.parts), default=None)  # others' lie in folders below
    text = " ".join(own.read_text().split()) if own else ""
    there = [words in text for words in BSD]
    version = importlib.metadata.version("torch").partition("+")[0]
    return all(there), f"the licence that comes with torch {version} has {sum(there)} of the three conditions of BSD's"


# Autograd


def requires_grad_by_default() -> list[str]:
    """Call requires_grad_ without an argument (4.2)."""
    return [str(torch.ones(1).requires_grad_().requires_grad)]


def whole_number_error() -> list[str]:
    """Ask whole numbers for a gradient; return the error as far as the slides and torch 2 agree (4.2)."""
    return beginning("autograd", "whole_number_error")


def whole_number_words() -> list[str]:
    """Return where the rest of that error is worded otherwise (4.2)."""
    said, wanted = prints.whole_number_error()[0], "only Tensors of floating point dtype can require gradients"
    return [] if said.endswith(wanted) else [f"torch {torch.__version__.partition('+')[0]} says '{said}'"]


def other_types_with_gradients() -> list[str]:
    """Return the types without floating point that this torch differentiates all the same (4.2)."""
    types = (torch.int64, torch.uint8, torch.bool, torch.complex64)
    attempts = [partial(torch.ones, 2, dtype=one, requires_grad=True) for one in types]
    able = [one for one, attempt in zip(types, attempts, strict=True) if prints.raised(attempt) == ["no error"]]
    return [f"torch {torch.__version__.partition('+')[0]} differentiates {one} too" for one in able]


def gradient_of_t() -> list[float]:
    """Return the gradient of the first of two inputs (4.2)."""
    return prints.gradient_of_two()[:3]


def gradient_of_u() -> list[float]:
    """Return the gradient of the second of two inputs (4.2)."""
    return prints.gradient_of_two()[3:]


def gradient_before() -> list[str | float]:
    """Read a leaf's gradient before the backward pass (4.2)."""
    return prints.backward()[:1]


def gradient_after() -> list[str | float]:
    """Read a leaf's gradient after the backward pass (4.2)."""
    return prints.backward()[1:]


def sum_as_printed() -> list[str]:
    """Print the sum of absolute values (4.2, the graph)."""
    return [str(prints.leaf(1, -2, 3, -4).abs().sum())]


def nodes_below() -> list[str]:
    """Name the nodes below that sum, without the number that torch counts overloads by (4.2, next_functions)."""
    return [str(name).rstrip("0123456789") for name in prints.graph()[2:]]


def perceptron_gradient_sizes() -> list[str]:
    """Read the sizes of the gradients of two layers' weights and offsets (4.2, the figure of a perceptron)."""
    w1, b1, w2, b2 = (drawn(name, *size).requires_grad_() for name, size in
                      (("w1", (20, 10)), ("b1", (20,)), ("w2", (5, 20)), ("b2", (5,))))  # fmt: skip
    answer = torch.tanh(w2 @ torch.tanh(w1 @ drawn("x", 10) + b1) + b2)
    slopes = torch.autograd.grad((answer - drawn("target", 5)).pow(2).mean(), (w1, b1, w2, b2))
    return ["x".join(map(str, slope.shape)) for slope in slopes]


def no_graph_inside() -> Shown:
    """Multiply inside and outside no_grad (4.2)."""
    w = prints.leaf(1, 2)
    with torch.no_grad():
        inside = w * 2
    outside = w * 2
    ok = inside.grad_fn is None and not inside.requires_grad and outside.grad_fn is not None
    return ok, f"grad_fn inside: {inside.grad_fn}; outside: {type(outside.grad_fn).__name__}"


def detached_tensor() -> Shown:
    """Ask whether a detached tensor shares its numbers and is off the graph (4.2)."""
    w = prints.leaf(1, 2) * 3
    cut = w.detach()
    shares, off = cut.data_ptr() == w.data_ptr(), not cut.requires_grad and cut.grad_fn is None
    return shares and off, f"same memory: {shares}; requires_grad: {cut.requires_grad}; grad_fn: {cut.grad_fn}"


def rest_of_the_pair() -> list[float]:
    """Solve for where the coupled pair comes to rest, without a step size (4.2)."""
    return _solved([[4.0, -2.0], [-2.0, 4.0]])


def rest_of_the_detached_pair() -> list[float]:
    """Solve for where the pair comes to rest when a does not know of b (4.2)."""
    return _solved([[2.0, 0.0], [-2.0, 4.0]])


def _solved(slopes: list[list[float]]) -> list[float]:
    """Return a and b where both slopes are 0; their constants are -2 and 2."""
    wanted = torch.tensor([2.0, -2.0], dtype=torch.float64)
    found: list[float] = torch.linalg.solve(torch.tensor(slopes, dtype=torch.float64), wanted).tolist()
    return found


def one_step_size_for_both() -> Shown:
    """Look for step sizes of which both listings print what is printed (4.2, eta is not given)."""
    rates = torch.tensor(detached.RATES)
    both = zip(*(detached.prints(rates, detach=cut) for cut in (False, True)), strict=True)
    found = [rate for rate, ok in zip(detached.RATES, map(all, both), strict=True) if ok]
    if not found:
        return False, f"none of {len(rates)} step sizes does"
    return True, f"{len(found)} of {len(rates)} step sizes do, {found[0]:g} to {found[-1]:g}"


def second_derivative_in_closed_form() -> float:
    """Compare the second derivative in float32 with 2 exp(2 x1), 0, -2 exp(2 x3) (4.2)."""
    exact = torch.tensor([2.0, 0.0, -2.0]).double() * (2 * torch.tensor([1.0, 0.0, 3.0]).double()).exp()
    return distance(torch.tensor(prints.second_derivative(), dtype=torch.float64), exact)


def name_of_the_derivative() -> Shown:
    """Hold the name of the first derivative's node against the print, without what versions put round it (4.2)."""
    (said,), (called,) = published("dagnets", "ag-higher-order-name"), prints.first_derivative_name()
    bare = said.removeprefix("Th"), str(called).rstrip("0123456789")
    return bare[0] == bare[1], f"torch {torch.__version__.partition('+')[0]} calls it {called}"


def in_place_error() -> list[str]:
    """Overwrite a sine before the backward pass; return the error as far as it is printed (4.2)."""
    return beginning("autograd", "in_place_error")


def leaf_error() -> list[str]:
    """Add to a leaf in place; return the type of the error (4.2)."""
    return beginning("autograd", "leaf_error")


def parameter_is_known() -> Shown:
    """Ask whether a Parameter is a tensor that wants a gradient, and is found by its module (4.3)."""
    layer = nn.Linear(2, 1)
    one = layer.weight
    known = any(one is other for other in layer.parameters())
    ok = isinstance(one, nn.Parameter) and isinstance(one, Tensor) and one.requires_grad and known
    return ok, f"a Tensor: {isinstance(one, Tensor)}; requires_grad: {one.requires_grad}; found: {known}"


def rectified_in_place() -> Shown:
    """Apply ReLU with and without `inplace` (4.3)."""
    x = torch.tensor([-1.0, 2.0])
    other = F.relu(x)
    kept = x.tolist()
    same = F.relu(x, inplace=True)
    ok = kept == [-1.0, 2.0] and x.tolist() == [0.0, 2.0] and same is x and other is not x
    return ok, f"the argument is {kept} after a call without it, {x.tolist()} after one with it"
