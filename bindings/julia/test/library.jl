# Which library is loaded, and what is not.

using Libdl

@testset "finding the library" begin
    own = Libdl.dlpath(LibTenas.library[])
    say = "using Tenas; print(Tenas.version())"
    version = string(Tenas.version())

    @test julia(say, "TENAS_LIBRARY" => own) == (0, version)
    # Set before anything else, whatever the environment says.
    @test julia("using Tenas; Tenas.set_library!($(repr(own))); print(Tenas.version())",
                "TENAS_LIBRARY" => "/no/such/file") == (0, version)
    # Twice the same is fine, by another path too.
    mktempdir() do folder
        symlink(own, joinpath(folder, "libtenas.$dlext"))
        linked = joinpath(folder, "libtenas.$dlext")
        @test (Tenas.set_library!(own); Tenas.set_library!(linked)) === nothing
        # The loader's path.
        path = folder * ":" * get(ENV, "LD_LIBRARY_PATH", "")
        @test julia(say, "TENAS_LIBRARY" => nothing, "LD_LIBRARY_PATH" => path) == (0, version)
    end
    @test LibTenas.build_tree() == joinpath(CLONE, "target", "release", "libtenas")

    status, output = julia(say, "TENAS_LIBRARY" => "/no/such/file")
    @test status == 1 && occursin("TENAS_LIBRARY is \"/no/such/file\", which cannot be loaded", output)
    status, output = julia("using Tenas; Tenas.set_library!(\"/no/such/file\")")
    @test status == 1 && occursin("the library is set to \"/no/such/file\", which cannot", output)

    mktempdir() do folder
        compiler = get(ENV, "CC", "cc")
        function library(name, code)
            write(joinpath(folder, "$name.c"), code)
            run(`$compiler -shared -fPIC $folder/$name.c -o $folder/$name.$dlext`)
            return "$folder/$name.$dlext"
        end
        other = library("other", "const char *tenas_version(void) { return \"9.8.7\"; }" *
                                 "unsigned tenas_abi_version(void) { return 77; }")
        status, output = julia(say, "TENAS_LIBRARY" => other)
        @test status == 1
        @test occursin("$other is libtenas 9.8.7 with ABI version 77", output)
        @test occursin("for ABI version $(LibTenas.TENAS_ABI_VERSION)", output)
        # After such a failure the right one can still be set.
        @test julia("using Tenas; try Tenas.version() catch end; Tenas.set_library!($(repr(own))); print(Tenas.version())",
                    "TENAS_LIBRARY" => other) == (0, version)

        empty = library("empty", "int nothing;")
        status, output = julia(say, "TENAS_LIBRARY" => empty)
        @test status == 1 && occursin("has no function tenas_abi_version", output)

        old = library("old", "unsigned tenas_abi_version(void) { return $(LibTenas.TENAS_ABI_VERSION); }")
        status, output = julia(say, "TENAS_LIBRARY" => old)
        @test status == 1 && occursin("has no function tenas_version", output)

        @test_throws ErrorException Tenas.set_library!(other)  # a second one
        @test string(Tenas.version()) == version
    end
end
