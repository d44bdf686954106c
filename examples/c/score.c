/*
 * Tells what architectures are worth, without training them.
 *
 *     score '|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|none~2|'
 *     score --sample 10                       ten drawn at random
 *     score resnet18.onnx                     a network of any origin
 *     score --csv < genotypes.txt             one a line, from stdin
 *     score --onnx network.onnx GENOTYPE      and the network as a file
 *     score --help                            everything else
 *
 * The table goes to stdout, progress and errors to stderr. The exit status is 0
 * for a table, 1 for a failure, 2 for a mistake on the command line.
 */

#define _POSIX_C_SOURCE 200809L /* isatty, fileno, getline */

#include <unistd.h>

#include "options.h"

struct options {
    struct settings settings;
    struct number sample;
    const char *proxies;
    bool csv, keep;
    struct files files;
    int first_genotype; /* of argv */
};

static const char default_proxies[] = "ntk,regions,naswot,swap,flops,parameters";

static struct options read_command_line(int argc, char **argv)
{
    struct options o = {.proxies = default_proxies};
    const struct program_option own[] = {
        HEADING("What to score"),
        SPACE("--space", o.settings.space, SPACES,
              "nas-bench-201 (default) or darts, or a space file:\n"
              "spaces/mobilenet-v2.json; docs/SPACES.md"),
        NUMBER("--sample", o.sample, 1000000, "N architectures drawn at random instead"),
        TEXT("--proxies", "NAMES", o.proxies,
             "scores with commas between (default: ntk, regions,\n"
             "naswot, swap, flops and parameters; for ONNX files ntk,\n"
             "flops and parameters)"),
        FLAG("--keep-weights", o.keep, "score networks of ONNX files with the weights they have"),
        FLAG("--csv", o.csv, "comma-separated values instead of aligned columns"),
        FILES(o.files),
        END_OF_OPTIONS,
    };
    const struct program score = {
        .name = "score",
        .usage = "[OPTION]... [GENOTYPE]...\n"
                 "       score [OPTION]... NETWORK.onnx...\n"
                 "Scores architectures without training them. Without a GENOTYPE they come from\n"
                 "stdin, one a line; one with brackets may take several. Networks of ONNX files\n"
                 "are scored themselves, on images of the data set's size.\n",
        .options = own,
        .notes =
            "Columns: each score, with its standard deviation over the repeats where weights\n"
            "and images are drawn. An architecture whose output does not depend on its input is\n"
            "marked.\n",
        .takes_arguments = true,
    };
    o.first_genotype = parse_options(&score, &o.settings, argc, argv);
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
    const int32_t format = TENAS_GENOTYPE_NATIVE;
    const uint64_t seed = o->settings.seed.value;
    for (uint64_t i = 0; i < o->sample.value; i++) {
        size_t length;
        check(tenas_search_space_genotype_sample(space, seed, i, format, NULL, 0, &length));
        char *text = checked(malloc(length + 1));
        check(tenas_search_space_genotype_sample(space, seed, i, format, text, length + 1,
                                                 &length));
        add(g, text);
    }
}

/* How many brackets of a line stay open; a comment's and those of quotes do not count. */
static long open_brackets(const char *line)
{
    long open = 0;
    char quote = '\0';
    for (const char *c = line; *c != '\0' && (*c != '#' || quote != '\0'); c++) {
        if (quote != '\0')
            quote = *c == quote ? '\0' : quote;
        else if (*c == '"' || *c == '\'')
            quote = *c;
        else if (strchr("([{", *c) != NULL)
            open++;
        else if (strchr(")]}", *c) != NULL)
            open--;
    }
    return open;
}

/* A text of several lines as the library writes it, on one. What it cannot read
 * stays as it is: the library says why when it is scored. */
static char *on_one_line(const tenas_search_space *space, char *text)
{
    const int32_t format = TENAS_GENOTYPE_NATIVE;
    size_t length;
    if (strchr(text, '\n') == NULL
        || tenas_search_space_genotype_convert(space, text, format, NULL, 0, &length) != TENAS_OK)
        return text;
    char *line = checked(malloc(length + 1));
    check(tenas_search_space_genotype_convert(space, text, format, line, length + 1, &length));
    free(text);
    return line;
}

