# Networks of genotypes.

const CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"

@testset "networks" begin
    @test Tenas.facts(Tenas.Network(:nas_bench_201, CELL)).height == 32
    @test Tenas.facts(Tenas.Network(:nas_bench_201, CELL; dataset = :imagenet16_120)).classes == 120
    small(; more...) = Tenas.Network(SearchSpace(:nas_bench_201), CELL; dataset = :custom, channels = 2, cells = 1,
                                     classes = 5, image = (12, 8, 3), more...)
    network = small()
    found = Tenas.facts(network)
    @test (found.width, found.height, found.channels, found.classes) == (12, 8, 3, 5)
    @test found.multiply_adds > found.parameters > 0
    @test Tenas.network_name(network) == "nas-bench-201"
    names = Tenas.parameter_names(network)
    @test length(names) == found.named_parameters && names[1] == "stem.0.weight"
    @test names[end] == "classifier.bias"

    pixels = Float32[sin(x + 2y + 3c + 5n) for x in 1:12, y in 1:8, c in 1:3, n in 1:2]
    logits = Tenas.logits(network, pixels)
    @test size(logits) == (5, 2) && logits == Tenas.logits(small(), pixels)
    @test logits[:, 2] ≈ Tenas.logits(network, pixels[:, :, :, 2:2])[:, 1] rtol = 1e-4
    @test logits != Tenas.logits(small(seed = 1), pixels)
    @test logits != Tenas.logits(small(init = :torch_default), pixels)
    @test_throws DimensionMismatch Tenas.logits(network, pixels[:, 1:4, :, :])

    mktempdir() do folder
        path = joinpath(folder, "network")
        Tenas.write_onnx(network, path)
        @test occursin("libtenas", read(path, String))
        Tenas.write_pytorch(network, path)
        @test occursin("class Network(nn.Module):", read(path, String))
        Tenas.write_weights(network, path)
        @test occursin("classifier.bias", read(path, String))
        @test readdir(folder) == ["network"]
    end
    mktempdir() do folder
        path = joinpath(folder, "network.onnx")
        Tenas.write_onnx(network, path)
        back = Tenas.read_onnx(path)
        @test Tenas.facts(back).parameters == found.parameters && Tenas.network_name(back) == "network"
        @test Tenas.logits(back, pixels) ≈ logits rtol = 1e-5
        @test length(Tenas.notes(back)) == 1 && occursin("do not reach its output", Tenas.notes(back)[1])
        @test isempty(Tenas.notes(network))
        large = Tenas.read_onnx(read(path); image = (32, 32, 3))
        @test Tenas.facts(large).width == 32
        fails(() -> Tenas.read_onnx(path; image = (12, 8, 1)), :invalid_argument, "image channels: found 1")
        config = Config(:nas_bench_201, :cifar10; repeats = 1, batch_size = 4)
        synthetic = Tenas.synthetic(:cifar10)
        calls = 0
        table = Tenas.scores(config, synthetic, [:ntk, :parameters], [large, large]; weights = :kept) do progress
            calls += 1
            true
        end
        @test calls == 2 && table.means[1, 1] == table.means[1, 2] > 1
        @test table.means[2, 1] == found.parameters && all(table.connected)
        @test Tenas.scores(config, synthetic, [:ntk], [large]).means[1] != table.means[1]
        fails(() -> Tenas.scores(config, synthetic, [:regions], [large]), :invalid_argument, "proxy regions")
        @test_throws ArgumentError Tenas.scores(config, synthetic, [:ntk], [large]; weights = :old)
    end
    fails(() -> Tenas.read_onnx("/no/such/network"), :io, "/no/such")
    fails(() -> Tenas.read_onnx(UInt8[1, 2, 3]), :format, "ONNX")
    for write in (Tenas.write_onnx, Tenas.write_pytorch, Tenas.write_weights)
        fails(() -> write(network, "/no/such/network"), :io, "/no/such")
    end
    fails(() -> Tenas.Network(:nas_bench_201, "|none~0|"), :format, "genotype")
    fails(() -> small(channels = 5000), :invalid_argument, "channels: found 5000")
    @test_throws ArgumentError small(cells = 0)
    @test_throws ArgumentError small(init = :zeros)
    @test sprint(show, network) == "Network(nas-bench-201)"
    close(network)
    @test sprint(show, network) == "Network(closed)"
    fails(() -> Tenas.facts(network), :invalid_state, "closed")
end
