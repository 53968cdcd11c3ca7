"""Makes person-mask.f16 out of selfie_segmentation_landscape.tflite. Run once; needs the packages numpy and tflite.

    python convert.py selfie_segmentation_landscape.tflite person-mask.f16

The weights are copied as they are (half floats, little endian, no header), convolution by convolution in the order in which the
network runs; each has its weights and then its biases. Weights of a convolution are laid out [row][column][input][output], those of
a depthwise one [row][column][channel], so that whoever computes one pixel reads them from front to back. What the layers are is
written down in crates/mask/src/net.rs.
"""

import sys

import numpy as np
import tflite

model = tflite.Model.GetRootAsModel(open(sys.argv[1], "rb").read(), 0)
graph = model.Subgraphs(0)
names = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
constants = {}
for i in range(graph.TensorsLength()):
    tensor = graph.Tensors(i)
    data = model.Buffers(tensor.Buffer())
    if data.DataLength():
        kind = {0: np.float32, 1: np.float16, 2: np.int32}[tensor.Type()]
        constants[i] = np.frombuffer(data.DataAsNumpy().tobytes(), kind).reshape(tensor.ShapeAsNumpy())

out = bytearray()


def write(values):
    half = values.astype(np.float16)
    assert np.array_equal(half.astype(np.float32), values.astype(np.float32)), "not a half float"
    out.extend(np.ascontiguousarray(half).astype("<f2").tobytes())


for i in range(graph.OperatorsLength()):
    op = graph.Operators(i)
    code = model.OperatorCodes(op.OpcodeIndex())
    name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    inputs = [op.Inputs(k) for k in range(op.InputsLength())]
    if name == "DEQUANTIZE":
        constants[op.Outputs(0)] = constants[inputs[0]]
    elif name == "CONV_2D":
        write(constants[inputs[1]].transpose(1, 2, 3, 0))
        write(constants[inputs[2]])
    elif name == "DEPTHWISE_CONV_2D":
        write(constants[inputs[1]][0])
        write(constants[inputs[2]])
    elif name == "CUSTOM":
        # The transposed convolution at the end: [output][row][column][input] becomes [input][row][column].
        write(constants[inputs[1]][0].transpose(2, 0, 1))
        write(constants[inputs[2]])
open(sys.argv[2], "wb").write(out)
print(len(out) // 2, "weights")
