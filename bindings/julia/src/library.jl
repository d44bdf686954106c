# Finds the shared library, and checks that it fits.

import Libdl

const library = Ref{Ptr{Cvoid}}(C_NULL)
const library_checked = Threads.Atomic{Int}(0)
const library_lock = ReentrantLock()

# Nothing of a process that precompiled is left.
function __init__()
    library[] = C_NULL
    library_checked[] = 0
end

"The address of a C function. The first call finds the library."
function symbol(name::Symbol)
    library_checked[] == 1 || open_library()
    address = Libdl.dlsym(library[], name; throw_error = false)
    address === nothing &&
        error("$(Libdl.dlpath(library[])) has no function $name: is it libtenas, and not an older one?")
    return address
end

# What there is in a clone of libtenas, whose bindings/julia/src this is.
build_tree() = normpath(joinpath(@__DIR__, "..", "..", "..", "target", "release", "libtenas"))

function find_library()
    path = get(ENV, "TENAS_LIBRARY", "")
    isempty(path) || return open_file(path, "TENAS_LIBRARY is $(repr(path))")
    for name in ("libtenas", build_tree())
        handle = Libdl.dlopen("$name.$(Libdl.dlext)"; throw_error = false)
        handle === nothing || return handle
    end
    error("libtenas was not found: not by TENAS_LIBRARY, which is not set, not on the loader's path, " *
          "not as $(build_tree()).$(Libdl.dlext). Install it, build it (make library), or name the " *
          "file by Tenas.set_library!(path) or in TENAS_LIBRARY.")
end

function open_file(path, origin)
    try
        return Libdl.dlopen(path)
    catch failure
        error("$origin, which cannot be loaded: $(sprint(showerror, failure))")
    end
end

function open_library(find = find_library)
    lock(library_lock) do
        # Open already; or by this very task, which is checking it.
        library[] == C_NULL || return
        library[] = find()
        try
            found = tenas_abi_version()
            found == TENAS_ABI_VERSION ||
                error("$(Libdl.dlpath(library[])) is libtenas $(unsafe_string(tenas_version())) with " *
                      "ABI version $found; this package is for ABI version $TENAS_ABI_VERSION")
            library_checked[] = 1
        catch
            library[] = C_NULL
            rethrow()
        end
    end
    return nothing
end

"""
    Tenas.set_library!(path)

Loads libtenas from a file. Without it, the first use loads the one that the environment variable
TENAS_LIBRARY names, else the one on the loader's path, else the one in `target/release` of the clone
that this package is in.

A process has one libtenas: another one cannot be loaded after it.
"""
function set_library!(path::AbstractString)
    open_library(() -> open_file(path, "the library is set to $(repr(path))"))
    # dlopen again: the same file gives the same handle, whatever its path.
    handle = open_file(path, "the library is set to $(repr(path))")
    handle == library[] ||
        error("the library is set to $(repr(path)), but $(Libdl.dlpath(library[])) is loaded already; " *
              "set it before the first use of Tenas")
    return nothing
end
