"""
Neural architecture search without training: libtenas from Julia.

```julia
using Tenas

images = Tenas.synthetic(:cifar10)    # or Dataset(:cifar10, "cifar-10-batches-bin")
found = search(:nas_bench_201; data = images, seed = 1, batch_size = 4, repeats = 1) do progress
    println(stderr, progress)
end
println(genotype(found))
```

Each function here is one or a few functions of the C ABI (`Tenas.LibTenas`), whose manual is
`include/tenas.h`: what values mean, which are allowed, and what fails and why is said there.

- What fails throws a [`TenasError`](@ref); what a function of yours throws inside a search stops the
  search and comes out of the call that runs it.
- Images are `UInt8` arrays of width x height x channels x count.
- Rounds, cells, edges, operations and the numbers of architectures count from 0, as everywhere in
  libtenas. Places in a sequence (images, candidates of a round, records, entries of a table) count
  from 1, as everywhere in Julia.
- While libtenas computes, Julia's garbage collector waits for the next candidate, and other threads
  of Julia may wait for the collector.
"""
module Tenas

export Dataset, SearchSpace, Config, Context, Benchmark, TenasError
export search, run!, run_round!, eachround, cancel!, genotype, records, rounds, indicators

include("LibTenas.jl")
using .LibTenas
using .LibTenas: set_library!

include("calls.jl")
include("names.jl")
include("spaces.jl")
include("config.jl")
include("dataset.jl")
include("context.jl")
include("genotypes.jl")
include("networks.jl")
include("indicators.jl")
include("ranking.jl")
include("benchmark.jl")
include("report.jl")

"The version of libtenas that is loaded."
version() = VersionNumber(unsafe_string(LibTenas.tenas_version()))

"The ABI version of libtenas that is loaded."
abi_version() = Int(LibTenas.tenas_abi_version())

"What this build of libtenas can do on this machine, as JSON."
build_info() = text(LibTenas.tenas_build_info)

end
