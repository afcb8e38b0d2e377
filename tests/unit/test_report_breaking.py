"""Which changes break which classes first: on directions whose curves are given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_failcond.probes.direction import words as direction_text
from pytest_failcond.probes.direction.breaking import breaking_changes
from pytest_failcond.probes.direction.place import Where
from pytest_failcond.probes.direction.record import AttributeChange
from tests.runs import changed, make_direction, make_run


def direction(class_index, rank, broken, change="noise", size=2.0, valid_range=2.0):
    """A direction that has broken ``broken`` of 20 images at 0, 0.5, 1 σ, …"""
    sign = 1
    made = make_direction(
        class_index, rank, 10 * class_index + (rank or 0), sign, breaking_shift=None,
        valid_range=valid_range, steps=len(broken), changes={change: size, "holes": 0.6},
    )  # fmt: skip
    return replace(made, curve=replace(made.curve, broken=broken))


def run_of(*directions):
    return changed(make_run(classes=tuple("abcdef")), directions={d.key: d for d in directions})


def grouped(*directions):
    return [(c.name, c.sign, c.first, c.later) for c in breaking_changes(run_of(*directions))]


def test_a_direction_stands_for_its_largest_change_and_the_sign_of_it():
    assert grouped(
        direction(0, 1, [0, 2, 4, 6, 8]),
        direction(1, 1, [0, 2, 4, 6, 8], size=-2.0),
        direction(2, 1, [0, 2, 4, 6, 8]),
    ) == [("noise", 1, (0, 2), ()), ("noise", -1, (1,), ())]


def test_first_is_what_has_broken_most_where_all_are_valid():
    """The slant breaks more in the end, but only where the noise was no longer tested."""
    slant = direction(0, 1, [0, 0, 1, 9, 19], "slant")
    noise = direction(0, 2, [0, 1, 3, 3, 3], valid_range=1.0)
    assert grouped(slant, noise) == [("noise", 1, (0,), ()), ("slant", 1, (), (0,))]
    assert grouped(slant, replace(noise, valid_range=2.0)) == [
        ("slant", 1, (0,), ()),
        ("noise", 1, (), (0,)),
    ]


def test_of_two_alike_the_better_ranked_is_first():
    broken = [0, 2, 4, 6, 8]
    pair = [direction(0, 2, broken, "noise"), direction(0, 1, broken, "slant")]
    assert grouped(*pair)[0] == ("slant", 1, (0,), ())
    pair[1] = replace(pair[1], rank=None)
    assert grouped(*pair)[0] == ("noise", 1, (0,), ())


def test_images_broken_unmoved_do_not_count():
    assert grouped(direction(0, 1, [9, 9, 9, 9, 10])) == []
    assert grouped(direction(0, 1, [9, 9, 9, 9, 11])) == [("noise", 1, (0,), ())]


def test_breaks_beyond_what_was_tested_do_not_count():
    assert grouped(direction(0, 1, [0, 0, 1, 9, 9], valid_range=1.0)) == []


def test_a_class_that_a_change_breaks_first_is_not_named_again():
    broken = [0, 2, 4, 6, 8]
    assert grouped(direction(0, 1, broken), direction(0, 2, [0, 1, 2, 3, 4])) == [
        ("noise", 1, (0,), ())
    ]


def test_what_does_not_stand_out_has_no_name():
    unnamed = replace(
        direction(0, 1, [0, 2, 4, 6, 8]), attributes=[AttributeChange("noise", 0.7, -0.1, 1.5)]
    )
    assert grouped(unnamed) == [(None, 0, (0,), ())]
    assert direction_text.what_breaks(run_of(unnamed)) == "an unnamed change breaks a first"


def test_what_no_attribute_tells_is_grouped_by_place_after_the_attributes():
    def at(class_index, *regions):
        hardly = [AttributeChange("noise", 0.1, 0.0, 0.2)]
        where = Where("", 1.0, [1.0 if i in regions else 0.0 for i in range(9)])
        return replace(direction(class_index, 1, [0, 2, 4, 6, 8]), attributes=hardly, where=where)

    run = run_of(
        at(0, 4), at(1, 4), at(2, *range(9)), at(3), direction(4, 1, [0, 2, 4, 6, 8], "slant")
    )
    assert direction_text.what_breaks(run) == (
        "slant + breaks e first; a change at the centre breaks a and b first; "
        "a change all over breaks c first; an unnamed change breaks d first"
    )


def test_nothing_is_said_without_attributes():
    assert grouped(replace(direction(0, 1, [0, 9, 9, 9, 9]), attributes=[])) == []
    assert direction_text.what_breaks(run_of()) == ""


def test_in_words():
    broken, less = [0, 2, 4, 6, 8], [0, 1, 2, 3, 4]
    run = run_of(
        *(direction(c, 1, broken, "noise") for c in (0, 3, 5)),
        direction(1, 1, broken, "slant", -1.0),
        direction(0, 2, less, "slant", -1.0),
        direction(1, 2, less, "noise"),
        direction(2, 1, less, "size"),
    )
    assert direction_text.what_breaks(run) == (
        "noise + breaks a, d and f first, b later; slant − breaks b first, a later; "
        "size + breaks c first"
    )


def test_many_classes_are_counted():
    run = replace(
        run_of(*(direction(c, 1, [0, 2, 4, 6, 8]) for c in range(40))),
        classes=tuple(f"k{i}" for i in range(40)),
    )
    said = direction_text.what_breaks(run)
    assert said.endswith("k9, k10 and 29 more first")


@pytest.mark.parametrize(
    ("change", "low", "high", "stands_out"),
    [(0.5, 0.4, 0.6, True), (-0.5, -0.9, -0.1, True), (0.49, 0.4, 0.6, False),
     (2.0, -0.1, 4.1, False), (-2.0, -4.0, 0.0, False)],
)  # fmt: skip
def test_a_change_stands_out_if_it_is_large_and_certain(change, low, high, stands_out):
    assert AttributeChange("noise", change, low, high).stands_out is stands_out
