/*
 * Tells how well scores that need no training agree with accuracies after it.
 *
 *     correlate --table nb201.tsv --data cifar-10-batches-bin
 *     correlate --table nb201.tsv --plot pictures
 *     correlate --help                        everything else
 *
 * Every architecture of the table is scored; then, for each score and each data
 * set of the table, the rank correlation of both goes to stdout: Spearman's rho
 * and Kendall's tau-b. Both take ties into account, and are undefined where all
 * scores or all accuracies are equal. A score for which less is better (the
 * condition number) is turned around, so that 1 is always perfect. Each has the
 * seconds that an architecture takes; several of them together share what they
 * can. The last rows are what all scores say together: the sums of their ranks,
 * and of the logarithms of their ranks.
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
    const char *table, *scores, *proxies, *plot;
    struct number limit;
};

static struct options read_command_line(int argc, char **argv)
{
    struct options o = {.proxies = "ntk,regions,naswot,swap,flops,parameters"};
    const struct program_option own[] = {
        HEADING("What to score"),
        TEXT("--table", "PATH", o.table,
             "accuracies: text with a header, or a folder of\n"
             "NATS-Bench"),
        CHOICE("--space", o.settings.space.built_in, SPACES,
               "nas-bench-201 or darts (default: that of the table)"),
        TEXT("--proxies", "NAMES", o.proxies,
             "scores with commas between (default: ntk, regions,\n"
             "naswot, swap, flops and parameters)"),
        NUMBER("--limit", o.limit, UINT32_MAX, "the first N architectures only"),
        TEXT("--scores", "PATH", o.scores, "write each architecture's scores there, as CSV"),
        TEXT("--plot", "FOLDER", o.plot,
             "draw each score against each accuracy there, as\n"
             "SCORE-DATASET.svg"),
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

/* A row of the table: a score, or several together. */
struct row {
    char name[64];
    double *values; /* so that more is better */
    double seconds; /* an architecture */
};

struct watch {
    const char *score;
    bool terminal;
    double seconds; /* of the call so far */
};

