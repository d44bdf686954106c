"""Puts the shared library into the wheel, and names the systems that it runs on."""

import os
import platform
import re
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version, build_data):
        built = Path(self.root, "..", "..", "target", "release", "libtenas.so")
        library = Path(os.environ.get("TENAS_LIBRARY") or built).resolve()
        if not library.is_file():
            raise FileNotFoundError(
                f"found no {library}, expected the built library: run `make library` in the clone, or name its "
                "file in the environment variable TENAS_LIBRARY"
            )
        content = library.read_bytes()
        if b"libtorch_cpu.so" in content:
            raise ValueError(f"{library}: found a build with the torch engine, expected one without: it needs libtorch")
        # A library runs with the glibc that has the newest of the symbol versions that it asks for.
        minor = max(int(number) for number in re.findall(rb"GLIBC_2\.(\d+)\b", content))
        build_data["tag"] = f"py3-none-manylinux_2_{minor}_{platform.machine()}"
        build_data["pure_python"] = False
        build_data["force_include"][str(library)] = "tenas/libtenas.so"
