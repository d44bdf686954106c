/*
 * The command line of the example programs: a table of options with their help
 * texts, the settings that all programs share, and what they make of them.
 *
 * The values of options are checked here as far as they can be without the
 * library: each message names the option, what was found and what was expected.
 * Ranges are the library's, which names them in messages of its own.
 */

#ifndef TENAS_EXAMPLES_OPTIONS_H
#define TENAS_EXAMPLES_OPTIONS_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tenas.h"

enum { EXIT_USAGE = 2 };

/* ---- Failures ---- */

/* What messages begin with; parse_options sets it. */
static const char *program_name = "example";

/* Reports a mistake on the command line and ends the program. */
static inline void usage_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_name);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nTry '%s --help'.\n", program_name);
    exit(EXIT_USAGE);
}

/* Reports why the last call of the library failed. */
static inline int fail(void)
{
    fprintf(stderr, "%s: %s\n", program_name, tenas_last_error_message());
    return EXIT_FAILURE;
}

static inline void check(tenas_status status)
{
    if (status != TENAS_OK)
        exit(fail());
}

/* A value that the library refuses is a mistake on the command line. */
static inline void check_option(const char *option, tenas_status status)
{
    if (status == TENAS_ERROR_INVALID_ARGUMENT)
        usage_error("%s: %s", option, tenas_last_error_message());
    check(status);
}

/* Ends the program where malloc or another function had no memory to give. */
static inline void *checked(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "%s: out of memory\n", program_name);
        exit(EXIT_FAILURE);
    }
    return memory;
}

/* Makes sure that what was printed has arrived; returns the exit status. */
static inline int finish_output(int result)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return result;
    fprintf(stderr, "%s: cannot write: %s\n", program_name, strerror(errno));
    return EXIT_FAILURE;
}

/* ---- Options ---- */

/* A name that users type and the library's number for it. */
struct choice {
    const char *name;
    int32_t value;
};

/* A number that may be left out. */
struct number {
    bool given;
    uint64_t value;
};

struct device {
    int32_t kind, index;
};

/* What to search: one of SPACES, or a space file; both NULL where it was not given. */
struct space {
    const struct choice *built_in;
    const char *file;
};

enum option_kind { KIND_FLAG, KIND_TEXT, KIND_NUMBER, KIND_CHOICE, KIND_DEVICE, KIND_SPACE };

/* A row of a table of options. Use the macros below to write one. */
struct program_option {
    const char *name;             /* with its dashes; NULL in a heading */
    const char *value;            /* what the help calls its value; NULL for a flag */
    const char *help;             /* lines with \n between them; NULL ends a table */
    enum option_kind kind;
    void *target;                 /* where the value goes */
    const struct choice *choices; /* for KIND_CHOICE; a NULL name ends them */
    uint64_t most;                /* for KIND_NUMBER: the largest that is taken */
};

#define HEADING(text) {.help = text}
#define END_OF_OPTIONS {.help = NULL}
/* variable: a bool. */
#define FLAG(option, variable, text) \
    {.name = option, .help = text, .kind = KIND_FLAG, .target = &(variable)}
/* variable: a const char *. */
#define TEXT(option, value_name, variable, text) \
    {.name = option, .value = value_name, .help = text, .kind = KIND_TEXT, .target = &(variable)}
/* variable: a struct number. */
#define NUMBER(option, variable, largest, text) \
    {.name = option, .value = "N", .help = text, .kind = KIND_NUMBER, .target = &(variable), \
     .most = largest}
/* variable: a const struct choice *. */
#define CHOICE(option, variable, table, text) \
    {.name = option, .value = "NAME", .help = text, .kind = KIND_CHOICE, .target = &(variable), \
     .choices = table}
/* variable: a struct space. */
#define SPACE(option, variable, table, text) \
    {.name = option, .value = "SPACE", .help = text, .kind = KIND_SPACE, .target = &(variable), \
     .choices = table}
/* variable: a struct device. */
#define DEVICE(option, variable, text) \
    {.name = option, .value = "NAME", .help = text, .kind = KIND_DEVICE, .target = &(variable)}

static inline const struct choice *parse_choice(const char *option, const char *text,
                                                const struct choice *choices)
{
    char names[160] = "";
    size_t length = 0;
    for (const struct choice *c = choices; c->name != NULL; c++) {
        if (strcmp(text, c->name) == 0)
            return c;
        if (length < sizeof names)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s",
                                       c == choices ? "" : ", ", c->name);
    }
    usage_error("%s: found '%s', expected one of %s", option, text, names);
    return NULL;
}

