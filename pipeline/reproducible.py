"""torch, set up so that the same commit trains the same bytes on any x86-64 CPU.

Every module takes torch, and safetensors.torch which loads it, from here.

- `MKL_CBWR` and `ATEN_CPU_CAPABILITY` pin the code path of matrix products and element-wise loops, which otherwise
  follow the CPU's instruction set. Both are read once, when torch first computes.
- One thread: the split of a sum over threads changes its rounding. For nets this small it is the fastest, too.
- What the variables do not pin is avoided: `gelu`, and MKL's square root in `torch.sqrt` and in all optimizers but the
  fused ones, which take the CPU's own. Weights and dropout masks are drawn by `rand` from a given generator, never by
  torch's initialisations, which draw from the global one.

Source: hashes of each operation on AVX-512 and under qemu's EPYC, Haswell and Nehalem, with torch 2.13.
"""

import os
import warnings

os.environ |= {"MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default"}

import safetensors.torch
import torch
from torch import nn
from torch.optim.adamw import adamw
from torch.utils.data import DataLoader, TensorDataset, default_collate

if torch.backends.cpu.get_cpu_capability() != "DEFAULT":
    warnings.warn(
        "torch computed before pipeline was imported: last bits may differ from other machines; import pipeline first",
        stacklevel=2,
    )
torch.set_num_threads(1)

__all__ = ["DataLoader", "TensorDataset", "adamw", "default_collate", "nn", "safetensors", "torch"]
