"""Models as users bring them: measured rightly, or refused in one sentence; whatever they do.

Each exchange with the user's code is tried with what models, callables, loaders and corruptions return
and raise in practice; a property holds for anything else.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pytest_failcond import Classifier, FailcondError, FailcondWarning, corrupt
from pytest_failcond.errors import may_pass
from pytest_failcond.process.surroundings import ours
from pytest_failcond.subjects import batches
from pytest_failcond.subjects.answers import logits_of_tensor
from pytest_failcond.subjects.loading import call
from pytest_failcond.subjects.scale import are_probabilities
from pytest_failcond.words.remarks import Remark

IMAGES = np.random.default_rng(0).random((6, 1, 8, 8), dtype=np.float32)
LOGITS = IMAGES.reshape(6, -1)[:, :3] * 5
EXPECTED = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)


class First(nn.Module):
    """Logits are the first three pixels, made by layers of many kinds that change nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.norm = nn.BatchNorm2d(1, eps=0.0)
        self.out = nn.Linear(64, 3, bias=False)
        with torch.no_grad():
            self.out.weight.copy_(5 * torch.eye(3, 64))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.out(self.drop(self.norm(images)).flatten(1))


class Returns(nn.Module):
    """Returns something made of the right logits."""

    def __init__(self, make) -> None:
        super().__init__()
        self.make = make

    def forward(self, images):
        return self.make(images.flatten(1)[:, :3] * 5)


def seen(model, *, batch_size: int = 6, **options) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FailcondWarning)
        return Classifier(model, batch_size=batch_size, **options).probabilities(IMAGES)