/* A genotype a line, or more lines where its brackets are still open. */
static void add_lines(struct genotypes *g, const tenas_search_space *space)
{
    char *line = NULL, *genotype = NULL;
    size_t capacity = 0, length = 0;
    long open = 0;
    while (getline(&line, &capacity, stdin) != -1) {
        const char *first = line + strspn(line, " \t\r\n");
        if (*first == '\0' || (*first == '#' && genotype == NULL))
            continue;
        size_t more = strlen(line);
        genotype = checked(realloc(genotype, length + more + 1));
        memcpy(genotype + length, line, more + 1);
        length += more;
        open += open_brackets(line);
        if (open > 0)
            continue;
        genotype[length - (genotype[length - 1] == '\n')] = '\0';
        add(g, on_one_line(space, genotype));
        genotype = NULL;
        length = 0;
        open = 0;
    }
    if (genotype != NULL) /* never closed: the library says where */
        add(g, genotype);
    free(line);
    if (ferror(stdin)) {
        fprintf(stderr, "score: cannot read stdin: %s\n", strerror(errno));
        exit(EXIT_FAILURE);
    }
}

/* ---- The table ---- */

struct watch {
    bool terminal;
    double seconds; /* of the call so far */
};

static int32_t show_progress(const tenas_progress *p, void *user)
{
    struct watch *w = user;
    w->seconds = p->seconds;
    if (w->terminal)
        fprintf(stderr, "\r%u of %u architectures\033[K", p->candidate, p->candidates);
    return 0;
}

/* What was found: that of architecture i by score p stands at i * scores + p. */
struct found {
    double *means, *spreads;
    int32_t *connected;
    double seconds; /* an architecture */
};

/* Scores on which draws have an influence. */
static bool is_drawn(const tenas_proxy *score)
{
    return score->cost != TENAS_PROXY_COST_COUNT;
}

static void print_csv(const struct genotypes *g, const tenas_proxy *scores, size_t count,
                      const struct found *found)
{
    printf("genotype");
    for (size_t p = 0; p < count; p++) {
        printf(",%s", scores[p].name);
        if (is_drawn(&scores[p]))
            printf(",%s_spread", scores[p].name);
    }
    puts(",connected,seconds");
    for (size_t i = 0; i < g->count; i++) {
        putchar('"');
        for (const char *c = g->texts[i]; *c != '\0'; c++) {
            if (*c == '"') /* JSON genotypes have quotes */
                putchar('"');
            putchar(*c);
        }
        putchar('"');
        for (size_t p = 0; p < count; p++) {
            printf(",%.12g", found->means[i * count + p]);
            if (is_drawn(&scores[p]))
                printf(",%.9g", found->spreads[i * count + p]);
        }
        printf(",%d,%.3f\n", (int)found->connected[i], found->seconds);
    }
}

static void print_aligned(const struct genotypes *g, const tenas_proxy *scores, size_t count,
                          const struct found *found)
{
    for (size_t p = 0; p < count; p++) {
        printf("%14s ", scores[p].name);
        if (is_drawn(&scores[p]))
            printf("%9s ", "+-");
    }
    puts(" genotype");
    for (size_t i = 0; i < g->count; i++) {
        for (size_t p = 0; p < count; p++) {
            printf("%14.6g ", found->means[i * count + p]);
            if (is_drawn(&scores[p]))
                printf("%9.3g ", found->spreads[i * count + p]);
        }
        printf(" %s%s\n", g->texts[i],
               found->connected[i] ? "" : "  (output does not depend on the input)");
    }
}

/* ---- Networks of files ---- */

static bool is_onnx(const char *text)
{
    const size_t length = strlen(text);
    return length > 5 && strcmp(text + length - 5, ".onnx") == 0;
}

/* How many of the arguments are files. A mixture is a mistake. */
static size_t count_files(int argc, char **argv, const struct options *o)
{
    size_t files = 0;
    for (int i = o->first_genotype; i < argc; i++)
        files += is_onnx(argv[i]);
    if (files > 0 && (files != (size_t)(argc - o->first_genotype) || o->sample.given))
        usage_error("found ONNX files beside architectures, expected one of the two");
    if (files > 0 && writes_files(&o->files))
        usage_error("--onnx, --pytorch, --weights: found a network of a file, expected a genotype");
    if (files == 0 && o->keep)
        usage_error("--keep-weights: found no ONNX file, expected one");
    return files;
}

