"""scikit-learn's callbacks, where this version has them (1.9)."""

from collections.abc import Callable
from typing import Any

from skorch.callbacks import Callback

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:
        """Nothing: scikit-learn before 1.9 has no callbacks."""


def has_callbacks(estimator: Any) -> bool:
    """Tell whether an estimator has callbacks of scikit-learn to call.

    Parameters
    ----------
    estimator : estimator
    """
    return hasattr(estimator, "_skl_callbacks") or hasattr(
        estimator, "_parent_callback_ctx"
    )


class ScikitLearnCallbacks(Callback):
    """Tell an estimator's callbacks of the training and of each epoch.

    Parameters
    ----------
    estimator : estimator
        That is being fitted.
    data : dict
        ``X``, ``y`` and ``metadata`` as `fit` got them.
    max_epochs : int
    fitted : callable
        ``(net) -> dict``: attributes that make the estimator as if fit had
        stopped now.
    """

    def __init__(
        self,
        estimator: Any,
        data: dict[str, Any],
        max_epochs: int,
        fitted: Callable[[Any], dict[str, Any]],
    ) -> None:
        self.estimator = estimator
        self.data = data
        self.max_epochs = max_epochs
        self.fitted = fitted

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Start the task that the epochs are parts of."""
        self.whole_ = self.estimator._init_callback_context(
            max_subtasks=self.max_epochs
        )
        self.whole_.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_epoch_begin(self, net, **kwargs):
        """Start a part."""
        self.epoch_ = self.whole_.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(
            estimator=self.estimator,
            reconstruction_attributes=lambda: self.fitted(net),
            **self.data,
        )

    def on_epoch_end(self, net, **kwargs):
        """End a part, and the training if a callback wants that."""
        stop = self.epoch_.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=lambda: self.fitted(net),
            **self.data,
        )
        if stop:
            net.enough_ = True

    def on_train_end(self, net, X=None, y=None, **kwargs):
        """End the task."""
        self.whole_.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=lambda: self.fitted(net),
            **self.data,
        )
