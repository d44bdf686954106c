# Architectures, indicators, tables of accuracies.

@testset "architectures" begin
    space = :nas_bench_201
    @test Tenas.genotype_count(space) == 15625
    @test Tenas.genotype_count(:darts) > 10^18
    for index in (0, 1, 777, 15624)
        text = Tenas.genotype_at(space, index)
        @test Tenas.genotype_index(space, text) == index
        operations = Tenas.genotype_to_operations(space, text)
        @test foldl((sum, digit) -> 5sum + digit, operations) == index
        @test Tenas.genotype_from_operations(space, operations) == text
        json = Tenas.genotype_convert(space, text; format = :json)
        @test startswith(json, "{") && Tenas.genotype_convert(space, json) == text
        @test Tenas.genotype_from_operations(space, operations; format = :json) == json
    end
    @test Tenas.genotype_sample(space, 3) == Tenas.genotype_sample(space, 3, 0)
    @test length(Set(Tenas.genotype_sample(:darts, 1, index) for index in 0:9)) == 10
    @test length(Tenas.genotype_to_operations(:darts, Tenas.genotype_sample(:darts, 1))) == 28
    left, right = ("|nor_conv_3x3~0|+|none~0|$(x)~1|+|none~0|none~1|skip_connect~2|" for x in ("none", "none"))
    @test Tenas.genotype_canonical(space, left) == Tenas.genotype_canonical(space, right)
    @test Tenas.genotype_canonical(space, left) != Tenas.genotype_canonical(space, Tenas.genotype_at(space, 5))

    drawing = Tenas.Genotype(space, Tenas.genotype_at(space, 777))
    @test showable(MIME("image/svg+xml"), drawing)
    @test repr(MIME("image/svg+xml"), drawing) == Tenas.genotype_svg(space, Tenas.genotype_at(space, 777))
    fails(() -> Tenas.genotype_svg(space, "nonsense"), :format)
    @test contains(Tenas.scatter_svg("a", "b", [1, 2, 3], [3, 2, 1]), "−1")
    @test_throws DimensionMismatch Tenas.scatter_svg("a", "b", [1, 2, 3], [3, 2])
    fails(() -> Tenas.scatter_svg("a", "b", [1], [3]), :invalid_argument)
    fails(() -> Tenas.genotype_at(space, 15625), :not_found)
    @test_throws InexactError Tenas.genotype_at(space, -1)
    fails(() -> Tenas.genotype_index(space, "nonsense"), :format)
    fails(() -> Tenas.genotype_to_operations(space, "nonsense"), :format)
    fails(() -> Tenas.genotype_from_operations(space, [1, 2]), :invalid_argument)
    fails(() -> Tenas.genotype_from_operations(space, fill(5, 6)), :invalid_argument)
    @test_throws InexactError Tenas.genotype_from_operations(space, fill(-1, 6))
    @test_throws MethodError Tenas.genotype_from_operations(space, "123456")
    @test_throws MethodError Tenas.genotype_index(space, 5)
end

@testset "indicators" begin
    config, dataset = settings(repeats = 2), images()
    samples = [Tenas.genotype_sample(:nas_bench_201, 8, index) for index in 0:5]
    finished = Int[]
    many = indicators(progress -> push!(finished, progress.candidate), config, dataset, samples)
    @test finished == 1:6
    timeless(found) = [getfield(found, field) for field in fieldnames(Tenas.Indicators) if field != :seconds]
    for (sample, found) in zip(samples, many)
        @test timeless(indicators(config, dataset, sample)) == timeless(found)
        @test found.repeats == (found.connected ? 2 : found.repeats) && isfinite(found.ntk) && found.parameters > 0
    end
    @test timeless.(indicators(config, dataset, view(samples, 2:3))) == timeless.(many[2:3])
    @test isempty(indicators(config, dataset, String[]))
    disconnected = indicators(config, dataset, Tenas.genotype_at(:nas_bench_201, 0))
    @test !disconnected.connected && disconnected.regions == 1

    # A mask with one operation an edge is an architecture.
    mask = falses(5, 6, 1)
    foreach(edge -> mask[4, edge, 1] = true, 1:6)
    fine = Tenas.genotype_from_operations(:nas_bench_201, fill(3, 6))
    @test timeless(indicators(config, dataset, mask)) == timeless(indicators(config, dataset, fine))
    fails(() -> indicators(config, dataset, falses(3)), :invalid_argument)
    fails(() -> indicators(config, dataset, trues(5, 6, 1)), :invalid_argument, "none")
    fails(() -> indicators(config, dataset, ["x"; samples]), :format, "genotypes[0]")
    fails(() -> indicators(config, dataset, "x"), :format)
    @test_throws MethodError indicators(config, dataset, [1, 2])
    @test_throws MethodError indicators(dataset, config, samples)
    @test_throws ArgumentError indicators(config, dataset, "with\0nul")
