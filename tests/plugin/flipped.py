"""A probe of a project's own: accuracy on the test images, flipped left to right."""

from pytest_failcond.probes import Key, Metric, Planned, Probe, Section, Table
from pytest_failcond.probes.metric import share_kept

FLIPPED = Key("flipped")


def tests(planning):
    """One test."""
    yield Planned.of_key(FLIPPED, test_id="left-right")


def measure(key, bench):
    """Classify the flipped images."""
    yield key, bench.laboratory.classify(key, lambda pixels, indices: pixels[:, :, ::-1])


def read(key, data, labels):
    """Read the predictions."""
    from pytest_failcond.records.measurements import Measurement

    return Measurement.from_json(key, data, labels)


def sections(run):
    """A line of accuracy beside that on the images as they are."""
    if (found := run.records.get(FLIPPED)) is not None:
        rows = [["left to right", f"{found.accuracy:.4f}", str(found.total)]]
        yield Section("Flipped images", [Table(["images", "accuracy", "n"], rows)], rank=15)


PROBE = Probe(
    name="flipped",
    tests=tests,
    measure=measure,
    read=read,
    sections=sections,
    keys=lambda gate, settings, class_names: [FLIPPED],
    over_images=True,
    metrics=(
        Metric(
            name="flipped_accuracy",
            noun="accuracy on flipped images",
            good="min",
            reach=share_kept,
            value="pytest_failcond.verdicts.metrics:accuracy",
            trial="pytest_failcond.verdicts.trials:accuracy",
        ),
    ),
)
