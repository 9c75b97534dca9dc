"""Features of clips."""

from mmsk.feature_extraction.audio._mel_extractor import MelSpectrogramExtractor
from mmsk.feature_extraction.audio._mfcc_extractor import MFCCExtractor
from mmsk.feature_extraction.audio._spectral_extractor import SpectralExtractor
from mmsk.feature_extraction.audio._speech_frames import speech_frames
from mmsk.feature_extraction.audio._waveform_extractor import WaveformExtractor

__all__ = [
    "MFCCExtractor",
    "MelSpectrogramExtractor",
    "SpectralExtractor",
    "WaveformExtractor",
    "speech_frames",
]
