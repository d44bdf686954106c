# Regularised evolution (Real et al., AAAI 2019) whose fitness costs no training: libtenas' indicators.
#
#     julia --project=bindings/julia examples/julia/evolution.jl [--OPTION=NUMBER]...
#
# A population of architectures grows old: each step the best of a small sample has a child, one of
# whose operations is another, and the oldest dies. An architecture is its operation indices, one for
# each edge. Here it is fit if few others seen so far have a lower condition number of the neural
# tangent kernel, and few more linear regions: the sum of the two ranks, as TE-NAS ranks candidates.
# The last line is the architecture of the best sum among all that were seen.

using Random
using Tenas

const SPACE = :nas_bench_201
const DEFAULTS = Dict("population" => 16, "sample" => 4, "children" => 48, "batch-size" => 16, "seed" => 1)

"The sum of each one's ranks by both indicators: less is better, equals share a rank."
function rank_sums(scores)
    ranks(keys) = [count(<(key), keys) for key in keys]
    return ranks([each.ntk for each in scores]) .+ ranks([-each.regions for each in scores])
end

"Another operation on one edge."
function mutated(random, operations, choices)
    child = copy(operations)
    edge = rand(random, eachindex(child))
    child[edge] = rand(random, filter(!=(child[edge]), 0:choices-1))
    return child
end

function main(arguments)
    options = copy(DEFAULTS)
    for argument in arguments
        found = match(r"^--([a-z-]+)=(\d+)$", argument)
        known = found !== nothing && haskey(options, found[1])
        if argument == "--help" || !known
            println("Options, with what they are without: ", join(sort!(["--$name=$value" for (name, value) in DEFAULTS]), ' '))
            argument == "--help" && return
            error("found $argument")
        end
        options[found[1]] = parse(Int, found[2])
    end

    random = MersenneTwister(options["seed"])
    images = Tenas.synthetic(:cifar10; seed = options["seed"])
    config = Config(SPACE, :cifar10; seed = options["seed"], batch_size = options["batch-size"], repeats = 1)
    choices = length(Tenas.operations(SPACE))

    # The first population: scored together, which keeps all cores busy.
    genotypes = [Tenas.genotype_sample(SPACE, options["seed"], index) for index in 0:options["population"]-1]
    scores = indicators(config, images, genotypes)
    alive = collect(eachindex(genotypes))

    for step in 1:options["children"]
        sums = rank_sums(scores)
        sample = rand(random, alive, options["sample"])
        parent = sample[argmin(sums[sample])]
        child = mutated(random, Tenas.genotype_to_operations(SPACE, genotypes[parent]), choices)

        push!(genotypes, Tenas.genotype_from_operations(SPACE, child))
        push!(scores, indicators(config, images, genotypes[end]))
        push!(alive, lastindex(genotypes))
        popfirst!(alive)
        print(stderr, "\rchild $step of $(options["children"]): NTK $(round(scores[end].ntk; digits = 1)), ",
              "$(round(Int, scores[end].regions)) regions      ")
    end
    println(stderr)

    best = argmin(rank_sums(scores))
    println("NTK ", scores[best].ntk, ", regions ", scores[best].regions, ", of ", length(scores), " architectures")
    println(genotypes[best])
end

main(ARGS)
