"""Torch functions, and the nodes that do the same."""

from __future__ import annotations

from skae.data import ProbabilisticPCA
from skae.networks import affine, k_largest
from skae.persistence._onnx import activations, elementwise, images, layers, shapes
from skae.persistence._onnx.elementwise import Translation
from skae.persistence._onnx.gaps import fill

OPERATIONS: dict[object, Translation] = {
    # Several functions of torch have the same name, and mean the same.
    "abs": elementwise.unary("Abs"),
    "add": elementwise.binary("Add"),
    "addmm": layers.addmm,
    "all": elementwise.of_truths("ReduceMin"),
    "amax": elementwise.reduction("ReduceMax"),
    "amin": elementwise.reduction("ReduceMin"),
    "and": elementwise.logical("And"),
    "any": elementwise.of_truths("ReduceMax"),
    "argmax": elementwise.argmax,
    "cat": shapes.cat,
    "clamp": elementwise.clamp,
    "clamp_max": lambda graph, out, x, most: elementwise.clamp(
        graph, out, x, None, most
    ),
    "clamp_min": elementwise.clamp,
    "clone": shapes.same,
    "contiguous": shapes.same,
    "conv2d": images.conv2d,
    "conv_transpose2d": images.conv_transpose2d,
    "detach": shapes.same,
    "div": elementwise.binary("Div"),
    "double": shapes.to,
    "elu": activations.elu,
    "eq": elementwise.comparison("Equal"),
    "exp": elementwise.unary("Exp"),
    "flatten": shapes.reshape,
    "float": shapes.to,
    "ge": elementwise.comparison("GreaterOrEqual"),
    "gelu": activations.gelu,
    "getitem": shapes.getitem,
    "gt": elementwise.comparison("Greater"),
    "hardtanh": elementwise.hardtanh,
    "invert": elementwise.unary("Not"),
    "isnan": elementwise.unary("IsNaN"),
    "layer_norm": layers.layer_norm,
    "le": elementwise.comparison("LessOrEqual"),
    "linear": layers.linear,
    "log": elementwise.unary("Log"),
    "log1p": elementwise.log1p,
    "log_softmax": layers.log_softmax,
    "lt": elementwise.comparison("Less"),
    "masked_fill": elementwise.masked_fill,
    "matmul": layers.matmul,
    "maximum": elementwise.binary("Max"),
    "mean": elementwise.reduction("ReduceMean"),
    "minimum": elementwise.binary("Min"),
    "mul": elementwise.binary("Mul"),
    "neg": elementwise.unary("Neg"),
    "or": elementwise.logical("Or"),
    "permute": shapes.permute,
    "relu": elementwise.unary("Relu"),
    "reshape": shapes.reshape,
    "rsub": elementwise.reversed_sub,
    "scaled_dot_product_attention": layers.attention,
    "sigmoid": elementwise.unary("Sigmoid"),
    "silu": activations.silu,
    "softmax": layers.softmax,
    "sqrt": elementwise.unary("Sqrt"),
    "square": elementwise.square,
    "sub": elementwise.binary("Sub"),
    "sum": elementwise.reduction("ReduceSum"),
    "t": shapes.turned,
    "tanh": elementwise.unary("Tanh"),
    "to": shapes.to,
    "transpose": shapes.transpose,
    "unbind": shapes.unbind,
    "unsqueeze": shapes.reshape,
    "view": shapes.reshape,
    "where": elementwise.where,
    "zeros_like": shapes.zeros_like,
    # These are called by what they are: they do more than one operation, or choose how.
    affine: layers.addmm,
    k_largest: layers.k_largest,
    ProbabilisticPCA.fill: fill,
}
"""How each is translated, by the name of the function or by the function itself."""
