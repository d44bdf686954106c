/*
 * Tells how well scores that need no training agree with accuracies after it.
 *
 *     correlate --table nb201.tsv --data cifar-10-batches-bin
 *     correlate --help                        everything else
 *
 * Every architecture of the table is scored; then, for each score and each data
 * set of the table, the rank correlation of both goes to stdout: Spearman's rho
 * and Kendall's tau-b. Both take ties into account, and are undefined where all
 * scores or all accuracies are equal. A score for which less is better (the
 * condition number) is turned around, so that 1 is always perfect.
 * The last rows, the size of the network, are what a score should beat.
 *
 * The exit status is 0 for a table, 1 for a failure, 2 for a mistake on the
 * command line.
 */

#define _POSIX_C_SOURCE 200809L /* isatty, fileno */

#include <math.h>
#include <unistd.h>

#include "options.h"

struct options {
    struct settings settings;
    const char *table, *scores;
    struct number limit;
};

static struct options read_command_line(int argc, char **argv)
{
    struct options o = {.table = NULL};
    const struct program_option own[] = {
        HEADING("What to score"),
        TEXT("--table", "PATH", o.table,
             "accuracies: text with a header, or a folder of\n"
             "NATS-Bench"),
        CHOICE("--space", o.settings.space.built_in, SPACES,
               "nas-bench-201 or darts (default: that of the table)"),
        NUMBER("--limit", o.limit, UINT32_MAX, "the first N architectures only"),
        TEXT("--scores", "PATH", o.scores, "write each architecture's scores there, as CSV"),
        END_OF_OPTIONS,
    };
    const struct program correlate = {
        .name = "correlate",
        .usage = "--table PATH [OPTION]...\n"
                 "Correlates scores without training with accuracies after it.\n",
        .options = own,
    };
    parse_options(&correlate, &o.settings, argc, argv);
    if (o.table == NULL)
        usage_error("found no --table, expected one");
    return o;
}

static void *allocate(size_t count, size_t size)
{
    return checked(calloc(count == 0 ? 1 : count, size));
}

/* The name of a space, as options have it. */
static const struct choice *named_space(int32_t space)
{
    for (const struct choice *c = SPACES; c->name != NULL; c++)
        if (c->value == space)
            return c;
    usage_error("--table: found architectures of space %d, expected one of this program's",
                (int)space);
    return NULL;
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

/* Pearson's correlation of average ranks; NAN where one does not vary. */
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
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

/* tau-b: concordant minus discordant pairs, over the geometric mean of the
 * pairs that each orders; NAN where one orders none. */
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
    return ordered_x > 0 && ordered_y > 0 ? sum / sqrt(ordered_x * ordered_y) : NAN;
}

static void print_correlation(double value)
{
    if (isnan(value))
        printf(" %9s", "undefined");
    else
        printf(" %9.3f", value);
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
    struct options o = read_command_line(argc, argv);
    tenas_benchmark *table = open_table(o.table);
    int32_t space;
    check(tenas_benchmark_space(table, &space));
    const struct choice *named = named_space(space);
    if (o.settings.space.built_in != NULL && o.settings.space.built_in != named)
        usage_error("--space: found %s, expected %s, which the table's architectures are of",
                    o.settings.space.built_in->name, named->name);
    o.settings.space.built_in = named;
    tenas_config *config = make_config(&o.settings);
    tenas_dataset *dataset = open_images(&o.settings);
    tenas_status status;

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
    status = tenas_indicators_of_many(config, dataset, (const char *const *)genotypes, count,
                                      show_progress, &terminal, found);
    if (terminal)
        fputs("\r\033[K", stderr);
    check_option("--batch-size", status);
    if (o.scores != NULL)
        write_scores(o.scores, genotypes, found, count);

    const struct settings *used = &o.settings;
    printf("%zu architectures, images of %s (%s), seed %llu, %s, %u repeats, %.3f s each\n\n",
           count, used->dataset->name, used->data != NULL ? used->data : "synthetic",
           (unsigned long long)used->seed.value, used->init->name, (unsigned)found[0].repeats,
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
            printf("%-22s %-16s %6zu", SCORE_NAMES[s], d->name, n);
            print_correlation(spearman(x, y, n));
            print_correlation(kendall(x, y, n));
            putchar('\n');
        }
        free(accuracy);
        free(there);
    }

    int result = finish_output(EXIT_SUCCESS);
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
