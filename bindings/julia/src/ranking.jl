# Scores by name, and the strategy that ranks architectures by them.

"""
A score: its `name`, what it measures (`title`), the paper that it is from (`source`), which values are
better (`direction`: `:higher` or `:lower`), and what it costs (`:count`, `:forward`, `:reverse`).
"""
struct Proxy
    name::Symbol
    title::String
    source::String
    direction::Symbol
    cost::Symbol
end

"All scores that there are."
function proxies()
    count = Int(value(Csize_t, LibTenas.tenas_proxy_count))
    function proxy(index)
        c = filled(LibTenas.tenas_proxy, LibTenas.tenas_proxy_info, index)
        return Proxy(Symbol(unsafe_string(c.name)), unsafe_string(c.title), unsafe_string(c.source),
                     name(LibTenas.tenas_direction, c.direction), name(LibTenas.tenas_proxy_cost, c.cost))
    end
    return [proxy(index) for index in 0:count-1]
end

"""
    scores([progress], config, dataset, proxies, genotypes)

What architectures are worth by scores of these names: `means` and `spreads`, matrices of scores x
architectures, and whether each is `connected`. Scores that need the same evaluation share it.
"""
function scores(progress, config::Config, dataset::Dataset, proxies, genotypes::AbstractVector{<:AbstractString})
    names = String[string(each) for each in proxies]
    means, spreads = (zeros(Cdouble, length(names), length(genotypes)) for _ in 1:2)
    connected = zeros(Int32, length(genotypes))
    call(LibTenas.tenas_scores_of_many, config, dataset, names, length(names), String[genotypes...],
         length(genotypes), @cfunction(on_progress, Int32, (Ptr{LibTenas.tenas_progress}, Any)),
         Hooks(C_NULL, progress), means, spreads, connected)
    return (; means, spreads, connected = connected .== 1)
end

scores(config::Config, dataset::Dataset, proxies, genotypes::AbstractVector{<:AbstractString}) =
    scores(nothing, config, dataset, proxies, genotypes)

"""
    scores([progress], config, dataset, proxies, networks; weights = :fresh)

The same of networks of any origin, each in its own size, with weights that are drawn (`:fresh`), or their
own (`:kept`).
"""
function scores(progress, config::Config, dataset::Dataset, proxies, networks::AbstractVector{Network};
                weights::Symbol = :fresh)
    names = String[string(each) for each in proxies]
    means, spreads = (zeros(Cdouble, length(names), length(networks)) for _ in 1:2)
    connected = zeros(Int32, length(networks))
    GC.@preserve networks begin
        handles = Ptr{LibTenas.tenas_network}[pointer_of(network) for network in networks]
        call(LibTenas.tenas_networks_score, config, dataset, names, length(names), handles, length(handles),
             number(LibTenas.tenas_network_weights, weights),
             @cfunction(on_progress, Int32, (Ptr{LibTenas.tenas_progress}, Any)), Hooks(C_NULL, progress), means,
             spreads, connected)
    end
    return (; means, spreads, connected = connected .== 1)
end

scores(config::Config, dataset::Dataset, proxies, networks::AbstractVector{Network}; weights::Symbol = :fresh) =
    scores(nothing, config, dataset, proxies, networks; weights)

"""
    Tenas.aggregate(aggregation, proxies, values)

One order of several scores: what the ranks of each architecture add up to (`:log_ranks`: the higher the
better; `:ranks`: the lower). `values` is a matrix of scores x architectures.
"""
function aggregate(aggregation::Symbol, proxies, values::AbstractMatrix{<:Real})
    names = String[string(each) for each in proxies]
    length(names) == size(values, 1) ||
        throw(ArgumentError("values: found $(size(values, 1)) rows, expected $(length(names)), one a score"))
    totals = zeros(Cdouble, size(values, 2))
    call(LibTenas.tenas_aggregate, number(LibTenas.tenas_aggregation, aggregation), names, length(names),
         Matrix{Cdouble}(values), length(totals), totals)
    return totals
end

ranking_count(context::Context) = Int(value(Csize_t, LibTenas.tenas_context_ranking_count, context))

"""
    Tenas.ranking(context, places = 1:Tenas.ranking_count(context))

What a search with the strategy `:rank` knows after its finished rounds, the best first.
"""
function ranking(context::Context, places = 1:ranking_count(context))
    settings = config(context)
    count = length(proxies(settings))
    close(settings)
    function ranked(place)
        values, ranks = zeros(Cdouble, count), zeros(Cdouble, count)
        out = Ref(sized(LibTenas.tenas_ranked))
        call(LibTenas.tenas_context_ranked, context, place - 1, out, values, ranks, count)
        genotype = text(LibTenas.tenas_context_ranked_genotype, context, place - 1, format_number(:native))
        c = out[]
        return Ranked(genotype, c.number, c.rung, c.draws, c.connected != 0, c.total, values, ranks)
    end
    return [ranked(place) for place in places]
end

"A candidate's values of one draw, as they travel between contexts: `tenas_measurement` as it is in C."
const Measurement = LibTenas.tenas_measurement

"Draws that the round at hand adds: each of its candidates has so many measurements."
draws(context::Context) = Int(value(Csize_t, LibTenas.tenas_context_draws, context))

"""
    Tenas.measure!([progress], context, candidates = 1:Tenas.candidate_count(context))

Measures a part of the round's candidates, and ranks nothing: a `Vector{Tenas.Measurement}`.
"""
function measure!(progress, context::Context, candidates::AbstractUnitRange{<:Integer})
    first(candidates) >= 1 || throw(ArgumentError("candidates: found $candidates, expected numbers from 1 on"))
    # Before memory is asked for.
    count = last(candidates) <= candidate_count(context) ? length(candidates) * draws(context) : 0
    found = Vector{Measurement}(undef, max(count, 1))
    hooked(context, progress) do
        call(LibTenas.tenas_context_measure, context, first(candidates) - 1, length(candidates), found)
    end
    return resize!(found, count)
end

measure!(progress, context::Context) = measure!(progress, context, 1:candidate_count(context))
measure!(context::Context, candidates = 1:candidate_count(context)) = measure!(nothing, context, candidates)

"""
    Tenas.settle!(context, measurements)

Ends the round with the measurements of all its candidates, from whichever contexts, in any order; returns
whether it was the last.
"""
function settle!(context::Context, measurements::AbstractVector{Measurement})
    all = convert(Vector{Measurement}, measurements)
    return hooked(() -> value(Bool, LibTenas.tenas_context_settle, context, all, length(all)), context)
end

"""
    Tenas.json(measurements)

Measurements as JSON, for workers in other languages or on machines of another kind. Numbers read back as
the same `Float64`s.
"""
json(measurements::AbstractVector{Measurement}) =
    text(LibTenas.tenas_measurements_to_json, convert(Vector{Measurement}, measurements), length(measurements))

"What [`Tenas.json`](@ref) writes of measurements: a `Vector{Tenas.Measurement}`."
measurements_from_json(json::AbstractString) =
    read_array(Measurement, LibTenas.tenas_measurements_from_json, json)

"How much of a search is done, and how much there is, as far as that can be foreseen."
function work(context::Context)
    done, all = Ref{UInt32}(), Ref{UInt32}()
    call(LibTenas.tenas_context_work, context, done, all)
    return (done = Int(done[]), all = Int(all[]))
end
