/*
 * Searches for a neural architecture and prints it.
 *
 *     search                                  on synthetic images
 *     search --data cifar-10-batches-bin      on CIFAR-10
 *     search --dataset imagenet-1k --data ILSVRC2012
 *     search --strategy rank --proxies flops,ntk
 *     search --pytorch network.py             and the code to train it
 *     search --report search.html             and a page that explains it
 *     search --help                           everything else
 *
 * What each round pruned, or the best of a ranking, and, as the last line, the architecture go to stdout;
 * progress and errors to stderr. Ctrl-C stops the search, a second one kills the
 * program; with --checkpoint, --resume goes on. The exit status is 0 for an architecture, 1 for a failure, 2 for a
 * mistake on the command line, 130 after Ctrl-C.
 */

#define _POSIX_C_SOURCE 200809L /* isatty, fileno */

#include <signal.h>
#include <unistd.h>

#include "options.h"

enum { EXIT_INTERRUPTED = 130 };

static const struct choice SAMPLINGS[] = {
    {"common", TENAS_SAMPLING_COMMON},
    {"independent", TENAS_SAMPLING_INDEPENDENT},
    {NULL, 0},
};

static const struct choice AGGREGATIONS[] = {
    {"log_ranks", TENAS_AGGREGATION_LOG_RANKS},
    {"ranks", TENAS_AGGREGATION_RANKS},
    {NULL, 0},
};

struct options {
    struct settings settings;
    const struct choice *sampling, *aggregation;
    const char *table, *checkpoint, *proxies, *trace, *report;
    struct number prune_per_edge, budget, rungs, reduction, draw_growth, top;
    bool json, resume;
    struct files files;
};

static struct options read_command_line(int argc, char **argv)
{
    struct options o = {.sampling = &SAMPLINGS[0], .top = {true, 10}};
    const struct program_option own[] = {
        HEADING("What to search, and how"),
        SPACE("--space", o.settings.space, SPACES,
              "nas-bench-201 (default) or darts, or a space file:\n"
              "spaces/mobilenet-v2.json; docs/SPACES.md"),
        CHOICE("--strategy", o.settings.strategy, STRATEGIES,
               "prune (default): a supernet loses operations, as\n"
               "published; rank: architectures are scored one by one"),
        TEXT("--checkpoint", "PATH", o.checkpoint,
             "save the search there, every 10 seconds, after each\n"
             "round and on Ctrl-C"),
        FLAG("--resume", o.resume,
             "go on from that file, if it is there; how to search is\n"
             "in it, the images must be the same"),
        HEADING("How to prune"),
        CHOICE("--sampling", o.sampling, SAMPLINGS,
               "common (default) or independent draws of candidates"),
        NUMBER("--prune-per-edge", o.prune_per_edge, UINT32_MAX,
               "operations that a round removes from each edge"),
        HEADING("How to rank"),
        TEXT("--proxies", "NAMES", o.proxies,
             "scores with commas between, flops,ntk for example\n"
             "(default: the space's preset)"),
        CHOICE("--aggregation", o.aggregation, AGGREGATIONS,
               "log_ranks (default) or ranks, which are added up"),
        NUMBER("--budget", o.budget, UINT32_MAX,
               "architectures that are looked at, at most"),
        NUMBER("--rungs", o.rungs, UINT32_MAX,
               "how often the better part gets more draws, and one"),
        NUMBER("--reduction", o.reduction, UINT32_MAX, "of so many one goes on to the next rung"),
        NUMBER("--draw-growth", o.draw_growth, UINT32_MAX,
               "a rung has so many times the draws of the last one"),
        HEADING("What to print"),
        NUMBER("--top", o.top, UINT32_MAX, "the first N of the ranking (default 10)"),
        TEXT("--table", "PATH", o.table,
             "accuracies (text, or a folder of NATS-Bench): print\n"
             "those of the result, its rank and the best"),
        FLAG("--json", o.json, "print the architecture as JSON"),
        FILES(o.files),
        HEADING("What to write"),
        TEXT("--report", "PATH", o.report,
             "a page that explains the search, for a browser; with\n"
             "--table also the accuracies"),
        TEXT("--trace", "PATH", o.trace,
             "all that is found, as it is found, in JSON lines; with\n"
             "it, arch_parameters_history.npy in the same folder"),
        END_OF_OPTIONS,
    };
    const struct program search = {
        .name = "search",
        .usage = "[OPTION]...\n"
                 "Searches for a neural architecture without training.\n",
        .options = own,
    };
    parse_options(&search, &o.settings, argc, argv);
    if (o.resume && o.checkpoint == NULL)
        usage_error("--resume: found no --checkpoint, expected one");
    return o;
}

