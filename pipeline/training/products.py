"""Matrix products of compiled loops: the same bytes on any x86-64 CPU with AVX2 and FMA, and nearly as fast as MKL's.

MKL's pinned products use SSE2 alone, and take up to ten times as long as those that follow the CPU. Here each element
is a sum in one order, whatever the CPU: fused multiply-adds one after the other, over DEPTH columns at a time. No
element depends on another, so that a wider vector computes more of them at once and changes no bit: where the CPU has
AVX-512, it is used.

A compilation imports it, and nothing else, since torch's compiler takes seconds to import.
Source: blocks and packing as in Goto & van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008).
"""

import ctypes
import hashlib
import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.model.reproducible import torch
from pipeline.runtime.processes import run

CustomGraphPass: Any = import_module("torch._inductor.custom_graph_pass").CustomGraphPass
MARCH = "x86-64-v3"  # AVX2 and FMA, and what every CPU with them has
FLAGS = ("-std=c++17", "-O3", "-ffp-contract=off", "-shared", "-fPIC", f"-march={MARCH}")
SHIM = "AOTITorchError aoti_torch_cpu_product(AtenTensorHandle a, AtenTensorHandle b, AtenTensorHandle* c)"
SOURCE = r"""
#include <immintrin.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <algorithm>
#include <memory>

#ifdef __AVX512F__
using Vector = __m512;
constexpr int64_t LANES = 16, ROWS = 12;  // ROWS * 2 sums, 2 vectors of b and one of a, in 32 registers
static Vector all(float x) { return _mm512_set1_ps(x); }
static Vector fused(Vector x, Vector y, Vector sum) { return _mm512_fmadd_ps(x, y, sum); }
#else
using Vector = __m256;
constexpr int64_t LANES = 8, ROWS = 6;  // in 16 registers
static Vector all(float x) { return _mm256_set1_ps(x); }
static Vector fused(Vector x, Vector y, Vector sum) { return _mm256_fmadd_ps(x, y, sum); }
#endif
constexpr int64_t COLUMNS = 2 * LANES, DEPTH = 256;  // another DEPTH gives other bytes; ROWS and LANES do not

struct Matrix {
  float* at;
  int64_t rows, columns, down, across;  // steps to the next row and column, in numbers
  float* element(int64_t row, int64_t column) const { return at + row * down + column * across; }
};

// (depth, WIDTH) numbers side by side, of which the first `width` of each row are those of the matrix, the others 0
template <int64_t WIDTH>
static void pack(const float* from, int64_t down, int64_t across, int64_t depth, int64_t width, float* to) {
  if (width < WIDTH) std::fill(to, to + depth * WIDTH, 0.0f);
  if (across == 1 && width == WIDTH)
    for (int64_t k = 0; k < depth; k++) std::copy(from + k * down, from + k * down + WIDTH, to + k * WIDTH);
  else
    for (int64_t j = 0; j < width; j++)
      for (int64_t k = 0; k < depth; k++) to[k * WIDTH + j] = from[k * down + j * across];
}

// (ROWS, COLUMNS) of c: += the product of a's (depth, ROWS) turned and b's (depth, COLUMNS), or = if they are the first
static void tile(const float* a, const float* b, int64_t depth, bool first, float* c, int64_t down) {
  Vector sums[ROWS][2] = {};
  for (int64_t k = 0; k < depth; k++, a += ROWS, b += COLUMNS) {
    const Vector left = *(const Vector*)b, right = *(const Vector*)(b + LANES);
#pragma GCC unroll 12
    for (int64_t i = 0; i < ROWS; i++) {
      sums[i][0] = fused(all(a[i]), left, sums[i][0]);
      sums[i][1] = fused(all(a[i]), right, sums[i][1]);
    }
  }
  typedef Vector Unaligned __attribute__((aligned(4)));
#pragma GCC unroll 12
  for (int64_t i = 0; i < ROWS; i++) {
    Unaligned* row = (Unaligned*)(c + i * down);
    row[0] = first ? sums[i][0] : row[0] + sums[i][0];
    row[1] = first ? sums[i][1] : row[1] + sums[i][1];
  }
}

static void multiply(const Matrix& a, const Matrix& b, const Matrix& c) {
  const int64_t across = (c.columns + COLUMNS - 1) / COLUMNS * COLUMNS;
  std::unique_ptr<Vector[]> vectors(new Vector[DEPTH * across / LANES]);
  float* packed = (float*)vectors.get();  // (across / COLUMNS, depth, COLUMNS)
  alignas(64) float rows[DEPTH * ROWS], edge[ROWS * COLUMNS];
  for (int64_t k = 0; k < a.columns; k += DEPTH) {
    const int64_t depth = std::min(DEPTH, a.columns - k);
    for (int64_t j = 0; j < c.columns; j += COLUMNS)
      pack<COLUMNS>(b.element(k, j), b.down, b.across, depth, std::min(COLUMNS, c.columns - j), packed + j * depth);
    for (int64_t i = 0; i < c.rows; i += ROWS) {
      const int64_t height = std::min(ROWS, c.rows - i);
      pack<ROWS>(a.element(i, k), a.across, a.down, depth, height, rows);
      for (int64_t j = 0; j < c.columns; j += COLUMNS) {
        const int64_t width = std::min(COLUMNS, c.columns - j);
        if (height == ROWS && width == COLUMNS) {
          tile(rows, packed + j * depth, depth, k == 0, c.element(i, j), c.down);
          continue;
        }
        tile(rows, packed + j * depth, depth, true, edge, COLUMNS);
        for (int64_t row = 0; row < height; row++)
          for (int64_t column = 0; column < width; column++) {
            float *at = c.element(i + row, j + column), sum = edge[row * COLUMNS + column];
            *at = k == 0 ? sum : *at + sum;
          }
      }
    }
  }
}

static Matrix matrix(AtenTensorHandle tensor) {
  int64_t *sizes, *strides;
  void* at;
  aoti_torch_get_sizes(tensor, &sizes);
  aoti_torch_get_strides(tensor, &strides);
  aoti_torch_get_data_ptr(tensor, &at);
  return {(float*)at, sizes[0], sizes[1], strides[0], strides[1]};
}

extern "C" SHIM {
  const Matrix left = matrix(a), right = matrix(b);
  const int64_t sizes[] = {left.rows, right.columns}, strides[] = {right.columns, 1};
  const int32_t type = aoti_torch_dtype_float32(), cpu = aoti_torch_device_type_cpu();
  const AOTITorchError error = aoti_torch_empty_strided(2, sizes, strides, type, cpu, 0, c);
  if (!error) multiply(left, right, matrix(*c));
  return error;
}
""".replace("SHIM", SHIM)

