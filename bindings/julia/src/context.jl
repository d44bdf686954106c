# Searches.

# What the callbacks of a search are handed.
mutable struct Hooks
    context::Ptr{LibTenas.tenas_context}
    progress::Any
    log::Any
    # Whether a run has these hooks, and whether one of them threw in it.
    running::Threads.Atomic{Int}
    threw::Bool
end

Hooks(context, progress = nothing) = Hooks(context, progress, nothing, Threads.Atomic{Int}(0), false)

"How far a search is: `round` of `rounds`, from 0; `candidate` of `candidates` finished; `seconds` so far."
struct Progress
    round::Int
    rounds::Int
    candidate::Int
    candidates::Int
    seconds::Float64
end

function Base.show(io::IO, progress::Progress)
    round = min(progress.round + 1, progress.rounds)
    print(io, "round ", round, " of ", progress.rounds, ": candidate ", progress.candidate, " of ",
          progress.candidates, ", ", Base.round(progress.seconds; digits = 1), " s")
end

# Other tasks have their turn after each candidate: one of them may cancel.
function on_progress(progress::Ptr{LibTenas.tenas_progress}, hooks)::Int32
    answer = shielded() do
        answer = hooks.progress === nothing ? nothing :
            hooks.progress(from_c(Progress, unsafe_load(progress)))
        yield()
        answer
    end
    hooks.threw |= answer === nothing
    return answer === nothing || something(answer) === :cancel
end

function on_log(level::Int32, line::Ptr{UInt8}, hooks)::Cvoid
    done = shielded() do
        hooks.log(name(LibTenas.tenas_log_level, level), unsafe_string(line))
    end
    if done === nothing
        hooks.threw = true
        LibTenas.tenas_context_cancel(hooks.context)
    end
    return nothing
end

"""
    Context(config, dataset)
    Context(path, dataset; machine)

A search, or one that goes on from a checkpoint, with the device and threads of the configuration
`machine` if there is one. [`run!`](@ref) runs it, [`eachround`](@ref) round by round.
"""
mutable struct Context <: Handle
    owner::Owner{LibTenas.tenas_context}
    hooks::Hooks
    function Context(pointer::Ptr{LibTenas.tenas_context})
        context = finalizer(close, new(Owner(pointer), Hooks(pointer)))
        call(LibTenas.tenas_context_set_progress, context,
             @cfunction(on_progress, Int32, (Ptr{LibTenas.tenas_progress}, Any)), context.hooks)
        return context
    end
end

free(pointer::Ptr{LibTenas.tenas_context}) = LibTenas.tenas_context_free(pointer)
Base.unsafe_convert(::Type{Ptr{LibTenas.tenas_context}}, context::Context) = pointer_of(context)

Context(config::Config, dataset::Dataset) =
    Context(value(Ptr{LibTenas.tenas_context}, LibTenas.tenas_context_new, config, dataset))

Context(path::AbstractString, dataset::Dataset; machine::Union{Nothing,Config} = nothing) =
    Context(value(Ptr{LibTenas.tenas_context}, LibTenas.tenas_context_load, path, dataset,
                  machine === nothing ? C_NULL : machine))

# Whatever may call a hook: one call at a time has the hooks, and leaves no request to cancel behind
# that a hook made by throwing.
function hooked(f, context::Context, progress = nothing)
    hooks = context.hooks
    Threads.atomic_cas!(hooks.running, 0, 1) == 0 ||
        throw(TenasError(:busy, "this Context is in use by another call"))
    hooks.progress = progress
    try
        return f()
    finally
        hooks.progress = nothing
        hooks.threw && isopen(context) && clear_cancel!(context)
        hooks.threw = false
        hooks.running[] = 0
    end
end

"""
    search([progress], space; data, dataset, parameters...)

Searches `space` on `data`, a [`Dataset`](@ref) or the path of one, and returns the finished
[`Context`](@ref), of which [`genotype`](@ref) is the result. `dataset` says which preset to take, by
default that of the `Dataset`, and what is at a path. The parameters are those of [`Config`](@ref).

```julia
images = Tenas.synthetic(:imagenet16_120)
found = search(:nas_bench_201; data = images, seed = 1, batch_size = 4, repeats = 1) do progress
    println(progress)
end
```
"""
function search(progress, space::Union{Symbol,SearchSpace}; data::Union{Dataset,AbstractString},
                dataset::Symbol = kind(data), parameters...)
    images = data isa Dataset ? data : Dataset(dataset, data)
    config = Config(space, dataset; parameters...)
    context = try
        Context(config, images)
    finally
        close(config)
        images === data || close(images)
    end
    try
        return run!(progress, context)
    catch
        close(context)
        rethrow()
    end
end

search(space::Union{Symbol,SearchSpace}; keywords...) = search(nothing, space; keywords...)

