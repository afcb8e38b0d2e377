"""Make a generator file from a checkpoint of another program.

Checkpoints of StyleGAN2 are read, conditional or not, told apart by their content: pickles of NVIDIA's
stylegan2-ada-pytorch and stylegan3 (.pkl), checkpoints of PyTorch-StudioGAN (.pth) and of rosinality's
stylegan2-pytorch (.pt). It takes the averaged generator of a training. No code of the file runs.
The converted generator makes the same images: docs/convert.md tells how that was compared.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failcond.commands.arguments import names, positive
from pytest_failcond.commands.next_step import set_key
from pytest_failcond.errors import FailcondError
from pytest_failcond.words.printing import put, say

if TYPE_CHECKING:
    from pytest_failcond.generators.stylegan2.generator import Generator
    from pytest_failcond.generators.stylegan2.layouts.converted import Converted

_COLUMNS, _ROWS = 8, 4  # of the sample
_TOGETHER = 4  # images of it
_NAMED = 12  # classes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond convert``."""
    parser.add_argument("input", type=Path, metavar="IN", help="a checkpoint (.pkl, .pth, .pt)")
    parser.add_argument("output", type=Path, metavar="OUT", help="file to write (.safetensors)")
    parser.add_argument(
        "--classes",
        type=names,
        metavar="A,B,C",
        help="class names, in the order of the checkpoint's training labels (default: 0,1,2,…)",
    )
    parser.add_argument(
        "--clamp",
        type=positive,
        metavar="X",
        help="keep the outputs of layers within ± X: 256 after a training of PyTorch-StudioGAN in mixed "
        "precision, which its checkpoints do not tell; NVIDIA's do",
    )
    parser.add_argument(
        "--sample", type=Path, metavar="PNG", help="write a picture of some of its images too"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace OUT, and the picture, if they exist"
    )


def run(options: argparse.Namespace) -> int:
    """Read the checkpoint, tell what it is, and write the generator file."""
    from pytest_failcond.commands.progress import announce
    from pytest_failcond.generators.stylegan2.layouts.converted import read_generator
    from pytest_failcond.storage.files import write_atomically
    from pytest_failcond.storage.outputs import Place, check_outputs

    outputs = [Place("OUT", options.output)]
    if options.sample is not None:
        outputs.append(Place("--sample", options.sample))
    if options.output.suffix != ".safetensors":
        raise FailcondError(f"OUT: {options.output} must end in .safetensors")
    check_outputs(outputs, [Place("IN", options.input)])
    for output in outputs:
        if output.path.exists() and not options.overwrite:
            raise FailcondError(
                f"{output.name}: {output.path} exists; choose another name, or add --overwrite"
            )
    announce(f"Reads {options.input}; no code of it runs.")
    converted = read_generator(options.input, options.classes, options.clamp)
    generator = generator_of(converted, options.input)
    put("".join(f"  {name:<16}{value}\n" for name, value in described(converted)))
    for note in converted.notes:
        say(f"Note: {note}.")
    generator.save(options.output)
    say(f"Wrote {options.output}.")
    if options.sample is not None:
        announce("Draws the sample.")
        write_atomically(options.sample, sample(generator))
        say(f"Wrote {options.sample}.")
    say(f"{set_key('generator', options.output)}.")
    if not generator.classes:
        say(
            "It has no classes: name them in the configuration, and a judge that gives its images theirs."
        )
    return 0


def generator_of(converted: Converted, path: Path) -> Generator:
    """Return a converted generator with the record of where it comes from."""
    import torch

    from pytest_failcond.generators.stylegan2.generator import Generator
    from pytest_failcond.generators.stylegan2.network import Network
    from pytest_failcond.storage.files import hash_file

    with torch.random.fork_rng(devices=[]):
        network = Network(converted.config)
    network.load_state_dict({k: torch.tensor(v) for k, v in converted.weights.items()})
    origin = {"file": path.name, "hash": hash_file(path), "kind": converted.title}
    record = {"converted": origin | {"noise": converted.noise, "notes": list(converted.notes)}}
    return Generator(converted.config, network, training=record)


def described(converted: Converted) -> list[tuple[str, str]]:
    """Return what was read, as names and values."""
    config = converted.config
    kind = "gray" if config.image_channels == 1 else "RGB"
    layers = f"{config.mapping_layers} layers of the mapping network"
    classes = ", ".join(config.classes[:_NAMED]) + (", …" if len(config.classes) > _NAMED else "")
    return [
        ("read", converted.title),
        ("images", f"{config.resolution} x {config.resolution} px, {kind}"),
        (
            "classes",
            f"{len(config.classes)}: {classes}" if config.classes else "none: unconditional",
        ),
        ("z and w", f"{config.z_dim} and {config.w_dim} wide; {layers}"),
        ("channels", f"{', '.join(map(str, config.channels))}, from 4 px up"),
        ("style vectors", f"{sum(width for _, width in config.style_layers)} dimensions"),
        ("clamp", "none" if config.clamp is None else f"± {config.clamp:g}"),
        ("noise", converted.noise),
        ("truncation", f"towards {converted.mean}"),
    ]


def sample(generator: Generator) -> bytes:
    """Draw some images as PNG, one class in each column, or of any kind without classes."""
    import numpy as np
    import torch

    from pytest_failcond.subjects.images import png, to_uint8
    from pytest_failcond.training.loop import grid

    columns = min(len(generator.classes) or _COLUMNS, _COLUMNS)
    labels = np.tile(np.arange(columns) if generator.classes else np.zeros(columns, int), _ROWS)
    styles = generator.sample(labels, stream="preview")
    with torch.no_grad():  # in small batches, because large images take much memory
        images = torch.cat([generator.render(part) for part in torch.split(styles, _TOGETHER)])
    return png(grid(to_uint8(images.numpy()), columns))
