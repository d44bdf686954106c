# Tables of accuracies.

"""
    Benchmark(path)

A table of what architectures reach after training; `tenas.h` tells which files. `length(table)`
architectures, of which `table[place]` is one's genotype.
"""
mutable struct Benchmark <: Handle
    owner::Owner{LibTenas.tenas_benchmark}
    Benchmark(pointer::Ptr{LibTenas.tenas_benchmark}) = finalizer(close, new(Owner(pointer)))
end

free(pointer::Ptr{LibTenas.tenas_benchmark}) = LibTenas.tenas_benchmark_free(pointer)
Base.unsafe_convert(::Type{Ptr{LibTenas.tenas_benchmark}}, table::Benchmark) = pointer_of(table)

Benchmark(path::AbstractString) =
    Benchmark(value(Ptr{LibTenas.tenas_benchmark}, LibTenas.tenas_benchmark_open, path))

Base.length(table::Benchmark) = Int(value(Csize_t, LibTenas.tenas_benchmark_count, table))
Base.firstindex(table::Benchmark) = 1
Base.lastindex(table::Benchmark) = length(table)
Base.eltype(::Type{Benchmark}) = String

function Base.getindex(table::Benchmark, place::Integer)
    1 <= place <= length(table) || throw(BoundsError(table, place))
    return text(LibTenas.tenas_benchmark_genotype, table, place - 1)
end

Base.iterate(table::Benchmark, place = 1) = place > length(table) ? nothing : (table[place], place + 1)

space(table::Benchmark) = name(LibTenas.tenas_space, value(Int32, LibTenas.tenas_benchmark_space, table))

"The names of a table's columns that were not read, as a JSON list."
ignored(table::Benchmark) = text(LibTenas.tenas_benchmark_ignored, table)

"The place of an architecture in a table."
find(table::Benchmark, genotype::AbstractString) =
    Int(value(Csize_t, LibTenas.tenas_benchmark_find, table, genotype)) + 1

"An architecture's test accuracy on a data set, in percent."
accuracy(table::Benchmark, genotype::AbstractString, dataset::Symbol) =
    value(Cdouble, LibTenas.tenas_benchmark_accuracy, table, genotype, kind_number(dataset))

"An architecture's place by accuracy on a data set: 1 is the best."
rank(table::Benchmark, genotype::AbstractString, dataset::Symbol) =
    Int(value(Csize_t, LibTenas.tenas_benchmark_rank, table, genotype, kind_number(dataset)))

"The place in the table of the architecture with the highest accuracy on a data set."
best(table::Benchmark, dataset::Symbol) =
    Int(value(Csize_t, LibTenas.tenas_benchmark_best, table, kind_number(dataset))) + 1

function Base.show(io::IO, table::Benchmark)
    isopen(table) || return print(io, "Benchmark(closed)")
    print(io, "Benchmark(", length(table), " architectures of ", repr(space(table)), ")")
end