def refused(action) -> str:
    """Return the sentence with which something is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FailcondWarning)
        with pytest.raises(FailcondError) as caught:
            action()
    sentence = str(caught.value)
    assert sentence
    assert "\n" not in sentence
    return sentence


def as_numpy(out) -> np.ndarray:
    return out.numpy() if isinstance(out, torch.Tensor) else out


Output = namedtuple("Output", ["logits", "features"])


@dataclass
class Heads:
    """An output with attributes."""

    digit: torch.Tensor
    colour: torch.Tensor


class WithLogits:
    """As outputs of transformers: an attribute, behind a property."""

    def __init__(self, logits) -> None:
        self._kept = logits

    @property
    def logits(self):
        return self._kept


RIGHT = {
    "list of one": lambda x: [x],
    "dict": lambda x: {"features": x * 2, "logits": x},
    "dict of another name": lambda x: {"scores": x, "loss": x.sum()},
    "named tuple": lambda x: Output(x, x),
    "attribute": WithLogits,
    "with features": lambda x: (x[:, :, None, None] * 3, None, x),
    "float32": lambda x: x,
    "float64": lambda x: x.double(),
    "not contiguous": lambda x: x.t().contiguous().t(),
    "quantised": lambda x: torch.quantize_per_tensor(x, 1e-4, 0, torch.qint32),
    "sparse": lambda x: x.to_sparse(),
}
ROUGH = {"bfloat16": lambda x: x.bfloat16(), "half": lambda x: x.half()}
WRONG = {
    "tuple": (lambda x: (x, x), "(float32 [6, 3], float32 [6, 3]), of which several may be the logits [6, classes]; in the configuration, set head = 0 (float32 [6, 3]) or 1 (float32 [6, 3])"),
    "dict": (lambda x: {"a": x, "b": x}, "returned dict with 'a', 'b', of which several may be the logits"),
    "two heads": (lambda x: Heads(x, x), "returned Heads, of which several may be the logits [6, classes]; in the configuration, set head = 'digit' (float32 [6, 3]) or 'colour' (float32 [6, 3])"),
    "features alone": (lambda x: (x[:, :, None],), "returned tuple of (float32 [6, 3, 1]); it must return logits [6, classes], alone: wrap it"),
    "no logits": (lambda x: {"logits": None, "scores": x}, "returned NoneType; it must return logits [6, "),
    "none": (lambda x: None, "returned NoneType; it must return logits"),
    "complex": (lambda x: x + 0j, "returned complex64 [6, 3]; it must return logits [6, classes], real"),
    "truth values": (lambda x: x > 0, "returned bool [6, 3]; it must return logits [6, classes], real"),
    "text": (lambda x: "cat", "returned str; it must"),
    "generator": (lambda x: (row for row in x), "returned generator; it must"),
    "number": (lambda x: 3.0, "returned float; it must"),
    "flat": (lambda x: x.flatten(), "returned float32 [18]; it must"),
    "deep": (lambda x: x[:, :, None], "returned float32 [6, 3, 1]; it must"),
    "too few": (lambda x: x[:2], "returned float32 [2, 3]; it must"),
    "no class": (lambda x: x[:, :0], "returned float32 [6, 0]; it must"),
    "nan": (lambda x: x * float("nan"), "returned values that are not finite"),
    "infinite": (lambda x: x / 0, "returned values that are not finite"),
    "too large": (lambda x: x.double() * 1e300, "returned values that are not finite"),
    "meta": (lambda x: x.to("meta"), "returned float32 [6, 3] without values (on the meta device); load its"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.parametrize("form", RIGHT | ROUGH)
def test_a_modules_logits_are_read_in_every_type(form):
    make = (RIGHT | ROUGH)[form]
    found = seen(Returns(make).eval())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, EXPECTED, atol=0.02 if form in ROUGH else 1e-3)


@pytest.mark.parametrize("form", WRONG)
def test_a_modules_other_outputs_are_refused(form):
    make, words = WRONG[form]
    sentence = refused(lambda: seen(Returns(make).eval()))
    assert words in sentence
    assert sentence.startswith("the classifier returned ")


HEADS = {
    "position": (1, lambda x: (x * 2, x)),
    "key": ("digit", lambda x: {"digit": x, "colour": x * 2}),
    "attribute": ("digit", lambda x: Heads(x, x * 2)),
    "hidden attribute": ("_kept", WithLogits),
    "position in a named tuple": (1, lambda x: Output(x * 2, x)),
    "not logits": ("features", lambda x: Output(x * 2, x)),
}
NO_HEADS = {
    "one output": (0, lambda x: x, "float32 [6, 3], which has no heads; leave out head = 0"),
    "too few": (2, lambda x: (x, x), "which has no head 2; known: 0, 1; in the configuration, set head = 0 (float32 [6, 3]) or 1 (float32 [6, 3])"),
    "misspelled": ("digits", lambda x: {"digit": x}, "has no head 'digits'; did you mean 'digit'?"),
    "absent": ("digit", lambda x: Output(x, x), "has no head 'digit'; did you mean 'logits'?"),
    "of another shape": (0, lambda x: (x[:, :, None], x), "returned float32 [6, 3, 1]; it must return"),
}  # fmt: skip


@pytest.mark.parametrize("as_module", [True, False])
@pytest.mark.parametrize("form", HEADS)
def test_one_of_several_heads_is_chosen(form, as_module):
    head, make = HEADS[form]
    model = Returns(make).eval() if as_module else plain(make)
    np.testing.assert_allclose(seen(model, head=head), EXPECTED, atol=1e-6)


@pytest.mark.parametrize("as_module", [True, False])
@pytest.mark.parametrize("form", NO_HEADS)
def test_a_head_that_is_not_there_is_one_sentence(form, as_module):
    head, make, words = NO_HEADS[form]
    model = Returns(make).eval() if as_module else plain(make)
    sentence = refused(lambda: seen(model, head=head))
    assert sentence.startswith("the classifier returned ")
    assert words in sentence.replace("array of", "float32")


def probabilities(logits):
    p = np.exp(np.asarray(logits, dtype=np.float64))
    return (p / p.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("as_module", [True, False])
def test_stated_outputs_are_read_as_stated_without_a_notice(as_module):
    make = probabilities if not as_module else (lambda x: torch.softmax(x, dim=1))
    model = Returns(make).eval() if as_module else plain(make)
    told: list[Remark] = []
    for stated, expected in (("probabilities", EXPECTED), ("logits", None), (None, EXPECTED)):
        classifier = Classifier(model, batch_size=6, outputs=stated)
        classifier.notice = told.append
        found = classifier.probabilities(IMAGES)
        if expected is None:
            np.testing.assert_allclose(found, probabilities(EXPECTED), atol=1e-6)
        else:
            np.testing.assert_allclose(found, expected, atol=1e-6)
        assert [remark.what for remark in told] == ([] if stated else ["probabilities"])
    assert told[0].text.endswith(
        '; set outputs = "probabilities" in the configuration if that is meant'
    )
    wrong = Returns(lambda x: x).eval() if as_module else plain(lambda x: x)
    sentence = refused(lambda: seen(wrong, outputs="probabilities"))
    assert sentence == (
        "the classifier returned values below 0 or of another sum than 1; let it return probabilities, "
        'or leave out outputs = "probabilities"'
    )


def test_another_head_is_another_classifier():
    model = Returns(lambda x: (x, x)).eval()
    hashes = {Classifier(model, head=head).hash for head in (None, 0, 1)}
    assert len(hashes) == 3


PLAIN_RIGHT = {
    "outputs of a session": lambda x: [x],
    "outputs by name": lambda x: {"logits": x, "features": x * 2},
    "array": lambda x: x,
    "float16": lambda x: x.astype(np.float16),
    "float64": lambda x: x.astype(np.float64),
    "list": lambda x: x.tolist(),
    "list of arrays": list,
    "read-only": lambda x: np.lib.stride_tricks.as_strided(x, writeable=False),
    "big-endian": lambda x: x.astype(">f8"),
    "tensor": torch.tensor,
    "tensor with gradients": lambda x: torch.tensor(x, requires_grad=True) * 1,
    "bfloat16 tensor": lambda x: torch.tensor(x).bfloat16(),
}
PLAIN_WRONG = {
    "ragged": (lambda x: [[1.0, 2.0], [1.0]], "returned list of (list of (float, float), list of"),
    "objects": (lambda x: x.astype(object), "returned object [6, 3]; it must return logits [6, "),
    "text": (lambda x: x.astype(str), "it must return logits [6, classes], real numbers"),
    "numbers as text": (lambda x: [["1", "2", "3"]] * 6, "it must return logits [6, classes]"),
    "complex": (lambda x: x + 0j, "returned complex64 [6, 3]; it must"),
    "truth values": (lambda x: x > 0, "returned bool [6, 3]; it must"),
    "dates": (lambda x: x.astype("datetime64[s]"), "returned datetime64[s] [6, 3]; it must"),
    "masked": (lambda x: np.ma.masked_less(x, 1), "returned masked float32 [6, 3]; it must"),
    "one column": (lambda x: x[:, :1], "returned float32 [6, 1]; it must return logits of two classes or more"),
    "generator": (lambda x: (row for row in x), "returned generator; it must"),
    "map": (lambda x: map(list, x), "returned map; it must"),
    "two outputs": (lambda x: [x, x], "of which several may be the logits"),
    "none": (lambda x: None, "returned NoneType; it must"),
    "labels": (lambda x: x.argmax(axis=1), "returned int64 [6]; it must"),
    "too large": (lambda x: x.astype(np.float64) * 1e300, "not finite"),
    "complex tensor": (lambda x: torch.tensor(x) + 0j, "returned complex64 [6, 3]; it must"),
    "meta tensor": (lambda x: torch.tensor(x).to("meta"), "returned float32 [6, 3], and reading it"),
}  # fmt: skip


def plain(make):
    return lambda images: make(images.reshape(len(images), -1)[:, :3] * 5)


@pytest.mark.parametrize("form", PLAIN_RIGHT)
def test_a_callables_logits_are_read_in_every_type(form):
    rough = {"float16": 0.01, "bfloat16 tensor": 0.02}.get(form, 1e-6)
    np.testing.assert_allclose(seen(plain(PLAIN_RIGHT[form])), EXPECTED, atol=rough)


def test_whole_numbers_are_logits_too():
    found = seen(plain(lambda x: (x > 2).astype(np.int64) * 3))
    assert np.array_equal(found.argmax(axis=1), (LOGITS > 2).argmax(axis=1))


@pytest.mark.parametrize("form", PLAIN_WRONG)
def test_a_callables_other_outputs_are_refused(form):
    make, words = PLAIN_WRONG[form]
    assert words in refused(lambda: seen(plain(make)))


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no")


class Awkward:
    """An answer that raises wherever it is touched."""

    def __array__(self, *_, **__):
        raise UnreadableError

    def __len__(self):
        raise SystemExit(2)


RAISED = {
    "an error": (ValueError("two\nlines"), "raised ValueError{on}: two lines"),
    "no text": (ValueError(), "raised ValueError{on}"),
    "exit": (SystemExit(3), "raised SystemExit{on}: 3"),
    "a generator's end": (GeneratorExit(), "raised GeneratorExit{on}"),
    "no readable text": (UnreadableError(), "raised UnreadableError{on}: its text cannot be read (ValueError)"),
    "pages": (RuntimeError("long " * 500), "raised RuntimeError{on}: long long"),
    "memory": (MemoryError(), "raised MemoryError{on}"),
}  # fmt: skip


def raising(error):
    def function(*_):
        raise error

    return function


LINE = raising.__code__.co_firstlineno + 2


EXCHANGES = {
    "a module": (lambda e: lambda: seen(Returns(raising(e)).eval()), " on images [6, 1, 8, 8]"),
    "a callable": (lambda e: lambda: seen(raising(e)), " on images [6, 1, 8, 8]"),
    "a corruption": (
        lambda e: lambda: corrupt(np.zeros((2, 8, 8, 1), np.uint8), raising(e), 1), "",
    ),
    "a loader": (lambda e: lambda: call("users_module:load", "judge"), ""),
}  # fmt: skip


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("raised", RAISED)
def test_what_the_users_code_raises_is_one_sentence(monkeypatch, exchange, raised):
    error, words = RAISED[raised]
    action, on = EXCHANGES[exchange]
    monkeypatch.setitem(
        sys.modules, "users_module", type("M", (), {"load": staticmethod(raising(error))})
    )
    sentence = refused(action(error))
    assert words.format(on=on) in sentence
    assert sentence.endswith(f"({Path(__file__).relative_to(Path.cwd())}:{LINE})")
    assert len(sentence) < 450


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), pytest.fail.Exception("too late")], ids=repr
)
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_ctrl_c_and_the_end_of_a_tests_time_are_no_fault_of_the_model(monkeypatch, exchange, error):
    monkeypatch.setitem(
        sys.modules, "users_module", type("M", (), {"load": staticmethod(raising(error))})
    )
    with pytest.raises(type(error)):
        EXCHANGES[exchange][0](error)()


def test_an_answer_that_raises_when_it_is_read_is_refused():
    assert "returned Awkward, and reading it as logits raised UnreadableError" in refused(
        lambda: seen(lambda images: Awkward())
    )


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3)
    | st.just(Awkward()) | st.just(object()) | st.just(torch.zeros(2)) | st.just(np.zeros((6, 3), "M8[s]")),
    lambda inner: st.lists(inner, max_size=6) | st.tuples(inner, inner)
    | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=90, deadline=None)
@given(answer=JUNK, as_module=st.booleans())
def test_whatever_a_model_returns_is_logits_or_a_sentence(answer, as_module):
    model = Returns(lambda _: answer).eval() if as_module else (lambda images: answer)
    found, sentence = None, ""
    try:
        found = seen(model)
    except FailcondError as error:
        sentence = str(error)
    assert (found is None) == sentence.startswith("the classifier returned ")
    assert "\n" not in sentence
    assert found is None or np.allclose(found.sum(axis=1), 1)


def frozen():
    return torch.jit.freeze(torch.jit.script(First().eval()))


def exported():
    return torch.export.export(First().eval(), (torch.from_numpy(IMAGES),)).module()


def quantised():
    from torch.ao.quantization import quantize_dynamic

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return quantize_dynamic(First().eval(), {nn.Linear}, dtype=torch.qint8)


def in_inference_mode():
    with torch.inference_mode():
        return First().eval()


def exported_for(count):
    return torch.export.export(First().eval(), (torch.from_numpy(IMAGES[:count]),))


FORMS = {
    "half": lambda: First().eval().half(),
    "bfloat16": lambda: First().eval().bfloat16(),
    "double": lambda: First().eval().double(),
    "export of two": lambda: exported_for(2).module(),
    "exported program": lambda: exported_for(4),
    "compiled": lambda: torch.compile(First().eval(), backend="eager"),
    "eager": lambda: First().eval(),
    "training": First,
    "partly in training": lambda: nn.Sequential(First().eval(), nn.Identity()),
    "script": lambda: torch.jit.script(First().eval()),
    "script in training": lambda: torch.jit.script(First()),
    "trace": lambda: torch.jit.trace(First().eval(), torch.from_numpy(IMAGES)),
    "freeze": frozen,
    "export": exported,
    "quantised": quantised,
    "data parallel": lambda: nn.DataParallel(First()).eval(),
    "inference mode": in_inference_mode,
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("form", FORMS)
def test_a_module_is_measured_in_every_form(form):
    np.testing.assert_allclose(seen(FORMS[form]()), EXPECTED, atol=0.02)


class TwoTypes(First):
    """Weights of half precision behind constants of single, without a cast between."""

    def __init__(self) -> None:
        super().__init__()
        self.out.half()
        self.eval()
        self.register_buffer("mean", torch.zeros(1, 1, 1, 1))

    def forward(self, images):
        return self.out((images - self.mean).flatten(1))


class Elsewhere(nn.Module):
    """A constant that does not move with the module."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.zeros(1, device="meta")

    def forward(self, images):
        return (images - self.mean).flatten(1)[:, :3]


