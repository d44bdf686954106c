#!/bin/sh
# Prints the path of a Julia, 1.5 or later, which the tests of bindings/julia need:
#
#     julia=$(scripts/julia.sh)
#
# A user's own is taken first: JULIA, or julia on PATH. Debian 12 has none, so there Debian 11's
# (1.5.3) is put together in .cache of the clone, once: fetched by apt with lists and sources of its
# own, and only unpacked. Neither /etc/apt nor the system's packages change, and root is not needed.
set -eu
cd "$(dirname "$0")/.."
release=bullseye
folder=$PWD/.cache/julia-$release

fail() {
    echo "Julia 1.5 or later is missing. $1" >&2
    echo "Install it (https://julialang.org/downloads) and put julia on PATH, or its path in JULIA, then try again." >&2
    exit 1
}

recent() {
    "$1" --startup-file=no -e 'exit(VERSION >= v"1.5" ? 0 : 1)' >/dev/null 2>&1
}

if [ -n "${JULIA:-}" ]; then
    recent "$JULIA" || fail "JULIA is '$JULIA', which is none, or does not run."
    command -v "$JULIA"
    exit
fi
if command -v julia >/dev/null && recent julia; then
    command -v julia
    exit
fi
if [ -x "$folder/julia" ]; then
    echo "$folder/julia"
    exit
fi

system=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_CODENAME:-}") || system=
[ "$system" = "debian bookworm" ] || fail "It can be fetched for you on Debian 12 only."

echo "Fetching Julia of Debian 11 (53 MB) into $folder" >&2
fresh=$folder.new
rm -rf "$fresh" "$folder"
mkdir -p "$fresh/apt/lists/partial" "$fresh/apt/archives/partial" "$fresh/apt/parts" "$fresh/packages"

# The machine's own mirrors, asked for the older release.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    sed -n "s|^\([^ ]*\) bookworm\(-[a-z]*\)\{0,1\} main\$|deb [signed-by=$keyring] \1 $release\2 main|p" |
    sort -u >"$fresh/apt/sources.list"
[ -s "$fresh/apt/sources.list" ] || fail "apt has no source of Debian 12 whose mirror could be asked for Debian 11."

apt() {
    apt-get -qq -o APT::Sandbox::User=root -o Debug::NoLocking=true \
        -o "Dir::State=$fresh/apt" -o Dir::State::status=/var/lib/dpkg/status -o "Dir::Cache=$fresh/apt" \
        -o "Dir::Etc::sourcelist=$fresh/apt/sources.list" -o "Dir::Etc::sourceparts=$fresh/apt/parts" "$@"
}
apt update >&2 || fail "apt cannot read the lists of Debian 11."
# What this system has none of. libunwind too: with that of Debian 12 every exception crashes.
packages=$(apt --simulate --no-install-recommends install julia | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
(cd "$fresh/packages" && apt download $packages "libunwind8/$release") >&2 ||
    fail "apt cannot download the packages of Debian 11."
for package in "$fresh"/packages/*.deb; do
    dpkg -x "$package" "$fresh"
done
rm -rf "$fresh/apt" "$fresh/packages"

# Julia looks for libraries in a folder of links; those that dangle are the system's.
libraries=$(dirname "$fresh"/usr/lib/*/libjulia.so.1)
triplet=$(basename "$libraries")
for link in "$libraries"/julia/*; do
    [ -e "$link" ] && continue
    name=$(basename "$(readlink "$link")")
    for place in /usr/lib /lib; do
        [ ! -e "$place/$triplet/$name" ] || ln -sf "$place/$triplet/$name" "$link"
    done
done

cat >"$fresh/julia" <<END
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
libraries=\$here/usr/lib/$triplet
export LD_LIBRARY_PATH="\$libraries/julia:\$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
exec "\$here/usr/bin/julia" "\$@"
END
chmod +x "$fresh/julia"
answer=$("$fresh/julia" --startup-file=no -e 'try error("caught") catch e; print(e.msg) end' 2>&1) || true
[ "$answer" = caught ] || fail "That of Debian 11 does not run here: $answer"
# Last: what has this name is whole.
mv "$fresh" "$folder"
echo "$folder/julia"
