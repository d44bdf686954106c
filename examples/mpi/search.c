/*
 * Searches for a neural architecture with all ranks of an MPI job.
 *
 *     mpicc -std=c99 -Iinclude -Iexamples/c examples/mpi/search.c -o search $(pkg-config --libs tenas)
 *     mpirun -n 4 search --data cifar-10-batches-bin --checkpoint search.json --resume
 *
 * Every rank holds the same search. In each round the ranks take shares of the
 * candidates from a counter on rank 0, whoever is free the next one; then each
 * gets the scores of all and ends the round with them. The result is that of one
 * rank, to the last bit. MPI sends the bytes of the scores, so that all machines
 * must be of one kind.
 *
 * Rank 0 shows progress and writes the checkpoint, which a job with any number of
 * ranks goes on from; every rank reads it, so that it must be on a file system
 * that they share. A rank that fails says why, and ends the whole job.
 */

#include <mpi.h>

#include "options.h"

static int rank, ranks;

struct options {
    struct settings settings;
    const char *checkpoint, *proxies, *history;
    struct number prune_per_edge, budget, rungs, share, gpus;
    bool resume;
};

static struct options read_command_line(int argc, char **argv)
{
    struct options o = {.settings = {.seed = {false, 0}}};
    const struct program_option own[] = {
        HEADING("What to search, and how"),
        SPACE("--space", o.settings.space, SPACES,
              "nas-bench-201 (default) or darts, or a space file"),
        CHOICE("--strategy", o.settings.strategy, STRATEGIES, "prune (default) or rank"),
        NUMBER("--prune-per-edge", o.prune_per_edge, UINT32_MAX,
               "operations that a round removes from each edge"),
        TEXT("--proxies", "NAMES", o.proxies, "scores of --strategy rank, with commas between"),
        NUMBER("--budget", o.budget, UINT32_MAX, "architectures that it looks at, at most"),
        NUMBER("--rungs", o.rungs, UINT32_MAX, "how often the better part gets more draws, and one"),
        HEADING("How to share"),
        NUMBER("--share", o.share, UINT32_MAX,
               "candidates that a rank takes at a time (default: a\n"
               "quarter of what each would get)"),
        NUMBER("--gpus", o.gpus, UINT32_MAX,
               "GPUs of each machine: its ranks take turns on them"),
        TEXT("--checkpoint", "PATH", o.checkpoint, "save the search there, after each round and in between"),
        FLAG("--resume", o.resume, "go on from that file, if it is there"),
        TEXT("--history", "PATH", o.history, "write what each candidate was worth there, as JSON"),
        END_OF_OPTIONS,
    };
    const struct program search = {
        .name = "search",
        .usage = "[OPTION]...\n"
                 "Searches for a neural architecture with all ranks of an MPI job.\n",
        .options = own,
    };
    parse_options(&search, &o.settings, argc, argv);
    if (o.resume && o.checkpoint == NULL)
        usage_error("--resume: found no --checkpoint, expected one");
    if (o.share.given && (o.share.value == 0 || o.share.value > INT32_MAX))
        usage_error("--share: found %llu, expected 1 to %d", (unsigned long long)o.share.value,
                    INT32_MAX);
    return o;
}

/* exit ends the whole job: other ranks would wait for this one for ever. */
static void end_the_job(void)
{
    int finalized;
    MPI_Finalized(&finalized);
    if (finalized)
        return;
    fprintf(stderr, "search: rank %d of %d ends the job\n", rank, ranks);
    MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
}

/* The configuration, with the GPU that this rank has among those of its machine. */
static tenas_config *configure(const struct options *o)
{
    tenas_config *config = make_config(&o->settings);
    set_number(config, "--prune-per-edge", "prune_per_edge", o->prune_per_edge);
    set_number(config, "--budget", "budget", o->budget);
    set_number(config, "--rungs", "rungs", o->rungs);
    if (o->proxies != NULL)
        check_option("--proxies", tenas_config_set_proxies(config, o->proxies));
    if (o->gpus.given && o->gpus.value > 0) {
        MPI_Comm machine;
        int place;
        MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &machine);
        MPI_Comm_rank(machine, &place);
        MPI_Comm_free(&machine);
        check_option("--gpus", tenas_config_set_device(config, TENAS_DEVICE_CUDA,
                                                       place % (int32_t)o->gpus.value));
    }
    return config;
}

/* The search: the one in the checkpoint, if it is to go on, or a new one. */
static tenas_context *begin(const struct options *o)
{
    tenas_config *config = configure(o);
    tenas_dataset *dataset = open_images(&o->settings);
    tenas_context *context = NULL;
    int there = 0;
    if (rank == 0 && o->resume) {
        FILE *file = fopen(o->checkpoint, "rb");
        there = file != NULL;
        if (there)
            fclose(file);
    }
    MPI_Bcast(&there, 1, MPI_INT, 0, MPI_COMM_WORLD);
    check(there ? tenas_context_load(o->checkpoint, dataset, config, &context)
                : tenas_context_new(config, dataset, &context));
    /* Not before every rank has read it. */
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0 && o->checkpoint != NULL)
        check(tenas_context_set_checkpoint(context, o->checkpoint, 10));
    tenas_dataset_free(dataset);
    tenas_config_free(config);
    return context;
}

