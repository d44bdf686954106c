# Searches for a neural architecture with several Julia processes.
#
#     julia --project=bindings/julia examples/julia/distributed.jl --workers=3
#     julia --project=bindings/julia examples/julia/distributed.jl --workers=3 --strategy=rank --budget=100
#
# Options are those of search.jl, --workers=N and --history=FILE. Here the workers are on this machine; addprocs
# starts them on others just as well, where the package and the images must be too.
#
# A worker holds a search of its own. The pieces of a round go to whichever worker is free; then every worker
# gets the scores of all. A worker that is lost costs the piece that it had, which another one evaluates.

using Distributed
using Tenas

# What each process needs: its own search, and what brings it to the round at hand.
const SETUP = quote
    using Tenas

    # The rounds that the search of this process has applied, and the search, once it is needed.
    const applied = Ref(0)
    const search = Ref{Any}(nothing)

    function make(options)
        options = copy(options)
        space = Symbol(pop!(options, :space, "nas-bench-201"))
        kind = Symbol(pop!(options, :dataset, "cifar10"))
        path = pop!(options, :data, nothing)
        proxies = pop!(options, :proxies, nothing)
        images = path === nothing ? Tenas.synthetic(kind) : Dataset(kind, path)
        config = Config(space, kind; (name => something(tryparse(UInt64, value), value) for (name, value) in options)...)
        proxies === nothing || Tenas.set_proxies!(config, split(proxies, ','))
        return Context(config, images)
    end

    ranks(options) = get(options, :strategy, "prune") == "rank"
    apply!(context, scores, options) =
        ranks(options) ? Tenas.settle!(context, scores) : Tenas.apply!(context, scores)

    # A piece of the round behind those in `rounds`. A process that has just begun, or has missed
    # some, catches up first, which costs no evaluation.
    function evaluate(options, rounds, piece)
        search[] === nothing && (search[] = make(merge(options, Dict(:threads => "1"))))
        while applied[] < length(rounds)
            apply!(search[], rounds[applied[]+1], options)
            applied[] += 1
        end
        return ranks(options) ? Tenas.measure!(search[], piece) : Tenas.evaluate!(search[], piece)
    end
end

@eval $SETUP

"A line on stderr, at once, also where that is a file."
function tell(words...)
    println(stderr, words...)
    flush(stderr)
end

"Candidates in pieces: more than workers, since some candidates take longer."
function pieces(candidates, workers)
    size = max(1, cld(candidates, 4 * workers))
    return [first:min(first + size - 1, candidates) for first in 1:size:candidates]
end

function main(arguments)
    options = Dict{Symbol,String}()
    for argument in arguments
        found = match(r"^--([a-z0-9-]+)=(.*)$", argument)
        found === nothing && error("found $argument, expected --OPTION=VALUE, as search.jl has them, or --workers=N")
        options[Symbol(replace(found[1], '-' => '_'))] = found[2]
    end
    workers = parse(Int, pop!(options, :workers, "2"))
    history = pop!(options, :history, nothing)

    context = Base.invokelatest(make, options)
    processes = addprocs(workers; exeflags = "--project=$(Base.active_project())")
    @everywhere processes Core.eval(Main, $(Expr(:quote, SETUP)))
    for process in processes
        tell("worker ", process, ": process ", remotecall_fetch(getpid, process))
    end

    rounds = []
    try
        finished = false
        while !finished
            share = pieces(Tenas.candidate_count(context), workers)
            # A piece whose worker is lost is tried again, on one that is left.
            parts = pmap(piece -> Main.evaluate(options, rounds, piece), CachingPool(processes), share;
                         retry_delays = fill(0.1, 3), retry_check = (_, error) -> error isa ProcessExitedException)
            push!(rounds, reduce(vcat, parts))
            finished = apply!(context, rounds[end], options)
            tell("round ", length(rounds), " is done, by ", nprocs() - 1, " workers")
        end
    finally
        rmprocs(workers > 0 ? Distributed.workers() : Int[])
    end
    history === nothing || write(history, Tenas.records_json(context))
    println(genotype(context))
end

main(ARGS)
