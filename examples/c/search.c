/*
 * Searches for a neural architecture and prints it.
 *
 *     search                                  on synthetic images
 *     search --data cifar-10-batches-bin      on CIFAR-10
 *     search --dataset imagenet-1k --data ILSVRC2012
 *     search --help                           everything else
 *
 * What each round pruned and, as the last line, the architecture go to stdout;
 * progress and errors to stderr. Ctrl-C stops the search, a second one kills the
 * program; with --checkpoint, --resume goes on. The exit status is 0 for an architecture, 1 for a failure, 2 for a
 * mistake on the command line, 130 after Ctrl-C.
 */

#define _POSIX_C_SOURCE 200809L /* isatty, fileno */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tenas.h"

enum { EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/* Makes sure that what was printed has arrived. */
static int finish_output(int result)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return result;
    fprintf(stderr, "search: cannot write: %s\n", strerror(errno));
    return EXIT_FAILURE;
}

/* ---- Options ---- */

static const char HELP[] =
    "Usage: search [OPTION]...\n"
    "Searches for a neural architecture without training (TE-NAS).\n"
    "\n"
    "What to search\n"
    "  --space NAME          nas-bench-201 (default) or darts, or a space file:\n"
    "                        spaces/mobilenet-v2.json; docs/SPACES.md\n"
    "  --dataset NAME        cifar10 (default), cifar100, ImageNet16-120 or\n"
    "                        imagenet-1k: images, classes and published settings\n"
    "  --data PATH           where its images are; without, they are synthetic.\n"
    "                        CIFAR and ImageNet16: the published archive, its\n"
    "                        folder or one file; imagenet-1k: a folder of JPEG\n"
    "                        files, train/<class>/*.JPEG; all: .npy, .npz or\n"
    "                        .safetensors\n"
    "  --seed N              of all random numbers (default 0)\n"
    "\n"
    "How to search (the defaults are the published settings)\n"
    "  --sampling NAME       common (default) or independent draws of candidates\n"
    "  --init NAME           kaiming_normal (default) or torch_default\n"
    "  --repeats N           draws that each candidate is scored on\n"
    "  --batch-size N        images of a batch\n"
    "  --prune-per-edge N    operations that a round removes from each edge\n"
    "\n"
    "Where to compute\n"
    "  --device NAME         auto (default), cpu, cuda, cuda:N or torch-cpu\n"
    "  --threads N           of the CPU engine; 0 (default) for all cores\n"
    "\n"
    "  --checkpoint PATH     save the search there, every 10 seconds, after each\n"
    "                        round and on Ctrl-C\n"
    "  --resume              go on from that file, if it is there; how to search is\n"
    "                        in it, the images must be the same\n"
    "\n"
    "  --table PATH          accuracies (text, or a folder of NATS-Bench): print\n"
    "                        those of the result, its rank and the best\n"
    "  --json                print the architecture as JSON\n"
    "  --help                print this text\n";

/* A name that users type and the library's number for it. */
struct choice {
    const char *name;
    int32_t value;
};

static const struct choice SPACES[] = {
    {"nas-bench-201", TENAS_SPACE_NAS_BENCH_201},
    {"darts", TENAS_SPACE_DARTS},
    {NULL, 0},
};

static const struct choice DATASETS[] = {
    {"cifar10", TENAS_DATASET_CIFAR10},
    {"cifar100", TENAS_DATASET_CIFAR100},
    {"ImageNet16-120", TENAS_DATASET_IMAGENET16_120},
    {"imagenet-1k", TENAS_DATASET_IMAGENET},
    {NULL, 0},
};

static const struct choice SAMPLINGS[] = {
    {"common", TENAS_SAMPLING_COMMON},
    {"independent", TENAS_SAMPLING_INDEPENDENT},
    {NULL, 0},
};

static const struct choice INITS[] = {
    {"kaiming_normal", TENAS_INIT_KAIMING_NORMAL},
    {"torch_default", TENAS_INIT_TORCH_DEFAULT},
    {NULL, 0},
};

