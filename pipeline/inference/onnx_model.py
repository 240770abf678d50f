"""A bundle as one ONNX file: raw rows in, the prediction and its intervals in the target's unit out.

Before the network stand the encoder's vocabularies and the tokeniser, beside it the rules of the data contract: a row
that breaks one has NaN for an answer. Tokenizer is an operator of onnxruntime, all others are ONNX's own.
"""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import onnx
from onnx import NodeProto, TensorProto, helper

from pipeline.data.encoder_fields import WORD
from pipeline.data.encoding import UNKNOWN, Encoder
from pipeline.data.schema import FEATURES, NUMBERS, RULES, TEXT, UNIT, VERSION, WORDS, in_unit
from pipeline.inference.answers import AMOUNTS
from pipeline.inference.onnx_network import OPSET, input_columns, network_graph
from pipeline.model.bundle import Bundle

OUTPUTS = [in_unit(name) for name in AMOUNTS]
"""The prediction and the ends of its intervals, (rows,) float64; `predict` rounds them, the ends outwards."""
ML, RUNTIME = "ai.onnx.ml", "com.microsoft"
OPSETS = {"": OPSET, ML: 3, RUNTIME: 1}
IR_VERSION = 10
PIECES: dict[str, Any] = {"tokenexp": WORD, "mincharnum": 1, "pad_value": "", "mark": 0}
BLANKS = r"\s\x0b\x1c-\x1f\x85\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
"""What Python takes for blanks in a pattern; of them, ONNX's patterns have those of ASCII alone."""
CHARACTER = r"\\[xuU]((?<=x)[0-9a-f]{2}|(?<=u)[0-9a-f]{4}|(?<=U)[0-9a-f]{8})"
"""A character by its number in a pattern: \\x1f, \\u2028, \\U000e0001."""
LEAST = -(2**63)
"""A number that no vocabulary has; it and "" stand before a vocabulary, since ONNX wants one value at least."""


def onnx_model(bundle: Bundle) -> onnx.ModelProto:
    """The bundle for any runtime that has onnxruntime's operators; the same bundle gives the same bytes.

    Inputs: each feature of the data contract, (rows,) int64 for numbers and text in Unicode's form NFC for all others.
    """
    columns = input_columns(bundle)
    codes, unchecked = [f"{name}_code" for name in columns], [f"unchecked_{name}" for name in OUTPUTS]
    network = network_graph(bundle, inputs=codes, outputs=unchecked)
    nodes = [node for name in FEATURES for node in _encode(name, bundle.encoder.vocabularies[name])]
    has_words = bool(set(WORDS) & set(columns))
    nodes += _encode_words(bundle.encoder) if has_words else []
    checks = [node for name in FEATURES for node in _check(name)]
    nodes += [*network.node, *checks, *_where_all_hold(checks, unchecked)]
    inputs = [_value(name, TensorProto.INT64 if name in NUMBERS else TensorProto.STRING) for name in FEATURES]
    for value in inputs:
        value.doc_string = RULES[value.name].description
    outputs = [_value(name, TensorProto.DOUBLE) for name in OUTPUTS]
    graph = helper.make_graph(
        nodes, "raw_rows", inputs, outputs, initializer=[*network.initializer, *_constants(has_words)]
    )
    opsets = [helper.make_opsetid(*each) for each in OPSETS.items()]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    helper.set_model_props(model, _metadata())
    onnx.checker.check_model(model)
    return model


def _metadata() -> dict[str, str]:
    contract = {name: RULES[name].description for name in FEATURES}
    return {"contract_version": str(VERSION), "contract": json.dumps(contract, ensure_ascii=False), "unit": UNIT}


def _value(name: str, kind: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, ["rows"])


def _look_up(values: Sequence[int] | Sequence[str], source: str, out: str, *, numbers: bool) -> NodeProto:
    """Each value's position in the vocabulary, from 1 on; UNKNOWN for any other. Shape: any, int64."""
    keys: dict[str, Any] = {"keys_int64s": [LEAST, *values]} if numbers else {"keys_strings": ["", *values]}
    codes = list(range(UNKNOWN, len(values) + 1))
    return helper.make_node(
        "LabelEncoder", [source], [out], domain=ML, **keys, values_int64s=codes, default_int64=UNKNOWN
    )


