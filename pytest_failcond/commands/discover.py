"""Keep corner cases of the classifier as a corpus of images, which the tests replay.

Along each ranked direction, images that break within the valid range are moved 0.5 σ past their
break, and so are those that the configured searches for combinations find, one of each look first. If
the classifier is then wrong and the judges accept the image, it becomes a PNG file, with an entry in
the manifest. Classes that the generator does not show are left out. Look through the images, and
commit them with the manifest. Existing entries do not change.

An entry is open (the classifier is known to be wrong) or fixed (it must be right). --fixed and
--open change that; --remove takes out an image that does not show its class, for good. These three
do not search. Run the command in the folder in which you run the tests.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_failcond.commands.arguments import chosen, count
from pytest_failcond.commands.arguments import names as read_names
from pytest_failcond.errors import NO_GENERATOR, FailcondError, NotEvaluated
from pytest_failcond.words.judged import NO_JUDGE
from pytest_failcond.words.printing import say

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.laboratory.measure import Laboratory
    from pytest_failcond.probes.corpus.folder import Corpus
    from pytest_failcond.probes.corpus.manifest import Entry, Status
    from pytest_failcond.records.found import FoundCase, Wanted

_DEFAULT = "corpus"
_THERE = "in the corpus already"
_REMOVED = "removed from the corpus before"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond discover``."""
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"the corpus (default: the configured one, else {_DEFAULT}/ beside the configuration)",
    )
    parser.add_argument(
        "--per-direction",
        type=count,
        default=1,
        metavar="N",
        help="images kept along each direction, those nearest to the median break first (default: "
        "1)",
    )
    parser.add_argument(
        "--per-search",
        type=count,
        default=3,
        metavar="N",
        help="images kept of each search for combinations, one of each look first (default: 3)",
    )
    parser.add_argument(
        "--classes",
        type=read_names,
        metavar="A,B",
        help="by name (default: all of the generator's)",
    )
    mark = parser.add_mutually_exclusive_group()
    mark.add_argument(
        "--fixed",
        nargs="+",
        metavar="ID",
        help="mark these entries: they must be right from now on",
    )
    mark.add_argument(
        "--open", nargs="+", metavar="ID", help="mark these entries: they are known to be wrong"
    )
    mark.add_argument(
        "--remove", nargs="+", metavar="ID", help="take these entries out; they do not come back"
    )
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: found here)")
    parser.add_argument(
        "--classifier", metavar="MODULE:CALLABLE", help="instead of the configured one"
    )


def run(options: argparse.Namespace) -> int:
    """Add new corner cases to the corpus, or mark entries."""
    from pytest_failcond.config.inputs import inputs_of
    from pytest_failcond.laboratory.configured import find_settings
    from pytest_failcond.probes.corpus.folder import MANIFEST, Corpus
    from pytest_failcond.records.found import Wanted
    from pytest_failcond.storage.outputs import Place, check_outputs

    settings = find_settings(options.config, classifier=options.classifier)
    folder = options.out or settings.path(settings.corpus or _DEFAULT)
    others = inputs_of(
        settings.model_copy(update={"corpus": None}), options.config
    )  # it is the output
    check_outputs([Place("the corpus", folder / MANIFEST)], others)
    if options.classes and (idle := options.fixed or options.open or options.remove):
        raise FailcondError(
            f"--classes: marking or removing {idle[0]} does not search; leave --classes out"
        )
    if options.fixed:
        return _mark(Corpus.read(folder), options.fixed, "fixed")
    if options.open:
        return _mark(Corpus.read(folder), options.open, "open")
    if options.remove:
        return _remove(Corpus.read(folder), options.remove)
    wanted = Wanted(options.per_direction, options.per_search)
    _extend(Corpus.read_if_any(folder) or Corpus(folder), settings, wanted, options.classes)
    if settings.corpus is None:
        named = os.path.relpath(folder, settings.folder)
        say(f'set corpus = "{Path(named).as_posix()}" in {settings.table()}: the tests replay it')
    return 0


