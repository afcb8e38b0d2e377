"""The configuration: ``[tool.failcond]`` as one frozen, validated `Settings`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from pytest_failcond import ranges
from pytest_failcond.config.combination_settings import CombinationSettings
from pytest_failcond.config.configuration import table_name
from pytest_failcond.config.fitness_settings import FitnessSettings
from pytest_failcond.config.gate_rules import check_gate
from pytest_failcond.config.gate_settings import (
    GateSettings,
    Table,
    once,
    short_name,
    valid_severities,
    with_ids,
)
from pytest_failcond.config.generator_settings import GeneratorImages, divided
from pytest_failcond.corruptions.constants import check_specification
from pytest_failcond.corruptions.names import NAMES, SEVERITIES, check_name
from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.probes.metric import STEP
from pytest_failcond.storage.reading import sentence_of

_NAME = re.compile(r"[A-Za-z0-9_.]+")
_FARTHEST = 100.0  # σ, the longest walk
_SUREST = 0.999999  # confidence; closer to 1, each check's share of the error is lost in rounding


class CorruptionSettings(Table):
    """``[tool.failcond.corruptions]``: the grid of names and severities."""

    names: tuple[str, ...] = ()
    severities: tuple[int, ...] = SEVERITIES
    constants: str = "imagenet-c"
    backend: str = "native"
    reference: str | None = None
    custom: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)

    _valid_severities = field_validator("severities")(valid_severities)
    _named_once = field_validator("names")(once)

    @field_validator("custom", mode="before")
    @classmethod
    def _compositions(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}

    @model_validator(mode="after")
    def _specified(self) -> CorruptionSettings:
        try:
            check_specification(self.constants, self.backend)
        except FailcondError as error:
            raise ValueError(str(error)) from error
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> CorruptionSettings:
        custom = tuple(self.custom)
        for name, parts in self.custom.items():
            short_name(name)
            if not _NAME.fullmatch(name) or name in NAMES:
                raise ValueError(
                    f"custom corruption {name!r}: use letters, digits, '_' and '.', and no name "
                    f"of a built-in corruption"
                )
            simple = tuple(c for c, v in self.custom.items() if isinstance(v, str))
            for part in parts if isinstance(parts, tuple) else ():
                _check_corruption(part, simple, f"custom.{name}")
        for name in self.names:
            _check_corruption(name, custom, "names")
        if not self.severities:
            raise ValueError("severities: give at least one of 1 to 5")
        if not self.names and "names" in self.model_fields_set:
            raise ValueError("names: selects nothing; leave it out for all")
        if not self.names:
            object.__setattr__(self, "names", (*NAMES, *custom))
        return self


def _check_corruption(name: str, custom: tuple[str, ...], key: str) -> None:
    try:
        check_name(name, custom)
    except FailcondError as error:
        raise ValueError(f"{key}: {error}") from error


class CornerCaseSettings(Table):
    """``[tool.failcond.corner_cases]``: how many directions, from how many images, how far."""

    top: Annotated[int, AfterValidator(ranges.TOP.check)] = 3
    samples: Annotated[int, AfterValidator(ranges.SAMPLES.check)] = 128
    max_shift: float = 8.0
    truncation: float = 1.0
    ranking: Literal["gradient", "effect"] | None = None

    @field_validator("truncation")
    @classmethod
    def _a_truncation(cls, value: float) -> float:
        if not 0 < value <= 1:
            raise ValueError(f"{value:g}: give a number over 0 and at most 1, like 0.7")
        return value

    @field_validator("max_shift")
    @classmethod
    def _on_the_grid(cls, value: float) -> float:
        if not 0 < value <= _FARTHEST or value % STEP:
            raise ValueError(
                f"{value:g}: give a multiple of the walk's step, {STEP} σ, over 0 and at most "
                f"{_FARTHEST:g} σ; beyond about 8 σ few images still show their class"
            )
        return value


class AcceptanceSettings(Table):
    """``[tool.failcond.acceptance]``: what counts as still showing its class."""

    least_p: float = ranges.LEAST_P

    @field_validator("least_p")
    @classmethod
    def _a_probability(cls, value: float) -> float:
        if not 0 < value < 1:
            raise ValueError(f"{value:g}: give a probability over 0 and under 1, like 0.8")
        return value


class Settings(Table):
    """``[tool.failcond]``; docs/configuration.md explains every key."""

    classifier: str | None = None
    head: str | Annotated[int, AfterValidator(ranges.HEAD.check)] | None = None
    outputs: Literal["logits", "probabilities"] | None = None
    images: str | None = None
    generator: str | None = None
    generator_images: GeneratorImages = GeneratorImages()
    judge: str | None = None
    judges: tuple[str, ...] | None = None
    guides: str | None = None
    classes: tuple[str, ...] | None = None
    seed: Annotated[int, AfterValidator(ranges.SEED.check)] = 0
    max_images: Annotated[int, AfterValidator(ranges.MAX_IMAGES.check)] | None = None
    batch_size: Annotated[int, AfterValidator(ranges.BATCH_SIZE.check)] = 256
    confidence: float = 0.95
    device: str = "cpu"
    threads: Annotated[int, AfterValidator(ranges.THREADS.check)] | None = None
    seeds: Annotated[int, AfterValidator(ranges.SEEDS.check)] = 1
    baseline: str | None = None
    corpus: str | None = None
    review: str | None = None
    probes: tuple[str, ...] = ()
    corruptions: CorruptionSettings | None = None
    corner_cases: CornerCaseSettings = CornerCaseSettings()
    combinations: CombinationSettings | None = None
    acceptance: AcceptanceSettings = AcceptanceSettings()
    fitness: FitnessSettings = FitnessSettings()
    gates: tuple[GateSettings, ...] = ()
    folder: Path = Field(Path(), exclude=True)
    prefixed: bool = Field(True, exclude=True)
    given: dict[str, str] = Field({}, exclude=True)

    @field_validator("confidence")
    @classmethod
    def _sure(cls, value: float) -> float:
        if not 0.5 < value <= _SUREST:
            raise ValueError(f"{value:g}: give a number over 0.5 and at most {_SUREST}, like 0.95")
        return value

    @field_validator("classes")
    @classmethod
    def _some_classes(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value == ():
            raise ValueError(
                "is empty; name the classes in the order of the logits, or leave it out"
            )
        return once(value)

    @field_validator("judge", mode="before")
    @classmethod
    def _one_judge(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            raise ValueError("expected one name, got a list; name several by judges = [...]")
        return value

    @field_validator("judges")
    @classmethod
    def _some_judges(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value == ():
            raise ValueError("is empty; name one judge or more, or leave it out")
        return once(value)

    @model_validator(mode="after")
    def _one_key_for_judges(self) -> Settings:
        if self.judge is not None and self.judges is not None:
            raise ValueError("judge and judges both name judges; put all into judges = [...]")
        return self

    @model_validator(mode="after")
    def _searched_classes_exist(self) -> Settings:
        if self.combinations and self.classes and (why := self.combinations.unknown(self.classes)):
            raise ValueError(why)
        return self

    @model_validator(mode="after")
    def _gates_tell_something(self) -> Settings:
        object.__setattr__(self, "gates", with_ids(self.gates))
        for gate in self.gates:
            check_gate(gate, self)
        return self

    def gate(self, gate_id: str) -> GateSettings:
        """Return the gate with this id.

        Raises:
            FailcondError: there is none.
        """
        for gate in self.gates:
            if gate.id == gate_id:
                return gate
        raise FailcondError(
            f"there is no gate {gate_id!r}{nearest(gate_id, [g.id for g in self.gates])}"
        )

    @property
    def named_judges(self) -> tuple[tuple[str, str], ...]:
        """The judges that are configured: of each, the key that names it, and ``module:callable`` or a file."""
        if self.judge is not None:
            return (("judge", self.judge),)
        return tuple(("judges", name) for name in self.judges or ())

    def judges_file(self, name: str) -> Path | None:
        """Return the file of packed judges that a judge's name is; None: it is ``module:callable``."""
        return self.path(name) if name.endswith(".safetensors") else None

    @property
    def images_place(self) -> Path | None:
        """The folder or CSV file that ``images`` names, if it does not name a callable."""
        if self.images is None:
            return None
        place = self.path(self.images)
        return None if ":" in self.images and not place.exists() else place

    @property
    def reference_path(self) -> Path | None:
        """The run that mCE and relative mCE are relative to, if one is configured."""
        grid = self.corruptions
        return None if grid is None or grid.reference is None else self.path(grid.reference)

    def table(self, name: str = "") -> str:
        """Name a table as the configuration's file has it; see `table_name`."""
        return table_name(name, prefixed=self.prefixed)

    def path(self, text: str) -> Path:
        """Resolve a path of the configuration against the configuration's folder."""
        return self.folder / text


def load_settings(
    path: Path,
    table: dict[str, Any],
    given: Mapping[str, str] | None = None,
    *,
    prefixed: bool = True,
    **overrides: Any,
) -> Settings:
    """Validate a table; ``overrides`` (from the command line) win over it; ``given``: see `words.commands`;
    ``prefixed``: see `Configuration`.

    Raises:
        FailcondError: one sentence that names the file, the key and the remedy.
    """
    table = {k.replace("-", "_"): v for k, v in table.items()}
    known = set(Settings.model_fields) - {"folder", "given", "prefixed", "generator_images"}
    for key in table:
        if key not in known:
            raise FailcondError(f"{path}: unknown key {key!r}{nearest(key, known)}")
    table = divided(table) | {k: v for k, v in overrides.items() if v is not None}
    if "generator_images" in table and table["generator"] is None:
        raise FailcondError(f"{path}: generator.file is missing: name the generator's file there")
    try:
        return Settings(**table, folder=path.parent, prefixed=prefixed, given=dict(given or {}))
    except ValidationError as error:
        said = sentence_of(error, table).replace("generator_images", "generator")
        raise FailcondError(f"{path}: {said}") from error
