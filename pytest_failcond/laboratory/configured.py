"""The subjects that a configuration names, loaded: for the fixtures, and for commands outside pytest."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_failcond.config.class_names import class_names
from pytest_failcond.config.configuration import Finder, absence, read_configuration
from pytest_failcond.config.own_probes import add_configured
from pytest_failcond.config.pythonpath import use_pythonpath
from pytest_failcond.config.settings import Settings, load_settings
from pytest_failcond.errors import NO_GENERATOR, FailcondError
from pytest_failcond.generators.base import Generator, as_generator
from pytest_failcond.laboratory.guiding import guides_for, packed_judges
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.subjects.acceptance import Acceptance, judge_name
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import LabeledImages
from pytest_failcond.subjects.loading import call
from pytest_failcond.subjects.modules import check_device
from pytest_failcond.subjects.sources import labeled_images
from pytest_failcond.words.commands import given_in

if TYPE_CHECKING:
    pass


def load_configured(settings: Settings, key: str) -> Any:
    """Call the function that a ``module:callable`` setting names; None if it is not set.

    Raises:
        FailcondError: it cannot be imported, raises, or returns None.
    """
    reference = getattr(settings, key)
    return None if reference is None else _called(settings, key, reference)


def load_judges(settings: Settings) -> Any:
    """Load the configured judges: one, a list of several, or None.

    From a file of packed judges, the acceptors.

    Raises:
        FailcondError: as `load_configured`, or a file of judges cannot be read.
    """
    found: list[Any] = []
    for key, name in settings.named_judges:
        file = settings.judges_file(name)
        some = packed_judges(file, settings).acceptors if file else _called(settings, key, name)
        found += some if isinstance(some, list | tuple) else [some]
    return (found or [None])[0] if len(found) < 2 else found


def load_guides(settings: Settings, acceptance: Acceptance) -> list[Classifier]:
    """Load the judges that a search may use.

    Raises:
        FailcondError: as `guiding.guides_for`.
    """
    return [wrapped(model, "guide", settings) for model in guides_for(settings, acceptance)]


def _called(settings: Settings, key: str, reference: str) -> Any:
    found = call(reference, key, folder=settings.folder)
    if found is None:  # None would look like a missing setting
        what = "a judge" if key == "judges" else f"the {key}"
        raise FailcondError(f"{key} = {reference!r} returned None; it must return {what}")
    return found


def load_generator(settings: Settings, acceptance: Acceptance) -> Generator:
    """Load the configured generator, suited to the configured test images and the judges.

    Raises:
        FailcondError: there is none, a file cannot be read, or the images cannot be loaded.
    """
    from pytest_failcond.generators.stylegan2.generator import Generator as StyleGAN2

    if settings.generator is None:
        raise FailcondError(NO_GENERATOR)
    generator = StyleGAN2.load(settings.path(settings.generator), settings.device)
    images = load_images(settings, settings.classes or generator.classes)
    return suited(generator, images, acceptance, settings)


def load_images(settings: Settings, names: tuple[str, ...] | None) -> LabeledImages | None:
    """Load the configured test images, whose classes may be folders of these names; None if there are none.

    Raises:
        FailcondError: they cannot be loaded.
    """
    images = settings.images_place or load_configured(settings, "images")
    return None if images is None else labeled_images(images, names)


def build_laboratory(
    settings: Settings, classifier: Any, images: Any, generator: Any, judge: Any
) -> Laboratory:
    """Make a laboratory from the subjects of configuration or fixtures; models may also be
    `Classifier`.

    ``judge`` is one judge, a list of several, an `Acceptance`, or None.

    Raises:
        FailcondError: a subject is wrong, or two do not fit together.
    """
    if settings.threads is not None:
        import torch

        torch.set_num_threads(settings.threads)

    generator = None if generator is None else as_generator(generator)
    # If only the images' files give the names, they are read from their place, which the settings may
    # lack.
    names = settings.classes or (None if generator is None else generator.classes)
    shown = None if images is None else labeled_images(images, names)
    acceptance = acceptance_by(judge, settings)
    if generator is not None:
        generator = suited(generator, shown, acceptance, settings)
    model = wrapped(classifier, "classifier", settings)
    guides = partial(load_guides, settings, acceptance)
    return Laboratory(settings, model, shown, generator, acceptance, guides)


def suited(
    generator: Generator, images: LabeledImages | None, acceptance: Acceptance, settings: Settings
) -> Generator:
    """Return a generator whose images are like the test images, and have classes.

    Raises:
        FailcondError: it cannot be done as it is configured.
    """
    from pytest_failcond.generators.by_rejection import ByRejection
    from pytest_failcond.generators.fitted import Fitted, fit_for

    chosen = settings.generator_images.model_dump()
    fit = fit_for(generator.image_shape, None if images is None else images.shape, **chosen)
    if fit.words:
        generator = Fitted(generator, fit)
    if generator.classes:
        return generator
    names = class_names(settings, None)
    if names is None and images is not None:
        names = tuple(str(number) for number in range(int(images.labels.max()) + 1))
    if names is None:
        raise FailcondError("generator: it has no classes; name them: classes = [...]")
    return ByRejection(generator, acceptance, names)


def wrapped(model: Any, name: str, settings: Settings) -> Classifier:
    """Return a model as a `Classifier`; ``name`` is its name in messages."""
    if isinstance(model, Classifier):
        return model
    chosen = "batch_size" in settings.model_fields_set  # the default follows the size of the images
    size, device = settings.batch_size if chosen else None, settings.device
    head, outputs = (settings.head, settings.outputs) if name == "classifier" else (None, None)
    return Classifier(model, batch_size=size, device=device, name=name, head=head, outputs=outputs)


def acceptance_by(judge: Any, settings: Settings) -> Acceptance:
    """Make an `Acceptance` from one judge, a list of several, an `Acceptance`, or None."""
    least_p = settings.acceptance.least_p
    if judge is None or isinstance(judge, Acceptance):
        return Acceptance.of(judge, least_p)
    given = judge if isinstance(judge, list | tuple) else [judge]
    judges = [
        wrapped(one, judge_name(i, len(given)), settings) for i, one in enumerate(given, start=1)
    ]
    return Acceptance.of(judges, least_p)


def find_settings(config: str | None, **overrides: Any) -> Settings:
    """Read the configuration nearest to the current folder, as pytest would there.

    Modules are looked for in pytest's ``pythonpath`` from then on.

    Args:
        config: a file, as for ``--failcond-config``; None: found from here upward.
        overrides: settings that win over the file's, unless None.

    Raises:
        FailcondError: there is none, or it is not valid.
    """
    here = Path.cwd()
    if config is not None:
        found = read_configuration(here / config, "--config")
    elif (nearest := Finder().nearest(here)) is not None:
        found = nearest
    else:
        raise FailcondError(f"{absence((here,))}, --config=FILE names a file")
    for folder in (here, found.path.parent):
        use_pythonpath(folder)
    add_configured(found.path, found.table)
    given = given_in(overrides | {"config": config})
    return load_settings(found.path, found.table, given, prefixed=found.prefixed, **overrides)


def open_laboratory(settings: Settings) -> Laboratory:
    """Load all configured subjects.

    Raises:
        FailcondError: a subject is missing, cannot be loaded, or does not fit the others.
    """
    classifier = load_configured(settings, "classifier")
    if classifier is None:
        raise FailcondError(
            f'classifier: none is configured; set classifier = "module:callable" in {settings.table()}'
        )
    images = settings.images_place or load_configured(settings, "images")
    check_device(settings.device)
    generator = None
    if settings.generator is not None:
        from pytest_failcond.generators.stylegan2.generator import Generator as StyleGAN2

        generator = StyleGAN2.load(settings.path(settings.generator), settings.device)
    return build_laboratory(settings, classifier, images, generator, load_judges(settings))