/* Digits only: no sign, no space, nothing behind them. */
static inline uint64_t parse_number(const char *option, const char *text, uint64_t most)
{
    uint64_t value = 0;
    const char *c = text;
    do {
        unsigned digit = (unsigned)(*c - '0');
        if (digit > 9 || digit > most || value > (most - digit) / 10)
            usage_error("%s: found '%s', expected a whole number from 0 to %llu", option, text,
                        (unsigned long long)most);
        value = 10 * value + digit;
    } while (*++c != '\0');
    return value;
}

static inline struct device parse_device(const char *option, const char *text)
{
    static const struct choice DEVICES[] = {
        {"auto", TENAS_DEVICE_AUTO},   {"cpu", TENAS_DEVICE_CPU},
        {"cuda", TENAS_DEVICE_CUDA},   {"torch-cpu", TENAS_DEVICE_TORCH_CPU},
        {"cuda:N", TENAS_DEVICE_CUDA}, {NULL, 0},
    };
    if (strncmp(text, "cuda:", 5) == 0 && strcmp(text, "cuda:N") != 0)
        return (struct device){TENAS_DEVICE_CUDA,
                               (int32_t)parse_number(option, text + 5, INT32_MAX)};
    return (struct device){parse_choice(option, text, DEVICES)->value, 0};
}

/* A text with a slash, or that ends in .json, is a file. */
static inline struct space parse_space(const char *option, const char *text,
                                       const struct choice *choices)
{
    const char *end = strrchr(text, '.');
    if (strchr(text, '/') != NULL || (end != NULL && strcmp(end, ".json") == 0))
        return (struct space){NULL, text};
    return (struct space){parse_choice(option, text, choices), NULL};
}

static inline void set_option(const struct program_option *o, const char *text)
{
    switch (o->kind) {
    case KIND_FLAG:
        *(bool *)o->target = true;
        break;
    case KIND_TEXT:
        *(const char **)o->target = text;
        break;
    case KIND_NUMBER:
        *(struct number *)o->target = (struct number){true, parse_number(o->name, text, o->most)};
        break;
    case KIND_CHOICE:
        *(const struct choice **)o->target = parse_choice(o->name, text, o->choices);
        break;
    case KIND_DEVICE:
        *(struct device *)o->target = parse_device(o->name, text);
        break;
    case KIND_SPACE:
        *(struct space *)o->target = parse_space(o->name, text, o->choices);
        break;
    }
}

static inline const struct program_option *find_option(const struct program_option *options,
                                                       const char *name)
{
    for (; options->help != NULL; options++)
        if (options->name != NULL && strcmp(options->name, name) == 0)
            return options;
    return NULL;
}

static inline void print_options(const struct program_option *options)
{
    enum { COLUMN = 22 }; /* where help texts begin */
    for (; options->help != NULL; options++) {
        if (options->name == NULL) {
            printf("\n%s\n", options->help);
            continue;
        }
        int width = printf("  %s %s", options->name, options->value != NULL ? options->value : "");
        for (const char *line = options->help; line != NULL;) {
            const char *end = strchr(line, '\n');
            int length = end != NULL ? (int)(end - line) : (int)strlen(line);
            printf("%*s%.*s\n", width < COLUMN ? COLUMN - width : 1, "", length, line);
            line = end != NULL ? end + 1 : NULL;
            width = 0;
        }
    }
}

/* ---- The settings that all programs share ---- */

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

static const struct choice STRATEGIES[] = {
    {"prune", TENAS_STRATEGY_PRUNE},
    {"rank", TENAS_STRATEGY_RANK},
    {NULL, 0},
};

static const struct choice INITS[] = {
    {"kaiming_normal", TENAS_INIT_KAIMING_NORMAL},
    {"torch_default", TENAS_INIT_TORCH_DEFAULT},
    {NULL, 0},
};

struct settings {
    struct space space;
    const struct choice *dataset, *init;
    const char *data; /* NULL for synthetic images */
    const struct choice *strategy; /* NULL for that of the configuration */
    struct number seed, repeats, batch_size, threads;
    struct number channels, cells, image_size;
    struct device device;
};

/* What to write of an architecture as it is trained, and in which size. */
struct files {
    const char *onnx, *pytorch, *weights;
    struct number channels, cells;
};

/* The options of a struct files. */
#define FILES(files)                                                                     \
    HEADING("What to write of the network that is trained"),                             \
    TEXT("--onnx", "PATH", (files).onnx, "the network as an ONNX file"),                 \
    TEXT("--pytorch", "PATH", (files).pytorch, "PyTorch code, to be trained"),           \
    TEXT("--weights", "PATH", (files).weights,                                           \
         "its initial weights as a safetensors file, which the\n"                        \
         "PyTorch code reads"),                                                          \
    NUMBER("--train-channels", (files).channels, UINT32_MAX,                             \
           "its C (default: as papers train; NAS-Bench-201: 16)"),                       \
    NUMBER("--train-cells", (files).cells, UINT32_MAX, "its N, cells of a stage")

