"""What the objects that stand in a parameter of an estimator have in common."""

from dataclasses import fields
from typing import Any, Self

from mmsk._utils._param_validation import validate_parameter_constraints


class Strategy:
    """Private base of dataclasses that scikit-learn reaches into.

    ``clone`` copies them, and ``estimator__parameter`` names their parameters in
    a grid. Like an estimator they are checked when they are used.
    """

    _parameter_constraints: dict = {}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Ignored: no parameter has parameters.

        Returns
        -------
        parameters : dict of str to object
        """
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters.

        Parameters
        ----------
        **parameters
            New values by name.

        Returns
        -------
        self : object
        """
        valid = [field.name for field in fields(self)]
        for name, value in parameters.items():
            if name not in valid:
                raise ValueError(
                    f"Invalid parameter {name!r} for {type(self).__name__}: valid are "
                    f"{valid}."
                )
            setattr(self, name, value)
        return self

    def validate(self) -> None:
        """Refuse parameters out of range."""
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(), type(self).__name__
        )
