"""What there is to see in an image, for people and for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from streams.changes import changes
from streams.image import Image, fitting, freeze
from streams.manifest import Manifest
from streams.task import PartitionTask

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = ["facts", "outline"]


def outline(manifest: Manifest) -> dict[str, Any]:
    """What the manifest alone tells."""
    return {
        "image": manifest.number,
        "partition": manifest.partition,
        "written_at": manifest.written_at,
        "model": manifest.model,
        "positions": manifest.positions,
        "journal": manifest.journal,
        "bytes": manifest.size,
        "blocks": len(manifest.places),
        "store": manifest.store,
        "signed": manifest.signature is not None,
        "thalweg": manifest.thalweg,
        "machine": manifest.machine,
    }


def facts(manifest: Manifest, image: Image, pipeline: Pipeline, *, trusted: bool) -> dict[str, Any]:
    """What the manifest tells, and what is in the state.

    Args:
        manifest: of the image.
        image: of one of the pipeline's tasks.
        pipeline: the state is brought to life where it is this pipeline's.
        trusted: whether a pickle in it may be brought to life.
    """
    encode = msgspec.msgpack.Encoder(enc_hook=freeze).encode
    found = outline(manifest)
    with fitting():
        found["state_bytes"] = {name: len(encode(part)) for name, part in image.state.items()}
        found["learned"] = image.state["learned"]
    ours = all(change.keeps for change in changes(image.described, pipeline))
    if ours and (trusted or not pipeline.pickled):
        task = PartitionTask(pipeline, image.partition)
        with fitting():
            task.restore(image)
        found["waiting"] = task.pending
        found["model_figures"] = _finite({**task.learner.summary(), **task.encoder.summary()})
        found["quality"] = _finite(task.quality.summary())
    return found


def _finite(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: figure for name, figure in figures.items() if math.isfinite(figure)}
