# Whole searches, rounds, pieces, checkpoints.

@testset "a search" begin
    dataset = images()
    seen = Tenas.Progress[]
    found = search(:nas_bench_201; data = dataset, batch_size = 4, repeats = 1, threads = 1, seed = 5) do progress
        push!(seen, progress)
    end
    reference = run!(Context(settings(), dataset))
    @test genotype(found) == genotype(reference) && records(found) == records(reference)
    @test length(seen) == length(records(found))
    @test (seen[1].round, seen[1].candidate) == (0, 1)
    @test occursin("round 1 of $(seen[1].rounds): candidate 1 of ", string(seen[1]))
    @test Tenas.isfinished(found) && Tenas.progress(found).round == length(rounds(found))
    @test repr(found) == "Context(finished: $(genotype(found)))"
    @test startswith(genotype(found; format = :json), "{")
    @test_throws ArgumentError genotype(found; format = :xml)
    @test Tenas.device(found) == (:cpu, 0)
    @test Tenas.json(Tenas.config(found)) == Tenas.json(settings())
    @test genotype(search(:nas_bench_201; data = dataset, batch_size = 4, repeats = 1, seed = 5)) == genotype(found)

    @test sum(each.pruned for each in records(found)) == sum(round.pruned for round in rounds(found))
    @test count(occursin("\"ntk_delta\"", line) for line in split(Tenas.records_json(found), '{')) == length(records(found))

    @test_throws UndefKeywordError search(:nas_bench_201)
    @test_throws TypeError search(:nas_bench_201; data = PIXELS)
    @test_throws ArgumentError search(:nas_bench_201; data = "/no/such/folder")
    fails(() -> search(:nas_bench_201; data = "/no/such/folder", dataset = :cifar10), :io, "/no/such/folder")
    fails(() -> search(:nas_bench_201; data = dataset, batch_size = 17), :invalid_argument)

    mktempdir() do folder
        file = joinpath(folder, "test.bin")
        open(io -> foreach(n -> write(io, UInt8(0), fill(UInt8(40n), 3072 - 40n), zeros(UInt8, 40n)), 1:5), file, "w")
        named = search(:nas_bench_201; data = file, dataset = :cifar10, batch_size = 2, repeats = 1)
        @test Tenas.config(named).dataset == :cifar10 && Tenas.isfinished(named)
    end

    # Round by round.
    context = Context(settings(), dataset)
    fails(() -> genotype(context), :invalid_state)
    @test isempty(records(context)) && isempty(rounds(context))
    candidates = 0
    stepped = collect(eachround(progress -> candidates += 1, context))
    @test stepped == rounds(context) == rounds(found) && eltype(stepped) == Tenas.Round
    @test candidates == length(records(context))
    @test reduce(vcat, [records(context, round) for round in stepped]) == records(found)
    @test isempty(collect(eachround(context))) && run_round!(context)
    @test genotype(context) == genotype(found)

    # DARTS too.
    darts = search(:darts; data = dataset, batch_size = 2, repeats = 1, prune_per_edge = 7)
    @test startswith(genotype(darts), "Genotype(normal=")
    @test size(Tenas.mask(darts)) == (8, 14, 2)
end