/* The networks of files, for images of the data set's size; what they leave out goes to stderr. */
static tenas_network **open_networks(const struct genotypes *files, const tenas_dataset *dataset)
{
    tenas_dataset_facts facts = {.struct_size = sizeof facts};
    check(tenas_dataset_info(dataset, &facts));
    tenas_network **networks = checked(calloc(files->count, sizeof *networks));
    for (size_t i = 0; i < files->count; i++) {
        check(tenas_network_from_onnx(files->texts[i], (uint32_t)facts.channels,
                                      (uint32_t)facts.height, (uint32_t)facts.width,
                                      &networks[i]));
        const char *note;
        for (size_t n = 0; tenas_network_note(networks[i], n, &note) == TENAS_OK; n++)
            fprintf(stderr, "%s: %s: %s\n", program_name, files->texts[i], note);
    }
    return networks;
}

int main(int argc, char **argv)
{
    struct options o = read_command_line(argc, argv);
    struct genotypes genotypes = {NULL, 0, 0};
    const size_t files = count_files(argc, argv, &o);
    tenas_search_space *space = open_space(&o.settings);
    if (o.sample.given)
        add_samples(&genotypes, &o, space);
    for (int i = o.first_genotype; i < argc; i++)
        add(&genotypes, checked(strdup(argv[i])));
    if (!o.sample.given && genotypes.count == 0)
        add_lines(&genotypes, space);
    if (writes_files(&o.files) && genotypes.count != 1)
        usage_error("--onnx, --pytorch, --weights: found %zu genotypes, expected one",
                    genotypes.count);

    if (files > 0 && o.proxies == default_proxies)
        o.proxies = "ntk,flops,parameters";
    struct names names = split_names(o.proxies);
    tenas_proxy *scores = checked(calloc(names.count + 1, sizeof *scores));
    for (size_t p = 0; p < names.count; p++)
        scores[p] = proxy_named("--proxies", names.names[p]);
    tenas_config *config = make_config(&o.settings);
    tenas_dataset *dataset = open_images(&o.settings);

    struct found found = {
        .means = checked(calloc(genotypes.count * names.count + 1, sizeof *found.means)),
        .spreads = checked(calloc(genotypes.count * names.count + 1, sizeof *found.spreads)),
        .connected = checked(calloc(genotypes.count + 1, sizeof *found.connected)),
    };
    struct watch watch = {.terminal = isatty(fileno(stderr)) == 1};
    tenas_network **networks = files > 0 ? open_networks(&genotypes, dataset) : NULL;
    const char *const *wanted = (const char *const *)names.names;
    const int32_t weights = o.keep ? TENAS_NETWORK_WEIGHTS_KEPT : TENAS_NETWORK_WEIGHTS_FRESH;
    tenas_status status =
        files > 0 ? tenas_networks_score(config, dataset, wanted, names.count,
                                         (const tenas_network *const *)networks, files,
                                         weights, show_progress, &watch, found.means,
                                         found.spreads, found.connected)
                  : tenas_scores_of_many(config, dataset, wanted, names.count,
                                         (const char *const *)genotypes.texts, genotypes.count,
                                         show_progress, &watch, found.means, found.spreads,
                                         found.connected);
    found.seconds = watch.seconds / (double)(genotypes.count == 0 ? 1 : genotypes.count);
    if (watch.terminal)
        fputs("\r\033[K", stderr);
    if (status == TENAS_ERROR_FORMAT)
        usage_error("%s", tenas_last_error_message());
    check(status);
    (o.csv ? print_csv : print_aligned)(&genotypes, scores, names.count, &found);
    if (writes_files(&o.files))
        check(write_files(&o.files, &o.settings, space, genotypes.texts[0], o.settings.seed.value));
    tenas_search_space_free(space);

    int result = finish_output(EXIT_SUCCESS);
    for (size_t i = 0; i < files; i++)
        tenas_network_free(networks[i]);
    free(networks);
    for (size_t i = 0; i < genotypes.count; i++)
        free(genotypes.texts[i]);
    free(genotypes.texts);
    free(found.means);
    free(found.spreads);
    free(found.connected);
    free(scores);
    free_names(names);
    tenas_dataset_free(dataset);
    tenas_config_free(config);
    return result;
}
