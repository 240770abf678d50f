"""The functions of the library of compiled loops, called as compiled code calls them."""

import ctypes

from pipeline.model.reproducible import torch
from pipeline.training import kernels
from pipeline.training.compiler import compiler_name


def call(name, *arguments, avx512=False):
    """What compiled code gets for tensors and whole numbers: the functions take and return handles of tensors.

    Raises: RuntimeError if the function fails.
    """
    function = getattr(ctypes.CDLL(str(kernels.library(compiler_name(), avx512=avx512))), f"aoti_torch_cpu_{name}")
    pointer, capsule = ctypes.pythonapi.PyCapsule_GetPointer, ctypes.pythonapi.PyCapsule_New
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    handles = [
        ctypes.c_int64(one)
        if isinstance(one, int)
        else ctypes.c_void_p(pointer(torch._C._aoti.unsafe_alloc_void_ptr_from_tensor(one), None))
        for one in arguments
    ]
    result = ctypes.c_void_p()
    if function(*handles, ctypes.byref(result)) != 0:
        raise RuntimeError(name)
    return torch._C._aoti.alloc_tensor_by_stealing_from_void_ptr(capsule(result, None, None))
