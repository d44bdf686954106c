# Traces, reports and drawings.

"""
    Tenas.trace!(context, path)
    Tenas.trace!(context, nothing)

Has a search write what it finds to a file of JSON lines from now on, or ends that. The trace of the
same search is continued.
"""
trace!(context::Context, path::AbstractString) =
    hooked(() -> call(LibTenas.tenas_context_set_trace, context, path), context)
trace!(context::Context, ::Nothing) =
    hooked(() -> call(LibTenas.tenas_context_set_trace, context, Cstring(C_NULL)), context)

"""
    Tenas.report(context, path; table = nothing)

Writes a report of a search, one HTML file; with the accuracies of a [`Benchmark`](@ref).
"""
report(context::Context, path::AbstractString; table::Union{Benchmark, Nothing} = nothing) =
    hooked(context) do
        table === nothing ? call(LibTenas.tenas_context_report, context, path) :
        call(LibTenas.tenas_context_report_with_table, context, table, path)
    end

"A drawing of an architecture's cells, as SVG."
genotype_svg(space::Symbol, genotype::AbstractString) =
    text(LibTenas.tenas_genotype_svg, space_number(space), genotype)
genotype_svg(space::SearchSpace, genotype::AbstractString) =
    text(LibTenas.tenas_search_space_genotype_svg, space, genotype)

"""
    Tenas.Genotype(space, text)
    Tenas.Genotype(context)

An architecture that notebooks show as a drawing. `string` gives its text.
"""
struct Genotype
    space::Union{Symbol, SearchSpace}
    text::String
end

Genotype(context::Context) = Genotype(search_space(config(context)), genotype(context))

Base.print(io::IO, genotype::Genotype) = print(io, genotype.text)
Base.show(io::IO, genotype::Genotype) = print(io, "Tenas.Genotype(", repr(genotype.text), ")")
Base.show(io::IO, ::MIME"image/svg+xml", genotype::Genotype) =
    print(io, genotype_svg(genotype.space, genotype.text))

"""
    Tenas.scatter_svg(x_title, y_title, x, y)

A picture of pairs of values with their rank correlation, as SVG.
"""
function scatter_svg(x_title::AbstractString, y_title::AbstractString, x::AbstractVector{<:Real},
                     y::AbstractVector{<:Real})
    length(x) == length(y) ||
        throw(DimensionMismatch("y: found $(length(y)) values, expected $(length(x))"))
    return text(LibTenas.tenas_scatter_svg, x_title, y_title, Vector{Float64}(x), Vector{Float64}(y),
                length(x))
end
