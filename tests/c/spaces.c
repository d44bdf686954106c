/*
 * Search spaces of one's own, used well and badly; every file of spaces/
 * searched by the file alone.
 *
 * Usage: spaces FOLDER, a writable folder. Run it in the repository's root. The
 * last line of stdout counts the checks; the exit status is 1 if one failed.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const int32_t NATIVE = TENAS_GENOTYPE_NATIVE, JSON = TENAS_GENOTYPE_JSON;
static char path[4096];

/* A chain of two blocks; see docs/SPACES.md. */
static const char CHAIN[] =
    "{\"format\": \"tenas space\", \"version\": 1, \"name\": \"chain\","
    " \"operations\": ["
    "   {\"name\": \"skip\", \"layers\": []},"
    "   {\"name\": \"conv3\", \"layers\": [{\"conv\": {\"kernel\": 3}}, \"batch_norm\", \"relu\"]},"
    "   {\"name\": \"narrow\", \"value\": 1}, {\"name\": \"wide\", \"value\": 2}],"
    " \"choices\": ["
    "   {\"name\": \"blocks\", \"options\": [\"skip\", \"conv3\"], \"edges\": [\"a\", \"b\"]},"
    "   {\"name\": \"width\", \"options\": [\"narrow\", \"wide\"], \"edges\": [\"all\"]}],"
    " \"macros\": {\"net\": {"
    "   \"stem\": [{\"channels\": \"width.all\", \"layers\": [{\"conv\": {\"kernel\": 3}}, \"batch_norm\"]}],"
    "   \"body\": [{\"choice\": \"blocks.a\", \"channels\": \"width.all\"},"
    "              {\"choice\": \"blocks.b\", \"channels\": \"width.all\"}]}},"
    " \"networks\": {\"ntk\": {\"macro\": \"net\", \"channels\": 2},"
    "   \"thin\": {\"macro\": \"net\", \"channels\": 1},"
    "   \"training\": {\"macro\": \"net\", \"channels\": 16}}}";

static tenas_search_space *chain(void)
{
    tenas_search_space *space = NULL;
    OK(tenas_search_space_from_json(CHAIN, &space));
    return space;
}

