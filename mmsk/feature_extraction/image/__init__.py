"""Features of pictures."""

from mmsk.feature_extraction.image._cnn_extractor import CNNExtractor
from mmsk.feature_extraction.image._color_extractor import ColorExtractor
from mmsk.feature_extraction.image._hog_extractor import HOGExtractor
from mmsk.feature_extraction.image._image_tensorizer import ImageTensorizer
from mmsk.feature_extraction.image._pixel_extractor import PixelExtractor
from mmsk.feature_extraction.image._region_extractor import RegionExtractor

__all__ = [
    "CNNExtractor",
    "ColorExtractor",
    "HOGExtractor",
    "ImageTensorizer",
    "PixelExtractor",
    "RegionExtractor",
]
