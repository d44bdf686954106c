/*
 * Tells how well scores that need no training agree with accuracies after it.
 *
 *     correlate --table nb201.tsv --data cifar-10-batches-bin
 *     correlate --help                        everything else
 *
 * Every architecture of the table is scored; then, for each score and each data
 * set of the table, the rank correlation of both goes to stdout: Spearman's rho
 * and Kendall's tau-b. Both take ties into account. A score for which less is
 * better (the condition number) is turned around, so that 1 is always perfect.
 * The last rows, the size of the network, are what a score should beat.
 *
 * The exit status is 0 for a table, 1 for a failure, 2 for a mistake on the
 * command line.
 */

#define _POSIX_C_SOURCE 200809L /* isatty, fileno */

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tenas.h"

enum { EXIT_USAGE = 2 };

static const char HELP[] =
    "Usage: correlate --table PATH [OPTION]...\n"
    "Correlates scores without training with accuracies after it.\n"
    "\n"
    "  --table PATH       accuracies: tab-separated text, or a folder of NATS-Bench\n"
    "  --dataset NAME     what the images are: cifar10 (default), cifar100,\n"
    "                     ImageNet16-120 or imagenet-1k\n"
    "  --data PATH        where they are; without, they are synthetic\n"
    "  --limit N          the first N architectures only\n"
    "  --seed N           of all random numbers (default 0)\n"
    "  --init NAME        kaiming_normal (default) or torch_default\n"
    "  --repeats N        draws of weights and images that a score is the mean of\n"
    "  --batch-size N     images of a batch\n"
    "  --threads N        of the CPU engine; 0 (default) for all cores\n"
    "  --scores PATH      write each architecture's scores there, as CSV\n"
    "  --help             print this text\n";

/* ---- Failures ---- */

static void usage_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("correlate: ", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\nTry 'correlate --help'.\n", stderr);
    exit(EXIT_USAGE);
}

static void check(tenas_status status)
{
    if (status == TENAS_OK)
        return;
    fprintf(stderr, "correlate: %s\n", tenas_last_error_message());
    exit(EXIT_FAILURE);
}

/* A value that the library refuses is a mistake on the command line. */
static void check_option(const char *option, tenas_status status)
{
    if (status == TENAS_ERROR_INVALID_ARGUMENT)
        usage_error("%s: %s", option, tenas_last_error_message());
    check(status);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size);
    if (memory == NULL) {
        fputs("correlate: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

/* ---- Options ---- */

struct choice {
    const char *name;
    int32_t value;
};

static const struct choice DATASETS[] = {
    {"cifar10", TENAS_DATASET_CIFAR10},
    {"cifar100", TENAS_DATASET_CIFAR100},
    {"ImageNet16-120", TENAS_DATASET_IMAGENET16_120},
    {"imagenet-1k", TENAS_DATASET_IMAGENET},
    {NULL, 0},
};

static const struct choice INITS[] = {
    {"kaiming_normal", TENAS_INIT_KAIMING_NORMAL},
    {"torch_default", TENAS_INIT_TORCH_DEFAULT},
    {NULL, 0},
};

struct number {
    bool given;
    uint64_t value;
};

struct options {
    const char *table, *data, *scores;
    const struct choice *dataset, *init;
    struct number limit, seed, repeats, batch_size, threads;
};

static const struct choice *parse_choice(const char *option, const char *text,
                                         const struct choice *choices)
{
    char names[160] = "";
    for (const struct choice *c = choices; c->name != NULL; c++) {
        if (strcmp(text, c->name) == 0)
            return c;
        if (c != choices)
            strcat(names, ", ");
        strcat(names, c->name);
    }
    usage_error("%s: found '%s', expected one of %s", option, text, names);
    return NULL;
}

/* Digits only: no sign, no space, nothing behind them. */
static struct number parse_number(const char *option, const char *text, uint64_t most)
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
    return (struct number){true, value};
}

static struct options parse_options(int argc, char **argv)
{
    struct options o = {.dataset = &DATASETS[0], .init = &INITS[0]};
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i];
        if (strcmp(option, "--help") == 0) {
            fputs(HELP, stdout);
            exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        static const char *const NAMES[] = {
            "--table", "--dataset", "--data", "--limit", "--seed", "--init", "--repeats",
            "--batch-size", "--threads", "--scores", NULL};
        int known = 0;
        while (NAMES[known] != NULL && strcmp(option, NAMES[known]) != 0)
            known++;
        if (NAMES[known] == NULL)
            usage_error("found '%s', expected an option", option);
        if (i + 1 == argc)
            usage_error("%s: found nothing behind it, expected a value", option);
        const char *value = argv[++i];
        switch (known) {
        case 0: o.table = value; break;
        case 1: o.dataset = parse_choice(option, value, DATASETS); break;
        case 2: o.data = value; break;
        case 3: o.limit = parse_number(option, value, UINT32_MAX); break;
        case 4: o.seed = parse_number(option, value, UINT64_MAX); break;
        case 5: o.init = parse_choice(option, value, INITS); break;
        case 6: o.repeats = parse_number(option, value, UINT32_MAX); break;
        case 7: o.batch_size = parse_number(option, value, UINT32_MAX); break;
        case 8: o.threads = parse_number(option, value, UINT32_MAX); break;
        default: o.scores = value; break;
        }
    }
    if (o.table == NULL)
        usage_error("found no --table, expected one");
    return o;
}

