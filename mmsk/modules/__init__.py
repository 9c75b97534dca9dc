"""Plain torch modules: what the neural estimators are built from.

Nothing here knows scikit-learn; every module can be used in a training loop of
one's own. A fusion mechanism is called with one block a modality and with the
presence of the modalities, ``(dict[str, Tensor], Tensor) -> Tensor``, and its
result never depends on what an absent modality's rows hold.
"""

from mmsk.modules._concat_fusion import ConcatFusion
from mmsk.modules._dropout import Dropout
from mmsk.modules._fusion_net import FusionNet
from mmsk.modules._gated_fusion import GatedFusion
from mmsk.modules._mlp import MLP

__all__ = ["MLP", "ConcatFusion", "Dropout", "FusionNet", "GatedFusion"]