end

@testset "tables of accuracies" begin
    texts = [Tenas.genotype_at(:nas_bench_201, index) for index in (10, 20, 30)]
    path = tempname()
    write(path, "arch_string\tcifar10\tcifar100\n$(texts[1])\t80.5\t50\n$(texts[2])\t90.25\t\n$(texts[3])\t70\t60\n")
    table = Benchmark(path)
    @test length(table) == 3 && collect(table) == texts == [table[1], table[2], table[end]]
    @test Tenas.space(table) == :nas_bench_201
    @test Tenas.find(table, texts[2]) == 2
    @test Tenas.ignored(table) == "[]"
    @test Tenas.accuracy(table, texts[1], :cifar10) == 80.5
    @test [Tenas.rank(table, text, :cifar10) for text in texts] == [2, 1, 3]
    @test table[Tenas.best(table, :cifar100)] == texts[3]
    @test repr(table) == "Benchmark(3 architectures of :nas_bench_201)"
    @test_throws BoundsError table[0]
    @test_throws BoundsError table[4]
    fails(() -> Tenas.accuracy(table, texts[2], :cifar100), :not_found)
    fails(() -> Tenas.find(table, Tenas.genotype_at(:nas_bench_201, 11)), :not_found)
    @test_throws ArgumentError Tenas.best(table, :mnist)
    fails(() -> Benchmark("/no/such/table"), :io, "/no/such/table")
    write(path, "nonsense")
    fails(() -> Benchmark(path), :format)
end

@testset "scores by name" begin
    known = Tenas.proxies()
    @test :ntk in (proxy.name for proxy in known) && all(!isempty(proxy.source) for proxy in known)
    @test only(proxy for proxy in known if proxy.name == :flops).cost == :count
    @test only(proxy for proxy in known if proxy.name == :ntk).direction == :lower
    config, data = settings(), images()
    genotypes = [Tenas.genotype_at(:nas_bench_201, 11718), Tenas.genotype_at(:nas_bench_201, 0)]
    calls = Ref(0)
    found = Tenas.scores(config, data, [:ntk, :flops], genotypes) do _
        calls[] += 1
    end
    @test calls[] == 2 && size(found.means) == (2, 2) && found.connected == [true, false]
    @test found.means[1, 1] == indicators(config, data, genotypes[1]).ntk
    @test Tenas.aggregate(:ranks, [:ntk, :flops], found.means) == [2, 4]
    @test_throws ArgumentError Tenas.aggregate(:ranks, [:ntk], found.means)
    fails(() -> Tenas.scores(config, data, [:psychic], genotypes), :not_found, "psychic")
end

@testset "rankings" begin
    config = settings(strategy = :rank, budget = 20, rungs = 2)
    Tenas.set_proxies!(config, [:flops, :ntk])
    Tenas.set_proxy_network!(config; cells = 1)
    Tenas.set_proxy_network!(config, :ntk; channels = 2)
    @test Tenas.proxies(config) == [:flops, :ntk]
    @test Tenas.proxy_network(config).cells == 1 && Tenas.proxy_network(config, :ntk).channels == 2
    fails(() -> Tenas.set_proxies!(config, [:psychic]), :not_found, "psychic")
    whole, worker = Context(config, images()), Context(config, images())
    bests = [each.genotype for each in eachround(whole)]
    @test length(bests) == 7 && bests[end] == genotype(whole)
    while true
        measurements = Tenas.measure!(worker)
        read = Tenas.measurements_from_json(Tenas.json(measurements))
        @test read == measurements
        Tenas.settle!(worker, reverse(read)) && break
    end
    fails(() -> Tenas.measurements_from_json("[]"), :format)
    best = Tenas.ranking(whole, 1:3)
    @test best[1].genotype == genotype(whole) && best[1].connected && best[1].rung == 1
    @test length(best[1].values) == 2 && best[1].ranks[1] >= 1
    @test [each.total for each in best] == [each.total for each in Tenas.ranking(worker, 1:3)]
    @test Tenas.ranking_count(whole) == 20 && Tenas.work(whole).done == Tenas.work(whole).all > 20
    fails(() -> Tenas.ranking(whole, 21:21), :not_found, "index")
    fails(() -> Tenas.evaluate!(whole), :invalid_state, "found rank")
end
