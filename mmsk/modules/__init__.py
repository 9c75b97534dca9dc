"""Plain torch modules: what the neural estimators are built from.

Nothing here knows scikit-learn; every module can be used in a training loop of
one's own. A fusion mechanism is called with one block a modality and with the
presence of the modalities, ``(dict[str, Tensor], Tensor) -> Tensor``, and its
result never depends on what an absent modality's rows hold.
"""

from mmsk.modules._attention_fusion import AttentionFusion
from mmsk.modules._attention_pooling import AttentionPooling
from mmsk.modules._augment_sound import SoundAugmenter
from mmsk.modules._bilinear_fusion import BilinearFusion
from mmsk.modules._concat_fusion import ConcatFusion
from mmsk.modules._cross_modal_fusion import CrossModalFusion
from mmsk.modules._dropout import Dropout
from mmsk.modules._efficientnet_lite import EfficientNetLite
from mmsk.modules._fusion_net import FusionNet
from mmsk.modules._gated_fusion import GatedFusion
from mmsk.modules._image_augmenter import ImageAugmenter
from mmsk.modules._image_cnn import ImageCNN
from mmsk.modules._mlp import MLP
from mmsk.modules._mlp_ensemble import MLPEnsemble
from mmsk.modules._module_ensemble import ModuleEnsemble
from mmsk.modules._pooling_fusion import PoolingFusion
from mmsk.modules._resnet import ResNet
from mmsk.modules._sparse_rows import SparseRows
from mmsk.modules._spectrogram_cnn import SpectrogramCNN
from mmsk.modules._spectrogram_crnn import SpectrogramCRNN
from mmsk.modules._tensor_fusion import TensorFusion
from mmsk.modules._token_mean import TokenMean
from mmsk.modules._token_rnn import TokenRNN
from mmsk.modules._token_transformer import TokenTransformer
from mmsk.modules._weighted_sum_fusion import WeightedSumFusion

__all__ = [
    "MLP",
    "AttentionFusion",
    "AttentionPooling",
    "BilinearFusion",
    "ConcatFusion",
    "CrossModalFusion",
    "Dropout",
    "EfficientNetLite",
    "FusionNet",
    "GatedFusion",
    "ImageAugmenter",
    "ImageCNN",
    "MLPEnsemble",
    "ModuleEnsemble",
    "PoolingFusion",
    "ResNet",
    "SoundAugmenter",
    "SparseRows",
    "SpectrogramCNN",
    "SpectrogramCRNN",
    "TensorFusion",
    "TokenMean",
    "TokenRNN",
    "TokenTransformer",
    "WeightedSumFusion",
]
