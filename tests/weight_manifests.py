"""Manifests for tests: entries that tell the truth about some bytes, written as TOML."""

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from excolor.weights import Checkpoint, Hub, Url

FILE = "base-encoder.safetensors"
CONTENT = random.Random(0).randbytes(200_000)


def describe(file: str, content: bytes, *sources: Hub | Url) -> Checkpoint:
    """The entry of a file with this content."""
    return Checkpoint(
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        width=16,
        licence="MIT",
        sources=sources,
        dtype="float16",
        recipe="none",
        data="none",
        commit="0123456",
        trained_at=date(2026, 11, 22),
    )


def write_manifest(path: Path, models: Mapping[str, Mapping[str, Checkpoint]]) -> Path:
    """Write a weights.toml of models of the architecture `exemplar`."""
    lines = []
    for name, checkpoints in models.items():
        lines.append(f'[models.{name}]\narchitecture = "exemplar"\n')
        for role, stored in checkpoints.items():
            described = vars(replace(stored, sources=()))
            lines.append(f"[models.{name}.{role}]")
            lines += [f"{key} = {json.dumps(value, default=str)}" for key, value in described.items() if value != ()]
            lines.append(f"sources = [{', '.join(map(_source, stored.sources))}]\n")
    path.write_text("\n".join(lines))
    return path


def _source(source: Hub | Url) -> str:
    if isinstance(source, Url):
        return json.dumps(source.url)
    return "{" + ", ".join(f"{key} = {json.dumps(value)}" for key, value in vars(source).items()) + "}"