def one_image(images):
    """As a session exported for one image."""
    (image,) = images
    return image.reshape(1, -1)[:, :3]


class Estimator:
    """As scikit-learn's: it is no function."""

    def predict_proba(self, rows):
        return np.ones((len(rows), 3)) / 3


def uncompilable(model):
    """Compile a model by a compiler that finds no compiler, as inductor does."""

    def missing(*_):
        raise RuntimeError("No working C++ compiler found")

    return torch.compile(model, backend=missing)


REFUSED = {
    "lazy": (lambda: nn.LazyLinear(3), "weight is not initialised yet (a lazy module); call the model"),
    "meta": (lambda: First().to("meta"), "has no values (it is on the meta device); load the model's"),
    "weights": (lambda: First().state_dict(), "got OrderedDict; load the weights into their model"),
    "two types": (TwoTypes, "some of its weights are float16: let its forward cast its images where"),
    "elsewhere": (Elsewhere, "keep all its tensors as parameters or buffers"),
    "no compiler": (lambda: uncompilable(First().eval()), "install a C++ compiler, or give the model without"),
    "function without compiler": (lambda: uncompilable(lambda x: x[:, 0, 0, :3]), "install a C++ compiler, or"),
    "one image": (lambda: one_image, "it classifies a batch of one image: lower batch_size"),
    "class": (lambda: First, "expected a model, got the class First; make one of it: First(…)"),
    "text": (lambda: "resnet", "expected a torch.nn.Module or a callable, got str"),
    "none": (lambda: None, "expected a torch.nn.Module or a callable, got NoneType"),
    "estimator": (Estimator, "got Estimator; return a function of images [N, C, H, W] that calls its"),
    "labels": (lambda: lambda x: np.zeros(len(x), np.int64), "these look like labels, so return the logits"),
}  # fmt: skip