/* ---- Progress, on stderr ---- */

struct display {
    bool terminal;
    const tenas_context *context;
    uint32_t round;     /* the round of the last line, from 1, and its tenths */
    uint32_t tenths;
};

/* Seconds until the end, if what is left goes as what is done went. */
static double seconds_left(const tenas_progress *p, const tenas_context *context)
{
    uint32_t done = 0, all = 0;
    if (tenas_context_work(context, &done, &all) != TENAS_OK || done == 0)
        return 0;
    return p->seconds * (all - done) / done;
}

static void format_time(double seconds, char text[static 32])
{
    unsigned long s = (unsigned long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, 32, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, 32, "%lu:%02lu", s / 60, s % 60);
}

/* Called by the library after each candidate. */
static int32_t show_progress(const tenas_progress *p, void *user)
{
    struct display *d = user;
    char left[32];
    format_time(seconds_left(p, d->context), left);

    if (d->terminal) {
        enum { WIDTH = 30 };
        uint32_t filled = p->candidates == 0 ? WIDTH : p->candidate * WIDTH / p->candidates;
        char bar[WIDTH + 1];
        memset(bar, '.', WIDTH);
        memset(bar, '#', filled);
        bar[WIDTH] = '\0';
        fprintf(stderr, "\rround %u of %u [%s] %u of %u, about %s left \033[K", p->round + 1,
                p->rounds, bar, p->candidate, p->candidates, left);
    } else {
        uint32_t tenths = p->candidates == 0 ? 10 : p->candidate * 10 / p->candidates;
        if (d->round != p->round + 1 || tenths != d->tenths)
            fprintf(stderr, "round %u of %u: %u of %u candidates, about %s left\n", p->round + 1,
                    p->rounds, p->candidate, p->candidates, left);
        d->round = p->round + 1;
        d->tenths = tenths;
    }
    return 0;
}

static void clear_progress(const struct display *d)
{
    if (d->terminal)
        fputs("\r\033[K", stderr);
}

/* ---- Ctrl-C ---- */

static tenas_context *volatile running;
static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    interrupted = 1;
    tenas_context_cancel(running);
    signal(signal_number, SIG_DFL); /* the next one kills */
}

/* ---- The search ---- */

/* Says so where files of the data set could not be used. */
static void report_skipped(const tenas_dataset *dataset)
{
    tenas_dataset_facts facts = {.struct_size = sizeof facts};
    if (tenas_dataset_info(dataset, &facts) == TENAS_OK && facts.skipped > 0)
        fprintf(stderr, "search: skipped %zu broken images\n", facts.skipped);
}

