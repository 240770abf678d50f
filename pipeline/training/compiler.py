"""What torch's compiler needs: a C++ compiler, paths that it can read, and layers that it can fuse; and our own code.

torch writes paths into the C++ compiler's command line without quoting all of them, and then cuts it into words. The
folder of torch's libraries is quoted for it; that of compiled code is reached by a link; others are refused.
Source: CppBuilder in torch/_inductor/cpp_builder.py, torch 2.13.
"""

import copy
import os
import re
import shlex
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.model.network import Regressor
from pipeline.model.reproducible import nn, runs_on_any_avx2_cpu, torch

CACHE, PINNED = "TORCHINDUCTOR_CACHE_DIR", "ATEN_CPU_CAPABILITY"
NEEDED = {"AVX2": "avx2", "FMA": "fma3"}  # what torch.cpu.get_capabilities calls them
BREAKS_WORDS = re.compile(r"[\s'\"\\]")  # where shlex.split cuts, or what it takes away: `my project`, `it's`, `a\b`
FUSED_PRODUCTS = 1 << 17  # up to here a linear layer costs less inside its neighbours' loop than as a call


def keep_compiled_code_in(folder: Path) -> None:
    """Have compiled loops written to the folder and taken from there by later runs."""
    os.environ[CACHE] = str(folder.resolve())


def compiler_name() -> str:
    """The C++ compiler that torch would call."""
    return os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")


def compile_options() -> dict[str, Any]:
    """The options of torch.compile: for one thread on an x86-64 CPU, such that each of them computes the same."""
    options: dict[str, Any] = {"cpp_wrapper": True}
    if not runs_on_any_avx2_cpu(threads=torch.get_num_threads()):
        return options
    from pipeline.training import graph_pass  # not above: it imports torch's compiler, which takes seconds

    return options | graph_pass.compile_options(compiler_name())


def noise_of(network: Regressor) -> Callable[[int], torch.Tensor]:
    """What draws the noise of so many rows: the numbers of the network's own, sooner where the library is compiled."""
    if not runs_on_any_avx2_cpu(threads=torch.get_num_threads()):
        return network.noise
    from pipeline.training import kernels, noise

    library = kernels.load(compiler_name())
    return lambda rows: noise.uniform(rows, network.noise_width, generator=network.generator, library=library)


def require_compiler() -> None:
    """Raise ValueError if the C++ compiler that torch would call, or what it includes, is not installed.

    Raises it, too, if a path on the compiler's command line could not be read there, or if an x86-64 CPU is too old.
    """
    _require_avx2()
    compiler = compiler_name()
    if shutil.which(compiler) is None:
        raise ValueError(
            f"engine: compiled needs a C++ compiler, found no {compiler};"
            " install one (package g++ on Debian and Ubuntu, gcc-c++ on Fedora), or choose engine: eager"
        )
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.is_file():
        raise ValueError(
            f"engine: compiled needs Python's headers, found no {header};"
            " install them (package python3-dev on Debian and Ubuntu, python3-devel on Fedora), or choose engine: eager"
        )
    for what, path, fix in (
        ("a C++ compiler", compiler, "name one by CXX"),
        ("a Python", sysconfig.get_config_var("LIBDIR") or "", "install it"),
        ("temporary files", tempfile.gettempdir(), "set TMPDIR"),
    ):
        if BREAKS_WORDS.search(path):
            raise ValueError(
                f"engine: compiled needs {what} with no space, quote or backslash in the path, found {path};"
                f" {fix} without them, or choose engine: eager"
            )


def _require_avx2() -> None:
    found = torch.cpu.get_capabilities()
    if missing := [name for name, key in NEEDED.items() if found["architecture"] == "x86_64" and not found.get(key)]:
        raise ValueError(
            f"engine: compiled needs a CPU with {' and '.join(NEEDED)}, found {found.get('cpu_name')}"
            f" without {' and '.join(missing)}; choose engine: eager"
        )


@contextmanager
def ready_to_compile() -> Iterator[None]:
    """While the block runs, torch can compile, whatever the paths of its libraries and of compiled code."""
    extension: Any = import_module("torch.utils.cpp_extension")  # not above: only a compilation needs it
    libraries, folder, pinned = extension.TORCH_LIB_PATH, os.environ.get(CACHE, ""), os.environ[PINNED]
    with tempfile.TemporaryDirectory() as private:
        try:
            extension.TORCH_LIB_PATH = shlex.quote(libraries)
            del os.environ[PINNED]  # torch has read it by now, and the compiler would write slow code for it
            if BREAKS_WORDS.search(folder):
                Path(folder).mkdir(parents=True, exist_ok=True)
                link = Path(private) / "compiled"  # in a folder where nobody else can change it
                link.symlink_to(folder)
                os.environ[CACHE] = str(link)
            yield
        finally:
            extension.TORCH_LIB_PATH = libraries
            os.environ[PINNED] = pinned
            if folder:
                os.environ[CACHE] = folder


class FusibleLinear(nn.Module):
    """A linear layer with the weights of another; for small batches a product and a sum, which can be fused."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """What nn.Linear computes, up to rounding. Shape: (rows, in_features) to (rows, out_features)."""
        if inputs.shape[0] * self.weight.numel() > FUSED_PRODUCTS:
            return nn.functional.linear(inputs, self.weight, self.bias)
        products = inputs.unsqueeze(-2) * self.weight  # (rows, 1, in_features) · (out_features, in_features)
        return products.sum(-1) + self.bias  # (rows, out_features)


def fusible(network: nn.Module) -> nn.Module:
    """A copy of the network with FusibleLinear in place of its linear layers, under the same names."""
    network = copy.deepcopy(network)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, FusibleLinear(child))
    return network
