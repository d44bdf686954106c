/*
 * Tells what architectures are worth, without training them.
 *
 *     score '|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|none~2|'
 *     score --sample 10                       ten drawn at random
 *     score --csv < genotypes.txt             one a line, from stdin
 *     score --help                            everything else
 *
 * The table goes to stdout, progress and errors to stderr. The exit status is 0
 * for a table, 1 for a failure, 2 for a mistake on the command line.
 */

#define _POSIX_C_SOURCE 200809L /* isatty, fileno, getline */

#include <errno.h>
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
    "Usage: score [OPTION]... [GENOTYPE]...\n"
    "Scores architectures without training them. Without a GENOTYPE they come from\n"
    "stdin, one a line.\n"
    "\n"
    "  --space NAME       nas-bench-201 (default) or darts, or a space file:\n"
    "                     spaces/mobilenet-v2.json; docs/SPACES.md\n"
    "  --sample N         N architectures drawn at random instead\n"
    "  --dataset NAME     cifar10 (default), cifar100, ImageNet16-120 or imagenet-1k\n"
    "  --data PATH        where its images are; without, they are synthetic\n"
    "  --seed N           of all random numbers (default 0)\n"
    "  --init NAME        kaiming_normal (default) or torch_default\n"
    "  --repeats N        draws of weights and images that a score is the mean of\n"
    "  --batch-size N     images of a batch\n"
    "  --threads N        of the CPU engine; 0 (default) for all cores\n"
    "  --csv              comma-separated values instead of aligned columns\n"
    "  --help             print this text\n"
    "\n"
    "Columns: condition number of the neural tangent kernel (less is better), linear\n"
    "regions, NASWOT and SWAP (more is better), each with its standard deviation;\n"
    "then millions of multiply-adds and of parameters of the network to train. An\n"
    "architecture whose output does not depend on its input is marked.\n";

/* ---- Failures ---- */

static void usage_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("score: ", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\nTry 'score --help'.\n", stderr);
    exit(EXIT_USAGE);
}

static void check(tenas_status status)
{
    if (status == TENAS_OK)
        return;
    fprintf(stderr, "score: %s\n", tenas_last_error_message());
    exit(EXIT_FAILURE);
}

/* A value that the library refuses is a mistake on the command line. */
static void check_option(const char *option, tenas_status status)
{
    if (status == TENAS_ERROR_INVALID_ARGUMENT)
        usage_error("%s: %s", option, tenas_last_error_message());
    check(status);
}

static void *checked(void *memory)
{
    if (memory == NULL) {
        fputs("score: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

/* ---- Options ---- */

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
    int32_t space, dataset, init;
    const char *space_file;
    const char *data;
    struct number sample, seed, repeats, batch_size, threads;
    bool csv;
    int first_genotype; /* of argv */
};

static int32_t parse_choice(const char *option, const char *text, const struct choice *choices)
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
        .init = TENAS_INIT_KAIMING_NORMAL,
    };
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        const char *option = argv[i];
        if (strcmp(option, "--help") == 0) {
            fputs(HELP, stdout);
            exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        if (strcmp(option, "--csv") == 0) {
            o.csv = true;
            continue;
        }
        static const char *const NAMES[] = {
            "--space", "--sample", "--dataset", "--data", "--seed", "--init", "--repeats",
            "--batch-size", "--threads", NULL};
        int known = 0;
        while (NAMES[known] != NULL && strcmp(option, NAMES[known]) != 0)
            known++;
        if (NAMES[known] == NULL)
            usage_error("found '%s', expected an option", option);
        if (i + 1 == argc)
            usage_error("%s: found nothing behind it, expected a value", option);
        const char *value = argv[++i];
        switch (known) {
        case 0:
            o.space_file = is_file(value) ? value : NULL;
            if (o.space_file == NULL)
                o.space = parse_choice(option, value, SPACES);
            break;
        case 1: o.sample = parse_number(option, value, 1000000); break;
        case 2: o.dataset = parse_choice(option, value, DATASETS); break;
        case 3: o.data = value; break;
        case 4: o.seed = parse_number(option, value, UINT64_MAX); break;
        case 5: o.init = parse_choice(option, value, INITS); break;
        case 6: o.repeats = parse_number(option, value, UINT32_MAX); break;
        case 7: o.batch_size = parse_number(option, value, UINT32_MAX); break;
        default: o.threads = parse_number(option, value, UINT32_MAX); break;
        }
    }
    o.first_genotype = i;
    return o;
}

/* ---- Genotypes ---- */

struct genotypes {
    char **texts;
    size_t count, capacity;
};

/* Adds a text of malloc's. */
static void add(struct genotypes *g, char *text)
{
    if (g->count == g->capacity) {
        g->capacity = g->capacity == 0 ? 16 : 2 * g->capacity;
        g->texts = checked(realloc(g->texts, g->capacity * sizeof *g->texts));
    }
    g->texts[g->count++] = text;
}