def _mark(corpus: Corpus, ids: Sequence[str], status: Status) -> int:
    corpus.marked(ids, status).save({})
    say(f"{len(set(ids))} marked as {status} in {corpus.folder}")
    return 0


def _remove(corpus: Corpus, ids: Sequence[str]) -> int:
    corpus.without(ids).save({})
    for entry_id in set(ids):
        corpus.file(entry_id).unlink(missing_ok=True)
    say(f"{len(set(ids))} removed from {corpus.folder}")
    return 0


def _extend(
    corpus: Corpus, settings: Settings, wanted: Wanted, classes: Sequence[str] | None
) -> None:
    """Search classes, all if none are named, and write the new corner cases."""
    from dataclasses import replace

    from pytest_failcond.commands.progress import step_by_step
    from pytest_failcond.laboratory.configured import open_laboratory
    from pytest_failcond.measuring.alone import Alone
    from pytest_failcond.subjects.images import png

    laboratory = open_laboratory(settings)
    generator = laboratory.generator
    if generator is None:
        raise FailcondError(NO_GENERATOR)
    if not laboratory.acceptance.judged:
        say(NO_JUDGE)
    names, bench = settings.classes or generator.classes, Alone(laboratory)
    indices = chosen(classes, names)
    before = len(corpus.entries)
    dropped: Counter[str] = Counter()
    images: dict[str, bytes] = {}
    known = {entry.case for entry in corpus.entries}
    not_fit: list[str] = []
    title = f"searching {len(indices)} of {len(names)} classes"
    for index in step_by_step(indices, title, lambda index: f"class {names[index]!r}"):
        try:
            found = bench.discover(index, wanted)
        except NotEvaluated as error:
            not_fit.append(str(error))
            continue
        dropped.update(found.dropped)
        for case in found.cases:
            content = png(case.pixels)
            entry = _entry(case, content, corpus, laboratory, names)
            if entry.case in known or entry.case in corpus.removed:
                dropped[_THERE if entry.case in known else _REMOVED] += 1
                continue
            corpus = replace(corpus, entries=(*corpus.entries, entry))
            images[entry.id] = content
    if len(not_fit) == len(indices):
        raise FailcondError(f"no class is searched: {not_fit[0]}")
    for why in not_fit:
        say(f"a class left out: {why}")
    for reason, number in sorted(dropped.items()):
        say(f"{number} left out: {reason}")
    if images:
        corpus.save(images)
        say(f"added {len(images)} to {corpus.folder}, {before} were there: look through them")
    else:
        say("found nothing new")


def _entry(
    case: FoundCase, content: bytes, corpus: Corpus, laboratory: Laboratory, names: tuple[str, ...]
) -> Entry:
    from pytest_failcond.probes.corpus.folder import hash_png
    from pytest_failcond.probes.corpus.manifest import Entry
    from pytest_failcond.words.judged import judged_name
    from pytest_failcond.words.test_ids import class_id

    generator, moved = laboratory.generator, case.moved
    assert generator is not None
    (first, *_) = moved.directions
    along: dict[str, Any] = {"search": case.search, "moves": moved.moves}
    if case.search is None:
        along = {"direction": str(first), "dimension": generator.style_space.name(first.dimension)}
    return Entry(
        id=corpus.free_id(f"{class_id(names, moved.class_index)}-{case.name}-{moved.sample}"),
        status="open",
        class_name=names[moved.class_index],
        **along,
        sample=moved.sample,
        broke_at=case.broke_at,
        shift=round(moved.distance, 4),
        predicted=names[case.predicted],
        p=case.p,
        judged=None if case.judged is None else judged_name(names, case.judged),
        seed=laboratory.settings.seed,
        truncation=laboratory.settings.corner_cases.truncation,
        generator=generator.hash,
        classifier=laboratory.classifier.hash,
        judge=laboratory.acceptance.hash,
        png=hash_png(content),
    )
