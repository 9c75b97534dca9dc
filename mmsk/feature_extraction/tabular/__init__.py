"""Columns of numbers, categories, booleans and dates as features."""

from mmsk.feature_extraction.tabular._table import TableExtractor

__all__ = ["TableExtractor"]
