"""Owns what is known of the machine; no process is started for it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from typedxp.vocabulary.environment import Interpreter, Machine

_NVIDIA = Path("/proc/driver/nvidia")
_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))


def interpreter() -> Interpreter:
    """Describe the Python that this process runs."""
    return Interpreter(
        version=".".join(map(str, sys.version_info[:3])),
        implementation=sys.implementation.name,
        executable=sys.executable,
        prefix=sys.prefix,
        virtual=sys.prefix != sys.base_prefix,
    )


def machine() -> Machine:
    """Describe the hardware, and the system on it."""
    system = os.uname()
    driver, gpus = _gpus()
    return Machine(
        system=system.sysname,
        kernel=system.release,
        architecture=system.machine,
        libc=_libc(),
        cpu=_cpu(),
        cores=os.cpu_count(),
        usable=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        memory=_memory(),
        gpus=gpus,
        driver=driver,
        container=_container(),
    )


def _libc() -> str | None:
    with suppress(ValueError, OSError):
        return os.confstr("CS_GNU_LIBC_VERSION")
    return None


def _memory() -> float | None:
    with suppress(ValueError, OSError):
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return None


def _cpu() -> str | None:
    with suppress(OSError), Path("/proc/cpuinfo").open("rb", buffering=0) as file:
        # The first processor is enough: a large machine takes its time for all of them.
        for line in file.read(4096).decode(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Model", "cpu"):
                return value.strip()
    return None


def _gpus() -> tuple[str | None, tuple[str, ...]]:
    """Return the version of NVIDIA's driver, and the models of the GPUs."""
    with suppress(OSError):
        version = re.search(r"\s(\d+\.\d+(?:\.\d+)?)\s", (_NVIDIA / "version").read_text())
        return version[1] if version else None, tuple(_models())
    return _asked_nvidia() if any(map(Path.exists, _DEVICES)) else (None, ())


def _models() -> Iterator[str]:
    for file in sorted(_NVIDIA.glob("gpus/*/information")):
        with suppress(OSError):
            if found := re.search(r"^Model:\s*(.+)$", file.read_text(errors="replace"), re.MULTILINE):
                yield found[1].strip()


def _asked_nvidia() -> tuple[str | None, tuple[str, ...]]:
    try:
        import pynvml

        pynvml.nvmlInit()
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        return _text(pynvml.nvmlSystemGetDriverVersion()), tuple(
            _text(pynvml.nvmlDeviceGetName(one)) for one in handles
        )
    except Exception:  # noqa: BLE001 - no library, no driver, no GPU: each says so in its own way
        return None, ()


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _container() -> str | None:
    # https://apptainer.org/docs/user/main/environment_and_metadata.html
    for name in ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "APPTAINER_NAME", "SINGULARITY_NAME"):
        if os.environ.get(name):
            return f"{name.partition('_')[0].lower()}: {os.environ[name]}"
    with suppress(OSError):
        # https://docs.podman.io/en/latest/markdown/podman-run.1.html: there, and with an image where it is privileged.
        image = re.search(r'^image="(.+)"$', Path("/run/.containerenv").read_text(), re.MULTILINE)
        return f"podman: {image[1]}" if image else "podman"
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    return "docker" if Path("/.dockerenv").exists() else None
