"""Finds the pipeline that a Python file declares."""

from __future__ import annotations

import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

from models.features import FeatureError
from streams.errors import DeclarationError, TeachingError, nearest, one_of
from streams.pipeline import Pipeline

__all__ = ["load"]


def load(place: str | Path) -> Pipeline:
    """The pipeline declared in a file.

    The file is run once, as a module called ``thalweg_<stem>``; the import path stays as it is.

    Args:
        place: the file's path; ``fraud.py:shadow`` names one of several pipelines in it.

    Raises:
        DeclarationError: there is no such file, it does not run, or what it declares is not
            exactly one pipeline.
    """
    path, name = _split(str(place))
    module = _run(path)
    found = {key: value for key, value in vars(module).items() if isinstance(value, Pipeline)}
    if name is not None:
        if name in found:
            return found[name]
        raise DeclarationError(
            f"{path}:{name}",
            f"the file declares {one_of(found)}" if found else "the file declares no pipeline",
            f"{path}:{next(iter(found), '…')}" if found else f"{name} = Pipeline(…)",
        )
    if len({id(pipeline) for pipeline in found.values()}) == 1:
        return next(iter(found.values()))
    if found:
        raise DeclarationError(
            f"{path} declares {len(found)} pipelines",
            f"which one is meant: {one_of(found)}?",
            f"{path}:{next(iter(found))}",
        )
    raise DeclarationError(
        f"{path} declares no pipeline",
        "a pipeline is a Pipeline(…) that has a name in the file",
        "pipeline = Pipeline(name=…, events=…, model=…)",
    )


def _split(place: str) -> tuple[Path, str | None]:
    path, colon, name = place.rpartition(":")
    if colon and name.isidentifier() and not Path(place).exists():
        return Path(path), name
    return Path(place), None


def _run(path: Path) -> ModuleType:
    """The file as a module, registered so that its classes can be found by name."""
    try:
        # Compiled here, not imported: nothing is written beside the file, no stale copy is read.
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except OSError as error:
        near = sorted(other.name for other in path.parent.glob("*.py"))[:5]
        raise DeclarationError(
            f"{path} cannot be read: {error.strerror}",
            "a pipeline is declared in a Python file",
            f"one of {', '.join(near)}" if near else "thalweg check fraud.py",
        ) from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        source = (getattr(error, "text", None) or "").strip()
        raise _at(
            DeclarationError(
                f"{source or path.name}",
                f"Python cannot read it: {getattr(error, 'msg', error)}",
                "the line as Python has it",
            ),
            path,
            line,
        ) from error
    module = ModuleType(f"thalweg_{path.stem}")
    module.__file__ = str(path)
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        if before is not None:
            sys.modules[module.__name__] = before
        raise _told(error, path) from error
    return module


def _told(error: BaseException, path: Path) -> DeclarationError:
    """What the file raised, with the line of the file it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    line = next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)
    if isinstance(error, TeachingError | FeatureError):
        return _at(DeclarationError(error.given, error.why, error.write), path, line)
    if isinstance(error, ModuleNotFoundError):
        sibling = path.with_name(f"{error.name}.py")
        instead = (
            f"PYTHONPATH={path.parent} thalweg check {path}"
            if sibling.exists()
            else f"pip install {error.name}"
        )
        return _at(DeclarationError(str(error), "it is not on Python's path", instead), path, line)
    if isinstance(error, ImportError):
        return _at(DeclarationError(str(error), *_not_exported(str(error))), path, line)
    told = DeclarationError(
        f"{type(error).__name__}: {error}",
        "the file is run to read what it declares, and stopped there",
        "what the message says, in that line",
    )
    return _at(told, path, line)


def _not_exported(message: str) -> tuple[str, str]:
    """Why a name cannot be imported, and what to import instead."""
    found = re.match(r"cannot import name '(\w+)' from '(models|streams)'", message)
    if found is None:
        return "the module is there, the name is not", "a name that the module has"
    name, package = found.groups()
    names = sys.modules[package].__all__
    return (
        f"{package} has {', '.join(names)}",
        f"from {package} import {nearest(name, names) or '…'}",
    )


def _at(error: DeclarationError, path: Path, line: int | None) -> DeclarationError:
    error.where = f"{path}, line {line}" if line else str(path)
    return error