static const struct choice DEVICES[] = {
    {"auto", TENAS_DEVICE_AUTO},
    {"cpu", TENAS_DEVICE_CPU},
    {"cuda", TENAS_DEVICE_CUDA},
    {"torch-cpu", TENAS_DEVICE_TORCH_CPU},
    {NULL, 0},
};

/* A number that may be left out. */
struct number {
    bool given;
    uint32_t value;
};

struct options {
    int32_t space, dataset, sampling, init, device, device_index;
    const char *space_file, *dataset_name, *data, *table, *checkpoint;
    uint64_t seed;
    struct number repeats, batch_size, prune_per_edge, threads;
    bool json, resume;
};

/* Reports a mistake on the command line and ends the program. */
static void usage_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("search: ", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\nTry 'search --help'.\n", stderr);
    exit(EXIT_USAGE);
}

static int32_t parse_choice(const char *option, const char *text,
                            const struct choice *choices)
{
    char names[160] = "";
    for (const struct choice *c = choices; c->name != NULL; c++) {
        if (strcmp(text, c->name) == 0)
            return c->value;
        if (c != choices)
            strcat(names, ", ");
        strcat(names, c->name);
    }
    usage_error("%s: found '%s', expected one of %s", option, text, names);
    return 0;
}

/* Digits only: no sign, no space, nothing behind them. */
static uint64_t parse_number(const char *option, const char *text, uint64_t most)
{
    uint64_t value = 0;
    const char *c = text;
    do {
        unsigned digit = (unsigned)(*c - '0');
        if (digit > 9 || value > (most - digit) / 10)
            usage_error("%s: found '%s', expected a whole number from 0 to %llu",
                        option, text, (unsigned long long)most);
        value = 10 * value + digit;
    } while (*++c != '\0');
    return value;
}

static struct number parse_u32(const char *option, const char *text)
{
    return (struct number){true, (uint32_t)parse_number(option, text, UINT32_MAX)};
}

/* Whether --space names a file, and not a space that is built in. */
static bool is_file(const char *space)
{
    const char *end = strrchr(space, '.');
    return strchr(space, '/') != NULL || (end != NULL && strcmp(end, ".json") == 0);
}

static struct options parse_options(int argc, char **argv)
{
    struct options o = {
        .space = TENAS_SPACE_NAS_BENCH_201,
        .dataset = TENAS_DATASET_CIFAR10,
        .dataset_name = "cifar10",
        .sampling = TENAS_SAMPLING_COMMON,
        .init = TENAS_INIT_KAIMING_NORMAL,
        .device = TENAS_DEVICE_AUTO,
    };
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i];
        if (strcmp(option, "--help") == 0) {
            fputs(HELP, stdout);
            exit(finish_output(EXIT_SUCCESS));
        }
        if (strcmp(option, "--json") == 0) {
            o.json = true;
            continue;
        }
        if (strcmp(option, "--resume") == 0) {
            o.resume = true;
            continue;
        }

        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        static const char *const WITH_VALUE[] = {
            "--space", "--dataset", "--data", "--seed", "--sampling", "--init", "--repeats",
            "--batch-size", "--prune-per-edge", "--device", "--threads", "--table", "--checkpoint",
            NULL};
        int known = 0;
        while (WITH_VALUE[known] != NULL && strcmp(option, WITH_VALUE[known]) != 0)
            known++;
        if (WITH_VALUE[known] == NULL)
            usage_error("found '%s', expected an option", option);
        if (value == NULL)
            usage_error("%s: found nothing behind it, expected a value", option);
        i++;

        if (strcmp(option, "--space") == 0) {
            o.space_file = is_file(value) ? value : NULL;
            if (o.space_file == NULL)
                o.space = parse_choice(option, value, SPACES);
        } else if (strcmp(option, "--dataset") == 0) {
            o.dataset = parse_choice(option, value, DATASETS);
            o.dataset_name = value;
        } else if (strcmp(option, "--data") == 0) {
            o.data = value;
        } else if (strcmp(option, "--seed") == 0) {
            o.seed = parse_number(option, value, UINT64_MAX);
        } else if (strcmp(option, "--sampling") == 0) {
            o.sampling = parse_choice(option, value, SAMPLINGS);
        } else if (strcmp(option, "--init") == 0) {
            o.init = parse_choice(option, value, INITS);
        } else if (strcmp(option, "--repeats") == 0) {
            o.repeats = parse_u32(option, value);
        } else if (strcmp(option, "--batch-size") == 0) {
            o.batch_size = parse_u32(option, value);
        } else if (strcmp(option, "--prune-per-edge") == 0) {
            o.prune_per_edge = parse_u32(option, value);
        } else if (strcmp(option, "--threads") == 0) {
            o.threads = parse_u32(option, value);
        } else if (strcmp(option, "--table") == 0) {
            o.table = value;
        } else if (strcmp(option, "--checkpoint") == 0) {
            o.checkpoint = value;
        } else if (strncmp(value, "cuda:", 5) == 0) { /* --device cuda:N */
            o.device = TENAS_DEVICE_CUDA;
            o.device_index = (int32_t)parse_number(option, value + 5, INT32_MAX);
        } else { /* --device */
            o.device = parse_choice(option, value, DEVICES);
            o.device_index = 0;
        }
    }
    if (o.resume && o.checkpoint == NULL)
        usage_error("--resume: found no --checkpoint, expected one");
    return o;
}

