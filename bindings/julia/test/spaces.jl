# Search spaces of one's own.

const CHAIN = """
{"format": "tenas space", "version": 1, "name": "chain",
 "operations": [
   {"name": "skip", "layers": []},
   {"name": "conv3", "layers": [{"conv": {"kernel": 3}}, "batch_norm", "relu"]},
   {"name": "narrow", "value": 1}, {"name": "wide", "value": 2}],
 "choices": [
   {"name": "blocks", "options": ["skip", "conv3"], "edges": ["a", "b"]},
   {"name": "width", "options": ["narrow", "wide"], "edges": ["all"]}],
 "macros": {"net": {
   "stem": [{"channels": "width.all", "layers": [{"conv": {"kernel": 3}}, "batch_norm"]}],
   "body": [{"choice": "blocks.a", "channels": "width.all"}, {"choice": "blocks.b", "channels": "width.all"}]}},
 "networks": {"ntk": {"macro": "net", "channels": 2}, "thin": {"macro": "net", "channels": 1},
   "training": {"macro": "net", "channels": 16}}}
"""

@testset "a space of one's own" begin
    space = SearchSpace(json = CHAIN)
    @test Tenas.space_name(space) == "chain"
    @test Tenas.digest(SearchSpace(json = Tenas.json(space))) == Tenas.digest(space)
    @test Tenas.cells(space) == ["blocks", "width"]
    @test Tenas.edges(space) == ["a", "b"] && Tenas.edges(space, 1) == ["all"]
    @test Tenas.operations(space) == ["skip", "conv3", "narrow", "wide"]
    @test Tenas.offers(space, 0, 0, 1) && !Tenas.offers(space, 0, 0, 2)

    text, other = "chain[blocks: skip, conv3; width: wide]", "chain[blocks: conv3, skip; width: wide]"
    @test Tenas.genotype_count(space) == 8
    @test Tenas.genotype_at(space, 3) == text
    @test Tenas.genotype_index(space, text) == 3
    @test Tenas.genotype_convert(space, Tenas.genotype_convert(space, text; format = :json)) == text
    @test startswith(repr(MIME("image/svg+xml"), Tenas.Genotype(space, text)), "<svg ")
    @test Tenas.genotype_canonical(space, text) == Tenas.genotype_canonical(space, other)
    @test Tenas.genotype_to_operations(space, text) == [0, 1, 3]
    @test Tenas.genotype_from_operations(space, [0, 1, 3]) == text
    @test Tenas.genotype_sample(space, 1) == Tenas.genotype_sample(space, 1)
    @test Tenas.genotype_mutate(space, text, 1) != text

    config = Config(space, :custom; batch_size = 4, repeats = 1, threads = 2, device = :cpu)
    @test config.batch_size == 4 && config.space isa SearchSpace
    @test Tenas.digest(Tenas.search_space(Config(Tenas.json(config)))) == Tenas.digest(space)
    @test only(filter(p -> p.name == :batch_size, Tenas.parameters(space, :custom))).preset == 32
    data = images()
    found = search(space; data, dataset = :custom, batch_size = 4, repeats = 1, device = :cpu)
    @test Tenas.genotype_index(space, genotype(found)) < 8
    @test size(Tenas.mask(found)) == (4, 3)

    @test Tenas.cells(SearchSpace(:darts)) == Tenas.cells(:darts)
    @test Tenas.digest(SearchSpace(joinpath(CLONE, "spaces", "darts.json"))) == Tenas.digest(SearchSpace(:darts))
    @test Config(SearchSpace(:darts), :cifar10).space == :darts
    @test_throws TenasError SearchSpace("/no/such/file")
    failure = try
        SearchSpace(json = "{}")
    catch thrown
        thrown
    end
    @test failure.code == :format && occursin("format: found nothing", failure.message)
    close(space)
    @test_throws TenasError Tenas.genotype_count(space)
end
