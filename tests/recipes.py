"""Run the recipes of docs/classifiers.md with the real libraries: ``python -m tests.recipes``.

Each recipe is taken from the text as it stands, with a model of random weights, and its probabilities are
compared with those of the library's own model. Then a pytest session classifies images by it. A recipe
whose library does not import here is named, and not run; the status is 1 if a recipe fails.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/classifiers.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
IMAGES, SIDE, CLASSES = 8, 32, 10
PIXELS = np.random.default_rng(0).integers(0, 256, (IMAGES, SIDE, SIDE, 3), dtype=np.uint8)
PROJECT = """
[tool.failcond]
classifier = "my_model:load_classifier"
images = "my_images:load_images"
batch_size = 4
"""
OURS = """
import numpy as np
from pytest_failcond import LabeledImages

def load_images():
    return LabeledImages(np.load("pixels.npy"), np.arange({count}) % {classes})
"""


def recipe(word: str) -> str:
    """Return the recipe that imports a library, or has this word."""
    (found,) = [text for text in RECIPES if re.search(word, text, re.MULTILINE)]
    return found


def prepared(model, mean, std, size):
    """Return the logits of a model for `PIXELS`, prepared apart from the recipe."""
    shown = torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float() / 255
    shown = interpolate(shown, size, mode="bilinear", antialias=True)
    shown = (shown - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    with torch.no_grad():
        return model.eval()(shown)


def flat() -> np.ndarray:
    """Return `PIXELS` as estimators want them."""
    return (PIXELS.transpose(0, 3, 1, 2) / np.float32(255)).reshape(IMAGES, -1).astype(np.float32)


def of_transformers():
    from PIL import Image
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    shape = ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        image_size=SIDE, patch_size=8, num_labels=CLASSES,
    )  # fmt: skip
    model = ViTForImageClassification(shape).eval()
    processor = ViTImageProcessor(size={"height": SIDE, "width": SIDE})
    place = "folder/of/the/model"
    model.save_pretrained(place)
    processor.save_pretrained(place)
    shown = processor([Image.fromarray(image) for image in PIXELS], return_tensors="pt")
    with torch.no_grad():
        return model(**shown).logits


def of_timm():
    import timm
    from safetensors.torch import save_file

    model = timm.create_model("resnet50", num_classes=CLASSES)
    save_file(model.state_dict(), "my.safetensors")
    data = timm.data.resolve_model_data_config(model)
    return prepared(model, data["mean"], data["std"], data["input_size"][1:])


def of_torchvision():
    from torchvision.models import resnet50

    model = resnet50(num_classes=CLASSES)
    torch.save(model.state_dict(), "my.pt")
    return prepared(model, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), (224, 224))


def of_onnxruntime():
    weights = np.random.default_rng(3).normal(size=(3, CLASSES)).astype(np.float32)
    Path("my.onnx").write_bytes(onnx_file(weights))
    return torch.from_numpy((PIXELS / 255).mean((1, 2)) @ weights)


def field(number: int, *values: int | bytes | str) -> bytes:
    """Return a field of a protobuf message, for each of the values."""
    made = b""
    for value in values:
        if isinstance(value, int):
            made += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            made += varint(number << 3 | 2) + varint(len(data)) + data
    return made


def varint(value: int) -> bytes:
    low = value & 127
    return bytes([low]) if value < 128 else bytes([low | 128]) + varint(value >> 7)


def onnx_file(weights: np.ndarray) -> bytes:
    """Return an ONNX model for batches of any size: the means of the channels times ``weights``."""

    def node(kind: str, inputs: list[str], output: str) -> bytes:
        return field(1, *inputs) + field(2, output) + field(4, kind)

    def value(name: str, *sizes: int) -> bytes:
        axes = field(1, field(2, "batch"), *(field(1, size) for size in sizes))
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, axes)))

    nodes = (
        node("GlobalAveragePool", ["images"], "pooled"),
        node("Flatten", ["pooled"], "flat"),
        node("MatMul", ["flat", "weights"], "logits"),
    )
    tensor = field(1, *weights.shape) + field(2, 1) + field(8, "weights")
    tensor += field(9, weights.tobytes())
    graph = field(1, *nodes) + field(2, "recipe") + field(5, tensor)
    graph += field(11, value("images", 3, SIDE, SIDE)) + field(12, value("logits", CLASSES))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def of_joblib():
    import joblib
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(1)
    examples = random.random((60, 3 * SIDE * SIDE), dtype=np.float32)
    model = LogisticRegression(max_iter=20).fit(examples, np.arange(60) % CLASSES)
    joblib.dump(model, "my.joblib")
    return torch.from_numpy(np.log(model.predict_proba(flat())))


def of_requests():
    weights = np.random.default_rng(2).normal(size=(3 * SIDE * SIDE, CLASSES)) / SIDE

    class Endpoint(BaseHTTPRequestHandler):
        asked = 0

        def do_POST(self):
            Endpoint.asked += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            busy = Endpoint.asked % 3 == 1  # the first time, and now and then
            images = np.array(json.loads(body))
            answer = json.dumps({"logits": (images.reshape(len(images), -1) @ weights).tolist()})
            self.send_response(503 if busy else 200)
            self.end_headers()
            self.wfile.write(b"" if busy else answer.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["PORT"] = str(server.server_port)
    return torch.from_numpy(flat() @ weights)


def of_datasets():
    from datasets import Dataset, DatasetDict, Features, Image, Value
    from PIL import Image as Pictures

    rows = {"image": list(map(Pictures.fromarray, PIXELS)), "label": [n % 3 for n in range(IMAGES)]}
    kinds = Features({"image": Image(), "label": Value("int64")})
    DatasetDict({"test": Dataset.from_dict(rows, kinds)}).save_to_disk("folder/of/the/dataset")


NEEDS = {
    "transformers": of_transformers,
    "timm": of_timm,
    "torchvision": of_torchvision,
    "onnxruntime": of_onnxruntime,
    "joblib": of_joblib,
    "requests": of_requests,
    "datasets": of_datasets,
}


def tried(library: str) -> str:
    """Run a recipe in the working folder; return what came of it."""
    from pytest_failcond import Classifier

    torch.manual_seed(0)
    expected = NEEDS[library]()
    text = recipe(rf"^(import|from) {library}\b")
    text = text.replace("localhost:8000", f"localhost:{os.environ.get('PORT')}")
    Path("prepared.py").write_text(recipe("^class Prepared"))
    if library == "datasets":
        Path("my_images.py").write_text(text)
        Path("my_model.py").write_text(
            "def load_classifier():\n    return lambda images: images.mean((2, 3))\n"
        )
        return session()
    Path("my_model.py").write_text(text)
    Path("my_images.py").write_text(OURS.format(count=IMAGES, classes=CLASSES))
    np.save("pixels.npy", PIXELS)
    sys.path.insert(0, str(Path.cwd()))
    for name in ("my_model", "prepared"):
        sys.modules.pop(name, None)
    model = importlib.import_module("my_model").load_classifier()
    classifier = Classifier(model)
    shown = PIXELS.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    found = classifier.probabilities(shown)
    off = float(np.abs(found - torch.softmax(expected, 1).numpy()).max())
    if off > 1e-4:
        raise AssertionError(f"its probabilities differ by {off:.1e}")
    said = f"probabilities within {off:.0e}"
    if isinstance(model, nn.Module):
        images = torch.from_numpy(shown).requires_grad_()
        (gradient,) = torch.autograd.grad(classifier.logits(images)[:, 0].sum(), images)
        if not gradient.isfinite().all() or not gradient.any():
            raise AssertionError("its gradient is zero or not finite")
        said += ", a gradient"
    return f"{said}; {session()}"


def session() -> str:
    """Classify the images by a pytest session in the working folder; return its last line."""
    Path("pyproject.toml").write_text(PROJECT)
    Path("test_robustness.py").write_text("from pytest_failcond.suite import *\n")
    words = [sys.executable, "-m", "pytest", "-q", "-k", "clean", "-p", "no:cacheprovider"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stdout[-3000:] + done.stderr[-1000:])
    return f"session: {done.stdout.strip().splitlines()[-1]}"


def main() -> int:
    failed = 0
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    for library in sys.argv[1:] or NEEDS:
        try:
            found = importlib.import_module(library)
        except Exception as error:  # whatever stops it from loading beside this torch
            print(f"{library}: not run, it does not import here ({error})", flush=True)
            continue
        version = getattr(found, "__version__", "?")
        here = Path.cwd()
        with tempfile.TemporaryDirectory(prefix="failcond-recipe-") as folder:
            os.chdir(folder)
            try:
                print(f"{library} {version}: {tried(library)}", flush=True)
            except Exception:
                failed += 1
                print(f"{library} {version}: FAILED\n{traceback.format_exc()}", flush=True)
            finally:
                os.chdir(here)
    return min(failed, 1)


if __name__ == "__main__":
    raise SystemExit(main())