/* ---- Rank correlation ---- */

static const double *sort_key;

static int by_key(const void *a, const void *b)
{
    double x = sort_key[*(const size_t *)a], y = sort_key[*(const size_t *)b];
    return (x > y) - (x < y);
}

/* Ranks from 1, ascending; equals share the mean of their places. */
static void average_ranks(const double *values, size_t count, double *ranks)
{
    size_t *order = allocate(count, sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    sort_key = values;
    qsort(order, count, sizeof *order, by_key);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && values[order[end]] == values[order[first]]; end++)
            ;
        for (size_t i = first; i < end; i++)
            ranks[order[i]] = ((double)first + 1 + (double)end) / 2;
    }
    free(order);
}

/* Pearson's correlation of average ranks; 0 where one does not vary. */
static double spearman(const double *x, const double *y, size_t count)
{
    double *a = allocate(count, sizeof *a), *b = allocate(count, sizeof *b);
    average_ranks(x, count, a);
    average_ranks(y, count, b);
    double mean = ((double)count + 1) / 2, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < count; i++) {
        xx += (a[i] - mean) * (a[i] - mean);
        yy += (b[i] - mean) * (b[i] - mean);
        xy += (a[i] - mean) * (b[i] - mean);
    }
    free(a);
    free(b);
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/* tau-b: concordant minus discordant pairs, over the geometric mean of the
 * pairs that each orders; 0 where one orders none. */
static double kendall(const double *x, const double *y, size_t count)
{
    double sum = 0, ordered_x = 0, ordered_y = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++) {
            int a = (x[i] > x[j]) - (x[i] < x[j]), b = (y[i] > y[j]) - (y[i] < y[j]);
            sum += a * b;
            ordered_x += a != 0;
            ordered_y += b != 0;
        }
    return ordered_x > 0 && ordered_y > 0 ? sum / sqrt(ordered_x * ordered_y) : 0;
}

/* ---- Scores ---- */

enum score { NTK, REGIONS, TE_NAS, NASWOT, SWAP, MULTIPLY_ADDS, PARAMETERS, SCORES };

static const char *const SCORE_NAMES[SCORES] = {
    "NTK (less is better)", "regions", "TE-NAS (rank sum)", "NASWOT",
    "SWAP",                 "FLOPs",   "parameters"};

/* Sets scores[s][i] so that more is better. */
static void set_scores(const tenas_indicators *found, size_t count, double **scores)
{
    for (size_t i = 0; i < count; i++) {
        scores[NTK][i] = -found[i].ntk;
        scores[REGIONS][i] = found[i].regions;
        scores[NASWOT][i] = found[i].naswot;
        scores[SWAP][i] = found[i].swap;
        scores[MULTIPLY_ADDS][i] = (double)found[i].multiply_adds;
        scores[PARAMETERS][i] = (double)found[i].parameters;
    }
    /* TE-NAS adds the ranks by both of its indicators. */
    double *ntk = allocate(count, sizeof *ntk), *regions = allocate(count, sizeof *regions);
    average_ranks(scores[NTK], count, ntk);
    average_ranks(scores[REGIONS], count, regions);
    for (size_t i = 0; i < count; i++)
        scores[TE_NAS][i] = ntk[i] + regions[i];
    free(ntk);
    free(regions);
}

static int32_t show_progress(const tenas_progress *p, void *user)
{
    bool terminal = *(bool *)user;
    if (terminal)
        fprintf(stderr, "\r%u of %u architectures, %.0f s\033[K", p->candidate, p->candidates,
                p->seconds);
    else if (p->candidate * 10 / p->candidates != (p->candidate - 1) * 10 / p->candidates)
        fprintf(stderr, "%u of %u architectures, %.0f s\n", p->candidate, p->candidates,
                p->seconds);
    return 0;
}

static char *genotype_at(const tenas_benchmark *table, size_t index)
{
    size_t length;
    check(tenas_benchmark_genotype(table, index, NULL, 0, &length));
    char *text = allocate(length + 1, 1);
    check(tenas_benchmark_genotype(table, index, text, length + 1, &length));
    return text;
}

