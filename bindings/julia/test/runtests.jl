# From the package's folder: julia --project test/runtests.jl
#
# The library is found as always (TENAS_LIBRARY, and so on); the header that it is compared with is the
# clone's. A C compiler (CC, else cc) tells how the header's structs are laid out.

using Tenas
using Tenas: LibTenas
using Test

const CLONE = normpath(joinpath(@__DIR__, "..", "..", ".."))

# Searches of a second: 16 images of 8x8.
const PIXELS = UInt8[(31x + 17y * n + 101c + 7x * y) % 256 for x in 1:8, y in 1:8, c in 1:3, n in 1:16]
images() = Dataset(PIXELS; classes = 4)
settings(; more...) =
    Config(:nas_bench_201, :custom; batch_size = 4, repeats = 1, threads = 1, seed = 5, more...)

"The TenasError that `f` throws; its message must have all the words."
function fails(f, code, words...)
    failure = try
        f()
        nothing
    catch failure
        failure
    end
    @test failure isa TenasError
    failure isa TenasError || return @test failure === nothing
    @test failure.code == code
    for word in words
        @test occursin(word, failure.message)
    end
end

"A script in a Julia of its own: its exit status and what it printed."
function julia(script, environment...; options = ``, during = process -> nothing)
    output = Pipe()
    project = dirname(@__DIR__)
    command = `$(Base.julia_cmd()) --startup-file=no --project=$project $options -e $script`
    process = run(pipeline(ignorestatus(addenv_(command, environment...)); stdout = output, stderr = output);
                  wait = false)
    close(output.in)
    during((process, output))
    text = read(output, String)
    wait(process)
    return process.exitcode, text
end

# addenv of Julia 1.6; a value of nothing takes the variable away.
function addenv_(command, environment...)
    variables = Dict{String,String}(ENV)
    for (name, value) in environment
        value === nothing ? delete!(variables, name) : (variables[name] = value)
    end
    return setenv(command, variables)
end

@testset "Tenas" begin
    include("raw.jl")
    include("library.jl")
    include("config.jl")
    include("spaces.jl")
    include("networks.jl")
    include("data.jl")
    include("searches.jl")
    include("callbacks.jl")
    include("handles.jl")
    include("scores.jl")
    include("documentation.jl")
end