static void add_samples(struct genotypes *g, const struct options *o,
                        const tenas_search_space *space)
{
    for (uint64_t i = 0; i < o->sample.value; i++) {
        size_t length;
        const int32_t format = TENAS_GENOTYPE_NATIVE;
        const uint64_t seed = o->seed.value;
        check(tenas_search_space_genotype_sample(space, seed, i, format, NULL, 0, &length));
        char *text = checked(malloc(length + 1));
        check(tenas_search_space_genotype_sample(space, seed, i, format, text, length + 1,
                                                 &length));
        add(g, text);
    }
}

static void add_lines(struct genotypes *g)
{
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) != -1) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] != '\0')
            add(g, checked(strdup(line)));
    }
    free(line);
    if (ferror(stdin)) {
        fprintf(stderr, "score: cannot read stdin: %s\n", strerror(errno));
        exit(EXIT_FAILURE);
    }
}

/* ---- The table ---- */

static int32_t show_progress(const tenas_progress *p, void *user)
{
    if (*(bool *)user)
        fprintf(stderr, "\r%u of %u architectures\033[K", p->candidate, p->candidates);
    return 0;
}

static void print_csv(const struct genotypes *g, const tenas_indicators *found)
{
    puts("genotype,ntk,ntk_spread,regions,regions_spread,naswot,naswot_spread,swap,swap_spread,"
         "multiply_adds,parameters,connected,seconds");
    for (size_t i = 0; i < g->count; i++) {
        const tenas_indicators *f = &found[i];
        putchar('"');
        for (const char *c = g->texts[i]; *c != '\0'; c++) {
            if (*c == '"') /* JSON genotypes have quotes */
                putchar('"');
            putchar(*c);
        }
        printf("\",%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%llu,%llu,%d,%.3f\n", f->ntk,
               f->ntk_spread, f->regions, f->regions_spread, f->naswot, f->naswot_spread, f->swap,
               f->swap_spread, (unsigned long long)f->multiply_adds,
               (unsigned long long)f->parameters, (int)f->connected, f->seconds);
    }
}

static void print_aligned(const struct genotypes *g, const tenas_indicators *found)
{
    printf("%11s %9s %8s %7s %8s %7s %8s %7s %9s %8s  %s\n", "NTK", "+-", "regions", "+-",
           "NASWOT", "+-", "SWAP", "+-", "FLOPs/M", "params/M", "genotype");
    for (size_t i = 0; i < g->count; i++) {
        const tenas_indicators *f = &found[i];
        printf("%11.4g %9.2g %8.1f %7.1f %8.1f %7.1f %8.1f %7.1f %9.3f %8.4f  %s%s\n", f->ntk,
               f->ntk_spread, f->regions, f->regions_spread, f->naswot, f->naswot_spread, f->swap,
               f->swap_spread, (double)f->multiply_adds / 1e6, (double)f->parameters / 1e6,
               g->texts[i], f->connected ? "" : "  (output does not depend on the input)");
    }
}

int main(int argc, char **argv)
{
    struct options o = parse_options(argc, argv);
    struct genotypes genotypes = {NULL, 0, 0};
    tenas_search_space *space = NULL;
    check_option("--space", o.space_file != NULL ? tenas_search_space_open(o.space_file, &space)
                                                 : tenas_search_space_new(o.space, &space));
    if (o.sample.given)
        add_samples(&genotypes, &o, space);
    for (int i = o.first_genotype; i < argc; i++)
        add(&genotypes, checked(strdup(argv[i])));
    if (!o.sample.given && genotypes.count == 0)
        add_lines(&genotypes);

    tenas_config *config = NULL;
    tenas_dataset *dataset = NULL;
    check(tenas_config_new_for_space(space, o.dataset, &config));
    tenas_search_space_free(space);
    check_option("--seed", tenas_config_set_seed(config, o.seed.value));
    check_option("--init", tenas_config_set_init(config, o.init));
    if (o.repeats.given)
        check_option("--repeats", tenas_config_set_repeats(config, (uint32_t)o.repeats.value));
    if (o.batch_size.given)
        check_option("--batch-size",
                     tenas_config_set_batch_size(config, (uint32_t)o.batch_size.value));
    if (o.threads.given)
        check_option("--threads", tenas_config_set_threads(config, (uint32_t)o.threads.value));
    check(o.data != NULL ? tenas_dataset_open(o.dataset, o.data, &dataset)
                         : tenas_dataset_synthetic(o.dataset, o.seed.value, &dataset));

    tenas_indicators *found = checked(calloc(genotypes.count + 1, sizeof *found));
    found[0].struct_size = sizeof *found;
    bool terminal = isatty(fileno(stderr)) == 1;
    tenas_status status = tenas_indicators_of_many(
        config, dataset, (const char *const *)genotypes.texts, genotypes.count, show_progress,
        &terminal, found);
    if (terminal)
        fputs("\r\033[K", stderr);
    if (status == TENAS_ERROR_FORMAT)
        usage_error("%s", tenas_last_error_message());
    check(status);
    if (o.csv)
        print_csv(&genotypes, found);
    else
        print_aligned(&genotypes, found);

    int result = EXIT_SUCCESS;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "score: cannot write: %s\n", strerror(errno));
        result = EXIT_FAILURE;
    }
    for (size_t i = 0; i < genotypes.count; i++)
        free(genotypes.texts[i]);
    free(genotypes.texts);
    free(found);
    tenas_dataset_free(dataset);
    tenas_config_free(config);
    return result;
}
