"""What a benchmark ran on, as far as files and the environment tell; nothing is asked over a network."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from nevus.machine import cores

GIB = 2**30
ROOT = Path("/")
CLOUD_RUN_JOB = "Cloud Run job"


def facts(root: Path = ROOT, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """CPU, cores, memory, system, and the platform and machine type where they can be told."""
    given = os.environ if environment is None else environment
    found, kind = detected(root, given)
    return {
        "platform": found,
        "machine_type": kind,
        "cpu": cpu_model(root),
        "cores": cores(),
        "core_limit": core_limit(root),
        "memory_gib": round(psutil.virtual_memory().total / GIB, 1),
        "memory_limit_gib": memory_limit(root),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def detected(root: Path, environment: Mapping[str, str]) -> tuple[str, str | None]:
    """Name of the platform, and the machine type: Amazon's firmware names it, Google's does not."""
    vendor, product = firmware(root, "sys_vendor"), firmware(root, "product_name")
    contained = environment.get("KUBERNETES_SERVICE_HOST") or (root / ".dockerenv").exists()
    signs = (
        (environment.get("CLOUD_RUN_JOB"), CLOUD_RUN_JOB),
        (environment.get("K_SERVICE"), "Cloud Run service"),
        (product == "Google Compute Engine", "Compute Engine"),
        (vendor == "Amazon EC2", "EC2"),
        (vendor == "Microsoft Corporation" and product == "Virtual Machine", "Azure or Hyper-V"),
        (contained, "container"),
    )
    name = next((name for sign, name in signs if sign), product or "unknown")
    return name, product or None if name == "EC2" else None


def firmware(root: Path, name: str) -> str:
    """A line of the firmware's table (DMI); empty where it is not shown."""
    return read(root / "sys/class/dmi/id" / name)


def cpu_model(root: Path) -> str:
    """As the kernel names it."""
    lines = read(root / "proc/cpuinfo").splitlines()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"


def core_limit(root: Path) -> float | None:
    """Cores that a container's limit grants; None without a limit."""
    quota, _, period = read(root / "sys/fs/cgroup/cpu.max").partition(" ")
    return round(int(quota) / int(period), 2) if quota.isdecimal() and period.isdecimal() else None


def memory_limit(root: Path) -> float | None:
    """GiB that a container's limit grants; None without a limit."""
    limit = read(root / "sys/fs/cgroup/memory.max")
    return round(int(limit) / GIB, 2) if limit.isdecimal() else None


def read(path: Path) -> str:
    """A file's text, stripped; empty where there is none to read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
