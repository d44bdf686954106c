# Searches for a neural architecture and prints it.
#
#     julia --project=bindings/julia examples/julia/search.jl                          synthetic images
#     julia --project=bindings/julia examples/julia/search.jl --data=cifar-10-batches-bin
#     julia --project=bindings/julia examples/julia/search.jl --help                   everything else
#
# What each round pruned, or the best of a ranking (--strategy=rank), and, as the last line, the architecture go to stdout, progress to stderr.

using Tenas

const HELP = """
    Usage: search.jl [--OPTION=VALUE]...

      --space=NAME      nas-bench-201 (default) or darts
      --dataset=NAME    cifar10 (default), cifar100, ImageNet16-120 or imagenet-1k
      --data=PATH       its images; without, they are synthetic
      --proxies=NAMES   scores of --strategy=rank, with commas between
      --PARAMETER=VALUE of the search, by default as published:"""

function main(arguments)
    options = Dict{Symbol,String}()
    for argument in arguments
        found = match(r"^--([a-z0-9-]+)(?:=(.*))?$", argument)
        found === nothing && error("found $argument, expected --OPTION=VALUE; --help lists them")
        options[Symbol(replace(found[1], '-' => '_'))] = something(found[2], "")
    end
    space = Symbol(pop!(options, :space, "nas-bench-201"))
    kind = Symbol(pop!(options, :dataset, "cifar10"))

    # The library knows what can be set.
    parameters = Tenas.parameters(space, kind)
    if haskey(options, :help)
        println(HELP)
        foreach(each -> println("        --", each.name, "=", each.choices === nothing ?
                "$(each.minimum) to $(each.maximum)" : join(each.choices, " or ")), parameters)
        return
    end
    path = pop!(options, :data, nothing)
    proxies = pop!(options, :proxies, nothing)
    images = path === nothing ? Tenas.synthetic(kind) : Dataset(kind, path)
    settings = (name => something(tryparse(UInt64, value), value) for (name, value) in options)

    config = Config(space, kind; settings...)
    proxies === nothing || Tenas.set_proxies!(config, split(proxies, ','))
    context = Context(config, images)
    rounds = eachround(context) do progress
        print(stderr, "\r", progress, "   ")
    end
    for round in rounds
        println(stderr)
        if round isa Tenas.Ranked
            println("the best so far is ", round.genotype)
            continue
        end
        for record in records(context, round)
            record.pruned || continue
            println("round ", round.round + 1, ": ", Tenas.edges(space, record.cell)[record.edge+1],
                    " loses ", Tenas.operations(space)[record.operation+1])
        end
    end
    println(genotype(context))
end

main(ARGS)
