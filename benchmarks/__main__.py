"""Ratios of ours against what a user would do otherwise, one thread, each in one run."""

from __future__ import annotations

import argparse
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy or torch is loaded


def main() -> None:
    """Run the benchmarks that are named, or all."""
    from importlib import import_module

    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = (
        "idle",
        "grid",
        "search",
        "effects",
        "combinations",
        "evolution",
        "classes",
        "large",
        "scale",
        "export",
        "nvidia",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument(
        "--nvidia", metavar="FOLDER", help="a copy of NVIDIA's stylegan2-ada-pytorch or stylegan3"
    )
    options = parser.parse_args()
    if options.nvidia is not None:
        os.environ["FAILCOND_NVIDIA"] = options.nvidia
    chosen = options.names or names
    if unknown := set(chosen) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    for name in chosen:
        print(f"== {name}", flush=True)
        if name in ("search", "effects", "combinations", "large", "scale", "export", "nvidia"):
            import torch

            torch.set_num_threads(1)
        import_module(f"benchmarks.{name}").run()
        print(flush=True)


main()