def _encode(name: str, values: Sequence[int] | Sequence[str]) -> list[NodeProto]:
    """A feature's codes."""
    position = f"{name}_position"
    return [
        _look_up(values, name, position, numbers=name in NUMBERS),
        helper.make_node("Cast", [position], [f"{name}_code"], to=TensorProto.INT16),
    ]


def _encode_words(encoder: Encoder) -> list[NodeProto]:
    """The codes of the text's first words, as `Encoder.encode` finds them."""
    separate = [f"{name}_codes" for name in WORDS]
    nodes = [
        helper.make_node("StringNormalizer", [TEXT], ["lower"], case_change_action="LOWER", locale="C"),  # ASCII alone
        helper.make_node("Tokenizer", ["lower"], ["words"], domain=RUNTIME, **PIECES),  # (rows, most words of a row)
        _look_up(encoder.words, "words", "word_positions", numbers=False),
        helper.make_node("Pad", ["word_positions", "padding"], ["padded"]),  # (rows, most words + columns)
        helper.make_node("Slice", ["padded", "first", "columns", "axis"], ["first_words"]),  # (rows, columns)
        helper.make_node("Cast", ["first_words"], ["word_codes"], to=TensorProto.INT16),
        helper.make_node("Split", ["word_codes"], separate, axis=1, num_outputs=len(WORDS)),  # (rows, 1) each
    ]
    return nodes + [helper.make_node("Squeeze", [f"{name}_codes", "axis"], [f"{name}_code"]) for name in WORDS]


def _check(name: str) -> list[NodeProto]:
    """For each rule of a feature, which rows keep it; the last output of each node is (rows,) bool."""
    rule, checks = RULES[name], []
    if rule.ge is not None:
        checks += [helper.make_node("GreaterOrEqual", [name, f"{name}_ge"], [f"{name}_is_large_enough"])]
    if rule.le is not None:
        checks += [helper.make_node("LessOrEqual", [name, f"{name}_le"], [f"{name}_is_small_enough"])]
    if rule.str_matches:
        pattern = runtime_pattern(rule.str_matches)
        checks += [helper.make_node("RegexFullMatch", [name], [f"{name}_matches"], pattern=pattern)]
    if rule.isin:
        numbers, position = name in NUMBERS, f"{name}_allowed_position"
        checks += [_look_up(rule.isin, name, position, numbers=numbers)]
        checks += [helper.make_node("Cast", [position], [f"{name}_is_allowed"], to=TensorProto.BOOL)]
    return checks


def runtime_pattern(pattern: str) -> str:
    r"""A pattern of Python's for a whole text as RE2 has it.

    >>> print(runtime_pattern(r"^[^\x00\u2028\ud800-\udfff]{1,9}\Z"))
    [^\x{00}\x{2028}]{1,9}
    """
    whole = pattern.removeprefix("^").removesuffix(r"\Z").removesuffix("$")
    whole = whole.replace(r"\ud800-\udfff", "").replace(r"\s", BLANKS)  # no text of ONNX has half a character
    return re.sub(CHARACTER, r"\\x{\1}", whole)


def _where_all_hold(checks: list[NodeProto], unchecked: list[str]) -> list[NodeProto]:
    """The answers of rows that keep all rules, and NaN for the others."""
    nodes, so_far = [], "true"
    for check in checks:
        if not check.output[0].endswith("_position"):
            nodes += [helper.make_node("And", [so_far, check.output[0]], [so_far := f"{check.output[0]}_too"])]
    return nodes + [
        helper.make_node("Where", [so_far, before, "nan"], [name])
        for before, name in zip(unchecked, OUTPUTS, strict=True)
    ]


def _constants(has_words: bool) -> list[TensorProto]:
    """What the nodes name beside their inputs."""
    bounds = {
        f"{name}_{part}": [bound]
        for name in FEATURES
        for part, bound in (("ge", RULES[name].ge), ("le", RULES[name].le))
        if bound is not None
    }
    of_words = {"padding": [0, 0, 0, len(WORDS)], "first": [0], "columns": [len(WORDS)], "axis": [1]}
    numbers = bounds | (of_words if has_words else {})
    tensors = [helper.make_tensor(name, TensorProto.INT64, [len(value)], value) for name, value in numbers.items()]
    tensors += [helper.make_tensor("nan", TensorProto.DOUBLE, [1], [math.nan])]
    return [*tensors, helper.make_tensor("true", TensorProto.BOOL, [1], [True])]
