# Configurations and names.

@testset "names" begin
    @test Tenas.cells(:nas_bench_201) == ["normal"]
    @test Tenas.cells(:darts) == ["normal", "reduction"]
    @test Tenas.edges(:nas_bench_201) == ["1<-0", "2<-0", "2<-1", "3<-0", "3<-1", "3<-2"]
    @test length(Tenas.edges(:darts, 1)) == 14
    @test Tenas.operations(:nas_bench_201) ==
          ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
    @test length(Tenas.operations(:darts)) == 8
    fails(() -> Tenas.edges(:darts, 2), :invalid_argument)
    failure = try Config(:resnet, :cifar10) catch failure; failure end
    @test failure isa ArgumentError && occursin("found :resnet, expected one of :nas_bench_201, :darts", failure.msg)
    @test_throws ArgumentError Config(:darts, :mnist)
    @test_throws MethodError Config("darts", "cifar10")
    @test_throws MethodError Config(1, 1)
end

@testset "parameters by name" begin
    # The library's own spelling, which users type, means the same.
    for (symbol, text) in ((:imagenet, "imagenet-1k"), (:imagenet16_120, "ImageNet16-120"))
        @test Config(Symbol("nas-bench-201"), Symbol(text)).dataset == symbol
        @test occursin("\"$text\"", Tenas.json(Config(:nas_bench_201, symbol)))
    end
    table = Tenas.parameters(:nas_bench_201, :cifar10)
    @test :seed in [each.name for each in table]
    config = Config(:nas_bench_201, :cifar10)
    @test config.space == :nas_bench_201 && config.dataset == :cifar10
    @test propertynames(config) == (:space, :dataset, (each.name for each in table)...)
    for each in table
        # The preset, and the least and most, as they are told.
        @test getproperty(config, each.name) == Tenas.decoded(each, each.preset)
        for number in (each.minimum, each.name == :device_index ? each.minimum : each.maximum)
            setproperty!(config, each.name, number)
            @test getproperty(config, each.name) == Tenas.decoded(each, number)
        end
        # Another strategy would have other presets.
        each.name == :strategy && setproperty!(config, each.name, each.preset)
        each.maximum == typemax(UInt64) && continue
        refused = try setproperty!(config, each.name, each.maximum + 1) catch failure; failure end
        @test refused isa TenasError && refused.code in (:invalid_argument, :device)
    end

    config = settings(init = :torch_default, sampling = "independent", seed = typemax(UInt64))
    @test config.init == :torch_default && config.sampling == :independent
    @test config.seed == typemax(UInt64) && config.batch_size === 4
    config.seed = 12
    @test config.seed == 12
    @test Tenas.json(Config(Tenas.json(config))) == Tenas.json(config)
    @test occursin("seed = 12", repr(config)) && occursin("init = :torch_default", repr(config))
    @test settings(device_index = 0, device = :cpu).device == :cpu
    # The names of a choice are those of its enum.
    devices = only(filter(each -> each.name == :device, Tenas.parameters(config))).choices
    @test devices == [Tenas.name(each) for each in instances(LibTenas.tenas_device)]

    for wrong in (-1, 1.5, "two", :two, nothing, true, big(2)^64, [1])
        failure = try settings(repeats = wrong) catch failure; failure end
        @test failure isa ArgumentError && occursin("repeats: found $(repr(wrong)), expected", failure.msg)
    end
    @test_throws ArgumentError config.init = :xavier
    fails(() -> config.colour, :not_found, "colour")
    fails(() -> config.colour = 1, :not_found, "colour")
    fails(() -> Config("{\"space\": \"darts\"}"), :format, "dataset")
    @test_throws ArgumentError Config("a\0b")
end