/* Prints what the last finished round pruned; *next is the first record of it. */
static tenas_status print_round(const tenas_context *context, const tenas_search_space *space,
                                size_t *next)
{
    size_t count;
    tenas_status status = tenas_context_record_count(context, &count);
    if (status != TENAS_OK || *next == count)
        return status;

    bool first = true;
    for (; *next < count; ++*next) {
        const char *cell, *edge, *operation;
        tenas_record r = {.struct_size = sizeof r};
        if ((status = tenas_context_record(context, *next, &r)) != TENAS_OK
            || (status = tenas_search_space_cell_name(space, r.cell, &cell)) != TENAS_OK
            || (status = tenas_search_space_edge_name(space, r.cell, r.edge, &edge)) != TENAS_OK
            || (status = tenas_search_space_operation_name(space, r.operation, &operation))
                   != TENAS_OK)
            return status;
        if (first)
            printf("\nround %u pruned\n%-10s %-5s %-14s %10s %5s %14s %5s\n", r.round + 1, "cell",
                   "edge", "operation", "NTK change", "rank", "regions change", "rank");
        first = false;
        if (r.pruned)
            printf("%-10s %-5s %-14s %+10.3f %5u %+14.3f %5u\n", cell, edge, operation,
                   r.ntk_delta, r.ntk_rank, r.regions_delta, r.regions_rank);
    }
    return TENAS_OK;
}

/* What the last round on an edge kept, and the last that it removed there. */
struct last_choice {
    tenas_record kept, removed;
};

/*
 * Prints, for each edge, the last two operations that were to choose from: the
 * one that stayed, and the one that went, with the sums of their ranks.
 */
static tenas_status print_last_choices(const tenas_context *context,
                                       const tenas_search_space *space)
{
    size_t count, edges = 0;
    uint32_t cells;
    tenas_status status = tenas_context_record_count(context, &count);
    if (status != TENAS_OK || (status = tenas_search_space_cell_count(space, &cells)) != TENAS_OK)
        return status;
    for (uint32_t cell = 0; cell < cells; cell++) {
        uint32_t of_cell;
        if ((status = tenas_search_space_edge_count(space, cell, &of_cell)) != TENAS_OK)
            return status;
        edges = of_cell > edges ? of_cell : edges;
    }
    struct last_choice *all = checked(calloc(cells * edges + 1, sizeof *all));
    for (size_t i = 0; i < count && status == TENAS_OK; i++) {
        tenas_record r = {.struct_size = sizeof r};
        if ((status = tenas_context_record(context, i, &r)) != TENAS_OK)
            break;
        struct last_choice *choice = &all[r.cell * edges + r.edge];
        tenas_record *place = r.pruned ? &choice->removed : &choice->kept;
        /* Of several that a round removes, the one that came nearest to staying. */
        if (r.round > place->round || place->struct_size == 0
            || r.ntk_rank + r.regions_rank > place->ntk_rank + place->regions_rank)
            *place = r;
    }
    if (status == TENAS_OK)
        printf("\nthe last choice on each edge\n%-10s %-8s %-20s %8s   %-20s %8s\n", "cell", "edge",
               "kept", "rank sum", "removed", "rank sum");
    for (size_t i = 0; i < cells * edges && status == TENAS_OK; i++) {
        const tenas_record *kept = &all[i].kept, *removed = &all[i].removed;
        const char *cell, *edge, *stayed, *went;
        if (kept->struct_size == 0 || removed->struct_size == 0 || kept->round != removed->round)
            continue;
        if ((status = tenas_search_space_cell_name(space, kept->cell, &cell)) == TENAS_OK
            && (status = tenas_search_space_edge_name(space, kept->cell, kept->edge, &edge))
                   == TENAS_OK
            && (status = tenas_search_space_operation_name(space, kept->operation, &stayed))
                   == TENAS_OK
            && (status = tenas_search_space_operation_name(space, removed->operation, &went))
                   == TENAS_OK)
            printf("%-10s %-8s %-20s %8u   %-20s %8u\n", cell, edge, stayed,
                   kept->ntk_rank + kept->regions_rank, went,
                   removed->ntk_rank + removed->regions_rank);
    }
    free(all);
    return status;
}

/* ---- The ranking ---- */

