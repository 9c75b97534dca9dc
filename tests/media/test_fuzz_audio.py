"""Damaged files give samples or a MediaError, nothing else, and in no time."""

import random
import time

import numpy as np
import pytest

from mmsk.exceptions import MediaError
from mmsk.media import decode_audio
from mmsk.media._audio_ogg import _crc
from tests._clips import encode, pcm16, tune, wav
from tests.media.test_fuzz_images import mutate

N_MUTATIONS = 200
SMALL = tune(16000, 1500)
FILES = {
    "wav": wav(pcm16(SMALL)),
    "extensible wav": encode(SMALL, "WAVEX", "PCM_24"),
    "aiff": encode(SMALL, "AIFF", "PCM_16"),
    "flac": encode(SMALL, "FLAC", "PCM_16"),
    "vorbis": encode(SMALL, "OGG", "VORBIS"),
    "opus": encode(SMALL, "OGG", "OPUS"),
    "mp3": encode(SMALL, "MP3", "MPEG_LAYER_III"),
}


def mend_checksums(data):
    """Let the damage of an Ogg get past its checksums."""
    data, position = bytearray(data), 0
    while data[position : position + 4] == b"OggS" and position + 27 <= len(data):
        body = position + 27 + data[position + 26]
        end = body + sum(data[position + 27 : body])
        data[position + 22 : position + 26] = bytes(4)
        checksum = _crc(bytes(data[position:end])).to_bytes(4, "little")
        data[position + 22 : position + 26] = checksum
        position = end
    return bytes(data)


@pytest.mark.parametrize("name", FILES)
def test_mutations(name):
    rng = random.Random(name)
    codes = set()
    for i in range(N_MUTATIONS):
        data = mutate(FILES[name], rng)
        if i % 2 and FILES[name].startswith(b"OggS"):
            data = mend_checksums(data)
        start = time.monotonic()
        try:
            samples, rate = decode_audio(data)
        except MediaError as error:
            codes.add(error.code)
        else:
            codes.add("decoded")
            assert samples.dtype == np.float32
            assert samples.ndim == 1
            assert np.isfinite(samples).all()
            assert 100 <= rate <= 768_000
        assert time.monotonic() - start < 5
    assert {"decoded", "TRUNCATED"} <= codes  # all ways were taken
    assert len(codes) > 3
