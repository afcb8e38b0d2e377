"""The terminal report says what matters, within its width, and leaves names alone."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.cells import cell_len

from pytest_failcond.compare import compare
from pytest_failcond.gates import GateResult
from pytest_failcond.report import contents, terminal, wording
from tests.runs import CLASSES, EVIL, make_check, make_gates, make_run

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
        "drop 0.0821 is over 0.0500, beyond sampling noise (bound 0.0764, n 200)",
    ]  # fmt: skip
    assert "within sampling noise" in lines[2]
    assert "column_blur" in lines[1]
    assert "ValueError" in lines[1]
    assert lines[4] == ""


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
    assert "10 cells, 10 gated one by one, 1 gate over their mean · n 200" in text


def test_the_judge_stands_beside_the_classifier_within_80_columns():
    run = make_run()
    for key in ("clean", *(f"corruption:gaussian_noise:{s}" for s in (1, 2, 3, 4, 5))):
        judged = replace(run.measurements[key], judge_correct=150, judge_total=200)
        run.measurements[key] = judged
    text = render(run, width=80)
    assert line_with(text, "mean", "judge", "1", "5")
    assert line_with(text, "gaussian_noise", "0.8600", "0.75", "0.9800 ✓", "0.7400 ✓")
    assert line_with(text, "column_blur", "0.9800 ✓").split()[1:3] == ["–", "–"]
    assert wording.JUDGE in " ".join(text.split())


def test_a_row_that_rises_is_remarked_on():
    run = make_run()
    easy = run.measurements["corruption:gaussian_noise:1"]
    run.measurements["corruption:gaussian_noise:4"] = replace(
        easy, key="corruption:gaussian_noise:4"
    )
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
    del run.measurements["corruption:gaussian_noise:2"]
    assert line_with(render(run), "gaussian_noise").split()[1:4] == ["–", "0.9800", "–"]


def test_directions():
    text = render(make_run())
    assert line_with(text, "zero  ").split("  ")[-1].strip() == "0.97"
    row = line_with(text, "zero  ", "s322 b16.conv0[2] ↗")
    assert "2.0 σ ○" in row
    assert "3.5 σ" in row
    row = line_with(text, "s40 b16.conv0[2] ↘")
    assert all(part in row for part in ("> 8.0 σ ✓", "not judged", "0.45 at 8.0 σ"))
    row = line_with(text, "s7 b16.conv0[2] ↗")
    assert "> 2.5 σ ~" in row, "a break beyond the valid range is not claimed"
    assert line_with(text, "passed over", "s12 ↘ (0.5 σ)").startswith(f"class {CLASSES[2]}:")


def test_what_changes_along_the_directions():
    text = render(make_run(), width=80)
    part = text[text.index("What changes along them") : text.index("\nGates")]
    assert line_with(part, "zero").endswith("  1  noise +4.1 σ, contrast −0.6 σ")
    assert line_with(part, CLASSES[2]).endswith("2  –"), "0.4 σ does not stand out"
    assert "; noise + breaks zero first" in " ".join(part.split())
    assert wording.ATTRIBUTES in " ".join(part.split())
    assert "noise +4.1 sd, contrast -0.6 sd" in render(make_run(), unicode=False)


def test_a_run_without_attributes_says_nothing_of_them():
    run = make_run()
    for key, direction in run.directions.items():
        run.directions[key] = replace(direction, attributes=[])
    text = render(run)
    assert "What changes" not in text
    assert "breaks zero" not in text


def test_gates_show_their_checks():
    text = render(make_run())
    gates = text[text.index("\nGates") :]
    assert line_with(gates, "gaussian-noise", "accuracy_drop ≤ 0.05")
    assert line_with(gates, "corruption:gaussian_noise:3", "0.0821", "0.0764", "200", "✗ failed")
    assert line_with(gates, "mean-corruption-accuracy", "≥ 0.8 (warns only)")
    assert line_with(gates, "corruptions", "! warned")
    assert line_with(gates, "direction:1:40:-", EVIL, "> 8.0 σ", "✓ passed")
    assert line_with(gates, "tested to 2.5 σ only")
    assert line_with(gates, "expected to fail: known, see the roadmap")
    assert line_with(gates, "clean", "– not evaluated")
    assert gates.count(wording.BOUNDS) == 1


def test_many_checks_share_a_line_unless_verbose():
    text = render(make_run())
    assert line_with(text, "8 passed, closest corruption:column_blur:3", "0.0700", "0.0820")
    assert line_with(text, "corruption:column_blur:4", "0.1550", "0.1710", "~ marginal")
    gates = text.partition("\nGates\n")[2].partition("\nMargins of what passed")[0]
    assert "corruption:gaussian_noise:5  " not in gates
    assert line_with(render(make_run(), verbose=1), "corruption:gaussian_noise:5", "0.0400")


def test_closing_line_counts():
    assert render(make_run()).splitlines()[-1] == (
        "verdict: failed (2 failed, 1 error, 1 warned, 1 waived, 2 marginal, 1 not evaluated) "
        "· 18 checks of 7 gates"
    )
    passed = tuple(gate for gate in make_gates() if gate.id in ("clean-accuracy", "drops"))
    run = make_run(gates=passed, cells=False)
    assert render(run).splitlines()[-1] == "verdict: passed (1 marginal) · 10 checks of 2 gates"
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
    assert line_with(text, "s322 b16.conv0[2] ↗", "2.0 σ ○", "0.97")


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
    assert "?" not in text.replace("? error", "").replace("error ?", "")


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
    assert line_with(render(run), "15 not evaluated")


def test_needs_neither_pytest_nor_torch():
    code = (
        "import sys; from pytest_failcond.report import terminal, html, markdown; "
        "sys.exit(bool({'pytest', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_margins_of_what_passed_are_shown_smallest_first():
    text = render(make_run()).partition("Margins of what passed, fewest widths of noise first\n")[2]
    shown = [line.split()[1] for line in text.splitlines()[2:7]]
    # Drops of 0, 0.01, ... under 0.16, each with 0.012 of noise: the largest is the closest.
    assert shown == [
        "clean",  # 0.98 over 0.95, with 0.025 of noise
        "corruption:column_blur:3",
        "corruption:column_blur:2",
        "corruption:column_blur:1",
        "corruption:gaussian_noise:5",
    ]
    assert line_with(text, "drops  corruption:column_blur:3", "0.0700", "0.0900", "7.5 ×")


def test_the_spread_over_seeds_is_told_by_corruption():
    run = make_run()
    key = "corruption:gaussian_noise:4"
    measured = run.measurements[key]
    spread = replace(measured, by_seed=(measured.correct - 3, measured.correct + 1))
    run = replace(
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
    then = replace(
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
    assert line_with(render(make_run(gates=gates)), "clean, class zero", "failed")
