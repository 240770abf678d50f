"""Linear layers without torch that give the same bits on every machine, with whatever BLAS numpy has.

A sum of rounded products depends on the order in which it is added, and each kind of CPU has its own. So each row, and
each unit's weights, are divided by a power of two and rounded to whole numbers of a few binary digits. Their products
and the sums of these are whole numbers up to 2**53, which float64 holds exactly, in any order.

For 128 inputs 23 digits are kept, counted from the row's largest number on; float32 keeps 24 of each number. For 4096
inputs 20 are kept.

Source: Ozaki et al., "Error-free transformations of matrix multiplication by using fast routines of matrix
multiplication and its applications" (2012), whose first slices these are.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

DIGITS = 53  # binary, of a float64
TINY = 2.0**-900  # far below any number of a network; what is smaller counts as this small


@dataclass(frozen=True)
class ExactLinear:
    """A linear layer, its weights as whole numbers and the power of two that each unit's are to be multiplied by.

    `digits` is how many binary digits the weights have, and the values that they are multiplied with.
    Shape: weights (inputs, units) float64, powers and bias (units,) float64.
    """

    weights: np.ndarray
    powers: np.ndarray
    bias: np.ndarray
    digits: int

    @classmethod
    def of(cls, weight: np.ndarray, bias: np.ndarray) -> Self:
        """The layer with torch's weights. Shape: weight (units, inputs) and bias (units,)."""
        digits = digits_kept(weight.shape[1])
        wholes, powers = whole_numbers(weight.astype(np.float64), digits=digits)
        return cls(wholes.T.copy(), powers[:, 0], bias.astype(np.float64), digits)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values by weights, and the bias. Shape: values (rows, inputs) float64; returns (rows, units) float64."""
        wholes, powers = whole_numbers(values, digits=self.digits)
        output: np.ndarray = wholes @ self.weights * powers * self.powers + self.bias
        return output


def digits_kept(inputs: int) -> int:
    """How many digits both factors may have for a sum of so many products to be exact.

    >>> [digits_kept(inputs) for inputs in (1, 4, 83, 128, 129)]
    [26, 25, 23, 23, 22]
    """
    return (DIGITS - math.ceil(math.log2(inputs))) // 2


def whole_numbers(values: np.ndarray, *, digits: int) -> tuple[np.ndarray, np.ndarray]:
    """The values of each row as whole numbers of so many digits, and the power of two to multiply them by.

    Shape: values (rows, n) float64; returns the same and (rows, 1) float64.

    >>> wholes, powers = whole_numbers(np.array([[1.0, -0.5, 0.3]]), digits=3)
    >>> wholes.tolist(), powers.tolist()
    ([[4.0, -2.0, 1.0]], [[0.25]])
    """
    _, exponents = np.frexp(np.abs(values).max(axis=1, keepdims=True, initial=TINY))  # all are below 2**exponent
    powers = np.ldexp(1.0, exponents - digits)
    return np.rint(values / powers), powers
