# Architectures: as text, as numbers, as operation indices.

"The number of architectures of a space."
genotype_count(space::Symbol) = value(UInt64, LibTenas.tenas_genotype_count, space_number(space))

"The architecture of a number, from 0."
genotype_at(space::Symbol, index::Integer; format::Symbol = :native) =
    text(LibTenas.tenas_genotype_at, space_number(space), index, format_number(format))

"The number of an architecture, from 0."
genotype_index(space::Symbol, genotype::AbstractString) =
    value(UInt64, LibTenas.tenas_genotype_index, space_number(space), genotype)

"An architecture drawn at random: equal `seed` and `index` give the same one."
genotype_sample(space::Symbol, seed::Integer, index::Integer = 0; format::Symbol = :native) =
    text(LibTenas.tenas_genotype_sample, space_number(space), seed, index, format_number(format))

"Checks an architecture and writes it in a format, `:native` or `:json`."
genotype_convert(space::Symbol, genotype::AbstractString; format::Symbol = :native) =
    text(LibTenas.tenas_genotype_convert, space_number(space), genotype, format_number(format))

"A text that isomorphic architectures share, and others do not."
genotype_canonical(space::Symbol, genotype::AbstractString) =
    text(LibTenas.tenas_genotype_canonical, space_number(space), genotype)

"The operation of each edge of an architecture, from 0; [`Tenas.operations`](@ref) names them."
function genotype_to_operations(space::Symbol, genotype::AbstractString)
    return Int.(read_array(UInt32, LibTenas.tenas_genotype_to_operations, space_number(space), genotype))
end

"The architecture with these operations, one for each edge."
genotype_from_operations(space::Symbol, operations::AbstractVector{<:Integer}; format::Symbol = :native) =
    text(LibTenas.tenas_genotype_from_operations, space_number(space), Vector{UInt32}(operations),
         length(operations), format_number(format))