/* An architecture of the ranking, in malloc's memory; NULL where there is none. */
static char *ranked_genotype(const tenas_context *context, size_t index, int32_t format)
{
    size_t length;
    if (tenas_context_ranked_genotype(context, index, format, NULL, 0, &length) != TENAS_OK)
        return NULL;
    char *text = checked(malloc(length + 1));
    if (tenas_context_ranked_genotype(context, index, format, text, length + 1, &length)
        == TENAS_OK)
        return text;
    free(text);
    return NULL;
}

/* Prints the best that the finished rounds have found. */
static tenas_status print_best(const tenas_context *context)
{
    tenas_progress p = {.struct_size = sizeof p};
    size_t count;
    tenas_status status = tenas_context_progress(context, &p);
    if (status != TENAS_OK || (status = tenas_context_ranking_count(context, &count)) != TENAS_OK)
        return status;
    char *best = ranked_genotype(context, 0, TENAS_GENOTYPE_NATIVE);
    printf("round %u of %u: the best of %zu is %s\n", p.round, p.rounds, count,
           best != NULL ? best : "none");
    free(best);
    return TENAS_OK;
}

/* Prints the first of the ranking, with their values by each score. */
static tenas_status print_ranking(const tenas_context *context, size_t most)
{
    tenas_config *config = NULL;
    char *names = NULL;
    size_t count, length;
    tenas_status status = tenas_context_ranking_count(context, &count);
    if (status != TENAS_OK || (status = tenas_context_config(context, &config)) != TENAS_OK)
        return status;
    if ((status = tenas_config_proxies(config, NULL, 0, &length)) == TENAS_OK) {
        names = checked(malloc(length + 1));
        status = tenas_config_proxies(config, names, length + 1, &length);
    }
    tenas_config_free(config);
    if (status != TENAS_OK) {
        free(names);
        return status;
    }
    struct names proxies = split_names(names);
    double *values = checked(calloc(proxies.count, sizeof *values));
    double *ranks = checked(calloc(proxies.count, sizeof *ranks));
    printf("\n%6s %10s %6s", "place", "total", "draws");
    for (size_t p = 0; p < proxies.count; p++)
        printf(" %14s %8s", proxies.names[p], "rank");
    puts("  genotype");
    for (size_t i = 0; status == TENAS_OK && i < count && i < most; i++) {
        tenas_ranked r = {.struct_size = sizeof r};
        status = tenas_context_ranked(context, i, &r, values, ranks, proxies.count);
        char *text = ranked_genotype(context, i, TENAS_GENOTYPE_NATIVE);
        if (status == TENAS_OK && text != NULL) {
            printf("%6zu %10.4f %6u", i + 1, r.total, r.draws);
            for (size_t p = 0; p < proxies.count; p++)
                printf(" %14.6g %8.1f", values[p], ranks[p]);
            printf("  %s\n", text);
        }
        free(text);
    }
    free(values);
    free(ranks);
    free_names(proxies);
    free(names);
    return status;
}

/* Prints the architecture as a line, and writes what was asked for of it. */
static tenas_status print_genotype(const struct options *o, const tenas_context *context,
                                   const tenas_search_space *space, uint64_t seed)
{
    const int32_t format = o->json ? TENAS_GENOTYPE_JSON : TENAS_GENOTYPE_NATIVE;
    size_t length;
    tenas_status status = tenas_context_genotype(context, format, NULL, 0, &length);
    if (status != TENAS_OK)
        return status;
    char *text = checked(malloc(length + 1));
    status = tenas_context_genotype(context, format, text, length + 1, &length);
    if (status == TENAS_OK) {
        printf("\n%s\n", text);
        status = write_files(&o->files, &o->settings, space, text, seed);
    }
    free(text);
    return status;
}