static void test_making(void)
{
    tenas_search_space *space = UNTOUCHED, *again = NULL;
    uint64_t digest = 7, other = 8;
    char *text;
    char cut[sizeof CHAIN];
    size_t length = 0;

    FAILS(tenas_search_space_new(9, &space), TENAS_ERROR_INVALID_ARGUMENT, "space: found 9");
    FAILS(tenas_search_space_new(1, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_search_space_from_json("{", &space), TENAS_ERROR_FORMAT, "space: found no whole JSON: EOF");
    FAILS(tenas_search_space_from_json("{}", &space), TENAS_ERROR_FORMAT,
          "format: found nothing, expected \"tenas space\"");
    FAILS(tenas_search_space_from_json("\xff", &space), TENAS_ERROR_INVALID_ARGUMENT, "UTF-8");
    FAILS(tenas_search_space_from_json(NULL, &space), TENAS_ERROR_NULL_POINTER, "json");
    FAILS(tenas_search_space_from_json(CHAIN, NULL), TENAS_ERROR_NULL_POINTER, "out");
    strcpy(cut, CHAIN);
    memcpy(strstr(cut, "\"kernel\": 3"), "\"kernel\": 0", 11);
    FAILS(tenas_search_space_from_json(cut, &space), TENAS_ERROR_FORMAT,
          "operations[1].layers[0].conv.kernel: found 0, expected 1 to 15");
    FAILS(tenas_search_space_open("/no/such/file", &space), TENAS_ERROR_IO, "/no/such/file");
    FAILS(tenas_search_space_open("README.md", &space), TENAS_ERROR_FORMAT, "README.md", "space");
    FAILS(tenas_search_space_open("\xff", &space), TENAS_ERROR_INVALID_ARGUMENT, "UTF-8");
    FAILS(tenas_search_space_open(NULL, &space), TENAS_ERROR_NULL_POINTER, "path");
    FAILS(tenas_search_space_open("README.md", NULL), TENAS_ERROR_NULL_POINTER, "out");
    CHECK(space == UNTOUCHED);

    /* Written and read back. */
    space = chain();
    OK(tenas_search_space_to_json(space, NULL, 0, &length));
    text = malloc(length + 1);
    OK(tenas_search_space_to_json(space, text, length + 1, &length));
    OK(tenas_search_space_from_json(text, &again));
    OK(tenas_search_space_digest(space, &digest));
    OK(tenas_search_space_digest(again, &other));
    CHECK(digest == other);
    FAILS(tenas_search_space_to_json(space, text, 3, &length), TENAS_ERROR_BUFFER_TOO_SMALL,
          "found 3");
    FAILS(tenas_search_space_to_json(NULL, text, 3, &length), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_to_json(space, text, 3, NULL), TENAS_ERROR_NULL_POINTER, "length");
    FAILS(tenas_search_space_digest(NULL, &digest), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_digest(space, NULL), TENAS_ERROR_NULL_POINTER, "out");
    free(text);
    tenas_search_space_free(again);
    tenas_search_space_free(space);
    tenas_search_space_free(NULL);

    /* Built in, by number and by file. */
    OK(tenas_search_space_new(TENAS_SPACE_DARTS, &space));
    OK(tenas_search_space_open("spaces/darts.json", &again));
    OK(tenas_search_space_digest(space, &digest));
    OK(tenas_search_space_digest(again, &other));
    CHECK(digest == other);
    tenas_search_space_free(again);
    tenas_search_space_free(space);
}

static void test_names(void)
{
    tenas_search_space *space = chain();
    const char *name = UNTOUCHED;
    uint32_t count = 7;
    int32_t offered = 7;
    tenas_parameter parameter = {.struct_size = sizeof parameter};

    OK(tenas_search_space_parameter_info(space, TENAS_DATASET_CUSTOM, 3, &parameter));
    CHECK(strcmp(parameter.name, "batch_size") == 0 && parameter.preset == 32);
    FAILS(tenas_search_space_parameter_info(space, TENAS_DATASET_CUSTOM, 999, &parameter),
          TENAS_ERROR_NOT_FOUND, "index: found 999");
    FAILS(tenas_search_space_parameter_info(space, 99, 0, &parameter),
          TENAS_ERROR_INVALID_ARGUMENT, "dataset");
    FAILS(tenas_search_space_parameter_info(NULL, TENAS_DATASET_CUSTOM, 0, &parameter),
          TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_parameter_info(space, TENAS_DATASET_CUSTOM, 0, NULL),
          TENAS_ERROR_NULL_POINTER, "out");

    OK(tenas_search_space_name(space, &name));
    CHECK(strcmp(name, "chain") == 0);
    OK(tenas_search_space_cell_count(space, &count));
    CHECK(count == 2);
    OK(tenas_search_space_cell_name(space, 1, &name));
    CHECK(strcmp(name, "width") == 0);
    OK(tenas_search_space_edge_count(space, 0, &count));
    CHECK(count == 2);
    OK(tenas_search_space_edge_name(space, 0, 1, &name));
    CHECK(strcmp(name, "b") == 0);
    OK(tenas_search_space_operation_count(space, &count));
    CHECK(count == 4);
    OK(tenas_search_space_operation_name(space, 3, &name));
    CHECK(strcmp(name, "wide") == 0);
    OK(tenas_search_space_offers(space, 0, 0, 1, &offered));
    CHECK(offered == 1);
    OK(tenas_search_space_offers(space, 0, 0, 2, &offered));
    CHECK(offered == 0);

    name = UNTOUCHED, count = 7, offered = 7;
    FAILS(tenas_search_space_name(NULL, &name), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_name(space, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_search_space_cell_count(NULL, &count), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_cell_count(space, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_search_space_cell_name(space, 2, &name), TENAS_ERROR_INVALID_ARGUMENT,
          "cell: found 2, expected 0 to 1");
    FAILS(tenas_search_space_cell_name(NULL, 0, &name), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_cell_name(space, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_search_space_edge_count(space, 2, &count), TENAS_ERROR_INVALID_ARGUMENT, "cell");
    FAILS(tenas_search_space_edge_count(NULL, 0, &count), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_edge_count(space, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_search_space_edge_name(space, 1, 1, &name), TENAS_ERROR_INVALID_ARGUMENT,
          "edge: found 1");
    FAILS(tenas_search_space_edge_name(space, 2, 0, &name), TENAS_ERROR_INVALID_ARGUMENT, "cell");
    FAILS(tenas_search_space_edge_name(NULL, 0, 0, &name), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_edge_name(space, 0, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_search_space_operation_count(NULL, &count), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_operation_count(space, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_search_space_operation_name(space, 4, &name), TENAS_ERROR_INVALID_ARGUMENT,
          "operation: found 4");
    FAILS(tenas_search_space_operation_name(NULL, 0, &name), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_operation_name(space, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_search_space_offers(space, 2, 0, 0, &offered), TENAS_ERROR_INVALID_ARGUMENT,
          "cell");
    FAILS(tenas_search_space_offers(space, 0, 2, 0, &offered), TENAS_ERROR_INVALID_ARGUMENT,
          "edge");
    FAILS(tenas_search_space_offers(space, 0, 0, 4, &offered), TENAS_ERROR_INVALID_ARGUMENT,
          "operation");
    FAILS(tenas_search_space_offers(NULL, 0, 0, 0, &offered), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_offers(space, 0, 0, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
    CHECK(name == UNTOUCHED && count == 7 && offered == 7);
    tenas_search_space_free(space);
}

static void test_configurations(void)
{
    tenas_search_space *space = chain(), *again = NULL;
    tenas_config *config = UNTOUCHED, *copy = NULL;
    uint64_t digest = 0, other = 1;
    int32_t number = 7;
    char text[8192];
    size_t length;

    FAILS(tenas_config_new_for_space(space, 99, &config), TENAS_ERROR_INVALID_ARGUMENT, "dataset");
    FAILS(tenas_config_new_for_space(NULL, TENAS_DATASET_CUSTOM, &config),
          TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_config_new_for_space(space, TENAS_DATASET_CUSTOM, NULL), TENAS_ERROR_NULL_POINTER,
          "out");
    CHECK(config == UNTOUCHED);
    OK(tenas_config_new_for_space(space, TENAS_DATASET_CUSTOM, &config));
    OK(tenas_search_space_digest(space, &digest));
    tenas_search_space_free(space);

    /* The configuration has the space, and so has its JSON. */
    OK(tenas_config_space(config, &number));
    CHECK(number == 0);
    OK(tenas_config_to_json(config, text, sizeof text, &length));
    OK(tenas_config_from_json(text, &copy));
    OK(tenas_config_search_space(copy, &again));
    OK(tenas_search_space_digest(again, &other));
    CHECK(digest == other);
    space = UNTOUCHED;
    FAILS(tenas_config_search_space(NULL, &space), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_search_space(copy, NULL), TENAS_ERROR_NULL_POINTER, "out");
    CHECK(space == UNTOUCHED);
    tenas_search_space_free(again);
    tenas_config_free(copy);
    tenas_config_free(config);

    /* What is built in is that, wherever it comes from. */
    OK(tenas_search_space_open("spaces/nas-bench-201.json", &space));
    OK(tenas_config_new_for_space(space, TENAS_DATASET_CIFAR10, &config));
    OK(tenas_config_space(config, &number));
    CHECK(number == TENAS_SPACE_NAS_BENCH_201);
    tenas_config_free(config);
    tenas_search_space_free(space);
}

#define A "chain[blocks: skip, conv3; width: wide]"
#define B "chain[blocks: conv3, skip; width: wide]"

static void test_genotypes(void)
{
    tenas_search_space *space = chain();
    char text[512] = "", again[512] = "", one[512] = "";
    uint64_t number = 7;
    size_t length = 7;
    uint32_t operations[3] = {7, 7, 7};

    OK(tenas_search_space_genotype_count(space, &number));
    CHECK(number == 8);
    OK(tenas_search_space_genotype_at(space, 3, NATIVE, text, sizeof text, &length));
    CHECK(strcmp(text, A) == 0);
    OK(tenas_search_space_genotype_index(space, A, &number));
    CHECK(number == 3);
    OK(tenas_search_space_genotype_convert(space, A, JSON, text, sizeof text, &length));
    CHECK(text[0] == '{');
    OK(tenas_search_space_genotype_convert(space, text, NATIVE, again, sizeof again, &length));
    CHECK(strcmp(again, A) == 0);
    OK(tenas_search_space_genotype_canonical(space, A, text, sizeof text, &length));
    OK(tenas_search_space_genotype_canonical(space, B, again, sizeof again, &length));
    CHECK(strcmp(text, again) == 0);
    OK(tenas_search_space_genotype_to_operations(space, A, operations, 3, &length));
    CHECK(length == 3 && operations[0] == 0 && operations[1] == 1 && operations[2] == 3);
    OK(tenas_search_space_genotype_from_operations(space, operations, 3, NATIVE, text, sizeof text,
                                                   &length));
    CHECK(strcmp(text, A) == 0);
    OK(tenas_search_space_genotype_sample(space, 5, 0, NATIVE, text, sizeof text, &length));
    OK(tenas_search_space_genotype_sample(space, 5, 0, NATIVE, again, sizeof again, &length));
    CHECK(strcmp(text, again) == 0);
    OK(tenas_search_space_genotype_mutate(space, text, 5, 0, NATIVE, again, sizeof again, &length));
    CHECK(strcmp(text, again) != 0);
    OK(tenas_search_space_genotype_mutate(space, text, 5, 0, NATIVE, one, sizeof one, &length));
    CHECK(strcmp(one, again) == 0);

    number = 7, length = 7;
    strcpy(text, "as it was");
    FAILS(tenas_search_space_genotype_count(NULL, &number), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_genotype_count(space, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_search_space_genotype_at(space, 8, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_NOT_FOUND, "index: found 8", "below 8");
    FAILS(tenas_search_space_genotype_at(space, 0, 9, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "format");
    FAILS(tenas_search_space_genotype_at(space, 0, NATIVE, text, 2, &length),
          TENAS_ERROR_BUFFER_TOO_SMALL, "found 2");
    FAILS(tenas_search_space_genotype_at(NULL, 0, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_genotype_at(space, 0, NATIVE, text, sizeof text, NULL),
          TENAS_ERROR_NULL_POINTER, "length");
    FAILS(tenas_search_space_genotype_index(space, "chain[blocks: conv5", &number),
          TENAS_ERROR_FORMAT, "byte 14", "skip, conv3");
    FAILS(tenas_search_space_genotype_index(space, "\xff", &number), TENAS_ERROR_INVALID_ARGUMENT,
          "UTF-8");
    FAILS(tenas_search_space_genotype_index(NULL, A, &number), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_genotype_index(space, NULL, &number), TENAS_ERROR_NULL_POINTER,
          "genotype");
    FAILS(tenas_search_space_genotype_index(space, A, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_search_space_genotype_sample(space, 0, 0, 9, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "format");
    FAILS(tenas_search_space_genotype_sample(NULL, 0, 0, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_genotype_sample(space, 0, 0, NATIVE, text, sizeof text, NULL),
          TENAS_ERROR_NULL_POINTER, "length");
    FAILS(tenas_search_space_genotype_mutate(space, "x", 0, 0, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_FORMAT, "byte 0");
    FAILS(tenas_search_space_genotype_mutate(space, A, 0, 0, 9, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "format");
    FAILS(tenas_search_space_genotype_mutate(NULL, A, 0, 0, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_genotype_mutate(space, NULL, 0, 0, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_NULL_POINTER, "genotype");
    FAILS(tenas_search_space_genotype_mutate(space, A, 0, 0, NATIVE, text, sizeof text, NULL),
          TENAS_ERROR_NULL_POINTER, "length");
    FAILS(tenas_search_space_genotype_convert(space, "{", NATIVE, text, sizeof text, &length),
          TENAS_ERROR_FORMAT, "byte");
    static char svg[1 << 16];
    OK(tenas_search_space_genotype_svg(space, A, svg, sizeof svg, &length));
    CHECK(strlen(svg) == length && strncmp(svg, "<svg ", 5) == 0);
    FAILS(tenas_search_space_genotype_svg(space, "{", svg, sizeof svg, &length),
          TENAS_ERROR_FORMAT, "byte");
    FAILS(tenas_search_space_genotype_svg(space, A, svg, 10, &length), TENAS_ERROR_BUFFER_TOO_SMALL,
          "found 10");
    FAILS(tenas_search_space_genotype_svg(NULL, A, svg, sizeof svg, &length),
          TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_genotype_svg(space, NULL, svg, sizeof svg, &length),
          TENAS_ERROR_NULL_POINTER, "genotype");
    FAILS(tenas_search_space_genotype_svg(space, A, NULL, 10, &length), TENAS_ERROR_NULL_POINTER,
          "buffer");
    FAILS(tenas_search_space_genotype_svg(space, A, svg, 10, NULL), TENAS_ERROR_NULL_POINTER,
          "length");
    FAILS(tenas_search_space_genotype_convert(NULL, A, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_genotype_convert(space, NULL, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_NULL_POINTER, "genotype");
    FAILS(tenas_search_space_genotype_canonical(NULL, A, text, sizeof text, &length),
          TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_genotype_canonical(space, "chain", text, sizeof text, &length),
          TENAS_ERROR_FORMAT, "byte 5");
    FAILS(tenas_search_space_genotype_to_operations(NULL, A, operations, 3, &length),
          TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_genotype_to_operations(space, A, operations, 2, &length),
          TENAS_ERROR_BUFFER_TOO_SMALL, "found 2, expected at least 3");
    FAILS(tenas_search_space_genotype_to_operations(space, A, operations, 3, NULL),
          TENAS_ERROR_NULL_POINTER, "count");
    FAILS(tenas_search_space_genotype_from_operations(NULL, operations, 3, NATIVE, text,
                                                      sizeof text, &length),
          TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_search_space_genotype_from_operations(space, NULL, 3, NATIVE, text, sizeof text,
                                                      &length),
          TENAS_ERROR_NULL_POINTER, "operations");
    FAILS(tenas_search_space_genotype_from_operations(space, operations, 2, NATIVE, text,
                                                      sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "count: found 2, expected 3");
    operations[0] = 2;
    FAILS(tenas_search_space_genotype_from_operations(space, operations, 3, NATIVE, text,
                                                      sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "edge a of the blocks cell", "found narrow",
          "one of skip, conv3");
    CHECK(strcmp(text, "as it was") == 0 && number == 7);
    tenas_search_space_free(space);
}

/* A text of the library's, to be freed. */
static char *text_of(tenas_status (*write)(const tenas_context *, char *, size_t, size_t *),
                     const tenas_context *context)
{
    size_t length = 0;
    char *text;
    OK(write(context, NULL, 0, &length));
    text = malloc(length + 1);
    OK(write(context, text, length + 1, &length));
    return text;
}

/*
 * A search of a space by its file alone: its architecture goes into genotype.
 * Returns its records, or its ranking, as JSON, whose numbers name every bit.
 */
static char *searched(const char *file, int32_t strategy, uint32_t threads,
                      char genotype[static 2048])
{
    static uint8_t images[6 * 3 * 8 * 8];
    tenas_search_space *space = NULL;
    tenas_config *config = NULL;
    tenas_dataset *dataset = NULL;
    tenas_context *context = NULL, *loaded = NULL;
    size_t length;
    char other[2048], *records, *again;

    for (size_t i = 0; i < sizeof images; i++)
        images[i] = (uint8_t)(i * i * 7919 % 65521);
    OK(tenas_search_space_open(file, &space));
    OK(tenas_config_new_for_space(space, TENAS_DATASET_CUSTOM, &config));
    OK(tenas_config_set_device(config, TENAS_DEVICE_CPU, 0));
    OK(tenas_config_set_threads(config, threads));
    OK(tenas_config_set_strategy(config, strategy));
    OK(tenas_config_set_batch_size(config, 3));
    OK(tenas_config_set_repeats(config, 1));
    OK(tenas_config_set_prune_per_edge(config, 16));
    if (strategy == TENAS_STRATEGY_RANK) {
        /* A sample, generations, and rungs of 1 and 2 draws. */
        OK(tenas_config_set_parameter(config, "budget", 24));
        OK(tenas_config_set_parameter(config, "rungs", 2));
        OK(tenas_config_set_parameter(config, "draw_growth", 2));
    }
    OK(tenas_dataset_from_images(images, 6, 3, 8, 8, NULL, NULL, 2, &dataset));
    OK(tenas_context_new(config, dataset, &context));
    OK(tenas_context_run(context));
    OK(tenas_context_genotype(context, NATIVE, genotype, 2048, &length));
    OK(tenas_search_space_genotype_convert(space, genotype, NATIVE, other, sizeof other, &length));
    CHECK(strcmp(genotype, other) == 0);
    records = text_of(tenas_context_records_json, context);

    /* A checkpoint needs no file beside it. */
    OK(tenas_context_save(context, path));
    OK(tenas_context_load(path, dataset, NULL, &loaded));
    again = text_of(tenas_context_records_json, loaded);
    CHECK(strcmp(records, again) == 0);
    free(again);
    tenas_context_free(loaded);
    tenas_context_free(context);
    tenas_dataset_free(dataset);
    tenas_config_free(config);
    tenas_search_space_free(space);
    return records;
}

static void test_searches(void)
{
    static const char *const FILES[] = {
        "spaces/darts.json", "spaces/mobilenet-v2.json", "spaces/nas-bench-201.json",
        "spaces/nats-bench-size.json", "spaces/transnas-bench-101-micro.json"};
    static const int32_t STRATEGIES[] = {TENAS_STRATEGY_PRUNE, TENAS_STRATEGY_RANK};
    char one[2048], two[2048], *records, *again;
    for (size_t i = 0; i < 2 * sizeof FILES / sizeof *FILES; i++) {
        const char *file = FILES[i / 2];
        records = searched(file, STRATEGIES[i % 2], 1, one);
        again = searched(file, STRATEGIES[i % 2], 2, two);
        CHECK(strcmp(one, two) == 0);
        CHECK(strlen(records) > 500 && strcmp(records, again) == 0);
        printf("%s, %s: %s\n", file, i % 2 ? "rank" : "prune", one);
        free(again);
        free(records);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    snprintf(path, sizeof path, "%s/space-search.json", argv[1]);
    test_making();
    test_names();
    test_configurations();
    test_genotypes();
    /* Minutes under valgrind. */
    if (getenv("TENAS_TEST_QUICK") == NULL)
        test_searches();
    remove(path);
    return finish("spaces");
}
