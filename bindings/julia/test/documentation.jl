# The examples of the README and of the docstrings run as they stand.

function examples(file)
    blocks = eachmatch(r"^```julia\n(.*?)^```"ms, read(file, String))
    return [String(block[1]) for block in blocks]
end

@testset "documentation" begin
    sources = joinpath(dirname(@__DIR__), "src")
    files = [joinpath(CLONE, "README.md"); joinpath.(sources, readdir(sources))]
    ran = 0
    for file in files, (place, example) in enumerate(examples(file))
        @testset "$(basename(file)), example $place" begin
            status, output = mktempdir(folder -> cd(() -> julia("using Tenas\n" * example), folder))
            status == 0 || println(output)
            @test status == 0
            ran += 1
        end
    end
    @test ran >= 4
    @test !isempty(examples(files[1]))

    # What is exported or public has a docstring.
    for name in names(Tenas)
        @test haskey(Docs.meta(Tenas), Docs.Binding(Tenas, name))
    end
end
