"""The terminal report says what matters, within its width, and leaves names alone."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.cells import cell_len

from pytest_failcond.probes.direction import chosen
from pytest_failcond.probes.direction import words as direction_text
from pytest_failcond.report import contents, terminal, wording
from pytest_failcond.runs.compare import compare
from pytest_failcond.verdicts.gates import GateResult
from tests.runs import CLASSES, EVIL, changed, make_check, make_direction, make_gates, make_run

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def render(run, width=120, color=False, unicode=True, verbose=0):
    return terminal.render(run, width=width, color=color, unicode=unicode, verbose=verbose)


def line_with(text, *parts):
    found = [line for line in text.splitlines() if all(part in line for part in parts)]
    assert found, f"no line with {parts} in:\n{text}"
    return found[0]


def test_reasons_come_first_the_most_certain_before_others():
    lines = render(make_run(), width=160).splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["FAILED", "ERROR", "FAILED", "WARNED"]
    assert re.split("  +", lines[0]) == [
        "FAILED", "gaussian-noise", "corruption:gaussian_noise:3",
        "drop 0.0821 is over 0.0500, beyond sampling noise (bound 0.0764)",
    ]  # fmt: skip
    assert "within sampling noise" in lines[2]
    assert "column_blur" in lines[1]
    assert "ValueError" in lines[1]
    assert lines[4] == ""


def test_of_many_reasons_those_of_each_gate_that_are_worst_are_told():
    def failed(gate, number):
        return GateResult(gate, "accuracy", "fail", tuple(
            make_check(gate, "accuracy", f"corruption:{gate}:{i}", 0.1 * i, bound=0.1 * i + 0.01,
                       verdict="failed", certain=True, reason="too low")
            for i in range(number)
        ))  # fmt: skip

    run = make_run(gates=(failed("fog", 5), failed("snow", 4), failed("rain", 2)), cells=False)
    lines = render(run, width=120).splitlines()
    assert lines[-1] == "verdict: failed · 11 checks of 3 gates: 11 failed"
    told = [line.split()[2] for line in lines if line.startswith("FAILED")]
    assert {key: sum(key in name for name in told) for key in ("fog", "snow", "rain")} == {
        "fog": 3, "snow": 3, "rain": 2,
    }  # fmt: skip
    assert "corruption:fog:0" in told, "the farthest from its threshold"
    assert "corruption:fog:4" not in told
    assert line_with("\n".join(lines), "… and 3 more, -v shows them: fog 2, snow 1")
    every = render(run, width=120, verbose=1)
    assert sum(line.startswith("FAILED") for line in every.splitlines()) == 11
    assert "and 3 more" not in every
    assert "n 200" in every
    few = make_run(gates=(failed("fog", 4),), cells=False)
    assert sum(line.startswith("FAILED") for line in render(few).splitlines()) == 4


def test_a_failure_within_sampling_noise_is_explained_if_there_is_one():
    assert wording.WITHIN in " ".join(render(make_run(), width=160).split())

    def certainly(gate):
        return replace(gate, checks=tuple(replace(check, certain=True) for check in gate.checks))

    certain = make_run(gates=tuple(map(certainly, make_gates())))
    assert wording.WITHIN not in " ".join(render(certain, width=160).split())


def test_what_was_not_measured_and_is_not_gated_is_a_reason_too():
    text = render(make_run(gates=()))
    assert line_with(text, "ERROR", "corruption:column_blur:5", "raised ValueError")
    assert text.endswith("verdict: error · 1 key not measured\n")


def test_nothing_went_wrong_says_nothing_first():
    run = make_run(corner_cases=False, cells=False, gates=())
    assert render(run) == "Clean accuracy  0.9800  n 200\n\nverdict: nothing is gated\n"


def test_grid():
    text = render(make_run())
    head = line_with(text, "mean", "1", "5")
    clean, noise, blur = (
        line_with(text, name) for name in ("clean  ", "gaussian_noise  0", "column_blur  ")
    )
    assert clean.split() == ["clean", "0.9800", "✓"]
    cells = " ".join(noise.split())
    assert cells == "gaussian_noise 0.8600 0.9800 ✓ 0.9200 ✗ 0.8600 ✗ 0.8000 ✓ 0.7400 ✓"
    assert blur.split()[:2] == ["column_blur", "–"]
    assert blur.endswith("0.5000 ~   error ?")
    assert text.index(clean) < text.index(noise) < text.index(blur)
    assert head.index("5") == noise.index("0.7400") + 5 == blur.index("error") + 4
    assert "10 cells, 10 gated, 1 gate over their mean · n 200" in text


def test_what_is_readable_stands_beside_the_classifier_within_80_columns():
    run = make_run()
    for key in ("clean", *(f"corruption:gaussian_noise:{s}" for s in (1, 2, 3, 4, 5))):
        judged = replace(run.measurements[key], judge_correct=150, judge_total=200)
        run.records[key] = judged
    text = render(run, width=80)
    assert line_with(text, "mean", "readable", "1", "5")
    assert line_with(text, "gaussian_noise", "0.8600", "0.75", "0.9800 ✓", "0.7400 ✓")
    assert line_with(text, "column_blur", "0.9800 ✓").split()[1:3] == ["–", "–"]
    assert wording.READABLE in " ".join(text.split())


def test_a_row_that_rises_is_remarked_on():
    run = make_run()
    easy = run.measurements["corruption:gaussian_noise:1"]
    run.records["corruption:gaussian_noise:4"] = replace(easy, key="corruption:gaussian_noise:4")
    text = " ".join(render(run).split())
    assert "accuracy rises, beyond sampling noise: gaussian_noise from 3 to 4" in text
    assert "accuracy rises" not in render(make_run())


def test_ungated_cells_carry_no_sign():
    run = make_run(gates=())
    assert line_with(render(run), "gaussian_noise").split()[1:] == [
        "0.8600", "0.9800", "0.9200", "0.8600", "0.8000", "0.7400",
    ]  # fmt: skip
    assert "10 cells, 0 gated ·" in render(run)


def test_a_cell_that_nobody_asked_for_is_no_error():
    run = make_run(gates=())
    del run.records["corruption:gaussian_noise:2"]
    assert line_with(render(run), "gaussian_noise").split()[1:4] == ["–", "0.9800", "–"]


def test_directions():
    text = render(make_run(), verbose=1)
    row = line_with(text, "zero  ", "s322 b16.conv0[2] ↗")
    assert "2.0 σ ○" in row
    assert "3.5 σ" in row
    row = line_with(text, "s40 b16.conv0[2] ↘")
    assert all(part in row for part in ("> 8.0 σ ✓", "not judged", "0.45 at 8.0 σ"))
    row = line_with(text, "s7 b16.conv0[2] ↗")
    assert "> 2.5 σ ~" in row, "a break beyond the valid range is not claimed"
    assert line_with(text, "passed over", "s12 ↘ (0.5 σ)").startswith(f"class {CLASSES[2]}:")


def test_the_worst_directions_are_shown_unless_all_are_wanted():
    """Those that a gate fails, then those that hold least, then those that break most."""
    made = [
        make_direction(index, 1, index, 1, breaking_shift=shift, valid_range=4.0)
        for index, shift in enumerate([None, 6.0, 5.0, 4.0, 3.5, 3.0, 2.5, None, None])
    ]
    checks = [
        make_check("d", "broken_share", made[0].key, 0.45, verdict="marginal"),
        make_check("d", "broken_share", made[8].key, 0.45, verdict="failed"),
        *(make_check("d", "broken_share", d.key, 0.1) for d in made[1:8]),
    ]
    gates = (GateResult("d", "broken_share", "fail", tuple(checks)),)
    run = changed(make_run(gates=gates, cells=False), directions={d.key: d for d in made})
    assert chosen.shown_directions(run) == (
        [made[index] for index in (0, 3, 4, 5, 6, 8)],
        3,
    )
    text = " ".join(render(run).split())
    assert "The worst 6 of 9; -v shows all." in text
    assert "The worst" not in render(run, verbose=1)
    few = changed(run, directions={d.key: d for d in made[:7]})
    assert chosen.shown_directions(few) == (made[:7], 0), "one is not worth a word"


def test_what_changes_along_the_directions():
    text = render(make_run(), width=100)
    head = line_with(text, "class", "breaks at", "what changes")
    assert line_with(text, "zero  ", "s322").index("noise +4.1 σ") == head.index("what changes")
    assert "contrast" not in text
    assert line_with(text, "s7 b16").endswith("  all over 0.3 σ"), "0.4 σ does not stand out"
    assert "top left" not in text, "an attribute tells more"
    assert "; noise + breaks zero first" in " ".join(text.split())
    assert direction_text.ATTRIBUTES in " ".join(text.split())
    assert "noise +4.1 sd" in render(make_run(), unicode=False)
    lines = render(make_run(), verbose=1).splitlines()
    first = next(place for place, line in enumerate(lines) if line.endswith(" noise +4.1 σ"))
    assert [line.split("  ")[-1].strip() for line in lines[first + 1 : first + 3]] == [
        "contrast −0.6 σ",
        "at the top left 0.9 σ",
    ]


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ([0, 0, 0, 0, 0.7, 0.5, 0, 0, 0], "at the centre and right 0.6 σ"),
        ([0.3] * 9, "all over 0.3 σ"),
        ([0.04] * 9, "–"),
        (None, "–"),
    ],
)
def test_where_images_change_is_told_if_no_attribute_tells(regions, told):
    run = make_run()
    direction = make_direction(
        0, 1, 322, 1, breaking_shift=2.0, valid_range=3.5, changes={"slant": 0.4}, regions=regions
    )
    text = render(changed(run, directions={direction.key: direction}), width=100)
    assert line_with(text, "s322 b16").endswith(f"  {told}")
    unnamed = "an unnamed change" if told == "–" else f"a change {told.rpartition(' 0')[0]}"
    assert f"{unnamed} breaks zero first" in " ".join(text.split())
    assert (direction_text.PLACES in " ".join(text.split())) == (told != "–")


def test_a_run_without_attributes_says_nothing_of_them():
    run = make_run()
    for key, direction in run.directions.items():
        run.records[key] = replace(direction, attributes=[], where=None)
    text = render(run)
    assert "hat changes" not in text
    assert "breaks zero" not in text


def test_each_gate_has_a_line_what_fails_first_then_the_least_margin():
    text = render(make_run(), width=120)
    gates = text[text.index("\nGates") :].partition("\nOne check of each gate")[0]
    titles = [line for line in gates.splitlines() if line[:1] in "✗?!○~✓–" and line[1:2] == " "]
    assert [line.split()[:2] for line in titles] == [
        ["✗", "gaussian-noise"],
        ["?", "blur"],
        ["!", "mean_corruption_accuracy"],
        ["○", "shifts"],
        ["~", "drops"],
        ["✓", "clean_accuracy"],
        ["–", "regression"],
    ]
    assert re.split("  +", titles[0])[1:] == [
        "accuracy_drop ≤ 0.05", "gaussian_noise:3", "0.0821", "0.0764", "−5.6 ×",
    ]  # fmt: skip
    assert re.split("  +", titles[4])[2:] == ["column_blur:4", "0.1550", "0.1710", "0.3 ×"]
    assert line_with(gates, "mean_corruption_accuracy", "≥ 0.8 (warns only)")
    assert line_with(gates, "1 marginal, 8 passed")
    assert "gaussian_noise:5" not in gates
    assert "The worst" not in text
    assert " ".join(text.split()).count(wording.BOUNDS) == 1
    assert f"One check of each gate, the worst of {len(make_run().checks)} in all; -v" in text


def test_what_numbers_do_not_say_of_a_gate_is_said():
    text = " ".join(render(make_run(), width=200).split())
    assert (
        "1 waived, 1 marginal, 1 passed; expected to fail: known, see the roadmap; tested to 2.5 σ only"
        in text
    )
    assert "there is no baseline to compare with" in text
    assert "only within sampling noise" not in text, "its margin says so"


def test_every_check_has_its_line_on_request():
    text = render(make_run(), verbose=1)
    gates = text[text.index("\nGates") :]
    assert line_with(gates, "gaussian-noise", "accuracy_drop ≤ 0.05")
    row = line_with(gates, "corruption:gaussian_noise:3", "0.0821")
    assert row.split()[1:] == ["0.0821", "0.0764", "200", "−5.6", "×", "✗", "failed"]
    assert line_with(gates, "mean_corruption_accuracy ≥ 0.8 (warns only)")
    assert line_with(gates, "corruptions", "! warned")
    assert line_with(gates, "direction:1:40:-", EVIL, "> 8.0 σ", "✓ passed")
    assert line_with(gates, "tested to 2.5 σ only")
    assert line_with(gates, "holds, though only within sampling noise")
    assert line_with(gates, "expected to fail: known, see the roadmap")
    assert line_with(gates, "clean", "– not evaluated")
    assert "-v" not in gates
    drops = gates[gates.index("drops") :].splitlines()[1:]
    shown = [line.split()[0] for line in drops if line.startswith("  corruption")][:9]
    assert shown[0] == "corruption:column_blur:4"
    assert shown[1:4] == [f"corruption:column_blur:{s}" for s in (3, 2, 1)]
    assert shown[4:] == [f"corruption:gaussian_noise:{s}" for s in (5, 4, 3, 2, 1)]


def test_what_has_no_noise_has_no_margin():
    exact = make_check("a", "accuracy", "clean", 0.9, bound=0.9, threshold=0.5)
    assert wording.margin(exact) == "–"
    assert wording.margin(replace(exact, value=None)) == "–"
    assert wording.margin(replace(exact, bound=0.8)) == "4.0 ×"
    assert wording.margin(replace(exact, bound=0.95, threshold=1.0)) == "−2.0 ×"


def test_quietly_there_are_reasons_and_the_verdict():
    lines = render(make_run(), width=160, verbose=-1).splitlines()
    assert [line.partition(" ")[0] for line in lines] == [
        "FAILED", "ERROR", "FAILED", "WARNED", "", "verdict:",
    ]  # fmt: skip
    assert "Gates" not in lines
    assert (
        render(make_run(gates=(), cells=False), verbose=-1).splitlines()[-1].startswith("verdict")
    )


def test_closing_line_counts():
    assert render(make_run(), width=200).splitlines()[-1] == (
        "verdict: failed; 1 gate not evaluated: no baseline to compare with · 18 checks of 7 gates: "
        "2 failed, 1 error, 1 warned, 1 waived, 2 marginal"
    )
    passed = tuple(gate for gate in make_gates() if gate.id in ("clean-accuracy", "drops"))
    run = make_run(gates=passed, cells=False)
    assert render(run).splitlines()[-1] == "verdict: passed · 10 checks of 2 gates: 1 marginal"
    waived = tuple(
        gate for gate in make_gates() if gate.id in ("shifts", "mean-corruption-accuracy")
    )
    assert contents.run_status(make_run(gates=waived, cells=False)) == "passed"
    idle = tuple(gate for gate in make_gates() if gate.id == "regression")
    assert contents.run_status(make_run(gates=idle, cells=False)) == "not_evaluated"


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("color", [True, False])
def test_no_line_is_longer_than_the_width(width, unicode, color):
    text = render(make_run(), width=width, unicode=unicode, color=color, verbose=1)
    for line in ESCAPES.sub("", text).splitlines():
        assert cell_len(line) <= width, line


def test_numbers_survive_eighty_columns():
    text = render(make_run(), width=80)
    assert line_with(text, "gaussian_noise", "0.9800 ✓", "0.9200 ✗", "0.8600 ✗", "0.7400 ✓")
    assert line_with(text, "s322 b16.conv0[2] ↗", "2.0 σ ○", "0.00 → 0.80")
    assert line_with(text, "gaussian_noise:3", "0.0821", "0.0764", "−5.6 ×")


def test_a_narrow_terminal_has_fewer_columns_and_no_broken_number():
    run = make_run()
    for key in ("clean", *(f"corruption:gaussian_noise:{s}" for s in (1, 2, 3, 4, 5))):
        run.records[key] = replace(run.measurements[key], judge_correct=150, judge_total=200)
    text = render(run, width=56)
    assert line_with(text, "gaussian_noise ").split() == [
        "gaussian_noise", "0.86", "0.98", "✓", "0.92", "✗", "0.86", "✗", "0.80", "✓", "0.74", "✓",
    ]  # fmt: skip
    assert line_with(text, "column_blur ").endswith("0.50 ~  err ?")
    assert "readable" not in text
    assert "hat changes" not in text
    assert line_with(text, "s322 b16.conv0[2] ↗", "2.0 σ ○", "0.00 → 0.80")
    assert line_with(text, "gaussian_noise:3", "0.0821", "−5.6 ×").count("0.0") == 1


def test_colour_only_on_request():
    assert "\x1b" not in render(make_run())
    colored = render(make_run(), color=True)
    assert "\x1b[1;31mFAILED" in colored
    assert [x.rstrip() for x in ESCAPES.sub("", colored).splitlines()] == render(
        make_run()
    ).splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_ascii(width):
    run = make_run(classes=("zero", "süß", "数字"))
    text = render(run, width=width, unicode=False)
    assert text.isascii()
    assert "2.0 sd o" in text
    assert "s322 b16.conv0[2] ^" in text
    assert "0.9200 x" in text
    assert "?" not in text.replace("? error", "").replace("error ?", "").replace("\n? blur", "")


def test_names_are_never_markup_and_never_break_a_line():
    run = make_run(classes=("[red]x", "[/]", "a\nb\x1b[31mc"))
    text = render(run)
    assert "[red]x" in text
    assert "[/]" in text
    assert r"a\nb\x1b[31mc" in text
    assert "\x1b" not in text


def test_a_single_long_gate_of_idle_checks_is_short():
    keys = [f"corruption:gaussian_noise:{i}" for i in range(1, 6)] * 3
    checks = [
        make_check("r", "regression_drop", key, None, verdict="not_evaluated", n=0) for key in keys
    ]
    run = make_run(gates=(GateResult("r", "regression_drop", "fail", tuple(checks)),), cells=False)
    gates = render(run)[render(run).index("Gates") :]
    assert gates.count("regression_drop") == 1
    assert "gaussian_noise:2" not in gates


def test_needs_neither_pytest_nor_torch():
    code = (
        "import sys; from pytest_failcond.report import terminal, html, markdown; "
        "sys.exit(bool({'pytest', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_spread_over_seeds_is_told_by_corruption():
    run = make_run()
    key = "corruption:gaussian_noise:4"
    measured = run.measurements[key]
    spread = replace(measured, by_seed=(measured.correct - 3, measured.correct + 1))
    run = changed(
        run,
        settings=run.settings | {"seeds": 3},
        measurements=run.measurements | {key: spread},
    )
    text = " ".join(render(run).split())
    assert (
        "over 3 seeds, highest minus lowest accuracy, at most: gaussian_noise 0.0200 (severity 4)"
        in text
    )


def test_what_changed_since_the_baseline_is_shown_and_the_rest_counted():
    run = make_run()
    key = "corruption:gaussian_noise:3"
    measured = run.measurements[key]
    predicted = measured.labels.copy()
    then = changed(
        run, measurements=run.measurements | {key: replace(measured, predicted=predicted)}
    )
    run = replace(run, comparison=compare(then, run, "old.json", confidence=0.95))
    text = render(run)
    lost = measured.total - measured.correct
    assert line_with(text, key, f" {lost} ", f"{lost / 200:.4f}")
    section = text.partition("Since the baseline\n")[2].partition("\nGates\n")[0]
    assert section.startswith("old.json")
    assert key in section
    assert "more keys unchanged" in section
    assert f"{lost} predictions lost, 0 gained" in " ".join(section.split())


def test_a_check_of_one_class_names_it():
    check = make_check("each", "accuracy", "clean", 0.4, verdict="failed", class_index=0)
    gates = (GateResult("each", "accuracy", "fail", (check,)),)
    assert line_with(render(make_run(gates=gates)), "✗ each", "clean, class zero")


def test_marks_in_the_grid_are_about_accuracy():
    """A cell that the baseline had better may be accurate enough, and one that lost images better."""
    key = "corruption:gaussian_noise:2"
    lost = make_check("flips", "negative_flips", key, 0.2, verdict="failed")
    fine = make_check("accuracy", "accuracy", key, 0.92)
    gates = tuple(GateResult(c.gate, c.metric, "fail", (c,)) for c in (lost, fine))
    assert "0.9200 ✓" in line_with(render(make_run(gates=gates)), "gaussian_noise  ", "0.9200")
    assert "0.9200 ✗" not in render(make_run(gates=gates[:1]))


def test_a_direction_without_a_rank_is_explained_below_its_table_and_only_there():
    run = make_run()
    assert direction_text.UNRANKED not in render(run, width=300)
    first, *_ = run.directions.values()
    records = run.records | {first.key: replace(first, rank=None)}
    assert direction_text.UNRANKED in render(replace(run, records=records), width=300)