@pytest.mark.parametrize("form", REFUSED)
def test_a_model_that_cannot_be_measured_is_refused(form):
    make, words = REFUSED[form]
    assert words in refused(lambda: seen(make()))


# ---- probabilities -------------------------------------------------------------------------------

SCALES = {
    "probabilities": lambda x: torch.softmax(x, 1),
    "of 8 bits": lambda x: (torch.softmax(x, 1) * 255).round() / 255,
    "of half precision": lambda x: torch.softmax(x, 1).bfloat16(),
}


@pytest.mark.parametrize("as_module", [True, False])
@pytest.mark.parametrize("scale", SCALES)
def test_probabilities_are_told_from_logits_and_noticed_once(scale, as_module):
    images = np.random.default_rng(1).random((40, 1, 8, 8), dtype=np.float32)
    model = Returns(SCALES[scale]).eval()
    noticed = []
    given = model if as_module else lambda images: model(torch.from_numpy(images)).float().numpy()
    classifier = Classifier(given, batch_size=20)
    classifier.notice = noticed.append
    logits = torch.from_numpy(images).flatten(1)[:, :3] * 5
    found = classifier.probabilities(images)
    np.testing.assert_allclose(found, torch.softmax(logits, 1), atol=0.01)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    again = torch.softmax(classifier.logits(torch.from_numpy(images)).float(), 1)
    np.testing.assert_allclose(again, found, atol=0.01)
    assert [remark.what for remark in noticed] == ["probabilities"]


