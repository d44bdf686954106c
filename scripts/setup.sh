#!/bin/sh
# Makes sure that the commands in the arguments exist: cargo, cc, c++, clang++,
# pkg-config, valgrind, python3, pip, chromium, npm, mpicc, mpirun;
# Python's module venv; and the library pagmo, for C++.
# What is missing is installed by the system's package manager, as root; anyone else is told how.
set -eu

# The package of a command, for a package manager.
package() {
    case "$1/$2" in
    apt-get/cc) echo "gcc libc6-dev" ;;
    apt-get/c++) echo "g++" ;;
    dnf/cc) echo "gcc glibc-devel" ;;
    dnf/c++) echo "gcc-c++" ;;
    pacman/cc | pacman/c++) echo "gcc" ;;
    apk/cc) echo "gcc musl-dev" ;;
    apk/c++) echo "g++" ;;
    pacman/pip) echo "python-pip" ;;
    apk/pip) echo "py3-pip" ;;
    */clang++) echo "clang" ;;
    apt-get/pagmo) echo "libpagmo-dev" ;;
    */pagmo) echo "pagmo" ;;
    apt-get/mpicc) echo "libopenmpi-dev" ;;
    apt-get/mpirun) echo "openmpi-bin" ;;
    dnf/mpicc) echo "openmpi-devel" ;;
    */mpicc | */mpirun) echo "openmpi" ;;
    apt-get/pkg-config | pacman/pkg-config | apk/pkg-config) echo "pkgconf" ;;
    dnf/pkg-config) echo "pkgconf-pkg-config" ;;
    */pip) echo "python3-pip" ;;
    apt-get/venv) echo "python3-venv" ;;
    */venv) echo "python3" ;;
    *) echo "$2" ;;
    esac
}

install_command() {
    case "$1" in
    apt-get) echo "apt-get install -y --no-install-recommends" ;;
    dnf) echo "dnf install -y" ;;
    pacman) echo "pacman -S --noconfirm --needed" ;;
    apk) echo "apk add" ;;
    esac
}

if ! command -v cargo >/dev/null; then
    case " $* " in *" cargo "*)
        echo "Rust is missing. Install it (https://rustup.rs), then try again:" >&2
        echo "    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" >&2
        exit 1
        ;;
    esac
fi

manager=
for candidate in apt-get dnf pacman apk; do
    if command -v "$candidate" >/dev/null; then
        manager=$candidate
        break
    fi
done

# Python's installer is there if Python finds it, whatever it is called.
there() {
    case "$1" in
    pip) python3 -m pip --version >/dev/null 2>&1 ;;
    venv) python3 -c "import ensurepip, venv" >/dev/null 2>&1 ;;
    pagmo) [ -e /usr/include/pagmo/problem.hpp ] ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

packages=
for tool in "$@"; do
    there "$tool" || packages="$packages $(package "$manager" "$tool")"
done
[ -n "$packages" ] || exit 0

if [ -z "$manager" ]; then
    echo "Missing:$packages. Install them with your system's package manager." >&2
    exit 1
fi
install="$(install_command "$manager")$packages"
if [ "$(id -u)" -ne 0 ]; then
    echo "Missing:$packages. Install them, then try again:" >&2
    echo "    sudo $install" >&2
    exit 1
fi
echo "Installing$packages"
$install || { [ "$manager" = apt-get ] && apt-get update && $install; }