/* ---- Progress, on stderr ---- */

struct display {
    bool terminal;
    uint32_t done;      /* candidates of all rounds so far */
    uint32_t round;     /* the round of the last line, from 1, and its tenths */
    uint32_t tenths;
};

/*
 * Seconds until the end. Later rounds have fewer candidates; as if in equal
 * steps down to none, which is exact for NAS-Bench-201's published settings.
 */
static double seconds_left(const tenas_progress *p, uint32_t done)
{
    double left = p->candidates - p->candidate;
    for (uint32_t later = p->round + 1; later < p->rounds; later++)
        left += p->candidates * (double)(p->rounds + 1 - later) / (p->rounds + 1 - p->round);
    return done == 0 ? 0 : p->seconds / done * left;
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
    d->done++;
    format_time(seconds_left(p, d->done), left);

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

static int fail(void)
{
    fprintf(stderr, "search: %s\n", tenas_last_error_message());
    return EXIT_FAILURE;
}

/* A value that the library refuses is a mistake on the command line. */
static void check_option(const char *option, tenas_status status)
{
    if (status == TENAS_OK)
        return;
    if (status == TENAS_ERROR_INVALID_ARGUMENT)
        usage_error("%s: %s", option, tenas_last_error_message());
    exit(fail());
}

static tenas_config *make_config(const struct options *o)
{
    tenas_search_space *space = NULL;
    tenas_config *config = NULL;
    check_option("--space", o->space_file != NULL ? tenas_search_space_open(o->space_file, &space)
                                                  : tenas_search_space_new(o->space, &space));
    check_option("--space", tenas_config_new_for_space(space, o->dataset, &config));
    tenas_search_space_free(space);
    check_option("--seed", tenas_config_set_seed(config, o->seed));
    check_option("--sampling", tenas_config_set_sampling(config, o->sampling));
    check_option("--init", tenas_config_set_init(config, o->init));
    check_option("--device", tenas_config_set_device(config, o->device, o->device_index));
    if (o->repeats.given)
        check_option("--repeats", tenas_config_set_repeats(config, o->repeats.value));
    if (o->batch_size.given)
        check_option("--batch-size", tenas_config_set_batch_size(config, o->batch_size.value));
    if (o->prune_per_edge.given)
        check_option("--prune-per-edge",
                     tenas_config_set_prune_per_edge(config, o->prune_per_edge.value));
    if (o->threads.given)
        check_option("--threads", tenas_config_set_threads(config, o->threads.value));
    return config;
}

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

/* Prints the architecture as a line. */
static tenas_status print_genotype(const tenas_context *context, int32_t format)
{
    size_t length;
    tenas_status status = tenas_context_genotype(context, format, NULL, 0, &length);
    if (status != TENAS_OK)
        return status;
    char *text = malloc(length + 1);
    if (text == NULL) {
        fputs("search: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    status = tenas_context_genotype(context, format, text, length + 1, &length);
    if (status == TENAS_OK)
        printf("\n%s\n", text);
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

/* A new search, or the one of the checkpoint; its space and seed. */
static tenas_status begin(const struct options *o, const tenas_config *config,
                          const tenas_dataset *dataset, tenas_context **context,
                          tenas_search_space **space, uint64_t *seed)
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
        && (status = tenas_config_search_space(used, space)) == TENAS_OK)
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
    uint64_t seed;
    size_t next = 0;
    if (begin(o, config, dataset, &context, &space, &seed) != TENAS_OK
        || tenas_context_record_count(context, &next) != TENAS_OK
        || tenas_search_space_name(space, &space_name) != TENAS_OK) {
        tenas_search_space_free(space);
        tenas_context_free(context);
        return fail();
    }
    running = context;
    signal(SIGINT, on_interrupt);

    /* A resumed search has candidates, and the seconds that they took, behind it. */
    tenas_progress before = {.struct_size = sizeof before};
    tenas_status status = tenas_context_progress(context, &before);
    struct display display = {.terminal = isatty(fileno(stderr)) == 1};
    display.done = (uint32_t)next + before.candidate;
    if (status == TENAS_OK)
        status = tenas_context_set_progress(context, show_progress, &display);

    printf("libtenas %s: %s, %s (%s), seed %llu\n", tenas_version(), space_name, o->dataset_name,
           o->data != NULL ? o->data : "synthetic images", (unsigned long long)seed);
    fflush(stdout);

    bool finished = false;
    while (status == TENAS_OK && !finished) {
        status = tenas_context_run_round(context, &finished);
        clear_progress(&display);
        if (status == TENAS_OK)
            status = print_round(context, space, &next);
        fflush(stdout);
    }
    if (status == TENAS_OK && table != NULL)
        status = print_accuracies(context, table);
    if (status == TENAS_OK)
        status = print_genotype(context, o->json ? TENAS_GENOTYPE_JSON : TENAS_GENOTYPE_NATIVE);

    int result = EXIT_SUCCESS;
    if (status == TENAS_ERROR_CANCELLED && interrupted) {
        fputs("search: interrupted\n", stderr);
        result = EXIT_INTERRUPTED;
        if (o->checkpoint != NULL && tenas_context_save(context, o->checkpoint) != TENAS_OK)
            fail();
    } else if (status != TENAS_OK) {
        result = fail();
    }
    report_skipped(dataset);
    signal(SIGINT, SIG_DFL);
    tenas_search_space_free(space);
    tenas_context_free(context);
    return result;
}

int main(int argc, char **argv)
{
    struct options o = parse_options(argc, argv);
    tenas_config *config = make_config(&o);

    tenas_dataset *dataset = NULL;
    tenas_status status = o.data != NULL ? tenas_dataset_open(o.dataset, o.data, &dataset)
                                         : tenas_dataset_synthetic(o.dataset, o.seed, &dataset);
    tenas_benchmark *table = NULL;
    if (status == TENAS_OK && o.table != NULL)
        status = tenas_benchmark_open(o.table, &table);
    int32_t space, searched;
    if (status == TENAS_OK && table != NULL
        && (status = tenas_benchmark_space(table, &space)) == TENAS_OK
        && (status = tenas_config_space(config, &searched)) == TENAS_OK && space != searched)
        usage_error("--table: found one of another space than --space");
    int result = status == TENAS_OK ? search(&o, config, dataset, table) : fail();
    tenas_benchmark_free(table);
    tenas_dataset_free(dataset);
    tenas_config_free(config);
    return finish_output(result);
}
