"""Joining a Ray cluster, or starting one on this machine: quiet, without a dashboard, and reporting to nobody."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.errors import ClusterError
from rag.printable import one_line

LOG = logging.getLogger(__name__)
# Read by Ray when it is imported.
QUIET = {
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
}
# A cluster of this machine alone lives below this folder: the paths of its sockets must be short.
ROOT = "/tmp" if os.name == "posix" else None  # noqa: S108


# Seconds within which the head of a cluster answers.
REACH_S = 10.0


@contextmanager
def cluster(where: str) -> Iterator[str]:
    """Be connected to a cluster, unless this process is already, and leave it again.

    Args:
        where: ``local`` for one on this machine alone, for as long as this lasts; ``auto`` for the one that
            ``RAY_ADDRESS`` names or that this machine belongs to, else ``local``; or the address of one that this
            machine belongs to, ``HOST:PORT``.

    Yields:
        What it is, in words.

    Raises:
        ClusterError: Ray is not installed, or there is no cluster at that address.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield "the Ray cluster that this process is connected to"
        return
    if where.startswith("ray://"):
        raise ClusterError(
            f"{where} is a Ray Client address, which no data can be streamed through; run this on a machine of the "
            "cluster and give HOST:PORT, or auto"
        )
    try:
        keep_stdout_clean()
        if where != "local" and (joined := _join(ray, where)):
            yield joined
            return
        with _local(ray) as started:
            yield started
    finally:
        ray.shutdown()


def import_ray() -> Any:
    """Return Ray.

    Returns:
        The package, with its data library.

    Raises:
        ClusterError: It is not installed.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    # Tools that promise to work offline call nobody.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ClusterError(f'--ray needs Ray ({error}); run: pip install "leadgoose[ray]"') from error
    # It tells people at a terminal of its own how it is doing.
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


def _join(ray: Any, where: str) -> str:
    """Connect to a running cluster and return its name, ``""`` where none is needed and there is none."""
    if where != "auto":
        _check_reachable(where)
    try:
        with _without_stderr():
            ray.init(address=where, runtime_env=_code_to_send(), **_quietly())
    except (ConnectionError, RuntimeError, ValueError) as error:
        if where == "auto" and not os.environ.get("RAY_ADDRESS") and isinstance(error, ConnectionError):
            return ""
        raise ClusterError(
            f"cannot join the Ray cluster at {where}: {one_line(error)}; this machine has to belong to it (ray start "
            "--address HOST:PORT), and where it asks for a token, set RAY_AUTH_MODE=token"
        ) from error
    return f"the Ray cluster at {ray.get_runtime_context().gcs_address}"


def _check_reachable(address: str) -> None:
    """Refuse an address at which nobody listens: Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_S):
            pass
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Ray cluster at {address} ({one_line(error)}); give HOST:PORT as ray start --head prints it, or auto"
        ) from error


@contextmanager
def _local(ray: Any) -> Iterator[str]:
    """Start a cluster of this machine alone, which nobody else can reach, and end it."""
    folder = tempfile.mkdtemp(prefix="rag-ray-", dir=ROOT)
    try:
        with _loopback_alone(ray):
            with _without_stderr():
                ray.init(address="local", _temp_dir=folder, include_dashboard=False, **_quietly())
            yield f"Ray on this machine alone ({os.cpu_count()} processors)"
            ray.shutdown()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep_stdout_clean() -> None:
    """Log what goes wrong in a cluster and is mended by it, which Ray prints among what a command prints."""
    from ray._private import worker

    def log(data: Any, ignore_prefix: bool = False) -> None:
        LOG.info("%s", "\n".join(data["lines"]))

    worker.print_to_stdstream = log


@contextmanager
def _loopback_alone(ray: Any) -> Iterator[None]:
    """Let what Ray starts listen on 127.0.0.1 alone, not on every address."""
    from ray._private import ray_constants

    name = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # what Ray calls a cluster of more than this machine
    before, kept = ray_constants.ENABLE_RAY_CLUSTER, os.environ.get(name)
    ray_constants.ENABLE_RAY_CLUSTER, os.environ[name] = False, "0"
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
        os.environ.pop(name)
        if kept is not None:
            os.environ[name] = kept


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Keep from people what Ray's C++ part says as it starts; what is wrong it raises besides."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _quietly() -> dict[str, Any]:
    return {"log_to_driver": False, "logging_level": "error", "configure_logging": True}


def _code_to_send() -> dict[str, Any] | None:
    """Return what makes workers run the code at hand where it is a checkout: what is installed they have themselves."""
    root = Path(__file__).parents[2]
    folders = [root / "rag", root / "embeddings"]
    installed = any("site-packages" in part or "dist-packages" in part for part in root.parts)
    return None if installed else {"py_modules": [str(folder) for folder in folders]}
