"""Damaged files give samples or a MediaError, nothing else, and in no time."""

import numpy as np
import pytest

from mmsk.media import decode_audio
from mmsk.media._audio_ogg import _crc
from tests._clips import encode, pcm16, tune, wav
from tests.media._fuzz import N_MUTATIONS, mutations, outcomes
from tests.media.test_fuzz_images import needs_linux

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


def decode(data):
    samples, rate = decode_audio(data)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert np.isfinite(samples).all()
    assert 100 <= rate <= 768_000


@needs_linux
@pytest.mark.parametrize("name", FILES)
def test_mutations(name, tmp_path):
    mend = mend_checksums if FILES[name].startswith(b"OggS") else None
    codes = outcomes(mutations(name, FILES[name], mend), decode, tmp_path)
    assert codes.total() == N_MUTATIONS
    assert {"decoded", "TRUNCATED"} <= codes.keys()  # all ways were taken
    assert len(codes) > 3
