"""Words of counted things."""

from __future__ import annotations

import pytest

from pytest_failcond.words.printing import count


@pytest.mark.parametrize(
    ("noun", "several"),
    [
        ("image", "images"),
        ("class", "classes"),
        ("corner case", "corner cases"),
        ("test image", "test images"),
        ("branch", "branches"),
    ],
)
def test_one_thing_is_singular_and_all_other_numbers_are_plural(noun, several):
    assert count(1, noun) == f"1 {noun}"
    assert [count(number, noun) for number in (0, 2, 1000)] == [
        f"{number} {several}" for number in (0, 2, 1000)
    ]