"""
    run!([progress], context)

Runs all rounds that remain, and returns the context. `progress(::Progress)` is called after each
candidate; if it returns `:cancel`, or [`cancel!`](@ref) is called meanwhile, the run ends with
`TenasError(:cancelled, ...)`. Run it again to go on: the result is the same.
"""
function run!(progress, context::Context)
    hooked(() -> call(LibTenas.tenas_context_run, context), context, progress)
    return context
end

run!(context::Context) = run!(nothing, context)

"""
    run_round!([progress], context)

Runs one round, and returns whether it was the last.
"""
run_round!(progress, context::Context) =
    hooked(() -> value(Bool, LibTenas.tenas_context_run_round, context), context, progress)

run_round!(context::Context) = run_round!(nothing, context)

"""
An architecture of a ranking: its `genotype` and `number`, the `rung` that it came to, its `draws`,
whether it is `connected`, its `total`, and its `values` and `ranks` by each score.
"""
struct Ranked
    genotype::String
    number::UInt64
    rung::Int
    draws::Int
    connected::Bool
    total::Float64
    values::Vector{Float64}
    ranks::Vector{Float64}
end

struct EachRound
    progress::Any
    context::Context
end

"""
    eachround([progress], context)

An iterator that runs a round at a time, and gives a [`Tenas.Round`](@ref) for each; with the strategy `:rank`
the best so far, a [`Tenas.Ranked`](@ref).
"""
eachround(progress, context::Context) = EachRound(progress, context)
eachround(context::Context) = EachRound(nothing, context)

Base.IteratorSize(::Type{EachRound}) = Base.SizeUnknown()
Base.IteratorEltype(::Type{EachRound}) = Base.EltypeUnknown()

function Base.iterate(each::EachRound, state = nothing)
    isfinished(each.context) && return nothing
    run_round!(each.progress, each.context)
    finished = round_count(each.context)
    told = finished == 0 ? ranking(each.context, 1:1)[1] : round_at(each.context, finished)
    return told, nothing
end

"""
    cancel!(context)

Asks the call that works on the context, or else the next run, to stop. From any task and thread.
"""
cancel!(context::Context) = call(LibTenas.tenas_context_cancel, context)

"Drops a request to cancel that no call has reported yet."
clear_cancel!(context::Context) = call(LibTenas.tenas_context_clear_cancel, context)

"How far a search is, at any time."
progress(context::Context) =
    from_c(Progress, filled(LibTenas.tenas_progress, LibTenas.tenas_context_progress, context))

"Whether no round is left."
isfinished(context::Context) = value(Bool, LibTenas.tenas_context_is_finished, context)

"A copy of a search's configuration."
config(context::Context) =
    Config(value(Ptr{LibTenas.tenas_config}, LibTenas.tenas_context_config, context))

"Where a search computes: `(:cpu, 0)`, or `(:cuda, index)`."
function device(context::Context)
    kind, index = Ref{Int32}(0), Ref{Int32}(0)
    call(LibTenas.tenas_context_device, context, kind, index)
    return name(LibTenas.tenas_device, kind[]), Int(index[])
end

"""
    genotype(context; format = :native)

The architecture that a finished search has found, as the text that training code reads, or `:json`.
"""
genotype(context::Context; format::Symbol = :native) =
    text(LibTenas.tenas_context_genotype, context, format_number(format))

"""
    Tenas.log!(f, context)
    Tenas.log!(context, nothing)

Has `f(level, line)` take the log of a search, or nothing; the level is `:error`, `:warning`, `:info` or
`:debug`.
"""
function log!(f, context::Context)
    hooked(context) do
        context.hooks.log = f
        call(LibTenas.tenas_context_set_log, context, @cfunction(on_log, Cvoid, (Int32, Ptr{UInt8}, Any)), context.hooks)
    end
end

function log!(context::Context, ::Nothing)
    hooked(() -> call(LibTenas.tenas_context_set_log, context, C_NULL, nothing), context)
    context.hooks.log = nothing
end

# History.

"""
A candidate of a finished round: an operation, and what its removal would do. The fields are those of
`tenas_record`.
"""
struct Record
    round::Int
    cell::Int
    edge::Int
    operation::Int
    ntk_rank::Int
    regions_rank::Int
    pruned::Bool
    ntk_delta::Float64
    regions_delta::Float64
    ntk_now::Float64
    ntk_without::Float64
    regions_now::Float64
    regions_without::Float64
end

"""
A finished round in short. The fields are those of `tenas_round`; `first_record` counts from 1.
"""
struct Round
    round::Int
    candidates::Int
    pruned::Int
    first_record::Int
    ntk::Float64
    regions::Float64
end

function Round(c::LibTenas.tenas_round)
    return Round(c.round, c.candidates, c.pruned, c.first_record + 1, c.ntk, c.regions)
end

record_at(context, place) =
    from_c(Record, filled(LibTenas.tenas_record, LibTenas.tenas_context_record, context, place - 1))

