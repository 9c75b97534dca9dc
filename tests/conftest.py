"""No test depends on others before it, and no skip goes without a listed reason."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tests._skips import read_allowed, unlisted

ALLOWED = Path(__file__).parent / "allowed_skips.txt"


@pytest.fixture(autouse=True)
def _seeds() -> None:
    """Let what no test seeds be the same in any order of tests.

    It is the first weights of modules that a test makes, and ``random_state=None``.
    """
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


def _unlisted_skips(config: pytest.Config) -> list[str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a worker of pytest-xdist: the main process reports
        return []
    skips = [
        r.nodeid for kind in ("skipped", "xfailed") for r in reporter.getreports(kind)
    ]
    return unlisted(skips, read_allowed(ALLOWED.read_text("utf-8").splitlines()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.exitstatus == pytest.ExitCode.OK and _unlisted_skips(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    strangers = _unlisted_skips(config)
    if strangers:
        terminalreporter.section(f"skips that {ALLOWED.name} does not list")
        terminalreporter.write_line("\n".join(strangers))
