"""A search of scikit-learn whose fits bring home more than scores."""

from typing import Any

from mmsk._utils._param_validation import BaseSearchCV
from mmsk.model_selection._pair_results import PairResult
from mmsk.model_selection._watched import CANDIDATE

_INSIDE = ("_given", "_results")


class WatchedSearch(BaseSearchCV):
    """Private base: what scikit-learn's search asks while watched estimators are in it.

    Attributes
    ----------
    _given : tuple of (list of dict, Bunch) or None
        The candidates, and what fits, scorers and splitter are given; None in a
        search whose own estimator is not watched.
    _results : list of PairResult or None
        Filled with the results of all fits, candidate by candidate.
    """

    _given: tuple[list[dict], Any] | None = None
    _results: list[PairResult | None]

    def _run_search(self, evaluate_candidates, *, callback_ctx=None) -> None:
        candidates = self._given[0]
        numbered = [
            {**params, CANDIDATE: number} for number, params in enumerate(candidates)
        ]
        if callback_ctx is None:  # before scikit-learn 1.9
            evaluate_candidates(numbered)
            return
        context = callback_ctx.subcontext(
            task_name="search",
            max_subtasks=len(numbered) * self.n_splits_,
            sequential_subtasks=False,
        ).call_on_fit_task_begin(estimator=self)
        evaluate_candidates(numbered, callback_ctx=context)
        context.call_on_fit_task_end(estimator=self)

    def _get_routed_params_for_fit(self, params) -> Any:
        if self._given is None:
            return super()._get_routed_params_for_fit(params)
        return self._given[1]

    def _format_results(self, candidate_params, n_splits, out, more_results=None):
        for each in out:
            scores = each["test_scores"]
            result = getattr(scores, "result", None)
            self._results.append(result)
            if result is None:
                continue
            each["test_scores"] = result.scores
            if result.was_found:
                each["fit_time"] = result.fit_seconds
                each["score_time"] = result.score_seconds
        plain = [
            {name: value for name, value in params.items() if name != CANDIDATE}
            for params in candidate_params
        ]
        return super()._format_results(plain, n_splits, out, more_results)

    def __getstate__(self) -> dict:
        # a copy of the search that works inside goes to the processes with each fit
        state = super().__getstate__()
        return {name: each for name, each in state.items() if name not in _INSIDE}
