"""The limits on a clip, asked of its header before anything is allocated."""

from typing import NamedTuple

from ..exceptions import MediaError

MAX_SECONDS = 600
MAX_VALUES = 64 * 2**20
MAX_CHANNELS = 64
# from the slowest sensors to the fastest converters; a resampler takes memory by the
# ratio of two rates
MIN_RATE, MAX_RATE = 100, 768_000


class AudioLimits(NamedTuple):
    """How long a clip may be.

    Attributes
    ----------
    max_seconds : float
    max_values : int
        Limit on samples times channels.
    """

    max_seconds: float = MAX_SECONDS
    max_values: int = MAX_VALUES

    def check(self, rate: int, n_channels: int, n_samples: int) -> None:
        """Refuse a clip by what it claims to be.

        Parameters
        ----------
        rate : int
            In Hz.
        n_channels : int
        n_samples : int
            Of one channel.

        Raises
        ------
        MediaError
            With code CORRUPT, BAD_RATE, BAD_CHANNELS or TOO_LONG.
        """
        if not rate or not n_channels:
            raise MediaError("CORRUPT", f"a clip of {n_channels} channels at {rate} Hz")
        check_rate(rate)
        if n_channels > MAX_CHANNELS:
            raise MediaError(
                "BAD_CHANNELS", f"{n_channels} channels, more than {MAX_CHANNELS}"
            )
        if n_samples > self.max_seconds * rate:
            raise MediaError(
                "TOO_LONG",
                f"{n_samples / rate:.6g} seconds, more than "
                f"max_seconds={self.max_seconds}",
                advice="Cut it, or raise max_seconds.",
            )
        if n_samples * n_channels > self.max_values:
            raise MediaError(
                "TOO_LONG",
                f"{n_samples} samples in {n_channels} channels, more than "
                f"max_values={self.max_values}",
                advice="Cut it, mix its channels, or raise max_values.",
            )


def check_rate(rate: float) -> None:
    """Refuse a sample rate that no sound has."""
    if not (MIN_RATE <= rate <= MAX_RATE and rate == int(rate)):
        raise MediaError(
            "BAD_RATE",
            f"a sample rate of {rate:.12g} Hz, not a whole number from {MIN_RATE} to "
            f"{MAX_RATE}",
        )
