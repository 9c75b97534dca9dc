"""The Fourier transform of the rows of a piece of memory, planned once."""

import ctypes
import sys
import weakref
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import torch

# of mkl_dfti.h
_REAL, _COMPLEX_COMPLEX, _IN_PLACE = 33, 39, 43
_N_TRANSFORMS, _EVEN_STORAGE, _PLACEMENT = 7, 10, 11
_INPUT_DISTANCE, _OUTPUT_DISTANCE, _THREAD_LIMIT = 14, 15, 27

_LIBRARY = "libtorch_cpu.so"


def row_transform(memory: torch.Tensor, n_fft: int) -> Callable[[], torch.Tensor]:
    """Return a function that computes the spectra of the rows of `memory`.

    `torch.fft.rfft` makes a plan and takes new memory in each call, for the frames
    of a second as much work as the transform. The MKL that torch brings on most
    machines can keep the plan and transform in place. Where it cannot be found,
    torch's function is called.

    Parameters
    ----------
    memory : float32 or float64 Tensor of shape (n_rows, 2 * (n_fft // 2 + 1))
        A row starts an even number of values after the one before. Its first `n_fft`
        values are transformed.
    n_fft : int

    Returns
    -------
    transform : callable
        Returns a complex Tensor of shape (n_rows, n_fft // 2 + 1), which may stand
        where the rows did.
    """
    mkl = _find_mkl()
    plan = None if mkl is None else _make_plan(mkl, memory, n_fft)
    if plan is None:
        return partial(torch.fft.rfft, memory[:, :n_fft])
    spectrum = torch.view_as_complex(memory.unflatten(1, (-1, 2)))
    run = partial(mkl.DftiComputeForward, plan, memory.data_ptr())
    return partial(_transform, run, spectrum)


def _transform(run: Callable[[], int], spectrum: torch.Tensor) -> torch.Tensor:
    """Transform in place by one thread, without the lock of the interpreter."""
    status = run()
    if status:
        raise RuntimeError(f"The Fourier transform of MKL failed: status {status}.")
    return spectrum


def _make_plan(
    mkl: ctypes.CDLL, memory: torch.Tensor, n_fft: int
) -> ctypes.c_void_p | None:
    """Return the handle of a plan, None if MKL does not make one."""
    is_double = memory.dtype == torch.float64
    create = [mkl.DftiCreateDescriptor_s_1d, mkl.DftiCreateDescriptor_d_1d][is_double]
    plan = ctypes.c_void_p()
    if create(ctypes.byref(plan), _REAL, n_fft):
        return None
    weakref.finalize(plan, _free, mkl, plan.value)
    settings = {
        _N_TRANSFORMS: len(memory),
        _EVEN_STORAGE: _COMPLEX_COMPLEX,
        _PLACEMENT: _IN_PLACE,
        _INPUT_DISTANCE: memory.stride(0),
        _OUTPUT_DISTANCE: memory.stride(0) // 2,
        _THREAD_LIMIT: 1,
    }
    for name, value in settings.items():
        if mkl.DftiSetValue(plan, ctypes.c_int(name), ctypes.c_long(value)):
            return None
    return None if mkl.DftiCommitDescriptor(plan) else plan


def _free(mkl: ctypes.CDLL, address: int) -> None:
    mkl.DftiFreeDescriptor(ctypes.byref(ctypes.c_void_p(address)))


@cache
def _find_mkl() -> ctypes.CDLL | None:
    """Return the library with MKL's transforms if it is there and computes right."""
    if sys.platform != "linux" or not torch.backends.mkl.is_available():
        return None
    handle, size = ctypes.c_void_p, ctypes.c_long
    signatures = {
        "DftiCreateDescriptor_s_1d": [ctypes.POINTER(handle), ctypes.c_int, size],
        "DftiCreateDescriptor_d_1d": [ctypes.POINTER(handle), ctypes.c_int, size],
        "DftiCommitDescriptor": [handle],
        "DftiComputeForward": [handle, handle],
        "DftiFreeDescriptor": [ctypes.POINTER(handle)],
    }
    try:
        mkl = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / _LIBRARY))
        for name, arguments in signatures.items():
            function = getattr(mkl, name)
            function.argtypes, function.restype = arguments, size
        mkl.DftiSetValue.restype = size
    except (OSError, AttributeError):  # torch is built in another way
        return None
    return mkl if _is_right(mkl) else None


def _is_right(mkl: ctypes.CDLL) -> bool:
    """Tell whether a small transform gives what torch's does."""
    memory = torch.zeros(3, 20, dtype=torch.float32, device="cpu")
    memory[:, :16] = torch.arange(48.0, device="cpu").view(3, 16).square()
    expected = torch.fft.rfft(memory[:, :16])
    plan = _make_plan(mkl, memory[:, :18], 16)
    if plan is None or mkl.DftiComputeForward(plan, memory.data_ptr()):
        return False
    got = torch.view_as_complex(memory[:, :18].unflatten(1, (9, 2)))
    return torch.allclose(got, expected, rtol=1e-4)
