"""The models themselves, asked one content at a time."""

import numpy as np
import torch

from tests._models import saved


def load(kind):
    """Return model and preprocessor of a saved folder."""
    from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoModel
    from transformers import AutoTokenizer as Tokenizer

    folder = saved(kind)
    preparers = {
        "bert": Tokenizer, "t5": Tokenizer, "byt5": Tokenizer,
        "vit": AutoImageProcessor, "dino": AutoImageProcessor,
        "clip": AutoImageProcessor, "convnext": AutoImageProcessor,
    }  # fmt: skip
    prepare = preparers.get(kind, AutoFeatureExtractor).from_pretrained(folder)
    return AutoModel.from_pretrained(folder).eval(), prepare


def pooled(hidden, pooling="mean"):
    """Pool hidden states of shape (1, n_positions, size)."""
    if pooling == "cls":
        return hidden[0, 0].numpy()
    return (hidden.mean(1) if pooling == "mean" else hidden.amax(1))[0].numpy()


def embed_texts(kind, texts, pooling="mean", **limits):
    """Return rows of texts, each computed alone and without padding."""
    model, tokenizer = load(kind)
    if kind in ("t5", "byt5"):
        model = model.encoder
    if kind == "clip":
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(saved(kind))
        model = model.text_model
    with torch.inference_mode():
        return np.stack(
            [
                pooled(
                    model(
                        tokenizer(text, truncation=True, return_tensors="pt", **limits)[
                            "input_ids"
                        ]
                    ).last_hidden_state,
                    pooling,
                )
                for text in texts
            ]
        )
