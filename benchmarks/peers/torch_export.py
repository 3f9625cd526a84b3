"""Export one of torchvision's nets to ONNX: `… torch_export vgg16 FILE`."""

import sys

import torch

from benchmarks.peers.models import input_shape, model

name, path = sys.argv[1:]
# All as it is by default: the weights go to a file of their own beside the model.
torch.onnx.export(model(name), (torch.zeros(input_shape(name)),), path, dynamo=True)
