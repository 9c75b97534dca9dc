"""The linear regressor that suits the rows of scaled blocks."""

from sklearn.linear_model import Ridge

# per squared norm of a row: chosen by benchmarks/table_defaults.py --estimators on
# wide blocks, and a plain table of a few hundred rows hardly notices it
_ALPHA = 3.0


def linear_regressor(block_norm: float = 10.0) -> Ridge:
    """Return ridge regression whose penalty goes with the size of the rows.

    In a block that is wider than it has rows, least squares fits every training row
    exactly, noise included, and so does a penalty that is small beside the squared
    norm of the rows. This one is three times that.

    Parameters
    ----------
    block_norm : float, default=10.0
        The root mean square of the row norms of every block, see BlockScaler. The
        predictions don't depend on it, but for presence columns.
    """
    # sparse blocks are solved by steps: with the tol of Ridge, a weight of 2 is a row
    # twice to five digits only, and a stack magnifies that
    return Ridge(_ALPHA * block_norm**2, tol=1e-8)