/* ---- Rounds ---- */

/* What a strategy sends: scores of candidates, or measurements of their draws. */
struct strategy {
    bool prunes;
    size_t size; /* of one, in bytes */
    MPI_Datatype type;
};

static struct strategy strategy_of(const tenas_context *context)
{
    tenas_config *config = NULL;
    int32_t kind;
    check(tenas_context_config(context, &config));
    check(tenas_config_strategy(config, &kind));
    tenas_config_free(config);
    struct strategy s = {.prunes = kind == TENAS_STRATEGY_PRUNE};
    s.size = s.prunes ? sizeof(tenas_score) : sizeof(tenas_measurement);
    MPI_Type_contiguous((int)s.size, MPI_BYTE, &s.type);
    MPI_Type_commit(&s.type);
    return s;
}

/* The next share of the candidates: its first one. */
static int take(MPI_Win counter, int share)
{
    int first;
    MPI_Fetch_and_op(&share, &first, MPI_INT, 0, 0, MPI_SUM, counter);
    MPI_Win_flush(0, counter);
    return first;
}

/* Runs a round together with all other ranks. Returns whether it was the last. */
static bool run_round(tenas_context *context, const struct strategy *s, MPI_Win counter,
                      const struct number *wanted_share)
{
    size_t count, draws;
    tenas_progress p = {.struct_size = sizeof p};
    check(tenas_context_candidate_count(context, &count));
    check(tenas_context_draws(context, &draws));
    check(tenas_context_progress(context, &p));
    const int candidates = (int)count;
    const int quarter = candidates / (4 * ranks);
    const int share = wanted_share->given ? (int)wanted_share->value : quarter > 0 ? quarter : 1;

    /* Candidates from 0 on; nobody takes one before that is set, or of the last round after it. */
    const int zero = 0;
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) {
        MPI_Accumulate(&zero, 1, MPI_INT, 0, 0, 1, MPI_INT, MPI_REPLACE, counter);
        MPI_Win_flush(0, counter);
    }
    MPI_Barrier(MPI_COMM_WORLD);

    char *mine = checked(malloc(count * draws * s->size + 1));
    int have = 0;
    for (int first; (first = take(counter, share)) < candidates;) {
        const int end = candidates - first < share ? candidates : first + share;
        void *place = mine + (size_t)have * s->size;
        check(s->prunes ? tenas_context_evaluate(context, (size_t)first, (size_t)(end - first), place)
                        : tenas_context_measure(context, (size_t)first, (size_t)(end - first), place));
        have += (end - first) * (int)draws;
        if (rank == 0)
            fprintf(stderr, "round %u of %u: rank 0 has done %d to %d of %d candidates\n",
                    p.round + 1, p.rounds, first + 1, end, candidates);
    }

    int *counts = checked(calloc((size_t)ranks, sizeof *counts));
    int *places = checked(calloc((size_t)ranks, sizeof *places));
    char *all = checked(malloc(count * draws * s->size + 1));
    MPI_Allgather(&have, 1, MPI_INT, counts, 1, MPI_INT, MPI_COMM_WORLD);
    for (int r = 1; r < ranks; r++)
        places[r] = places[r - 1] + counts[r - 1];
    MPI_Allgatherv(mine, have, s->type, all, counts, places, s->type, MPI_COMM_WORLD);
    bool finished;
    check(s->prunes ? tenas_context_apply(context, (const void *)all, count, &finished)
                    : tenas_context_settle(context, (const void *)all, count * draws, &finished));
    free(all);
    free(places);
    free(counts);
    free(mine);
    return finished;
}

/* ---- The result ---- */

static void write_history(const tenas_context *context, const char *path)
{
    size_t length;
    check(tenas_context_records_json(context, NULL, 0, &length));
    char *text = checked(malloc(length + 1));
    check(tenas_context_records_json(context, text, length + 1, &length));
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        fprintf(stderr, "search: --history: cannot write %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    free(text);
}

static void print_genotype(const tenas_context *context)
{
    size_t length;
    check(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, NULL, 0, &length));
    char *text = checked(malloc(length + 1));
    check(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, text, length + 1, &length));
    puts(text);
    free(text);
}

int main(int argc, char **argv)
{
    const struct options o = read_command_line(argc, argv);
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    atexit(end_the_job);

    tenas_context *context = begin(&o);
    struct strategy s = strategy_of(context);
    int *next;
    MPI_Win counter;
    MPI_Win_allocate(sizeof *next, sizeof *next, MPI_INFO_NULL, MPI_COMM_WORLD, &next, &counter);
    MPI_Win_lock_all(0, counter);
    bool finished;
    check(tenas_context_is_finished(context, &finished));
    while (!finished)
        finished = run_round(context, &s, counter, &o.share);
    MPI_Win_unlock_all(counter);
    MPI_Win_free(&counter);
    MPI_Type_free(&s.type);

    if (rank == 0) {
        if (o.history != NULL)
            write_history(context, o.history);
        print_genotype(context);
    }
    tenas_context_free(context);
    const int result = finish_output(EXIT_SUCCESS);
    MPI_Finalize();
    return result;
}