struct program {
    const char *name;
    const char *usage;                    /* what goes behind the name, and what it does */
    const struct program_option *options; /* its own ones */
    const char *notes;                    /* below the options; NULL for none */
    bool takes_arguments;                 /* beside options, behind them */
};

/*
 * Reads the command line into what the tables name, and the settings, which begin
 * with their defaults. Prints the help and ends the program where it is asked
 * for. Returns the index of the first argument that is no option.
 */
static inline int parse_options(const struct program *program, struct settings *s, int argc,
                                char **argv)
{
    *s = (struct settings){
        .dataset = &DATASETS[0], .init = &INITS[0], .device = {TENAS_DEVICE_AUTO, 0}};
    const struct program_option shared[] = {
        HEADING("Images"),
        CHOICE("--dataset", s->dataset, DATASETS,
               "cifar10 (default), cifar100, ImageNet16-120 or\n"
               "imagenet-1k: images, classes and published settings"),
        TEXT("--data", "PATH", s->data,
             "where its images are; without, they are synthetic.\n"
             "CIFAR and ImageNet16: the published archive, its\n"
             "folder or one file; imagenet-1k: a folder of JPEG\n"
             "files, train/<class>/*.JPEG; all: .npy, .npz or\n"
             ".safetensors"),
        HEADING("How to score (the defaults are the published settings)"),
        NUMBER("--seed", s->seed, UINT64_MAX, "of all random numbers (default 0)"),
        CHOICE("--init", s->init, INITS, "kaiming_normal (default) or torch_default"),
        NUMBER("--repeats", s->repeats, UINT32_MAX,
               "draws of weights and images that a score is the mean of"),
        NUMBER("--batch-size", s->batch_size, UINT32_MAX, "images of a batch"),
        NUMBER("--channels", s->channels, UINT32_MAX,
               "C of the networks that scores are measured on"),
        NUMBER("--cells", s->cells, UINT32_MAX,
               "their N, cells of a stage (NAS-Bench-201: 5 are trained)"),
        NUMBER("--image-size", s->image_size, UINT32_MAX,
               "height that images are shrunk to by a whole factor"),
        HEADING("Where to compute"),
        DEVICE("--device", s->device, "auto (default), cpu, cuda, cuda:N or torch-cpu"),
        NUMBER("--threads", s->threads, UINT32_MAX, "of the CPU engine; 0 (default) for all cores"),
        END_OF_OPTIONS,
    };

    program_name = program->name;
    int i = 1;
    for (; i < argc && !(program->takes_arguments && strncmp(argv[i], "--", 2) != 0); i++) {
        const char *name = argv[i];
        if (strcmp(name, "--help") == 0) {
            const struct program_option help[] = {{.name = "--help", .help = "print this text"},
                                                  END_OF_OPTIONS};
            printf("Usage: %s %s", program->name, program->usage);
            print_options(program->options);
            print_options(shared);
            putchar('\n');
            print_options(help);
            if (program->notes != NULL)
                printf("\n%s", program->notes);
            exit(finish_output(EXIT_SUCCESS));
        }
        const struct program_option *o = find_option(program->options, name);
        if (o == NULL)
            o = find_option(shared, name);
        if (o == NULL)
            usage_error("found '%s', expected an option", name);
        if (o->kind != KIND_FLAG && ++i == argc)
            usage_error("%s: found nothing behind it, expected a value", name);
        set_option(o, argv[i]);
    }
    return i;
}

/* Sets a parameter of the configuration, if the option was given. */
static inline void set_number(tenas_config *config, const char *option, const char *parameter,
                              struct number number)
{
    if (number.given)
        check_option(option, tenas_config_set_parameter(config, parameter, number.value));
}

/* The search space that the settings ask for. */
static inline tenas_search_space *open_space(const struct settings *s)
{
    tenas_search_space *space = NULL;
    const struct choice *built_in = s->space.built_in != NULL ? s->space.built_in : &SPACES[0];
    check_option("--space", s->space.file != NULL
                                ? tenas_search_space_open(s->space.file, &space)
                                : tenas_search_space_new(built_in->value, &space));
    return space;
}

