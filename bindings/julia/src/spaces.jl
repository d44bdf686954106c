# Search spaces as files.

"""
    SearchSpace(path)
    SearchSpace(; json)
    SearchSpace(:nas_bench_201)

A search space: of a space file, of its text, or one that is built in. It goes wherever the symbol of a
built-in one does: `Config`, `search`, `Tenas.cells`, `Tenas.genotype_at` and others.

```julia
space = SearchSpace(:darts)    # or SearchSpace("spaces/mobilenet-v2.json")
println(Tenas.genotype_count(space))
```
"""
mutable struct SearchSpace <: Handle
    owner::Owner{LibTenas.tenas_search_space}
    SearchSpace(pointer::Ptr{LibTenas.tenas_search_space}) = finalizer(close, new(Owner(pointer)))
end

free(pointer::Ptr{LibTenas.tenas_search_space}) = LibTenas.tenas_search_space_free(pointer)
Base.unsafe_convert(::Type{Ptr{LibTenas.tenas_search_space}}, space::SearchSpace) = pointer_of(space)

made_space(f, arguments...) = SearchSpace(value(Ptr{LibTenas.tenas_search_space}, f, arguments...))

SearchSpace(path::AbstractString) = made_space(LibTenas.tenas_search_space_open, path)
SearchSpace(; json::AbstractString) = made_space(LibTenas.tenas_search_space_from_json, json)
SearchSpace(space::Symbol) = made_space(LibTenas.tenas_search_space_new, space_number(space))

"A search space as the text of a space file."
json(space::SearchSpace) = text(LibTenas.tenas_search_space_to_json, space)

# Copied while the space is open: the strings belong to it.
named(space::SearchSpace, f, arguments...) =
    GC.@preserve space unsafe_string(value(Cstring, f, space, arguments...))
counted(space::SearchSpace, f, arguments...) = Int(value(UInt32, f, space, arguments...))

"The name of a search space."
space_name(space::SearchSpace) = named(space, LibTenas.tenas_search_space_name)

"A number that tells search spaces apart by all of their content."
digest(space::SearchSpace) = value(UInt64, LibTenas.tenas_search_space_digest, space)

cells(space::SearchSpace) =
    [named(space, LibTenas.tenas_search_space_cell_name, cell)
     for cell in 0:counted(space, LibTenas.tenas_search_space_cell_count)-1]

edges(space::SearchSpace, cell::Integer = 0) =
    [named(space, LibTenas.tenas_search_space_edge_name, cell, edge)
     for edge in 0:counted(space, LibTenas.tenas_search_space_edge_count, cell)-1]

operations(space::SearchSpace) =
    [named(space, LibTenas.tenas_search_space_operation_name, operation)
     for operation in 0:counted(space, LibTenas.tenas_search_space_operation_count)-1]

"Whether an edge offers an operation; all count from 0."
offers(space::SearchSpace, cell::Integer, edge::Integer, operation::Integer) =
    value(Int32, LibTenas.tenas_search_space_offers, space, cell, edge, operation) != 0

Base.show(io::IO, space::SearchSpace) =
    print(io, isopen(space) ? "SearchSpace($(space_name(space)))" : "SearchSpace(closed)")

genotype_count(space::SearchSpace) = value(UInt64, LibTenas.tenas_search_space_genotype_count, space)

genotype_at(space::SearchSpace, index::Integer; format::Symbol = :native) =
    text(LibTenas.tenas_search_space_genotype_at, space, index, format_number(format))

genotype_index(space::SearchSpace, genotype::AbstractString) =
    value(UInt64, LibTenas.tenas_search_space_genotype_index, space, genotype)

genotype_sample(space::SearchSpace, seed::Integer, index::Integer = 0; format::Symbol = :native) =
    text(LibTenas.tenas_search_space_genotype_sample, space, seed, index, format_number(format))

"A neighbour of an architecture, one decision away: equal `seed` and `index` give the same one."
genotype_mutate(space::SearchSpace, genotype::AbstractString, seed::Integer, index::Integer = 0;
                format::Symbol = :native) =
    text(LibTenas.tenas_search_space_genotype_mutate, space, genotype, seed, index, format_number(format))

genotype_convert(space::SearchSpace, genotype::AbstractString; format::Symbol = :native) =
    text(LibTenas.tenas_search_space_genotype_convert, space, genotype, format_number(format))

genotype_canonical(space::SearchSpace, genotype::AbstractString) =
    text(LibTenas.tenas_search_space_genotype_canonical, space, genotype)

function genotype_to_operations(space::SearchSpace, genotype::AbstractString)
    return Int.(read_array(UInt32, LibTenas.tenas_search_space_genotype_to_operations, space, genotype))
end

genotype_from_operations(space::SearchSpace, operations::AbstractVector{<:Integer}; format::Symbol = :native) =
    text(LibTenas.tenas_search_space_genotype_from_operations, space, Vector{UInt32}(operations),
         length(operations), format_number(format))
