"""The noise of compiled loops: what `torch.rand` would draw, in a tenth of the time.

torch makes each number on its own. Here the twister turns all its words at once, and makes them numbers side by side.
The generator ends where torch's own would.
Source: Matsumoto & Nishimura, "Mersenne Twister" (1998); the state as torch's CPUGeneratorImpl saves it.
"""

import ctypes

from pipeline.model.reproducible import torch

SOURCE = r"""
struct Twister {
  uint64_t seed;
  int32_t left, seeded;  // words that are left, and one more
  uint64_t next, words[624];
};

static void turn(uint32_t* words) {
  const auto twisted = [](uint32_t far, uint32_t word, uint32_t following) {
    return far ^ ((word & 0x80000000u) | (following & 0x7fffffffu)) >> 1 ^ (-(following & 1) & 0x9908b0dfu);
  };
  for (int i = 0; i < 227; i++) words[i] = twisted(words[i + 397], words[i], words[i + 1]);
  for (int i = 227; i < 623; i++) words[i] = twisted(words[i - 227], words[i], words[i + 1]);
  words[623] = twisted(words[396], words[623], words[0]);
}

extern "C" void pipeline_uniform(Twister* state, float* out, int64_t count) {
  uint32_t words[624];
  std::copy(state->words, state->words + 624, words);
  for (int64_t done = 0; done < count;) {
    if (state->left == 1) {
      turn(words);
      state->left = 625;
      state->next = 0;
    }
    const int64_t taken = std::min<int64_t>(state->left - 1, count - done);
    for (int64_t i = 0; i < taken; i++) {
      uint32_t y = words[state->next + i];
      y ^= y >> 11;
      y ^= (y << 7) & 0x9d2c5680u;
      y ^= (y << 15) & 0xefc60000u;
      y ^= y >> 18;
      out[done + i] = (int32_t)(y & 0xffffff) * 0x1p-24f;  // 24 bits are what a float can hold
    }
    state->next += taken;
    state->left -= taken;
    done += taken;
  }
  std::copy(words, words + 624, state->words);
}
"""


def uniform(rows: int, columns: int, *, generator: torch.Generator, library: ctypes.CDLL) -> torch.Tensor:
    """torch.rand's numbers from 0 to 1, from a generator of the CPU. Shape: (rows, columns)."""
    state, numbers = generator.get_state(), torch.empty(rows, columns)
    pointers = (ctypes.c_void_p(tensor.data_ptr()) for tensor in (state, numbers))
    library.pipeline_uniform(*pointers, ctypes.c_int64(numbers.numel()))
    generator.set_state(state)
    return numbers