/* The configuration that the settings ask for. */
static inline tenas_config *make_config(const struct settings *s)
{
    tenas_search_space *space = open_space(s);
    tenas_config *config = NULL;
    check_option("--space", tenas_config_new_for_space(space, s->dataset->value, &config));
    tenas_search_space_free(space);
    /* First: it has presets of its own. */
    if (s->strategy != NULL)
        check_option("--strategy", tenas_config_set_strategy(config, s->strategy->value));
    check_option("--seed", tenas_config_set_seed(config, s->seed.value));
    check_option("--init", tenas_config_set_init(config, s->init->value));
    check_option("--device", tenas_config_set_device(config, s->device.kind, s->device.index));
    if (s->repeats.given)
        check_option("--repeats", tenas_config_set_repeats(config, (uint32_t)s->repeats.value));
    if (s->batch_size.given)
        check_option("--batch-size",
                     tenas_config_set_batch_size(config, (uint32_t)s->batch_size.value));
    set_number(config, "--channels", "channels", s->channels);
    set_number(config, "--cells", "cells", s->cells);
    set_number(config, "--image-size", "image_size", s->image_size);
    if (s->threads.given)
        check_option("--threads", tenas_config_set_threads(config, (uint32_t)s->threads.value));
    return config;
}

/* The images that the settings ask for. */
static inline tenas_dataset *open_images(const struct settings *s)
{
    tenas_dataset *dataset = NULL;
    check(s->data != NULL ? tenas_dataset_open(s->dataset->value, s->data, &dataset)
                          : tenas_dataset_synthetic(s->dataset->value, s->seed.value, &dataset));
    return dataset;
}

/* Whether something is to be written of a network. */
static inline bool writes_files(const struct files *f)
{
    return f->onnx != NULL || f->pytorch != NULL || f->weights != NULL;
}

/* Writes what was asked for of an architecture. */
static inline tenas_status write_files(const struct files *f, const struct settings *s,
                                       const tenas_search_space *space, const char *genotype,
                                       uint64_t seed)
{
    if (!writes_files(f))
        return TENAS_OK;
    tenas_network_settings settings = {.struct_size = sizeof settings,
                                       .dataset = s->dataset->value,
                                       .channels = (uint32_t)f->channels.value,
                                       .cells = (uint32_t)f->cells.value,
                                       .init = s->init->value,
                                       .seed = seed};
    tenas_network *network = NULL;
    tenas_status status = tenas_network_from_genotype(space, genotype, &settings, &network);
    if (status == TENAS_OK && f->onnx != NULL)
        status = tenas_network_write_onnx(network, f->onnx);
    if (status == TENAS_OK && f->pytorch != NULL)
        status = tenas_network_write_pytorch(network, f->pytorch);
    if (status == TENAS_OK && f->weights != NULL)
        status = tenas_network_write_weights(network, f->weights);
    tenas_network_free(network);
    return status;
}

/* The table of accuracies at a path. Says which of its columns are not read. */
static inline tenas_benchmark *open_table(const char *path)
{
    tenas_benchmark *table = NULL;
    size_t length;
    check(tenas_benchmark_open(path, &table));
    check(tenas_benchmark_ignored(table, NULL, 0, &length));
    char *ignored = checked(malloc(length + 1));
    check(tenas_benchmark_ignored(table, ignored, length + 1, &length));
    if (strcmp(ignored, "[]") != 0)
        fprintf(stderr, "%s: --table: columns of no known data set are ignored: %s\n", program_name,
                ignored);
    free(ignored);
    return table;
}

/* ---- Names of scores ---- */

struct names {
    char **names;
    size_t count;
};

/* The names in a text with commas between. */
static inline struct names split_names(const char *text)
{
    struct names found = {checked(calloc(strlen(text) + 1, sizeof *found.names)), 0};
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        char *name = checked(calloc(length + 1, 1));
        memcpy(name, text, length);
        found.names[found.count++] = name;
        text += length + (text[length] == ',');
    }
    return found;
}

static inline void free_names(struct names names)
{
    for (size_t i = 0; i < names.count; i++)
        free(names.names[i]);
    free(names.names);
}

/* What the library knows of a score. */
static inline tenas_proxy proxy_named(const char *option, const char *name)
{
    size_t count;
    check(tenas_proxy_count(&count));
    char known[512] = "";
    for (size_t i = 0; i < count; i++) {
        tenas_proxy info = {.struct_size = sizeof info};
        check(tenas_proxy_info(i, &info));
        if (strcmp(info.name, name) == 0)
            return info;
        size_t length = strlen(known);
        snprintf(known + length, sizeof known - length, "%s%s", i == 0 ? "" : ", ", info.name);
    }
    usage_error("%s: found '%s', expected one of %s", option, name, known);
    exit(EXIT_USAGE);
}

#endif
