"""No test depends on others before it, and no skip goes without a listed reason."""

import sys
from pathlib import Path

import pytest

from tests._skips import read_allowed, unlisted

ALLOWED = Path(__file__).parent / "allowed_skips.txt"


@pytest.fixture(autouse=True)
def _seeded_torch() -> None:
    """Let modules that a test makes itself have the same first weights in any order."""
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