static int32_t show_progress(const tenas_progress *p, void *user)
{
    struct watch *w = user;
    w->seconds = p->seconds;
    if (w->terminal)
        fprintf(stderr, "\r%s: %u of %u architectures, %.0f s\033[K", w->score, p->candidate,
                p->candidates, p->seconds);
    else if (p->candidate * 10 / p->candidates != (p->candidate - 1) * 10 / p->candidates)
        fprintf(stderr, "%s: %u of %u architectures, %.0f s\n", w->score, p->candidate,
                p->candidates, p->seconds);
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

/* Writes means, that of architecture i by score p at p * count + i. */
static void write_scores(const char *path, char **genotypes, size_t count,
                         const struct names *names, const double *means, const double *spreads,
                         const int32_t *connected)
{
    FILE *file = fopen(path, "w");
    if (file != NULL) {
        fputs("genotype", file);
        for (size_t p = 0; p < names->count; p++)
            fprintf(file, ",%s,%s_spread", names->names[p], names->names[p]);
        fputs(",connected\n", file);
        for (size_t i = 0; i < count; i++) {
            fprintf(file, "\"%s\"", genotypes[i]);
            for (size_t p = 0; p < names->count; p++)
                fprintf(file, ",%.17g,%.9g", means[p * count + i], spreads[p * count + i]);
            fprintf(file, ",%d\n", (int)connected[i]);
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

/* Draws a score against the accuracies on a data set. */
static void plot(const char *folder, const char *score, const char *dataset, const double *x,
                 const double *y, size_t count)
{
    size_t length = strlen(folder) + strlen(score) + strlen(dataset) + sizeof "/-.svg";
    char *path = allocate(length, 1), *title = allocate(strlen(dataset) + 40, 1), *name;
    sprintf(path, "%s/%s-%s.svg", folder, score, dataset);
    /* A row's name has spaces, and tells in brackets what is better. */
    for (name = path + strlen(folder) + 1; *name != '\0'; name++)
        if (strchr(" (),", *name) != NULL)
            *name = '_';
    sprintf(title, "accuracy on %s in %%", dataset);
    check(tenas_scatter_svg(score, title, x, y, count, NULL, 0, &length));
    char *svg = allocate(length + 1, 1);
    check(tenas_scatter_svg(score, title, x, y, count, svg, length + 1, &length));
    FILE *file = fopen(path, "w");
    bool good = file != NULL && fputs(svg, file) >= 0;
    if (file != NULL && fclose(file) != 0)
        good = false;
    if (!good) {
        fprintf(stderr, "correlate: --plot: %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    free(svg);
    free(title);
    free(path);
}

/* The totals of some scores, so that more is better. */
static void add_row(struct row *row, const char *name, int32_t aggregation, const char *const *names,
                    const size_t *columns, size_t scores, const double *means, size_t count)
{
    double *values = allocate(count * scores, sizeof *values);
    for (size_t i = 0; i < count; i++)
        for (size_t p = 0; p < scores; p++)
            values[i * scores + p] = means[columns[p] * count + i];
    snprintf(row->name, sizeof row->name, "%s", name);
    row->values = allocate(count, sizeof *row->values);
    check(tenas_aggregate(aggregation, names, scores, values, count, row->values));
    for (size_t i = 0; i < count && aggregation == TENAS_AGGREGATION_RANKS; i++)
        row->values[i] = -row->values[i];
    free(values);
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
    struct names names = split_names(o.proxies);
    if (names.count == 0)
        usage_error("--proxies: found nothing, expected a score");
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

    /* One score after the other, so that each has a time of its own. */
    double *means = allocate(count * names.count, sizeof *means);
    double *spreads = allocate(count * names.count, sizeof *spreads);
    int32_t *connected = allocate(count, sizeof *connected);
    struct row *rows = allocate(names.count + 3, sizeof *rows);
    struct watch watch = {.terminal = isatty(fileno(stderr)) == 1};
    size_t row_count = 0, *columns = allocate(names.count + 2, sizeof *columns);
    size_t ntk = names.count, regions = names.count;
    double seconds = 0;
    for (size_t p = 0; p < names.count; p++) {
        const char *name = watch.score = names.names[p];
        const tenas_proxy proxy = proxy_named("--proxies", name);
        status = tenas_scores_of_many(config, dataset, &name, 1, (const char *const *)genotypes,
                                      count, show_progress, &watch, means + p * count,
                                      spreads + p * count, connected);
        if (watch.terminal)
            fputs("\r\033[K", stderr);
        check_option("--batch-size", status);
        struct row *row = &rows[row_count++];
        const bool less = proxy.direction == TENAS_DIRECTION_LOWER;
        snprintf(row->name, sizeof row->name, "%s%s", name, less ? " (less is better)" : "");
        row->values = allocate(count, sizeof *row->values);
        for (size_t i = 0; i < count; i++)
            row->values[i] = less ? -means[p * count + i] : means[p * count + i];
        row->seconds = watch.seconds / (double)count;
        seconds += row->seconds;
        columns[p] = p;
        if (strcmp(name, "ntk") == 0)
            ntk = p;
        if (strcmp(name, "regions") == 0)
            regions = p;
    }
    if (o.scores != NULL)
        write_scores(o.scores, genotypes, count, &names, means, spreads, connected);
    if (ntk < names.count && regions < names.count) {
        const char *both[] = {"ntk", "regions"};
        size_t places[] = {ntk, regions};
        add_row(&rows[row_count], "TE-NAS (rank sum)", TENAS_AGGREGATION_RANKS, both, places, 2,
                means, count);
        rows[row_count++].seconds = rows[ntk].seconds + rows[regions].seconds;
    }
    if (names.count > 1) {
        add_row(&rows[row_count], "all, log ranks", TENAS_AGGREGATION_LOG_RANKS,
                (const char *const *)names.names, columns, names.count, means, count);
        rows[row_count++].seconds = seconds;
        add_row(&rows[row_count], "all, rank sum", TENAS_AGGREGATION_RANKS,
                (const char *const *)names.names, columns, names.count, means, count);
        rows[row_count++].seconds = seconds;
    }

    const struct settings *used = &o.settings;
    uint32_t repeats;
    check(tenas_config_repeats(config, &repeats));
    printf("%zu architectures, images of %s (%s), seed %llu, %s, %u repeats\n\n", count,
           used->dataset->name, used->data != NULL ? used->data : "synthetic",
           (unsigned long long)used->seed.value, used->init->name, (unsigned)repeats);

    double *x = allocate(count, sizeof *x), *y = allocate(count, sizeof *y);
    printf("%-22s %-16s %6s %9s %9s %10s\n", "score", "accuracy on", "of", "Spearman", "Kendall",
           "ms each");
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
        for (size_t s = 0; s < row_count; s++) {
            size_t n = 0;
            for (size_t i = 0; i < count; i++)
                if (there[i]) {
                    x[n] = rows[s].values[i];
                    y[n++] = accuracy[i];
                }
            if (o.plot != NULL && n > 1) {
                /* As the score is, whichever way is better. */
                double sign = strstr(rows[s].name, "(less") != NULL ? -1 : 1;
                for (size_t i = 0; i < n; i++)
                    x[i] *= sign;
                plot(o.plot, rows[s].name, d->name, x, y, n);
                for (size_t i = 0; i < n; i++)
                    x[i] *= sign;
            }
            printf("%-22s %-16s %6zu", rows[s].name, d->name, n);
            print_correlation(spearman(x, y, n));
            print_correlation(kendall(x, y, n));
            printf(" %10.3f\n", 1000 * rows[s].seconds);
        }
        free(accuracy);
        free(there);
    }

    int result = finish_output(EXIT_SUCCESS);
    for (size_t s = 0; s < row_count; s++)
        free(rows[s].values);
    free(rows);
    free(columns);
    free(means);
    free(spreads);
    free(connected);
    free_names(names);
    for (size_t i = 0; i < count; i++)
        free(genotypes[i]);
    free(genotypes);
    free(x);
    free(y);
    tenas_benchmark_free(table);
    tenas_dataset_free(dataset);
    tenas_config_free(config);
    return result;
}
