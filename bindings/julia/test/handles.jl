# Handles: closed, collected, used afterwards.

collected() = foreach(_ -> GC.gc(), 1:3)

@testset "closing" begin
    table = tempname()
    write(table, "arch_string\tcifar10\n" * Tenas.genotype_at(:nas_bench_201, 7) * "\t90\n")
    handles = [settings(), images(), Context(settings(), images()), Benchmark(table)]
    for handle in handles
        @test isopen(handle)
        @test close(handle) === nothing && close(handle) === nothing
        @test !isopen(handle)
        @test repr(handle) == "$(nameof(typeof(handle)))(closed)"
        finalize(handle)
        collected()
    end
    config, dataset, context, benchmark = handles
    closed(f) = fails(f, :invalid_state, "is closed")
    closed(() -> config.seed)
    closed(() -> config.seed = 1)
    closed(() -> Tenas.json(config))
    closed(() -> length(dataset))
    closed(() -> Tenas.source(dataset))
    closed(() -> Context(config, images()))
    closed(() -> Context(settings(), dataset))
    closed(() -> run!(context))
    closed(() -> cancel!(context))
    closed(() -> Tenas.progress(context))
    closed(() -> genotype(context))
    closed(() -> collect(eachround(context)))
    closed(() -> Tenas.log!(println, context))
    closed(() -> search(:nas_bench_201; data = dataset))
    closed(() -> indicators(config, images(), "x"))
    closed(() -> benchmark[1])
    closed(() -> length(benchmark))
    # Also below: a closed handle is NULL to C.
    @test LibTenas.tenas_context_run(context) == Int(LibTenas.TENAS_ERROR_NULL_POINTER)

    # Closed from inside: freed when the call returns.
    context = Context(settings(), images())
    run!(progress -> close(context), context)
    closed(() -> genotype(context))
    @test Tenas.owner(context).users[] == 0

    # What a failed or refused call took is given back.
    config = settings()
    for wrong in (() -> Context(config, dataset), () -> indicators(config, images(), "no genotype"))
        @test_throws TenasError wrong()
        @test Tenas.owner(config).users[] == 1
    end
    # What it is made of may go.
    config, dataset = settings(), images()
    context = Context(config, dataset)
    close(config)
    close(dataset)
    @test Tenas.isfinished(run!(context))
end

# In functions of their own: what is local there is dead afterwards, as it is not in a test set.
@noinline function made(loads)
    dataset = Dataset((8, 8, 3, 16); id = "mine", classes = 4) do batch, numbers
        loads[] += 1
        batch .= PIXELS[:, :, :, numbers]
    end
    return Context(settings(), dataset)
end
@noinline add(contexts, loads) = (push!(contexts, made(loads)); nothing)
@noinline searched(contexts) =
    (run!(progress -> progress.candidate % 5 == 0 && GC.gc(), contexts[1]); nothing)
@noinline waiting() = count(!Tenas.released, Tenas.loaders)

@testset "garbage collection" begin
    collected()
    before = waiting()
    loads = Ref(0)
    contexts = Context[]
    add(contexts, loads)
    collected()
    # The handle of the images is gone, the images are not.
    @test waiting() == before + 1
    seen = loads[]
    searched(contexts)
    @test loads[] > seen
    empty!(contexts)
    collected()
    @test waiting() == before

    # A loader is released once, whoever is last, closed or collected.
    (() -> (close(made(loads)); nothing))()
    collected()
    @test waiting() == before
    # Failed ones do not stay.
    @test_throws TenasError Dataset((b, n) -> nothing, (8, 8, 3, 0); id = "x", classes = 4)
    @test waiting() == before
    Dataset((b, n) -> (b .= 1), (8, 8, 3, 16); id = "x", classes = 4, mean = [0, 0, 0], stddev = [1, 1, 1]) |> close
    @test waiting() == before && length(Tenas.loaders) <= before + 2

    # Many at once, alive and dead, while searches run.
    alive = run!(progress -> (settings(); images(); GC.gc(progress.candidate % 4 == 0)), Context(settings(), images()))
    for _ in 1:50
        Context(settings(), images())
        Config(Tenas.json(settings()))
    end
    collected()
    @test genotype(alive) == genotype(run!(Context(settings(), images())))
end
