"""Folders of small models with random weights, as save_pretrained writes them."""

import atexit
import functools
import os
import shutil
import string
import tempfile
from pathlib import Path

import torch


class SavedModel(os.PathLike):
    """The folder of a model, which is saved when somebody looks for it.

    Parameters
    ----------
    kind : str
        A key of ``MAKERS``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __fspath__(self) -> str:
        return str(saved(self.kind))

    def __repr__(self) -> str:
        return f"SavedModel({self.kind!r})"


@functools.cache
def saved(kind: str) -> Path:
    """Return the folder of a model, made once in a process."""
    folder = _root() / kind
    with torch.random.fork_rng():
        torch.manual_seed(3)
        save(kind, folder)
    return folder


def save(kind: str, folder: Path) -> None:
    """Write a model of random weights, and its preprocessor, into a folder."""
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        for part in MAKERS[kind]():
            part.save_pretrained(folder)
    finally:
        if bars:
            logging.enable_progress_bar()


@functools.cache
def _root() -> Path:
    root = tempfile.mkdtemp(prefix="mmsk-models-")
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return Path(root)


SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}


def _tokenizer():
    """Return a tokenizer to which a word is its letters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = string.ascii_lowercase + string.digits + ".-,"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    words += [*letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=40,
    )


def _bert():
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=90, max_position_embeddings=48, **SIZES)
    return BertModel(config), _tokenizer()


def _t5():
    from transformers import T5Config, T5Model

    config = T5Config(
        vocab_size=90, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2
    )
    return T5Model(config), _tokenizer()


def _byt5():
    """Return a model of bytes, whose tokenizer is written in Python."""
    from transformers import ByT5Tokenizer, T5Config, T5Model

    config = T5Config(
        vocab_size=400, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2
    )
    return T5Model(config), ByT5Tokenizer(model_max_length=40)


def _vit():
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    config = ViTConfig(image_size=16, patch_size=8, **SIZES)
    return ViTModel(config), ViTImageProcessorPil(size={"height": 16, "width": 16})


def _dino():
    from transformers import BitImageProcessorPil, Dinov2Config, Dinov2Model

    config = Dinov2Config(image_size=16, patch_size=8, **SIZES)
    processor = BitImageProcessorPil(
        size={"shortest_edge": 20}, crop_size={"height": 16, "width": 16}
    )
    return Dinov2Model(config), processor


def _clip():
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    config = CLIPConfig(
        text_config={"vocab_size": 90, "max_position_embeddings": 40, **SIZES},
        vision_config={**SIZES, "hidden_size": 8, "image_size": 16, "patch_size": 8},
        projection_dim=4,
    )
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
    )
    return CLIPModel(config), processor, _tokenizer()


def _convnext():
    from transformers import ConvNextConfig, ConvNextImageProcessorPil, ConvNextModel

    config = ConvNextConfig(hidden_sizes=[4, 6, 8, 10], depths=[1, 1, 1, 1])
    return ConvNextModel(config), ConvNextImageProcessorPil(size={"shortest_edge": 384})


WAVES = {
    "conv_dim": (8, 8),
    "conv_kernel": (10, 8),
    "conv_stride": (10, 8),
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "num_feat_extract_layers": 2,
}


def _wav2vec2():
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    config = Wav2Vec2Config(vocab_size=8, **SIZES, **WAVES)
    return Wav2Vec2Model(config), Wav2Vec2FeatureExtractor(sampling_rate=8000)


def _hubert():
    from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

    config = HubertConfig(vocab_size=8, **SIZES, **WAVES)
    return HubertModel(config), Wav2Vec2FeatureExtractor(sampling_rate=8000)


def _whisper():
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    config = WhisperConfig(
        vocab_size=60, d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16,
        decoder_ffn_dim=16, num_mel_bins=8, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    return WhisperModel(config), WhisperFeatureExtractor(feature_size=8)


def _ast():
    from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

    config = ASTConfig(max_length=32, num_mel_bins=16, patch_size=8, **SIZES)
    return ASTModel(config), ASTFeatureExtractor(num_mel_bins=16, max_length=32)


MAKERS = {
    "bert": _bert,
    "t5": _t5,
    "byt5": _byt5,
    "vit": _vit,
    "dino": _dino,
    "clip": _clip,
    "convnext": _convnext,
    "wav2vec2": _wav2vec2,
    "hubert": _hubert,
    "whisper": _whisper,
    "ast": _ast,
}
