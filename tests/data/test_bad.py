import pickle

import pytest

from kerastricks.data.bad import BadImage, allowed, check, note
from kerastricks.data.listing import Listing

PETS = Listing("pets", {"all": {"cat": [f"cat/{i}" for i in range(20)], "dog": ["dog/0", "dog/1"]}}, {"all": "all"}, [])


def bad(*paths):
    return [(path, BadImage(path, "it is no image")) for path in paths]


@pytest.mark.parametrize(
    ("words", "count"),
    [(None, 0), ("0", 0), ("3", 3), (" 3 ", 3), ("1%", 2), ("1.5%", 4), ("100%", 299), ("0%", 0), ("0.33%", 0)],
)
def test_a_number_or_a_share_rounded_down(words, count):
    """Of 299 files, 1% are 2.99 and 1.5% are 4.485."""
    assert allowed(words, 299) == count


@pytest.mark.parametrize("words", ["", "%", "-1", "1.5", "101%", "100.1%", "1e3", "1/3", "few", "1 %", "٣", "0.01"])
def test_refuses_what_is_neither(words):
    with pytest.raises(ValueError, match=f"a number of files such as 3, or a share .* Received: allow_bad='{words}'"):
        allowed(words, 100)


def test_shares_are_exact():
    assert (allowed("29%", 100), allowed("0.1%", 1000), allowed("7%", 100)) == (29, 1, 7)


def test_as_many_as_are_allowed_pass():
    check(PETS, [], 22, None)
    check(PETS, bad("cat/0", "dog/1"), 22, "2")
    check(PETS, bad("cat/0", "dog/1"), 22, "10%")
    with pytest.raises(ValueError, match=r"allow_bad=9% allows 1 of 22\.$"):
        check(PETS, bad("cat/0", "dog/1"), 22, "9%")


def test_one_is_told_in_a_line():
    with pytest.raises(ValueError) as caught:
        check(PETS, [("cat/\n", BadImage("cat/\n", "it is cut short", "decode"))], 22, None)
    assert str(caught.value) == (
        "Cannot decode cat/\\n: it is cut short. Repair or remove the file, "
        'or pass --allow-bad 1 (`allow_bad="1"`) to leave it out.'
    )


def test_several_are_told_with_the_counts_of_their_classes():
    with pytest.raises(ValueError) as caught:
        check(PETS, bad("dog/0", *(f"cat/{i}" for i in range(9))), 22, None)
    first, *files, last = str(caught.value).splitlines()
    assert first == "Cannot read 10 of 22 files in pets: 9 of class cat, 1 of class dog."
    assert files[:2] == ["  dog/0: it is no image", "  cat/0: it is no image"]
    assert (len(files), files[-1]) == (8, "  and 3 more")
    assert last == 'Repair or remove them, or pass --allow-bad 10 (`allow_bad="10"`) to leave them out.'


def test_what_was_set_aside_is_a_line():
    assert note([], 9) == []
    assert note([("a\x1b", "it is no image")] * 4, 9) == [
        "Set aside, for they are bad, 4 of 9 files: "
        "a\\x1b (it is no image), a\\x1b (it is no image), a\\x1b (it is no image) and 1 more."
    ]


def test_an_error_travels_between_processes():
    error = pickle.loads(pickle.dumps(BadImage("a", "it is\nno image", "decode")))
    assert (error.path, error.reason, error.verb) == ("a", "it is\\nno image", "decode")
    assert str(error) == "Cannot decode a: it is\\nno image. Repair or remove the file."
