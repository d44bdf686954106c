# The same as same_search.c, by the Julia package.

using Tenas

function main(path)
    images = Dataset(reshape(read(path), 8, 8, 3, 16); classes = 4)
    for (space, batch_size, prune_per_edge) in ((:nas_bench_201, 4, 1), (:darts, 2, 7))
        found = search(space; data = images, seed = 5, repeats = 2, batch_size, prune_per_edge)
        println(genotype(found))
        for r in records(found)
            counts = (r.round, r.cell, r.edge, r.operation, r.ntk_rank, r.regions_rank, Int(r.pruned))
            scores = (r.ntk_delta, r.regions_delta, r.ntk_now, r.ntk_without, r.regions_now, r.regions_without)
            println(join(counts, ' '), ' ', join((string(reinterpret(UInt64, x); base = 16, pad = 16) for x in scores), ' '))
        end
    end
end

main(ARGS[1])