static void write_scores(const char *path, char **genotypes, const tenas_indicators *found,
                         size_t count)
{
    FILE *file = fopen(path, "w");
    if (file != NULL) {
        fputs("genotype,ntk,ntk_spread,regions,regions_spread,naswot,naswot_spread,swap,"
              "swap_spread,multiply_adds,parameters,connected\n", file);
        for (size_t i = 0; i < count; i++) {
            const tenas_indicators *f = &found[i];
            fprintf(file, "\"%s\",%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%llu,%llu,%d\n",
                    genotypes[i], f->ntk, f->ntk_spread, f->regions, f->regions_spread, f->naswot,
                    f->naswot_spread, f->swap, f->swap_spread,
                    (unsigned long long)f->multiply_adds, (unsigned long long)f->parameters,
                    (int)f->connected);
        }
    }
    bool good = file != NULL && !ferror(file);
    if (file != NULL && fclose(file) != 0)
        good = false;
    if (!good) {
        fprintf(stderr, "correlate: --scores: %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv)
{
    struct options o = parse_options(argc, argv);
    tenas_benchmark *table = NULL;
    tenas_config *config = NULL;
    tenas_dataset *dataset = NULL;
    int32_t space;
    check(tenas_benchmark_open(o.table, &table));
    check(tenas_benchmark_space(table, &space));
    check(tenas_config_new(space, o.dataset->value, &config));
    check_option("--seed", tenas_config_set_seed(config, o.seed.value));
    check_option("--init", tenas_config_set_init(config, o.init->value));
    if (o.repeats.given)
        check_option("--repeats", tenas_config_set_repeats(config, (uint32_t)o.repeats.value));
    if (o.batch_size.given)
        check_option("--batch-size",
                     tenas_config_set_batch_size(config, (uint32_t)o.batch_size.value));
    if (o.threads.given)
        check_option("--threads", tenas_config_set_threads(config, (uint32_t)o.threads.value));
    check(o.data != NULL ? tenas_dataset_open(o.dataset->value, o.data, &dataset)
                         : tenas_dataset_synthetic(o.dataset->value, o.seed.value, &dataset));

    size_t count;
    check(tenas_benchmark_count(table, &count));
    if (o.limit.given && o.limit.value < count)
        count = (size_t)o.limit.value;
    if (count < 2)
        usage_error("found %zu architectures, expected at least 2", count);
    char **genotypes = allocate(count, sizeof *genotypes);
    for (size_t i = 0; i < count; i++)
        genotypes[i] = genotype_at(table, i);
    tenas_indicators *found = allocate(count, sizeof *found);
    found[0].struct_size = sizeof *found;
    bool terminal = isatty(fileno(stderr)) == 1;
    tenas_status status =
        tenas_indicators_of_many(config, dataset, (const char *const *)genotypes, count,
                                 show_progress, &terminal, found);
    if (terminal)
        fputs("\r\033[K", stderr);
    check_option("--batch-size", status);
    if (o.scores != NULL)
        write_scores(o.scores, genotypes, found, count);

    printf("%zu architectures, images of %s (%s), seed %llu, %s, %u repeats, %.3f s each\n\n",
           count, o.dataset->name, o.data != NULL ? o.data : "synthetic",
           (unsigned long long)o.seed.value, o.init->name, (unsigned)found[0].repeats,
           found[0].seconds);
    double *scores[SCORES];
    for (int s = 0; s < SCORES; s++)
        scores[s] = allocate(count, sizeof **scores);
    set_scores(found, count, scores);

    double *x = allocate(count, sizeof *x), *y = allocate(count, sizeof *y);
    printf("%-22s %-16s %6s %9s %9s\n", "score", "accuracy on", "of", "Spearman", "Kendall");
    for (const struct choice *d = DATASETS; d->name != NULL; d++) {
        size_t best;
        status = tenas_benchmark_best(table, d->value, &best);
        if (status == TENAS_ERROR_NOT_FOUND)
            continue;
        check(status);
        double *accuracy = allocate(count, sizeof *accuracy);
        bool *there = allocate(count, sizeof *there);
        for (size_t i = 0; i < count; i++) {
            status = tenas_benchmark_accuracy(table, genotypes[i], d->value, &accuracy[i]);
            there[i] = status == TENAS_OK;
            if (status != TENAS_ERROR_NOT_FOUND)
                check(status);
        }
        for (int s = 0; s < SCORES; s++) {
            size_t n = 0;
            for (size_t i = 0; i < count; i++)
                if (there[i]) {
                    x[n] = scores[s][i];
                    y[n++] = accuracy[i];
                }
            printf("%-22s %-16s %6zu %9.3f %9.3f\n", SCORE_NAMES[s], d->name, n,
                   spearman(x, y, n), kendall(x, y, n));
        }
        free(accuracy);
        free(there);
    }

    int result = EXIT_SUCCESS;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "correlate: cannot write: %s\n", strerror(errno));
        result = EXIT_FAILURE;
    }
    for (int s = 0; s < SCORES; s++)
        free(scores[s]);
    for (size_t i = 0; i < count; i++)
        free(genotypes[i]);
    free(genotypes);
    free(found);
    free(x);
    free(y);
    tenas_benchmark_free(table);
    tenas_dataset_free(dataset);
    tenas_config_free(config);
    return result;
}
