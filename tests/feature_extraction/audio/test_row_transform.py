import gc
import threading

import numpy as np
import pytest
import torch

from mmsk.feature_extraction.audio import MFCCExtractor, _row_transform
from mmsk.feature_extraction.audio._row_transform import row_transform
from mmsk.feature_extraction.audio._spectrum import empty

has_mkl = pytest.mark.skipif(
    not torch.backends.mkl.is_available(), reason="this torch has no MKL"
)


@pytest.fixture(params=["kept plan", "torch"])
def way(request, monkeypatch):
    if request.param == "torch":
        monkeypatch.setattr(_row_transform, "_find_mkl", lambda: None)
    return request.param


def rows(n_rows, n_fft, double=False, spare=6):
    memory = empty((n_rows, 2 * (n_fft // 2 + 1) + spare), double)
    memory = memory[:, : 2 * (n_fft // 2 + 1)]
    memory.normal_(generator=torch.Generator().manual_seed(0))
    return memory


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("n_rows", [1, 2, 33])
@pytest.mark.parametrize("n_fft", [1, 2, 3, 8, 63, 400, 499, 2048])
def test_spectra_are_numpys(way, n_fft, n_rows, double):
    memory = rows(n_rows, n_fft, double)
    transform = row_transform(memory, n_fft)
    for seed in range(2):  # the plan is there, and what is transformed has changed
        memory.normal_(generator=torch.Generator().manual_seed(seed))
        expected = np.fft.rfft(memory[:, :n_fft].double().numpy())
        got = transform().numpy()
        assert got.dtype == (np.complex128 if double else np.complex64)
        atol = (1e-14 if double else 5e-7) * max(1, abs(expected).max())
        np.testing.assert_allclose(got, expected, rtol=0, atol=atol)


def test_nothing_but_the_rows_is_written_to(way):
    whole = torch.full((5, 40), 7.0)
    memory = whole[1:4, 2:20]
    row_transform(memory, 16)()
    assert (whole[[0, 4]] == 7).all()
    assert (whole[:, :2] == 7).all()
    assert (whole[:, 20:] == 7).all()


def test_a_row_does_not_depend_on_others(way):
    memory = rows(40, 2048)
    samples = memory.clone()
    together = row_transform(memory, 2048)().clone()
    for position in (0, 17, 39):
        memory[0] = samples[position]
        alone = row_transform(memory[:1], 2048)()
        torch.testing.assert_close(alone[0], together[position], rtol=0, atol=0)


@has_mkl
def test_the_plan_of_mkl_is_found_and_transforms_in_place():
    memory = rows(3, 64)
    spectrum = row_transform(memory, 64)()
    assert spectrum.data_ptr() == memory.data_ptr()


@has_mkl
def test_memory_stays_while_it_is_transformed_and_plans_are_given_up(monkeypatch):
    freed = []
    free = _row_transform._free

    def watched(mkl, address):
        freed.append(address)
        free(mkl, address)

    monkeypatch.setattr(_row_transform, "_free", watched)
    transform = row_transform(rows(3, 64), 64)
    gc.collect()
    assert not freed
    assert torch.isfinite(transform().abs()).all()
    del transform
    assert len(freed) == 1


@pytest.mark.parametrize("broken", ["library", "name", "values"])
@has_mkl
def test_torchs_function_where_mkl_is_missing_or_another(broken, monkeypatch):
    monkeypatch.setattr(
        _row_transform, "_find_mkl", _row_transform._find_mkl.__wrapped__
    )
    if broken == "library":
        monkeypatch.setattr(_row_transform.torch, "__file__", "/nowhere/torch.py")
    elif broken == "name":
        monkeypatch.setattr(_row_transform, "_LIBRARY", "libc10.so")
    else:
        monkeypatch.setattr(_row_transform, "_COMPLEX_COMPLEX", -1)
    memory = rows(3, 64)
    expected = torch.fft.rfft(memory[:, :64])
    spectrum = row_transform(memory, 64)()
    assert spectrum.data_ptr() != memory.data_ptr()
    torch.testing.assert_close(spectrum, expected, rtol=0, atol=0)


@has_mkl
def test_a_failure_is_an_error():
    transform = row_transform(rows(3, 64), 64)
    with pytest.raises(RuntimeError, match="status 3"):
        _row_transform._transform(lambda: 3, transform.args[1])


def test_threads_at_once(way):
    clips = np.random.default_rng(0).normal(size=(8, 9000)).astype(np.float32)
    extractor = MFCCExtractor()
    expected = [extractor._series(clip) for clip in clips]
    wrong = []

    def work(own):
        for _ in range(30):
            wrong.extend(
                i
                for i in own
                if not np.array_equal(extractor._series(clips[i]), expected[i])
            )

    threads = [threading.Thread(target=work, args=(range(i, 8, 2),)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_either_way_gives_the_same_coefficients(monkeypatch):
    clip = np.random.default_rng(0).normal(size=50_000).astype(np.float32)
    found = []
    for n_fft in (400, 2048):
        for find in (_row_transform._find_mkl, lambda: None):
            monkeypatch.setattr(_row_transform, "_find_mkl", find)
            # a thread has places of its own
            run = threading.Thread(
                target=lambda n=n_fft: found.append(
                    MFCCExtractor(n_fft=n)._series(clip)
                )
            )
            run.start()
            run.join()
        np.testing.assert_allclose(*found[-2:], rtol=0, atol=1e-3)
