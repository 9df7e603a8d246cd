"""What this machine is, as far as measuring depends on it: nothing here names its owner or host."""

import dataclasses
import math
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labhelpers import cgroup, perf


@dataclass(frozen=True)
class Machine:
    """The machine as a result carries it. None: the machine does not tell."""

    cpu: str
    cores_online: int
    usable_cores: int
    memory_limit_bytes: int
    kernel: str
    architecture: str
    libc: str
    virtualised: bool
    container: str | None
    load_average: float
    """Over the last minute, at the time of asking."""
    perf_event_paranoid: int | None
    perf_events: bool
    """Whether a software event of an own process can be opened."""
    cpu_governor: str | None
    python: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return dataclasses.asdict(self)


def describe() -> Machine:
    """Return this machine, looked at now."""
    cpuinfo = _read("/proc/cpuinfo")
    paranoid = _read("/proc/sys/kernel/perf_event_paranoid")
    return Machine(
        cpu=_cpu_model(cpuinfo),
        cores_online=os.cpu_count() or 1,
        usable_cores=usable_cores(),
        memory_limit_bytes=memory_limit(),
        kernel=platform.release(),
        architecture=platform.machine(),
        libc=" ".join(platform.libc_ver()).strip() or "unknown",
        virtualised=_virtualised(cpuinfo),
        container=_container(),
        load_average=round(os.getloadavg()[0], 2),
        perf_event_paranoid=int(paranoid) if paranoid.lstrip("-").isdigit() else None,
        perf_events=can_open_perf_event(),
        cpu_governor=_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None,
        python=platform.python_version(),
    )


def usable_cores(root: Path = cgroup.ROOT) -> int:
    """Return how many cores this process may keep busy: affinity and cgroup quota, at least 1."""
    quota = cgroup.cores(root)
    allowed = len(os.sched_getaffinity(0))
    return allowed if math.isinf(quota) else max(1, min(allowed, math.ceil(quota)))


def memory_limit(root: Path = cgroup.ROOT) -> int:
    """Return the bytes of memory this process may use: the cgroup's or the machine's, if less."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(min(physical, cgroup.memory(root)))


def can_open_perf_event() -> bool:
    """Return whether the kernel gives software events of own processes, user mode only."""
    try:
        os.close(perf.open_event(perf.attributes(perf.SOFTWARE, perf.DUMMY), processor=-1))
    except perf.PerfRefused:
        return False
    return True


def read_ahead_kb(path: Path) -> int | None:
    """Return how many KiB the kernel reads ahead on the disk that holds `path`, None if unknown.

    Source: sysfs, of the file system's own device or of the disk that its partition lies on.
    """
    device = path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    block = Path("/sys/dev/block") / number
    for file in (
        Path("/sys/class/bdi") / number / "read_ahead_kb",
        block / "queue/read_ahead_kb",
        block.resolve().parent / "queue/read_ahead_kb",
    ):
        if (text := _read(file)).isdigit():
            return int(text)
    return None


def file_system(path: Path, root: Path = cgroup.ROOT) -> str | None:
    """Return the type of the file system that holds `path` ("ext4"), None if unknown.

    Source: proc_pid_mountinfo(5); of the mounts above `path` the longest, and there the last, wins.
    """
    path = path.resolve()
    best, kind = -1, None
    for line in _read(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        # The kernel writes blanks and backslashes in names as octal numbers.
        name = before.split(" ")[4].encode().decode("unicode_escape")
        place = Path(name)
        if path.is_relative_to(place) and len(place.parts) >= best:
            best, kind = len(place.parts), after.split(" ")[0]
    return kind


def _cpu_model(cpuinfo: str) -> str:
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        fields[name.strip()] = value.strip()
    if model := fields.get("model name"):
        return model
    # ARM kernels give numbers and no name.
    numbers = [fields.get(f"CPU {part}", "") for part in ("implementer", "part")]
    return " ".join(filter(None, [platform.machine(), *numbers]))


def _virtualised(cpuinfo: str) -> bool:
    if platform.machine() == "x86_64":  # CPUID says it
        return any("hypervisor" in x.split() for x in cpuinfo.splitlines() if x.startswith("flags"))
    maker = _read("/sys/class/dmi/id/sys_vendor") + _read("/sys/class/dmi/id/product_name")
    makers = ("QEMU", "KVM", "VMware", "Xen", "Amazon EC2", "Google", "Virtual Machine")
    return Path("/proc/device-tree/hypervisor").exists() or any(name in maker for name in makers)


def _container() -> str | None:
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return "kubernetes"
    if Path("/run/.containerenv").exists():
        return "podman"
    if Path("/.dockerenv").exists():
        return "docker"
    return os.environ.get("container")  # noqa: SIM112 - systemd-nspawn and lxc set it


def _read(file: str | Path) -> str:
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
