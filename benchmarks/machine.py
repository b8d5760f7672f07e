"""What the figures were measured on."""

import os
import platform
import subprocess


def described(python, folder, versions):
    """Pairs of a name and what there is. `versions` are those of what was measured."""
    return [
        ("processor", "%s, %d processors" % (processor(), os.cpu_count() or 1)),
        ("memory", "%.0f GiB" % (memory() / (1 << 30))),
        ("kernel", "%s %s" % (platform.system(), platform.release())),
        ("Python", build_of(python)),
        ("file system of the cache folders", file_system(folder)),
        ("load before it began", "%.1f" % os.getloadavg()[0]),
        ("versions", ", ".join("%s %s" % pair for pair in versions)),
    ]


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def memory():
    """Bytes of memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def file_system(folder):
    """The type of the file system that a folder is on."""
    folder = os.path.realpath(folder)
    best, kind = "", "unknown"
    try:
        with open("/proc/mounts") as file:
            mounts = [line.split()[:3] for line in file]
    except OSError:
        return kind
    for _, point, name in mounts:
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, name
    return kind


def build_of(python):
    code = "import platform; print(platform.python_version(), '(%s)' % platform.python_compiler())"
    return subprocess.run([str(python), "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def package_versions(python, names):
    """Pairs of name and version, of those that are installed."""
    code = (
        "import sys\n"
        "from importlib.metadata import PackageNotFoundError, version\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        print(name, version(name))\n"
        "    except PackageNotFoundError:\n"
        "        pass\n"
    )
    done = subprocess.run([str(python), "-c", code, *names], stdout=subprocess.PIPE, text=True, check=True)
    return [tuple(line.split()) for line in done.stdout.splitlines()]