@testset "a round in pieces" begin
    dataset = images()
    reference = run!(Context(settings(), dataset))
    workers = [Context(settings(), dataset) for _ in 1:2]
    while !Tenas.isfinished(workers[1])
        count = Tenas.candidate_count(workers[1])
        scores = [Tenas.evaluate!(workers[1], 1:count÷2); Tenas.evaluate!(workers[2], count÷2+1:count)]
        @test length(scores) == count && eltype(scores) == Tenas.Score
        if Tenas.progress(workers[1]).round == 0
            fails(() -> Tenas.apply!(workers[1], scores[2:end]), :invalid_argument)
            fails(() -> Tenas.apply!(workers[1], scores[[1:end; 1]]), :invalid_argument)
            fails(() -> Tenas.apply!(Context(settings(seed = 6), dataset), scores), :invalid_argument)
            fails(() -> Tenas.evaluate!(workers[1], 1:count+1), :invalid_argument)
            @test_throws ArgumentError Tenas.evaluate!(workers[1], 0:1)
            @test isempty(Tenas.evaluate!(workers[1], 1:0))
            @test_throws MethodError Tenas.apply!(workers[1], [1, 2])
        end
        read = Tenas.scores_from_json(Tenas.json(scores))
        @test read == scores
        finished = [Tenas.apply!(worker, view(reverse(read), :)) for worker in workers]
        @test all(finished .== Tenas.isfinished(workers[1]))
    end
    @test records(workers[1]) == records(workers[2]) == records(reference)
    @test Tenas.apply!(workers[1], Tenas.scores_from_json(Tenas.json(Tenas.Score[])))
    fails(() -> Tenas.scores_from_json("{}"), :format, "found nothing, expected \"tenas scores\"")
    @test Tenas.candidate_count(workers[1]) == 0

    # A ranking of the host's: whatever it likes, it gets.
    context = Context(settings(), dataset)
    @test sum(Tenas.mask(context)) == Tenas.candidate_count(context) == length(Tenas.evaluate!(context))
    @test Tenas.mask(context)[3, 2, 1]
    Tenas.prune!(context, 0, 1, 2)
    @test !Tenas.mask(context)[3, 2, 1] && sum(Tenas.mask(context)) == 23
    fails(() -> Tenas.prune!(context, 0, 1, 2), :invalid_state)
    fails(() -> Tenas.prune!(context, 0, 9, 2), :invalid_argument)
    @test_throws InexactError Tenas.prune!(context, -1, 0, 0)
    for edge in 0:5, operation in 1:3
        (edge, operation) == (1, 2) || Tenas.prune!(context, 0, edge, operation)
    end
    @test Tenas.isfinished(context) && count(isequal('~'), genotype(context)) == 6
    @test occursin("avg_pool_3x3~0", genotype(context)) && occursin("pruned_by_host", Tenas.records_json(context))
end

@testset "traces and reports" begin
    mktempdir() do folder
        context = Context(settings(), images())
        Tenas.trace!(context, joinpath(folder, "trace.jsonl"))
        run!(context)
        Tenas.trace!(context, nothing)
        lines = readlines(joinpath(folder, "trace.jsonl"))
        @test count(contains("\"event\":\"decision\""), lines) == length(records(context))
        @test isfile(joinpath(folder, "arch_parameters_history.npy"))
        page = joinpath(folder, "report.html")
        Tenas.report(context, page)
        @test startswith(read(page, String), "<!DOCTYPE html>")
        fails(() -> Tenas.trace!(context, page), :format)
        fails(() -> Tenas.report(context, joinpath(folder, "none", "report.html")), :io)
        found = Tenas.Genotype(context)
        @test string(found) == genotype(context)
        @test startswith(repr(MIME("image/svg+xml"), found), "<svg ")
        @test contains(repr(found), genotype(context))
    end
end

@testset "checkpoints" begin
    dataset = images()
    reference = run!(Context(settings(), dataset))
    mktempdir() do folder
        file = joinpath(folder, "search.json")
        context = Context(settings(), dataset)
        Tenas.checkpoint!(context, file; seconds = 0)
        @test isfile(file)
        fails(() -> run!(progress -> progress.candidate == 7 ? :cancel : nothing, context), :cancelled)
        close(context)
        continued = Context(file, dataset; machine = settings(threads = 2))
        @test Tenas.config(continued).threads == 2
        @test records(run!(continued)) == records(reference)

        copied = joinpath(folder, "copy.json")
        Tenas.save(continued, copied)
        @test genotype(Context(copied, dataset)) == genotype(reference)
        fails(() -> Context(copied, Dataset(PIXELS .+ 0x01; classes = 4)), :invalid_argument)
        fails(() -> Context(joinpath(folder, "none"), dataset), :io, "none")
        write(copied, "{\"half")
        fails(() -> Context(copied, dataset), :format, "copy.json")
        fails(() -> Tenas.save(continued, joinpath(folder, "no", "folder")), :io)
        fails(() -> Tenas.checkpoint!(continued, file; seconds = -1), :invalid_argument, "seconds")
        @test Tenas.checkpoint!(continued, nothing) === nothing
    end
end
