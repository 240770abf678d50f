"""Matrix products of compiled loops: the same bytes on any x86-64 CPU with AVX2 and FMA, and nearly as fast as MKL's.

MKL's pinned products use SSE2 alone, and take up to ten times as long as those that follow the CPU. Here each element
is a sum in one order, whatever the CPU: fused multiply-adds one after the other, over DEPTH columns at a time. No
element depends on another, so that a wider vector computes more of them at once and changes no bit: where the CPU has
AVX-512, it is used.

Source: blocks and packing as in Goto & van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008).
"""

SOURCE = r"""
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

extern "C" AOTITorchError aoti_torch_cpu_product(AtenTensorHandle a, AtenTensorHandle b, AtenTensorHandle* out) {
  const Matrix left = matrix(a), right = matrix(b);
  const AOTITorchError error = allocate(left.rows, right.columns, out);
  if (!error) multiply(left, right, matrix(*out));
  return error;
}
"""
