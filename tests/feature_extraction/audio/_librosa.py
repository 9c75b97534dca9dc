"""What librosa 0.11 computes of one clip: the oracle is not needed to run the tests.

Made by ``librosa.feature.melspectrogram``, ``power_to_db``, ``mfcc`` and ``delta``.
"""

from typing import NamedTuple

import numpy as np

RATE = 16000


def clip() -> np.ndarray:
    """Return 6000 samples: a falling chirp above a hum."""
    time = np.arange(6000) / RATE
    chirp = np.sin(2 * np.pi * (300 + 2500 * time) * time) * np.exp(-3 * time)
    return (0.4 * chirp + 0.1 * np.sin(2 * np.pi * 97 * time)).astype(np.float32)


class Case(NamedTuple):
    """Parameters and what comes of them.

    Attributes
    ----------
    params : dict
        Of the extractor.
    shape : (int, int)
        Of the coefficients: n_mfcc, n_frames.
    coefficients : dict of int to list
        Frame to its first six.
    total : float
        Sum of all coefficients' absolute values.
    mel : dict of (int, int) to float
        Filter and frame to power.
    """

    params: dict
    shape: tuple[int, int]
    coefficients: dict[int, list[float]]
    total: float
    mel: dict[tuple[int, int], float]


CASES = {
    "default": Case(
        {},
        (20, 12),
        {
            0: [-255.4224, 214.2949, 49.72459, 35.45117, 8.102406, -6.668],
            6: [-467.7351, 100.8947, -105.1344, -108.3799, 68.97855, 167.9875],
            11: [-244.3084, 93.29577, -49.68116, 69.44572, 56.40948, -22.26962],
        },
        14062.99,
        {(0, 0): 5.000656, (42, 6): 1.285015, (127, 11): 7.401833e-05},
    ),
    "speech": Case(
        {
            "n_fft": 512,
            "hop_length": 160,
            "win_length": 400,
            "n_mels": 26,
            "n_mfcc": 13,
            "lifter": 22,
        },
        (13, 38),
        {
            0: [-387.1267, 364.0897, 102.1472, 108.1958, 52.83495, 25.59745],
            19: [-663.3474, 268.586, -100.877, -154.9428, 367.4376, 749.9297],
            37: [-370.3141, 170.3089, -102.4741, 231.2947, 176.8194, -77.58628],
        },
        125302.2,
        {(0, 0): 1.078199, (8, 19): 0.0004179652, (25, 37): 1.6799e-05},
    ),
    "htk": Case(
        {"htk": True, "norm": None, "window": "hamming", "fmin": 50.0, "fmax": 7000.0},
        (20, 12),
        {
            0: [-45.89367, 188.5288, 54.74647, 14.77845, -14.52976, -28.56664],
            6: [-115.5588, 62.41509, -83.99699, -45.54271, 79.71348, 122.6101],
            11: [-44.04543, 66.04813, -43.1868, 67.26086, 61.85674, -20.46582],
        },
        8185.322,
        {(0, 0): 124.5845, (42, 6): 4.25848, (127, 11): 0.0131297},
    ),
    "magnitudes": Case(
        {"power": 1.0, "top_db": None, "n_mels": 40},
        (20, 12),
        {
            0: [-99.39084, 59.84631, 14.45475, 10.72241, 3.07348, -0.9943887],
            6: [-268.8499, 124.3636, -71.06645, -41.15519, 37.78675, 69.90457],
            11: [-95.09534, 26.03432, -14.30663, 20.72867, 17.02558, -5.955679],
        },
        6655.627,
        {(0, 0): 1.417352, (13, 6): 0.7835861, (39, 11): 0.00311644},
    ),
    "not centred": Case(
        {
            "center": False,
            "n_fft": 1023,
            "hop_length": 300,
            "n_mels": 64,
            "dct_type": 3,
        },
        (20, 17),
        {
            0: [-278.9281, 270.8472, -4.727951, 92.32578, -60.38577, 0.2743187],
            8: [-315.9671, 158.631, -145.1389, 45.80861, 31.71711, 144.132],
            16: [-358.0693, 128.842, -80.37827, 148.4308, -2.623329, 15.14395],
        },
        19407.53,
        {(0, 0): 0.558696, (21, 8): 0.02822073},
    ),
    "odd power": Case(
        {
            "dct_type": 1,
            "power": 1.7,
            "top_db": 60.0,
            "n_fft": 1024,
            "hop_length": 256,
            "n_mels": 40,
        },
        (20, 24),
        {
            0: [-152.9135, 95.3586, 18.6251, 20.11766, 6.264976, 6.329794],
            12: [-229.3649, 37.50186, -27.68725, -23.99109, 27.96018, 64.94377],
            23: [-136.6187, 42.76341, -21.00699, 33.16055, 18.03288, -6.172353],
        },
        13497.18,
        {(0, 0): 3.168759, (13, 12): 0.006045253, (39, 23): 0.0001672215},
    ),
    "no limit": Case(
        {"top_db": None, "n_mfcc": 8},
        (8, 12),
        {
            0: [-255.4224, 214.2949, 49.72459, 35.45117, 8.102406, -6.668],
            6: [-747.8153, 265.8942, -163.1653, -178.0268, 120.7814, 249.6266],
            11: [-244.3084, 93.29577, -49.68116, 69.44572, 56.40948, -22.26962],
        },
        17024.47,
        {(0, 0): 5.000656, (42, 6): 1.285015, (127, 11): 7.401833e-05},
    ),
}

