"""torch, set up so that the same commit trains the same bytes on any x86-64 CPU.

Every module takes torch, and safetensors.torch which loads it, from here.

- `MKL_CBWR` and `ATEN_CPU_CAPABILITY` pin the code path of matrix products and element-wise loops, which otherwise
  follow the CPU's instruction set. Both are read once, when torch is loaded.
- One thread: the split of a sum over threads changes its rounding. For nets this small it is the fastest, too.
- What these cannot pin is avoided: `randn`, and with it torch's own initialisations; MKL's square root, which is why
  the optimizer is the fused one; sigmoid, tanh, exp, addcmul and lerp.
"""

import os
import sys
import warnings

VARIABLES = {"MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default"}

if "torch" in sys.modules and any(os.environ.get(name) != value for name, value in VARIABLES.items()):
    warnings.warn(
        "torch was imported before pipeline: predictions may differ in their last bits; import pipeline first",
        stacklevel=2,
    )
os.environ.update(VARIABLES)

import safetensors.torch  # noqa: E402 (the variables come first)
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

torch.set_num_threads(1)

__all__ = ["DataLoader", "TensorDataset", "nn", "safetensors", "torch"]
