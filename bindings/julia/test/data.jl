# Images: shapes, types, loaders.

@testset "images of one's own" begin
    dataset = images()
    @test length(dataset) == 16 && size(dataset) == (8, 8, 3, 16) == size(PIXELS)
    @test Tenas.classes(dataset) == 4 && Tenas.kind(dataset) == :custom && Tenas.skipped(dataset) == 0
    @test Tenas.source(dataset) == "images in memory"
    # Julia's order is C's: a file of the same bytes is the same data set, but for its name.
    wide = UInt8[x + 16y + 64c for x in 0:11, y in 0:3, c in 0:1, n in 1:5]
    @test size(Dataset(wide; classes = 2)) == (12, 4, 2, 5)
    # A view, a lazy array; means given.
    @test Tenas.digest(Dataset(view(PIXELS, :, :, :, 1:16); classes = 4)) == Tenas.digest(dataset)
    @test Tenas.digest(Dataset(PermutedDimsArray(permutedims(PIXELS, (2, 1, 3, 4)), (2, 1, 3, 4)); classes = 4)) ==
          Tenas.digest(dataset)
    @test Tenas.digest(Dataset(PIXELS; classes = 4, mean = [1, 2, 3], stddev = (4, 5, 6))) != Tenas.digest(dataset)

    for wrong in (zeros(Float32, 8, 8, 3, 16), zeros(UInt8, 8, 8, 3), zeros(Int8, 8, 8, 3, 2), UInt8[])
        failure = try Dataset(wrong; classes = 4) catch failure; failure end
        @test failure isa ArgumentError && occursin("$(eltype(wrong))", failure.msg)
    end
    @test_throws MethodError Dataset("text"; classes = 4)
    # C would open what is named before the NUL.
    @test_throws ArgumentError Dataset(:cifar10, "a\0b")
    @test_throws UndefKeywordError Dataset(PIXELS)
    fails(() -> Dataset(zeros(UInt8, 8, 8, 3, 0); classes = 4), :invalid_argument)
    fails(() -> Dataset(PIXELS; classes = 0), :invalid_argument, "classes")
    fails(() -> Dataset(PIXELS; classes = 4, mean = [1, 2, 3]), :null_pointer, "stddev")
    fails(() -> Dataset(PIXELS; classes = 4, mean = [1, 2, 3], stddev = [1, 2, 0]), :invalid_argument)
    @test_throws DimensionMismatch Dataset(PIXELS; classes = 4, mean = [1, 2], stddev = [1, 2, 3])
    @test_throws InexactError Dataset(PIXELS; classes = -1)
    # What does not fit a search, the library says.
    fails(() -> Context(settings(), Dataset(zeros(UInt8, 7, 7, 3, 16); classes = 4)), :invalid_argument)
    fails(() -> Context(settings(), Dataset(PIXELS[:, :, :, 1:3]; classes = 4)), :invalid_argument)
end

@testset "from disk and synthetic" begin
    mktempdir() do folder
        # The binary version: a label, then 32 x 32 x 3 in C's order.
        file = joinpath(folder, "data_batch_1.bin")
        pixels = UInt8[(x + 3y + 50c + n) % 256 for x in 1:32, y in 1:32, c in 1:3, n in 1:4]
        open(file, "w") do io
            foreach(n -> write(io, UInt8(n), pixels[:, :, :, n]), 1:4)
        end
        opened = Dataset(:cifar10, file)
        @test size(opened) == (32, 32, 3, 4) && Tenas.kind(opened) == :cifar10
        @test occursin(file, Tenas.source(opened)) && occursin(":cifar10, 32x32x3x4", repr(opened))
        # The same images from memory give the same search: the order is right.
        mean, stddev = [125.3, 123.0, 113.9], [63.0, 62.1, 66.7]
        made = Dataset(pixels; classes = 10, mean = mean, stddev = stddev)
        config = settings(batch_size = 2)
        scores = [indicators(config, each, "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|")
                  for each in (opened, made)]
        @test isapprox(scores[1].ntk, scores[2].ntk; rtol = 1e-3)
        fails(() -> Dataset(:cifar100, file), :format)
        write(file, "cut")
        fails(() -> Dataset(:cifar10, file), :format, "data_batch_1.bin")
    end
    @test Tenas.digest(Tenas.synthetic(:imagenet16_120; seed = 1)) ==
          Tenas.digest(Tenas.synthetic(:imagenet16_120; seed = 1)) !=
          Tenas.digest(Tenas.synthetic(:imagenet16_120; seed = 2))
    fails(() -> Tenas.synthetic(:custom), :invalid_argument)
end

struct Broken <: Exception end

@testset "a loader" begin
    asked = Set{Int}()
    loaded = Dataset((8, 8, 3, 16); id = "mine", classes = 4) do batch, numbers
        union!(asked, numbers)
        batch .= PIXELS[:, :, :, numbers]
    end
    @test asked == Set(1:16)  # for mean and deviation
    @test Tenas.source(loaded) == "callback: mine"
    from_loader, from_memory = (run!(Context(settings(), each)) for each in (loaded, images()))
    @test records(from_loader) == records(from_memory)
    @test genotype(from_loader) == genotype(from_memory)

    fails(() -> Dataset((8, 8, 3, 0); id = "x", classes = 4) do batch, numbers end, :invalid_argument)
    fails(() -> Dataset((batch, numbers) -> nothing, (8, 8, 3, 4); id = "", classes = 4), :invalid_argument, "id")
    @test_throws Broken Dataset((batch, numbers) -> throw(Broken()), (8, 8, 3, 16); id = "x", classes = 4)
    @test_throws MethodError Dataset(() -> nothing, (8, 8, 3, 16); id = "x", classes = 4)
    @test_throws DimensionMismatch Dataset((8, 8, 3, 16); id = "x", classes = 4) do batch, numbers
        batch .= PIXELS[:, :, :, 1:2]  # not as many as asked for
        batch .= zeros(UInt8, 2, 2)
    end

    # Broken in the middle of a search: that comes out, and the search goes on afterwards.
    broken = false
    fragile = Dataset((8, 8, 3, 16); id = "mine", classes = 4) do batch, numbers
        broken && throw(Broken())
        batch .= PIXELS[:, :, :, numbers]
    end
    context = Context(settings(), fragile)
    run_round!(context)
    broken = true
    @test_throws Broken run!(context)
    @test_throws Broken indicators(settings(), fragile, Tenas.genotype_sample(:nas_bench_201, 1))
    broken = false
    @test records(run!(context)) == records(from_memory)
end
