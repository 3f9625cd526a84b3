"""Print torchinfo's summary of one of torchvision's nets: `… torchinfo_summary resnet152`."""

import sys

from torchinfo import summary

from benchmarks.peers.models import input_shape, model

name = sys.argv[1]
columns = ("output_size", "kernel_size", "num_params", "mult_adds")
summary(model(name), input_size=input_shape(name), col_names=columns, device="cpu", verbose=1)