torch.library.define("pipeline::product", "(Tensor a, Tensor b) -> Tensor")
PRODUCT = torch.ops.pipeline.product.default


@torch.library.register_fake("pipeline::product")  # type: ignore[untyped-decorator]
def _shape(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a.new_empty(a.shape[0], b.shape[1])


class OwnProducts(CustomGraphPass):  # type: ignore[misc]
    """Has a compiled graph call this module's product in place of MKL's."""

    def __call__(self, graph: torch.fx.Graph) -> None:
        """Replace each product, and each with a sum in the same call."""
        aten = torch.ops.aten
        for node in list(graph.nodes):
            if node.target in (aten.mm.default, aten.addmm.default):
                *bias, left, right = node.args
                with graph.inserting_before(node):
                    new = graph.call_function(PRODUCT, (left, right))
                    new.meta["val"] = node.meta["val"]
                    if bias:
                        new = graph.call_function(aten.add.Tensor, (new, *bias))
                        new.meta["val"] = node.meta["val"]
                node.replace_all_uses_with(new)
                graph.erase_node(node)

    def uuid(self) -> str:
        """What the cache of compiled code knows the pass by."""
        return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def compile_options(compiler: str) -> dict[str, Any]:
    """The options of torch.compile with which every x86-64 CPU with AVX2 and FMA runs the same instructions.

    They hold for this process, into which the library of products is loaded.
    """
    built = library(compiler, avx512=torch.cpu.get_capabilities().get("avx512_f", False))
    ctypes.CDLL(str(built), mode=ctypes.RTLD_GLOBAL)  # where the compiled loop looks for the product
    return {
        "cpp.march": MARCH,
        "cpp.simdlen": 256,  # bits of a vector, which decide the order of a sum
        "cpp.vec_isa_ok": True,  # known: torch need not compile a trial for each kind of vector
        "post_grad_custom_post_pass": OwnProducts(),
        "aot_inductor.custom_ops_to_c_shims": {PRODUCT: [SHIM]},
    }


def library(compiler: str, *, avx512: bool) -> Path:
    """The compiled SOURCE, from the cache of compiled code or put there; both kinds give the same bytes.

    Raises: CommandError if it cannot be compiled.
    """
    flags = [*FLAGS, *(["-mavx512f"] if avx512 else [])]
    cache_dir = import_module("torch._inductor.runtime.cache_dir_utils").cache_dir
    folder = Path(cache_dir(), "products")
    folder.mkdir(parents=True, exist_ok=True)
    version = run([compiler, "--version"], folder=folder, environment=os.environ).decode()
    key = hashlib.sha256("\n".join([SOURCE, *flags, version, torch.__version__]).encode()).hexdigest()
    path = folder / f"{key}.so"
    if not path.exists():
        include, torch_cpu = (Path(torch.__file__).parent / name for name in ("include", "lib/libtorch_cpu.so"))
        with tempfile.TemporaryDirectory(dir=folder) as private:
            code, built = Path(private, "products.cpp"), Path(private, path.name)
            code.write_text(SOURCE)
            command = [compiler, *flags, f"-I{include}", str(code), str(torch_cpu), "-o", str(built)]
            run(command, folder=folder, environment=os.environ)
            built.replace(path)  # whole or not at all, whoever else compiles it
    return path
