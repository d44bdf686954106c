#!/bin/sh
# Installs a built library for other programs, or removes what was installed:
#
#     scripts/install.sh install LIBRARY_FOLDER
#     scripts/install.sh uninstall
#
# Where to, by the environment: PREFIX (/usr/local), LIBDIR (PREFIX/lib), INCLUDEDIR (PREFIX/include),
# and DESTDIR, a folder for packagers that all of it goes below. CC links.
set -eu
cd "$(dirname "$0")/.."

prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-$prefix/lib}
includedir=${INCLUDEDIR:-$prefix/include}
for folder in "$prefix" "$libdir" "$includedir"; do
    case "$folder" in
    /*) ;;
    *)
        echo "install.sh: PREFIX, LIBDIR, INCLUDEDIR: found '$folder', expected a path from / on" >&2
        exit 2
        ;;
    esac
done
destdir=${DESTDIR:-}
cmakedir=$prefix/share/cmake/tenas

version=$(sed -n 's/^#define TENAS_VERSION "\(.*\)"$/\1/p' include/tenas.h)
major=${version%%.*}
minor=${version#*.}
minor=${minor%%.*}
# Programs keep running on a library of the same soname: while the major version is 0 any minor one
# may change the ABI.
if [ "$major" -eq 0 ]; then
    soname=libtenas.so.0.$minor
else
    soname=libtenas.so.$major
fi

# Everything that is installed, a line each. Uninstalling goes by it.
files() {
    cat <<END
$libdir/libtenas.so.$version
$libdir/$soname
$libdir/libtenas.so
$libdir/libtenas.a
$libdir/pkgconfig/tenas.pc
$includedir/tenas.h
$includedir/tenas/tenas.hpp
$cmakedir/tenasConfig.cmake
$cmakedir/tenasConfigVersion.cmake
END
}

# The library in target/ has no soname, so that programs that are linked to it there run there. This
# is the same code, linked again with one.
link_shared() {
    echo '{ global: tenas_*; local: *; };' >"$scratch/exports"
    # shellcheck disable=SC2086 # it may have arguments
    ${CC:-cc} -shared -o "$1" -Wl,-soname,"$soname" -Wl,--version-script="$scratch/exports" \
        -Wl,--whole-archive "$library/libtenas.a" -Wl,--no-whole-archive -Wl,--gc-sections \
        -Wl,-z,defs -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -lpthread -ldl -lm
}

# Spaces in paths are kept.
pkg_config_file() {
    cat <<END | sed '/^[a-z]*=/s/ /\\ /g'
prefix=$prefix
libdir=$libdir
includedir=$includedir

Name: tenas
Description: Training-free neural architecture search (TE-NAS)
Version: $version
Cflags: -I\${includedir}
Libs: -L\${libdir} -ltenas
Libs.private: -lpthread -ldl -lm
END
}

# The way from the CMake package to a folder, so that everything can be moved together.
from_cmake() {
    realpath --canonicalize-missing --no-symlinks --relative-to="$cmakedir" "$1" | sed 's/[\\&|]/\\&/g'
}

put() { # MODE FILE PLACE
    mkdir -p "$destdir$(dirname "$3")"
    install -m "$1" "$2" "$destdir$3"
}

install_all() {
    library=$1
    if [ "$(uname -s)" != Linux ]; then
        echo "install.sh: found $(uname -s), expected Linux: other systems have not been tried" >&2
        exit 1
    fi
    if [ ! -e "$library/libtenas.a" ] || [ ! -e "$library/libtenas.so" ]; then
        echo "install.sh: no libtenas in $library. Build it first: make library" >&2
        exit 1
    fi
    if readelf -d "$library/libtenas.so" | grep -q 'NEEDED.*libtorch'; then
        echo "install.sh: the library in $library is built with the feature torch, which cannot be" >&2
        echo "installed: it runs with that libtorch alone. Use it where it is, or build it without:" >&2
        echo "    make library" >&2
        exit 1
    fi
    # Under sudo nothing is built anew (see the Makefile).
    if [ -n "${SUDO_USER:-}" ] && [ -n "$(find src Cargo.toml Cargo.lock -newer "$library/libtenas.a" -type f)" ]; then
        echo "install.sh: the library in $library is older than its sources. Build it first: make library" >&2
        exit 1
    fi
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    link_shared "$scratch/shared"
    pkg_config_file >"$scratch/tenas.pc"
    sed -e "s|^set(_tenas_libdirs .*|set(_tenas_libdirs \"$(from_cmake "$libdir")\")|" \
        -e "s|^set(_tenas_includedir .*|set(_tenas_includedir \"$(from_cmake "$includedir")\")|" \
        bindings/cpp/cmake/tenasConfig.cmake >"$scratch/tenasConfig.cmake"
    sed "s|^set(_tenas_includedir .*|set(_tenas_includedir \"$(from_cmake "$includedir")\")|" \
        bindings/cpp/cmake/tenasConfigVersion.cmake >"$scratch/tenasConfigVersion.cmake"

    put 755 "$scratch/shared" "$libdir/libtenas.so.$version"
    ln -sf "libtenas.so.$version" "$destdir$libdir/$soname"
    ln -sf "$soname" "$destdir$libdir/libtenas.so"
    put 644 "$library/libtenas.a" "$libdir/libtenas.a"
    put 644 "$scratch/tenas.pc" "$libdir/pkgconfig/tenas.pc"
    put 644 include/tenas.h "$includedir/tenas.h"
    put 644 bindings/cpp/include/tenas/tenas.hpp "$includedir/tenas/tenas.hpp"
    put 644 "$scratch/tenasConfig.cmake" "$cmakedir/tenasConfig.cmake"
    put 644 "$scratch/tenasConfigVersion.cmake" "$cmakedir/tenasConfigVersion.cmake"
    echo "Installed libtenas $version: $destdir$libdir, $destdir$includedir, $destdir$cmakedir"
}

# Folders that others may use too stay.
uninstall_all() {
    files | while IFS= read -r file; do
        rm -f "$destdir$file"
    done
    for folder in "$includedir/tenas" "$cmakedir"; do
        [ ! -d "$destdir$folder" ] || rmdir --ignore-fail-on-non-empty "$destdir$folder"
    done
    echo "Removed libtenas $version: $destdir$libdir, $destdir$includedir, $destdir$cmakedir"
}

case "${1:-} $#" in
"install 2") install_all "$2" ;;
"uninstall 1") uninstall_all ;;
*)
    echo "install.sh: found '$*', expected install LIBRARY_FOLDER, or uninstall" >&2
    exit 2
    ;;
esac