def test_gradients_of_probabilities_are_those_of_the_classifier():
    images = torch.from_numpy(IMAGES)
    found = []
    for make in (lambda x: x, lambda x: torch.softmax(x, 1)):
        classifier = Classifier(Returns(make).eval())
        classifier.notice = lambda remark: None
        given = images.clone().requires_grad_()
        p = torch.softmax(classifier.logits(given), 1)[:, 1].sum()
        found.append(torch.autograd.grad(p, given)[0])
    torch.testing.assert_close(*found)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10**6), classes=st.integers(2, 12), count=st.sampled_from([1, 2, 16, 64]),
    positive=st.booleans(), size=st.sampled_from([0.01, 0.3, 1.0, 30.0]),
)  # fmt: skip
def test_logits_are_not_taken_for_probabilities_by_chance(seed, classes, count, positive, size):
    logits = size * np.random.default_rng(seed).normal(size=(count, classes)).astype(np.float32)
    logits = np.abs(logits) if positive else logits
    assert not are_probabilities(logits) or bool(np.abs(logits.sum(axis=1) - 1).max() <= 1e-4)


def test_a_model_that_stops_returning_probabilities_is_refused():
    answers = iter([EXPECTED, LOGITS])
    classifier = Classifier(lambda images: next(answers))
    classifier.notice = lambda remark: None
    classifier.batch_size = 6
    classifier.probabilities(IMAGES)
    assert "returned probabilities for its first batch, and values" in refused(
        lambda: classifier.probabilities(IMAGES)
    )


