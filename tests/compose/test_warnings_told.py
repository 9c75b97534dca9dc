"""What a call warns of is heard, shown and told again under the user's filters."""

import json
import threading
import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning

from mmsk.compose._warnings_told import Told, can_be_told, listen, tell


def call():
    warnings.warn("not yet there", ConvergenceWarning, stacklevel=1)
    return 7


def test_what_is_heard_can_be_written_down_and_told():
    with pytest.warns(ConvergenceWarning, match="not yet there") as shown:
        value, told = listen(call)
    assert value == 7
    (one,) = told
    assert one[:4] == (
        "sklearn.exceptions",
        "ConvergenceWarning",
        "not yet there",
        __name__,
    )
    assert can_be_told(one)
    with pytest.warns(ConvergenceWarning, match="not yet there") as again:
        tell(Told(*json.loads(json.dumps(one))))
    (first,), (second,) = shown, again
    assert (first.filename, first.lineno) == (second.filename, second.lineno)


def test_what_is_ignored_is_heard_all_the_same():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        _, told = listen(call)
        tell(told[0])
    assert len(told) == 1


def test_a_module_can_be_filtered():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module=__name__)
        _, told = listen(call)
        tell(told[0])


def test_a_line_that_python_shows_once_is_shown_once():
    _, told = listen_quietly()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            tell(told[0])
    assert len(caught) == 1


def listen_quietly():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return listen(call)


def test_a_call_that_fails_has_warned():
    def failing():
        call()
        raise ValueError("no")

    with (
        pytest.warns(ConvergenceWarning, match="not yet there"),
        pytest.raises(ValueError, match="no"),
    ):
        listen(failing)


def test_beside_the_main_thread_warnings_take_their_usual_way():
    found = []
    with pytest.warns(ConvergenceWarning, match="not yet there"):
        thread = threading.Thread(target=lambda: found.append(listen(call)))
        thread.start()
        thread.join()
    assert found == [(7, [])]


@pytest.mark.parametrize(
    ("home", "name", "possible"),
    [
        ("builtins", "RuntimeWarning", True),
        ("mmsk.exceptions", "StoreWarning", True),
        ("sklearn.exceptions", "InconsistentVersionWarning", False),  # wants more
        ("builtins", "ValueError", False),
        ("builtins", "print", False),
        ("os", "system", False),
        ("mmsk.exceptions", "Nothing", False),
    ],
)
def test_only_warnings_of_known_homes_are_rebuilt(home, name, possible):
    told = Told(home, name, "text", "somewhere", 3)
    assert can_be_told(told) == possible
    if not possible and name != "InconsistentVersionWarning":
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tell(told)