/* Prints what a table has on the architecture that was found. */
static tenas_status print_accuracies(const tenas_context *context, const tenas_benchmark *table)
{
    char genotype[1024], best_genotype[1024];
    size_t length, count, index;
    tenas_status status = tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, genotype,
                                                 sizeof genotype, &length);
    if (status != TENAS_OK || (status = tenas_benchmark_count(table, &count)) != TENAS_OK)
        return status;
    status = tenas_benchmark_find(table, genotype, &index);
    if (status == TENAS_ERROR_NOT_FOUND)
        printf("\nthe table's %zu architectures do not include the result\n", count);
    else if (status != TENAS_OK)
        return status;
    else
        printf("\nthe table has %zu architectures\n", count);
    const bool found = status == TENAS_OK;

    printf("%-16s %10s %6s %10s  %s\n", "data set", "accuracy", "rank", "best", "best genotype");
    for (const struct choice *d = DATASETS; d->name != NULL; d++) {
        double accuracy, best_accuracy;
        size_t best, rank;
        status = tenas_benchmark_best(table, d->value, &best);
        if (status == TENAS_ERROR_NOT_FOUND) /* not a data set of the table */
            continue;
        if (status != TENAS_OK
            || (status = tenas_benchmark_genotype(table, best, best_genotype,
                                                  sizeof best_genotype, &length)) != TENAS_OK
            || (status = tenas_benchmark_accuracy(table, best_genotype, d->value,
                                                  &best_accuracy)) != TENAS_OK)
            return status;
        status = found ? tenas_benchmark_accuracy(table, genotype, d->value, &accuracy)
                       : TENAS_ERROR_NOT_FOUND;
        if (status == TENAS_OK
            && (status = tenas_benchmark_rank(table, genotype, d->value, &rank)) == TENAS_OK)
            printf("%-16s %9.2f%% %6zu %9.2f%%  %s\n", d->name, accuracy, rank, best_accuracy,
                   best_genotype);
        else if (status == TENAS_ERROR_NOT_FOUND)
            printf("%-16s %10s %6s %9.2f%%  %s\n", d->name, "-", "-", best_accuracy,
                   best_genotype);
        else
            return status;
    }
    return TENAS_OK;
}

/* A new search, or the one of the checkpoint; its space, strategy and seed. */
static tenas_status begin(const struct options *o, const tenas_config *config,
                          const tenas_dataset *dataset, tenas_context **context,
                          tenas_search_space **space, int32_t *strategy, uint64_t *seed)
{
    enum { SECONDS = 10 };
    bool exists = o->checkpoint != NULL && access(o->checkpoint, F_OK) == 0;
    if (exists && !o->resume)
        usage_error("--checkpoint: found %s, expected no such file, or --resume to go on from it",
                    o->checkpoint);
    tenas_status status = exists ? tenas_context_load(o->checkpoint, dataset, config, context)
                                 : tenas_context_new(config, dataset, context);
    tenas_config *used = NULL;
    if (status == TENAS_OK && (status = tenas_context_config(*context, &used)) == TENAS_OK
        && (status = tenas_config_search_space(used, space)) == TENAS_OK
        && (status = tenas_config_strategy(used, strategy)) == TENAS_OK)
        status = tenas_config_seed(used, seed);
    tenas_config_free(used);
    if (status == TENAS_OK && o->checkpoint != NULL)
        status = tenas_context_set_checkpoint(*context, o->checkpoint, SECONDS);
    return status;
}

