"""Seconds of TfidfExtractor against scikit-learn's TfidfVectorizer.

Both fit and transform the reviews of review_prediction and their titles: the
vectorizer a list of the texts that are there, the extractor a column of the frame,
missing cells included. The vectorizer counts in float64, its default.

    OMP_NUM_THREADS=1 python benchmarks/bench_text.py [--data DIR] [--rows N]
        [--repeat N] [--only WORD]

Mostly non-ASCII text are the same reviews in Cyrillic letters, and Chinese-like text
without spaces, a character a word. A fallback is what the extractor leaves to
scikit-learn. Prints the best CPU seconds of several runs, taken in turns, the ratio and
whether the target is met; last, a document of 20 MB.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer

from mmsk.feature_extraction.text import TfidfExtractor

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CYRILLIC = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "абцдефгхийклмнопярстужвшызАБЦДЕФГХИЙКЛМНОПЯРСТУЖВШЫЗ",
)
ROUTES = (
    ("unigrams", {}, 2.2),
    ("(1, 2)-grams", {"ngram_range": (1, 2)}, 2.5),
    ("char (2, 3)", {"analyzer": "char", "ngram_range": (2, 3)}, 2.0),
    ("char_wb (2, 4)", {"analyzer": "char_wb", "ngram_range": (2, 4)}, 2.0),
    ("fallback: pattern", {"token_pattern": r"(?u)\b\w+\b"}, 0.95),
    ("fallback: tokenizer", {"tokenizer": str.split, "token_pattern": None}, 0.95),
    ("fallback: analyzer", {"analyzer": str.split}, 0.95),
)
FOREIGN = (
    ("unigrams", {}, 1.3),
    ("(1, 2)-grams", {"ngram_range": (1, 2)}, 1.3),
)
CHINESE = (("char (1, 2)", {"analyzer": "char", "ngram_range": (1, 2)}, 1.3),)


def seconds(call):
    """Return the CPU seconds of one call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def compare(column, params, repeat):
    """Return the best seconds of the vectorizer and of the extractor."""
    texts = column.dropna().tolist()
    frame = column.to_frame()
    theirs, ours = [], []
    for _ in range(repeat):
        theirs.append(seconds(lambda: TfidfVectorizer(**params).fit_transform(texts)))
        ours.append(seconds(lambda: TfidfExtractor(**params).fit_transform(frame)))
    return min(theirs), min(ours)


def chinese(texts):
    """Return the texts with a Chinese character for each word, without spaces."""
    words = {}
    return [
        "".join(
            chr(0x4E00 + words.setdefault(w, len(words)) % 20000) for w in t.split()
        )
        for t in texts
    ]


def main():
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    path = arguments.data / "review_prediction" / "train.csv"
    if not path.exists():
        print(f"skipped: no review_prediction in {arguments.data}; pass --data DIR")
        return
    table = pd.read_csv(path, nrows=arguments.rows)
    reviews, titles = table["review_text"], table["title"]
    cyrillic = reviews.str.translate(CYRILLIC)
    unspaced = pd.Series(chinese(reviews.dropna()), name="chinese")
    print(
        f"{len(table)} rows, best of {arguments.repeat}, load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"{'texts':<10}{'route':<22}{'sklearn s':>10}{'mmsk s':>9}{'ratio':>7}  target"
    )
    for name, column, routes in (
        ("reviews", reviews, ROUTES),
        ("titles", titles, ROUTES),
        ("Cyrillic", cyrillic, FOREIGN),
        ("Chinese", unspaced, CHINESE),
    ):
        for route, params, target in routes:
            if arguments.only not in f"{name} {route}":
                continue
            theirs, ours = compare(column, params, arguments.repeat)
            ratio = theirs / ours
            verdict = "met" if ratio >= target else "MISSED"
            print(
                f"{name:<10}{route:<22}{theirs:10.3f}{ours:9.3f}{ratio:7.2f}"
                f"  {target} {verdict}",
                flush=True,
            )
    words = [f"word{number}" for number in range(1000)]
    text = " ".join(words * (20_000_000 // len(" ".join(words))))
    for params in ({}, {"analyzer": "char", "ngram_range": (1, 3)}):
        spent = seconds(lambda p=params: TfidfExtractor(**p).fit_transform([[text]]))
        verdict = "met" if spent < 10 else "MISSED"
        size = len(text) / 1e6
        print(f"{size:.0f} MB in one text, {params}: {spent:.2f} s  10 {verdict}")
    print(f"load {os.getloadavg()[0]:.1f}, NumPy {np.__version__}")


if __name__ == "__main__":
    main()