"The candidates of all finished rounds of a search, or of one [`Tenas.Round`](@ref)."
records(context::Context) =
    [record_at(context, place) for place in 1:value(Csize_t, LibTenas.tenas_context_record_count, context)]

records(context::Context, round::Round) =
    [record_at(context, place) for place in round.first_record:round.first_record+round.candidates-1]

round_count(context) = Int(value(Csize_t, LibTenas.tenas_context_round_count, context))
round_at(context, place) =
    Round(filled(LibTenas.tenas_round, LibTenas.tenas_context_round, context, place - 1))

"The finished rounds of a search."
rounds(context::Context) = [round_at(context, place) for place in 1:round_count(context)]

"The whole history of a search as JSON."
records_json(context::Context) = text(LibTenas.tenas_context_records_json, context)

# Checkpoints.

"""
    Tenas.save(context, path)

Writes a checkpoint; `Context(path, dataset)` goes on from it.
"""
save(context::Context, path::AbstractString) =
    hooked(() -> call(LibTenas.tenas_context_save, context, path), context)

"""
    Tenas.checkpoint!(context, path; seconds = 60)
    Tenas.checkpoint!(context, nothing)

Has a search save itself: now, after each round, and after a candidate if the last checkpoint is at
least `seconds` old; or no more.
"""
checkpoint!(context::Context, path::AbstractString; seconds::Real = 60) =
    hooked(() -> call(LibTenas.tenas_context_set_checkpoint, context, path, seconds), context)

checkpoint!(context::Context, ::Nothing) =
    hooked(() -> call(LibTenas.tenas_context_set_checkpoint, context, Cstring(C_NULL), 0), context)

# A round in pieces.

"The scores of a candidate, as they travel between contexts: `tenas_score` as it is in C."
const Score = LibTenas.tenas_score

"The number of candidates of the round at hand."
candidate_count(context::Context) = Int(value(Csize_t, LibTenas.tenas_context_candidate_count, context))

"""
    Tenas.evaluate!([progress], context, candidates = 1:Tenas.candidate_count(context))

Scores a part of the round's candidates, and prunes nothing: a `Vector{Tenas.Score}`.
"""
function evaluate!(progress, context::Context, candidates::AbstractUnitRange{<:Integer})
    first(candidates) >= 1 || throw(ArgumentError("candidates: found $candidates, expected numbers from 1 on"))
    scores = Vector{Score}(undef, length(candidates))
    hooked(context, progress) do
        call(LibTenas.tenas_context_evaluate, context, first(candidates) - 1, length(scores), scores)
    end
    return scores
end

evaluate!(progress, context::Context) = evaluate!(progress, context, 1:candidate_count(context))
evaluate!(context::Context, candidates = 1:candidate_count(context)) = evaluate!(nothing, context, candidates)

"""
    Tenas.apply!(context, scores)

Ends the round with the scores of all its candidates, from whichever contexts, in any order; returns
whether it was the last.
"""
function apply!(context::Context, scores::AbstractVector{Score})
    all = convert(Vector{Score}, scores)
    return hooked(() -> value(Bool, LibTenas.tenas_context_apply, context, all, length(all)), context)
end

"""
    Tenas.json(scores)

Scores as JSON, for workers in other languages or on machines of another kind. Numbers read back as the
same `Float64`s.
"""
json(scores::AbstractVector{Score}) =
    text(LibTenas.tenas_scores_to_json, convert(Vector{Score}, scores), length(scores))

"What [`Tenas.json`](@ref) writes of scores: a `Vector{Tenas.Score}`."
scores_from_json(json::AbstractString) = read_array(Score, LibTenas.tenas_scores_from_json, json)

"""
    Tenas.mask(context)

Which operations are active: a `Bool` array of operations x edges x cells; of operations x edges, all
cells' in a row, where cells differ in their number of edges.
"""
function mask(context::Context)
    active = read_array(UInt8, LibTenas.tenas_context_mask, context)
    settings = config(context)
    space = search_space(settings)
    close(settings)
    counts = [length(edges(space, cell - 1)) for cell in 1:length(cells(space))]
    rows = length(operations(space))
    close(space)
    all(==(first(counts)), counts) && return reshape(active .== 1, rows, :, length(counts))
    return reshape(active .== 1, rows, :)
end

"""
    Tenas.prune!(context, cell, edge, operation)

Removes an operation from an edge, whatever the search would do.
"""
prune!(context::Context, cell::Integer, edge::Integer, operation::Integer) =
    hooked(() -> call(LibTenas.tenas_context_prune, context, cell, edge, operation), context)

function Base.show(io::IO, context::Context)
    isopen(context) || return print(io, "Context(closed)")
    now = progress(context)
    now.round < now.rounds && return print(io, "Context(", now, ")")
    found = try
        genotype(context)
    catch failure
        failure isa TenasError || rethrow()
        failure.message
    end
    print(io, "Context(finished: ", found, ")")
end
