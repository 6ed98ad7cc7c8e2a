"""A real Debian boots with our units: ``python -m tests.boot``. As root; a few minutes.

Makes a small Debian with `debootstrap`, installs mail2fax in it as docs/systemd.md says, boots it
in QEMU (by emulation; ``--kvm`` is faster), and prints what `guest` finds out inside: that the
units start, that mail comes in by every socket and goes out as a fax, and what a process that was
taken over inside each unit can still do. Exit code 1 when something is not as it must be.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mail2fax" / "boot"
_PACKAGES = (
    "systemd-sysv", "dbus", "udev", "linux-image-cloud-amd64", "initramfs-tools", "python3",
    "iproute2", "procps", "ca-certificates", "openssl", "kmod",
)  # fmt: skip
_PROGRAMS = ("debootstrap", "qemu-system-x86_64", "mke2fs")
_MINUTES = 20
_UNIT = """\
[Unit]
Description=What is found out inside
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/opt/mail2fax/.venv/bin/python -m tests.boot.guest
WorkingDirectory=/opt/mail2fax
StandardOutput=truncate:/dev/ttyS1
StandardError=inherit
ExecStopPost=/bin/systemctl --no-block poweroff
[Install]
WantedBy=multi-user.target
"""
_SCRIPT = """\
#!/opt/mail2fax/.venv/bin/python
import sys

from mail2fax.cli import main

sys.exit(main())
"""


def run(*command: str | Path, **more: str) -> None:
    """Run a program, quietly.

    Raises:
        SystemExit: it failed; with what it said.
    """
    done = subprocess.run(
        command, check=False, text=True, env={**os.environ, **more},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stdout[-2000:]}")


def debian(suite: str) -> Path:
    """The small Debian, made once."""
    made = _CACHE / suite
    if not (made / "made").exists():
        shutil.rmtree(made, ignore_errors=True)
        made.parent.mkdir(parents=True, exist_ok=True)
        include = f"--include={','.join(_PACKAGES)}"
        run("debootstrap", "--variant=minbase", include, suite, made)
        (made / "made").touch()
    return made


def install(root: Path) -> None:
    """Put the program where the units expect it, with its libraries for that Python."""
    there = root / "opt" / "mail2fax"
    shutil.rmtree(there, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("mail2fax", "systemd", "docs", "tests/boot", "tests/unit"):
        shutil.copytree(ROOT / name, there / name, ignore=ignored)
    run("chroot", root, "python3", "-m", "venv", "--without-pip", "/opt/mail2fax/.venv")
    (packages,) = there.glob(".venv/lib/python3.*/site-packages")
    own = Path(sysconfig.get_paths()["purelib"])
    if packages.parent.name != own.parent.name:
        sys.exit(f"{root.name} has {packages.parent.name}; run this with the same Python")
    ignored = shutil.ignore_patterns("__pycache__", "*.pth", "atheris*")
    shutil.copytree(own, packages, ignore=ignored, dirs_exist_ok=True)
    (packages / "mail2fax.pth").write_text("/opt/mail2fax\n")
    script = there / ".venv" / "bin" / "mail2fax"
    script.write_text(_SCRIPT)
    script.chmod(0o755)
    (root / "etc/systemd/system/found-out.service").write_text(_UNIT)
    wanted = root / "etc/systemd/system/multi-user.target.wants/found-out.service"
    wanted.unlink(missing_ok=True)
    wanted.symlink_to("/etc/systemd/system/found-out.service")
    (root / "etc/hostname").write_text("fax.example.com\n")
    (root / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")


def boot(root: Path, work: Path, *, kvm: bool) -> str:
    """Boot it; what was found out."""
    disk, told = work / "disk", work / "told"
    disk.unlink(missing_ok=True)
    run("mke2fs", "-q", "-t", "ext4", "-d", root, disk, "4G")
    (kernel,) = (root / "boot").glob("vmlinuz-*")
    (initrd,) = (root / "boot").glob("initrd.img-*")
    machine = ("-enable-kvm", "-cpu", "host") if kvm else ("-accel", "tcg", "-cpu", "max")
    command = (
        "qemu-system-x86_64", *machine, "-m", "2048", "-smp", "2", "-nographic", "-no-reboot",
        "-kernel", str(kernel), "-initrd", str(initrd), "-nic", "none",
        "-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0",
        "-drive", f"file={disk},format=raw,if=virtio,cache=unsafe",
        "-serial", f"file:{work / 'console'}", "-serial", f"file:{told}", "-monitor", "none",
    )  # fmt: skip
    subprocess.run(command, check=False, timeout=60 * _MINUTES, stdin=subprocess.DEVNULL)
    return told.read_text("utf-8", "replace").replace("\r", "")


def main() -> int:
    """Make, boot, and print what was found out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="bookworm", help="which Debian (default: bookworm)")
    parser.add_argument("--kvm", action="store_true", help="much faster, where it works")
    arguments = parser.parse_args()
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        print(*(f"{name} is not installed" for name in missing), "It needs root.", sep="\n")
        return 2
    root = debian(arguments.suite)
    install(root)
    told = boot(root, _CACHE, kvm=arguments.kvm)
    print(told)
    wrong = len(re.findall(r"^FAIL", told, re.MULTILINE))
    return 0 if told.rstrip().endswith("that is all") and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
