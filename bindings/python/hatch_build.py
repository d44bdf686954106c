"""Puts the shared library into the wheel, and names the systems that it runs on."""

import os
import platform
import re
import shutil
import subprocess
import tempfile
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
        build_data["force_include"][str(self._without_debug_information(library))] = "tenas/libtenas.so"

    def _without_debug_information(self, library):
        """A copy that is a sixth of the size, and names no folder of the machine that built it; the library
        itself where there is no strip."""
        if shutil.which("strip") is None:
            return library
        self._folder = tempfile.TemporaryDirectory()
        stripped = Path(self._folder.name, "libtenas.so")
        subprocess.run(["strip", "--strip-unneeded", "-o", stripped, library], check=True)
        return stripped

    def finalize(self, version, build_data, artifact_path):
        if getattr(self, "_folder", None) is not None:
            self._folder.cleanup()