# of two coefficients at hop_length=128, by order of the derivative
DELTA_FRAMES = [0, 3, 4, 5, 20, -6, -5]
DELTAS = {
    1: [
        [-22.73887, -22.73887, -22.73887, -24.60959, -3.950971, 42.44262, 41.73659],
        [5.279443, 5.279443, 5.279452, 2.233088, -9.056921, 9.676868, 8.075998],
    ],
    2: [
        [-5.564924, -5.564924, -5.564923, -1.285099, -0.1798548, 0.7067899, -7.258376],
        [-3.383969, -3.383969, -3.383972, -4.720759, 0.1774689, -2.903087, -4.608039],
    ],
}

# in Hz, and of Slaney and HTK in mels
FREQUENCIES = [0, 440, 1000, 4000, 8000]
SLANEY = [0.0, 6.6, 15.0, 35.16376, 45.24564]
HTK = [0.0, 549.6387, 999.9855, 2146.065, 2840.023]

# the third of 6 filters at n_fft=64, from its fifth bin on
FILTER_START = 4
FILTER = [0.0004516249, 0.00126873, 0.001290716, 0.0007609802, 0.0002312448]
FILTER_START_HTK = 3
FILTER_HTK = [0.019092, 0.4202657, 0.8214394, 0.8446881, 0.5647987, 0.2849092]


def noisy_clip() -> np.ndarray:
    """Return the clip with some noise, so that no bin is rounding alone."""
    noise = np.random.default_rng(0).normal(0, 0.01, 6000)
    return (clip().astype(float) + noise).astype(np.float32)


# of the noisy clip as float64: parameters, number of frames, and what each measure is
# in the first frame, the one in the middle and the last; f0 from 80 to 2000 Hz
SPECTRAL = {
    "default": (
        {},
        12,
        {
            "centroid": [826.4818, 1676.425, 2197.2],
            "bandwidth": [1502.688, 1536.891, 1708.692],
            "rolloff": [570.3125, 1539.062, 3070.312],
            "flatness": [0.001735729, 0.003428863, 0.008897599],
            "zero_crossing_rate": [0.02832031, 0.1577148, 0.1665039],
            "rms": [0.1893207, 0.1761552, 0.1048951],
            "f0": [481.9891, 1258.762, 2000.0],
        },
    ),
    "speech": (
        {"n_fft": 512, "hop_length": 160, "win_length": 400, "window": "hamming"},
        38,
        {
            "centroid": [736.1618, 1716.447, 2043.692],
            "bandwidth": [1421.59, 1878.983, 1887.41],
            "rolloff": [750.0, 3062.5, 3781.25],
            "flatness": [0.002176797, 0.003367384, 0.01434629],
            "zero_crossing_rate": [0.01953125, 0.15625, 0.1757812],
            "rms": [0.2009903, 0.1755108, 0.09597827],
            "f0": [344.769, 1255.566, 2000.0],
        },
    ),
    "not centred": (
        {"n_fft": 1023, "hop_length": 300, "center": False},
        17,
        {
            "centroid": [972.9329, 1669.073, 2239.749],
            "bandwidth": [1585.844, 1686.217, 1801.49],
            "rolloff": [609.9707, 2299.12, 3800.587],
            "flatness": [0.001282353, 0.002659108, 0.00540361],
            "zero_crossing_rate": [0.05669599, 0.1515152, 0.2443793],
            "rms": [0.2677234, 0.1795009, 0.1271226],
            "f0": [481.5161, 1215.019, 2000.0],
        },
    ),
}

# of the clip behind 3000 zeros and before 5000: first and end sample by top_db
TRIMMED = {10: (2560, 9216), 20: (2048, 10240), 40: (2048, 10240), 60: (2048, 10240)}