# ---- what models write ---------------------------------------------------------------------------


class Writes(nn.Module):
    """Writes into its images, in the way given, and sees them as they came."""

    def __init__(self, write) -> None:
        super().__init__()
        self.write = write

    def forward(self, images):
        logits = images.flatten(1)[:, :3] * 5
        self.write(images)
        return logits


def in_place(images):
    images[:] = 0


WRITES = {
    "mul_": lambda images: images.mul_(0),
    "assignment": in_place,
    "data": lambda images: images.data.zero_(),
    "numpy": lambda images: images.detach().numpy().fill(0),
    "a view": lambda images: images.view(len(images), -1)[:, 0].add_(1),
}


def writer(how, kind):
    if kind == "module":
        return Writes(WRITES[how]).eval()

    def callable_(images):
        logits = images.reshape(len(images), -1)[:, :3] * 5
        in_place(images)
        return logits

    return callable_


@pytest.mark.parametrize("given", ["array", "tensor", "read-only memmap"])
@pytest.mark.parametrize(("how", "kind"), [*((how, "module") for how in WRITES), ("", "callable")])
def test_a_model_that_writes_into_its_images_gets_its_own_and_is_named_once(
    tmp_path, how, kind, given
):
    file = tmp_path / "images"
    IMAGES.tofile(file)
    images = {
        "array": lambda: IMAGES.copy(),
        "tensor": lambda: torch.from_numpy(IMAGES.copy()),
        "read-only memmap": lambda: np.memmap(file, np.float32, mode="r", shape=IMAGES.shape),
    }[given]()
    model = Classifier(writer(how, kind), batch_size=4, name="judge")
    noticed: list = []
    model.notice = noticed.append
    for _ in range(2):
        np.testing.assert_allclose(model.probabilities(images), EXPECTED, rtol=1e-5)
        assert np.array_equal(as_numpy(images), IMAGES)
    assert [(remark.model, remark.what) for remark in noticed] == [("judge", "writes")]
    assert noticed[0].text == "the judge writes into its input images; it gets copies"
    assert file.read_bytes() == IMAGES.tobytes()