static int search(const struct options *o, const tenas_config *config,
                  const tenas_dataset *dataset, const tenas_benchmark *table)
{
    tenas_context *context = NULL;
    const char *space_name;
    tenas_search_space *space = NULL;
    int32_t strategy;
    uint64_t seed;
    size_t next = 0;
    if (begin(o, config, dataset, &context, &space, &strategy, &seed) != TENAS_OK
        || tenas_context_record_count(context, &next) != TENAS_OK
        || tenas_search_space_name(space, &space_name) != TENAS_OK) {
        tenas_search_space_free(space);
        tenas_context_free(context);
        return fail();
    }
    running = context;
    signal(SIGINT, on_interrupt);

    struct display display = {.terminal = isatty(fileno(stderr)) == 1, .context = context};
    tenas_status status = tenas_context_set_progress(context, show_progress, &display);
    const bool ranks = strategy == TENAS_STRATEGY_RANK;

    printf("libtenas %s: %s, %s (%s), seed %llu\n", tenas_version(), space_name,
           o->settings.dataset->name,
           o->settings.data != NULL ? o->settings.data : "synthetic images", (unsigned long long)seed);
    fflush(stdout);

    if (status == TENAS_OK && o->trace != NULL)
        status = tenas_context_set_trace(context, o->trace);
    bool finished = false;
    while (status == TENAS_OK && !finished) {
        status = tenas_context_run_round(context, &finished);
        clear_progress(&display);
        if (status == TENAS_OK)
            status = ranks ? print_best(context) : print_round(context, space, &next);
        fflush(stdout);
    }
    if (status == TENAS_OK && !ranks && isatty(fileno(stdout)))
        status = print_last_choices(context, space);
    if (status == TENAS_OK && ranks)
        status = print_ranking(context, (size_t)o->top.value);
    if (status == TENAS_OK && table != NULL)
        status = print_accuracies(context, table);
    if (status == TENAS_OK)
        status = print_genotype(o, context, space, seed);

    int result = EXIT_SUCCESS;
    if (status == TENAS_ERROR_CANCELLED && interrupted) {
        fputs("search: interrupted\n", stderr);
        result = EXIT_INTERRUPTED;
        if (o->checkpoint != NULL && tenas_context_save(context, o->checkpoint) != TENAS_OK)
            fail();
    } else if (status != TENAS_OK) {
        result = fail();
    }
    /* Also of a search that was interrupted: it tells of the rounds so far. */
    if (o->report != NULL && (result == EXIT_SUCCESS || result == EXIT_INTERRUPTED)) {
        fflush(stdout);
        status = table != NULL ? tenas_context_report_with_table(context, table, o->report)
                               : tenas_context_report(context, o->report);
        if (status != TENAS_OK)
            result = fail();
        else
            fprintf(stderr, "search: the report is %s\n", o->report);
    }
    report_skipped(dataset);
    signal(SIGINT, SIG_DFL);
    tenas_search_space_free(space);
    tenas_context_free(context);
    return result;
}

int main(int argc, char **argv)
{
    struct options o = read_command_line(argc, argv);
    tenas_config *config = make_config(&o.settings);
    check_option("--sampling", tenas_config_set_sampling(config, o.sampling->value));
    set_number(config, "--prune-per-edge", "prune_per_edge", o.prune_per_edge);
    if (o.proxies != NULL) {
        struct names names = split_names(o.proxies);
        for (size_t i = 0; i < names.count; i++)
            proxy_named("--proxies", names.names[i]);
        free_names(names);
        check_option("--proxies", tenas_config_set_proxies(config, o.proxies));
    }
    if (o.aggregation != NULL)
        check_option("--aggregation", tenas_config_set_parameter(
                                          config, "aggregation", (uint64_t)o.aggregation->value));
    set_number(config, "--budget", "budget", o.budget);
    set_number(config, "--rungs", "rungs", o.rungs);
    set_number(config, "--reduction", "reduction", o.reduction);
    set_number(config, "--draw-growth", "draw_growth", o.draw_growth);

    tenas_dataset *dataset = open_images(&o.settings);
    tenas_benchmark *table = NULL;
    if (o.table != NULL) {
        int32_t space, searched;
        table = open_table(o.table);
        check(tenas_benchmark_space(table, &space));
        check(tenas_config_space(config, &searched));
        if (space != searched)
            usage_error("--table: found one of another space than --space");
    }
    int result = search(&o, config, dataset, table);
    tenas_benchmark_free(table);
    tenas_dataset_free(dataset);
    tenas_config_free(config);
    return finish_output(result);
}
