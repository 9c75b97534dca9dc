"""Splits that can be trusted: how rows are divided, and what stands on both sides."""

from mmsk.model_selection._check_leakage import check_leakage
from mmsk.model_selection._make_splitter import make_splitter
from mmsk.model_selection._report import Leak, LeakageReport

__all__ = ["Leak", "LeakageReport", "check_leakage", "make_splitter"]