def test_gradients_flow_through_a_model_that_writes():
    model = Classifier(Writes(lambda images: images.mul_(0)).eval())
    model.notice = lambda remark: None
    images = torch.from_numpy(IMAGES.copy()).requires_grad_()
    model.logits(images).sum().backward()
    assert np.array_equal(images.detach().numpy(), IMAGES)
    assert images.grad is not None
    assert images.grad.count_nonzero() == 18


def test_images_that_nobody_else_uses_are_not_copied():
    given = []

    def keeps(images):
        given.append(images)
        return images.reshape(len(images), -1)[:, :3]

    model = Classifier(keeps, batch_size=6)
    images = IMAGES.copy()
    model.probabilities(images, owned=True)
    assert np.shares_memory(given[0], images)
    model.probabilities(images)
    assert not np.shares_memory(given[1], images)


def test_a_corruption_that_writes_into_its_images_writes_into_its_own():
    images = np.full((3, 8, 8, 1), 9, np.uint8)
    images.flags.writeable = False

    def black(given, severity, random):
        given[:] = 0
        return given

    assert corrupt(images, black, 1).max() == 0
    assert corrupt(images, ["gaussian_blur", black], 1).max() == 0
    assert images.min() == 9


# ---- the same, twice -----------------------------------------------------------------------------


def examined(model, **options) -> list[str]:
    """Return what is noticed where the first batch is repeated."""
    found: list = []
    classifier = Classifier(model, batch_size=4, **options)
    classifier.notice = found.append
    classifier.repeat = lambda again: found.append(again())
    classifier.probabilities(IMAGES[:4])
    return [remark.what for remark in found if remark is not None]


def noisy(amount):
    random = np.random.default_rng(0)
    return lambda images: (
        images.reshape(len(images), -1)[:, :3] * 5 + random.normal(0, amount, (len(images), 3))
    )


def every_other(first, second):
    calls: list[int] = []

    def answer(images):
        calls.append(len(images))
        return (first if len(calls) % 2 else second)(images)

    return answer


ONE = plain(lambda x: x)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (ONE, []),
        (noisy(1e-6), []),
        (noisy(0.1), ["random"]),
        (every_other(ONE, plain(lambda x: -x)), ["random"]),
        (every_other(ONE, raising(ValueError("again?"))), ["random"]),
        (writer("", "callable"), ["writes"]),
        (First().eval(), []),
        (First(), ["training"]),
        (Returns(lambda x: nn.functional.dropout(x, 0.5, training=True)).eval(), ["random"]),
        (Writes(WRITES["data"]).eval(), ["writes"]),
    ],
)
def test_a_model_that_does_not_repeat_itself_is_noticed(model, expected):
    assert examined(model) == expected


def test_the_repetition_is_one_more_call_of_the_same_batch_and_is_not_counted():
    shapes, counted = [], []

    def answer(images):
        shapes.append(images.copy())
        return ONE(images)

    classifier = Classifier(answer, batch_size=4)
    classifier.seen = counted.append
    classifier.repeat = lambda again: again()
    classifier.probabilities(IMAGES)
    assert [len(shown) for shown in shapes] == [4, 4, 4]
    assert np.array_equal(shapes[0], shapes[1])
    assert counted == [4, 4]


def test_without_a_session_it_is_a_warning():
    with pytest.warns(FailcondWarning, match="the classifier is in training mode; it is measured"):
        Classifier(First(), batch_size=6).probabilities(IMAGES)
    with pytest.warns(FailcondWarning, match="the classifier writes into its input images"):
        Classifier(writer("", "callable")).probabilities(IMAGES[:2])


# ---- torch's global state ------------------------------------------------------------------------


@pytest.fixture
def torch_as_it_was():
    threads = torch.get_num_threads()
    yield
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


