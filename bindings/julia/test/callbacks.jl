# What callbacks throw, cancel and log; other tasks and threads.

struct Stop <: Exception
    at::Int
end

@testset "exceptions from callbacks" begin
    dataset = images()
    reference = run!(Context(settings(), dataset))
    context = Context(settings(), dataset)
    for at in (1, 5)
        thrown = try run!(progress -> progress.candidate == at && throw(Stop(at)), context) catch thrown; thrown end
        @test thrown === Stop(at)
    end
    @test_throws Stop run_round!(progress -> throw(Stop(0)), context)
    @test_throws Stop Tenas.evaluate!(progress -> throw(Stop(0)), context, 1:10)
    @test_throws Stop Tenas.evaluate!(progress -> throw(Stop(0)), context)
    @test_throws Stop foreach(identity, eachround(progress -> throw(Stop(0)), context))
    # A callback of the wrong shape, and one that throws something odd.
    @test_throws MethodError run!(() -> nothing, context)
    @test (try run!(progress -> throw("text"), context) catch thrown; thrown end) == "text"
    # Thrown after the last candidate: nothing is left behind.
    last = Tenas.candidate_count(context)
    @test_throws Stop run_round!(progress -> progress.candidate == last && throw(Stop(last)), context)
    # A callback that fails inside another call: its own error.
    fails(() -> run!(progress -> genotype(context), context), :busy)
    @test records(run!(context)) == records(reference)
    @test_throws Stop indicators(progress -> throw(Stop(0)), settings(), dataset, [genotype(context)])
    @test indicators(settings(), dataset, genotype(context)).repeats == 1

    # Calls inside callbacks that are fine, and keep their errors to themselves.
    context = Context(settings(), dataset)
    inner = Set{Any}()
    run!(context) do progress
        push!(inner, Tenas.progress(context).candidate == progress.candidate)
        push!(inner, try Tenas.genotype_index(:nas_bench_201, "none") catch failure; failure.code end)
        push!(inner, try run!(progress -> throw(Stop(9)), Context(settings(), dataset)) catch thrown; thrown end)
    end
    @test inner == Set([true, :format, Stop(9)])
    @test records(context) == records(reference)
end

@testset "cancelling" begin
    dataset = images()
    reference = run!(Context(settings(), dataset))

    context = Context(settings(), dataset)
    fails(() -> run!(progress -> :cancel, context), :cancelled)
    cancel!(context)
    fails(() -> run!(context), :cancelled)
    cancel!(context)
    Tenas.clear_cancel!(context)
    # From a task, while the search runs.
    started = Channel{Nothing}(1)
    canceller = @async (take!(started); cancel!(context))
    fails(() -> run!(progress -> (isready(started) || put!(started, nothing); nothing), context), :cancelled)
    wait(canceller)
    # The search in a task, the canceller here.
    candidates = Channel{Int}(Inf)
    runner = @async try run!(progress -> put!(candidates, progress.candidate), context) catch failure; failure end
    take!(candidates)
    fails(() -> run!(context), :busy)
    fails(() -> genotype(context), :busy)
    @test occursin("candidate", repr(context))
    cancel!(context)
    @test fetch(runner) isa TenasError && fetch(runner).code == :cancelled
    # An exception thrown into the task that searches.
    never = Condition()
    runner = @async try run!(progress -> (put!(candidates, 0); wait(never)), context) catch failure; failure end
    take!(candidates)
    schedule(runner, Stop(3); error = true)
    @test fetch(runner) === Stop(3)
    @test records(run!(context)) == records(reference)

    # From a progress callback of many indicators.
    fails(() -> indicators(progress -> :cancel, settings(), dataset, [genotype(context)]), :cancelled)
end

@testset "several searches in tasks" begin
    dataset = images()
    seeds = 1:4
    alone = [records(run!(Context(settings(seed = seed), dataset))) for seed in seeds]
    together = Vector{Any}(undef, length(seeds))
    @sync for seed in seeds
        @async together[seed] = records(run!(progress -> yield(), Context(settings(seed = seed), dataset)))
    end
    @test together == alone
end

@testset "log" begin
    context = Context(settings(), images())
    lines = []
    Tenas.log!((level, line) -> push!(lines, level => line), context)
    run_round!(context)
    @test !isempty(lines) && all(line -> line.first in (:error, :warning, :info, :debug), lines)
    @test any(occursin("round", line.second) for line in lines)
    Tenas.log!(context, nothing)
    count = length(lines)
    run_round!(context)
    @test length(lines) == count
    # It throws: the search stops, and can go on.
    Tenas.log!((level, line) -> throw(Stop(1)), context)
    @test_throws Stop run!(context)
    Tenas.log!(context, nothing)
    @test Tenas.isfinished(run!(context))
end

# What needs a process of its own: more threads, and Ctrl-C.
const PREPARED = """
    using Tenas
    pixels = UInt8[(31x + 17y * n + 101c + 7x * y) % 256 for x in 1:8, y in 1:8, c in 1:3, n in 1:16]
    settings(seed) = Config(:nas_bench_201, :custom; batch_size = 4, repeats = 1, threads = 1, seed = seed)
    """

@testset "threads of Julia" begin
    status, output = julia(PREPARED * """
        images = Dataset((8, 8, 3, 16); id = "mine", classes = 4) do batch, numbers
            batch .= pixels[:, :, :, numbers]
        end
        alone = [records(run!(Context(settings(seed), images))) for seed in 1:4]
        tasks = [Threads.@spawn begin
            context = Context(settings(seed), images)
            thread = Threads.threadid()
            run!(progress -> (GC.gc(false); yield()), context)
            records(context)
        end for seed in 1:4]
        @assert fetch.(tasks) == alone
        # Cancelled from one thread while another searches.
        context = Context(settings(1), images)
        running, requested = Threads.Event(), Threads.Event()
        task = Threads.@spawn try
            run!(progress -> (notify(running); wait(requested)), context)
        catch failure
            failure
        end
        wait(running)
        cancel!(context)
        notify(requested)
        @assert fetch(task).code == :cancelled
        # Closed from one while another searches: freed afterwards.
        running = Threads.Event()
        task = Threads.@spawn try (run!(progress -> notify(running), context); :ran) catch failure; failure end
        wait(running)
        close(context)
        @assert fetch(task) === :ran && !isopen(context)
        print(Threads.nthreads(), " threads")
        """; options = `--threads 2`)
    @test (status, output) == (0, "2 threads")
end

@testset "Ctrl-C" begin
    status, output = julia(PREPARED * """
        Base.exit_on_sigint(false)
        context = Context(settings(1), Dataset(pixels; classes = 4))
        reference = run!(Context(settings(1), Dataset(pixels; classes = 4)))
        interrupted = try
            run!(context) do progress
                progress.candidate == 1 && (println("searching"); flush(stdout))
                sleep(0.2)
            end
        catch thrown
            thrown
        end
        println(typeof(interrupted))
        println(records(run!(context)) == records(reference))
        """; during = ((process, output),) -> (readuntil(output, "searching\n"); kill(process, Base.SIGINT)))
    @test (status, output) == (0, "InterruptException\ntrue\n")
end