STATES = {
    "gradients": (lambda: torch.set_grad_enabled(False), torch.is_grad_enabled),
    "dtype": (lambda: torch.set_default_dtype(torch.float64), torch.get_default_dtype),
    "device": (lambda: torch.set_default_device("meta"), torch.get_default_device),
    "deterministic": (
        lambda: torch.use_deterministic_algorithms(True), torch.are_deterministic_algorithms_enabled,
    ),
    "threads": (lambda: torch.set_num_threads(torch.get_num_threads() + 1), torch.get_num_threads),
}  # fmt: skip


@pytest.mark.usefixtures("torch_as_it_was")
@pytest.mark.parametrize("state", STATES)
def test_what_a_model_changes_globally_does_not_reach_us(state):
    change, read = STATES[state]
    model = Classifier(Returns(lambda x: (change(), x)[1]).eval(), batch_size=2)
    with ours():
        before = read()
        np.testing.assert_allclose(model.probabilities(IMAGES), EXPECTED, rtol=1e-5)
        assert read() == before
        assert torch.zeros(1).dtype == torch.float32


@pytest.mark.usefixtures("torch_as_it_was")
@pytest.mark.parametrize("state", STATES)
def test_what_a_loader_set_globally_is_there_for_its_model_and_not_for_us(state):
    change, read = STATES[state]
    change()
    theirs = read()
    inside: list = []
    model = Classifier(Returns(lambda x: (inside.append(read()), x)[1]).eval(), batch_size=6)
    np.testing.assert_allclose(model.probabilities(IMAGES), EXPECTED, rtol=1e-5)
    if state != "gradients":  # which a measurement decides itself
        assert inside == [theirs]
    assert read() == theirs
    with ours():
        assert torch.zeros(1).dtype == torch.float32
        assert torch.zeros(1).device.type == "cpu"
    assert read() == theirs


def test_a_session_in_inference_mode_is_measured():
    with torch.inference_mode():
        np.testing.assert_allclose(seen(First().eval()), EXPECTED, atol=1e-5)
        assert torch.is_inference_mode_enabled()


def test_our_computations_draw_nothing_of_the_users_random_numbers():
    model = First().eval()
    before = torch.get_rng_state()
    seen(model)
    assert torch.equal(before, torch.get_rng_state())


# ---- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [ONE, First().eval()], ids=["callable", "module"])
def test_a_batch_that_cannot_fit_is_refused_before_it_is_made(model):
    sentence = refused(lambda: seen(model, batch_size=10**12))
    assert re.fullmatch(
        r"batch_size = 1000000000000: a batch of 1 x 8 x 8 images takes 520,000\.0 GB, and [\d.,]+ GB "
        r"of memory are free; lower batch_size",
        sentence,
    )


def test_a_batch_that_fits_is_not_refused(monkeypatch):
    monkeypatch.setattr(batches, "available_memory", lambda: None)
    batches.check_room(10**12, (3, 224, 224))  # a system that does not say
    monkeypatch.setattr(batches, "available_memory", lambda: 10**9)
    batches.check_room(10**6, (1, 8, 8))
    with pytest.raises(FailcondError, match="lower batch_size"):
        batches.check_room(10**7, (1, 8, 8))


def test_an_error_of_a_model_is_not_its_own_cause():
    def broken(images):
        raise RuntimeError("not a good day")

    with pytest.raises(FailcondError, match="not a good day") as raised:
        Classifier(broken).probabilities(np.zeros((4, 1, 8, 8), np.float32))
    chain, error = [], raised.value
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__
    assert error is None, "the causes go round in a circle"
    assert may_pass(raised.value)


@pytest.mark.parametrize("width", [2, 9, 11])
def test_another_number_of_outputs_names_all_that_may_be_wrong(width):
    for head, first in ((None, ""), ("logits", "`head` = 'logits', ")):
        with pytest.raises(FailcondError) as caught:
            logits_of_tensor({"logits": torch.zeros(4, width)}, "classifier", 4, 10, head)
        assert (
            f"returned {width} classes, but there are 10; check its outputs, {first}`classes` and"
            in str(caught.value)
        )
