/*
 * Genotypes, indicators, scores and accuracy tables, used well and badly.
 *
 * Usage: scores FOLDER, a writable folder for data files. The last line of stdout
 * counts the checks; the exit status is 1 if one failed.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define A "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|skip_connect~2|"
#define B "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|skip_connect~2|"
/* Its first step reads state 0 twice. */
#define ONES "('skip_connect', 0), ('skip_connect', 1)"
#define TWICE "Genotype(normal=[('none', 0), ('skip_connect', 0), " ONES ", " ONES ", " ONES \
    "], reduce=[" ONES ", " ONES ", " ONES ", " ONES "])"
#define NOTHING "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
static const int32_t NB = TENAS_SPACE_NAS_BENCH_201, DARTS = TENAS_SPACE_DARTS;
static const int32_t NATIVE = TENAS_GENOTYPE_NATIVE, JSON = TENAS_GENOTYPE_JSON;

/* ---- Genotypes ---- */

static void test_numbers(void)
{
    uint64_t number = 7;
    char text[1024] = "", again[1024] = "";
    size_t length = 7;
    OK(tenas_genotype_count(NB, &number));
    CHECK(number == 15625);
    OK(tenas_genotype_count(DARTS, &number));
    CHECK(number == UINT64_C(1076746950455072400));
    number = 7;
    FAILS(tenas_genotype_count(9, &number), TENAS_ERROR_INVALID_ARGUMENT, "space", "found 9");
    FAILS(tenas_genotype_count(NB, NULL), TENAS_ERROR_NULL_POINTER, "out");

    OK(tenas_genotype_at(NB, 0, NATIVE, text, sizeof text, &length));
    CHECK(strcmp(text, NOTHING) == 0 && length == strlen(NOTHING));
    OK(tenas_genotype_at(NB, 0, NATIVE, NULL, 0, &length));
    CHECK(length == strlen(NOTHING));
    OK(tenas_genotype_at(NB, 15624, JSON, text, sizeof text, &length));
    CHECK(text[0] == '{');
    OK(tenas_genotype_index(NB, text, &number));
    CHECK(number == 15624);
    OK(tenas_genotype_at(DARTS, UINT64_C(987654321987654321), NATIVE, text, sizeof text, &length));
    OK(tenas_genotype_index(DARTS, text, &number));
    CHECK(number == UINT64_C(987654321987654321));
    strcpy(text, "as it was");
    FAILS(tenas_genotype_at(NB, 15625, NATIVE, text, sizeof text, &length), TENAS_ERROR_NOT_FOUND,
          "index: found 15625", "below 15625");
    CHECK(length == 0);
    FAILS(tenas_genotype_at(9, 0, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "space");
    FAILS(tenas_genotype_at(NB, 0, 9, text, sizeof text, &length), TENAS_ERROR_INVALID_ARGUMENT,
          "format: found 9");
    FAILS(tenas_genotype_at(NB, 0, NATIVE, text, 4, &length), TENAS_ERROR_BUFFER_TOO_SMALL,
          "found 4");
    FAILS(tenas_genotype_at(NB, 0, NATIVE, NULL, 4, &length), TENAS_ERROR_NULL_POINTER, "buffer");
    FAILS(tenas_genotype_at(NB, 0, NATIVE, text, 4, NULL), TENAS_ERROR_NULL_POINTER, "length");
    CHECK(strcmp(text, "as it was") == 0);

    number = 7;
    FAILS(tenas_genotype_index(NB, "|none~0|", &number), TENAS_ERROR_FORMAT, "byte 8");
    FAILS(tenas_genotype_index(DARTS, A, &number), TENAS_ERROR_FORMAT, "byte 0", "Genotype");
    FAILS(tenas_genotype_index(NB, "\xff", &number), TENAS_ERROR_INVALID_ARGUMENT, "UTF-8");
    FAILS(tenas_genotype_index(9, A, &number), TENAS_ERROR_INVALID_ARGUMENT, "space");
    FAILS(tenas_genotype_index(NB, NULL, &number), TENAS_ERROR_NULL_POINTER, "genotype");
    FAILS(tenas_genotype_index(NB, A, NULL), TENAS_ERROR_NULL_POINTER, "out");
    OK(tenas_genotype_at(DARTS, 0, NATIVE, text, sizeof text, &length));
    char *skip = strstr(text, "skip_connect");
    CHECK(skip != NULL);
    memmove(skip + 4, skip + 12, strlen(skip + 12) + 1);
    memcpy(skip, "none", 4);
    FAILS(tenas_genotype_index(DARTS, text, &number), TENAS_ERROR_NOT_FOUND, "none");
    FAILS(tenas_genotype_index(DARTS, TWICE, &number), TENAS_ERROR_NOT_FOUND, "a state twice");
    CHECK(number == 7);

    for (uint64_t i = 0; i < 20; i++) {
        OK(tenas_genotype_sample(DARTS, 3, i, NATIVE, text, sizeof text, &length));
        OK(tenas_genotype_sample(DARTS, 3, i, NATIVE, again, sizeof again, &length));
        CHECK(strcmp(text, again) == 0);
        OK(tenas_genotype_sample(DARTS, 4, i, NATIVE, again, sizeof again, &length));
        CHECK(strcmp(text, again) != 0);
        OK(tenas_genotype_sample(DARTS, 3, i + 1, NATIVE, again, sizeof again, &length));
        CHECK(strcmp(text, again) != 0);
    }
    FAILS(tenas_genotype_sample(9, 3, 0, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "space");
    FAILS(tenas_genotype_sample(NB, 3, 0, 9, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "format");
    FAILS(tenas_genotype_sample(NB, 3, 0, NATIVE, text, 3, &length), TENAS_ERROR_BUFFER_TOO_SMALL,
          "found 3");
    FAILS(tenas_genotype_sample(NB, 3, 0, NATIVE, text, 3, NULL), TENAS_ERROR_NULL_POINTER,
          "length");
}

static void test_drawings(void)
{
    static char svg[1 << 16];
    double x[] = {1, 2, 3, 4}, y[] = {2, 1, 4, 3}, wrong[] = {1, NAN};
    size_t length = 7, again = 0;
    OK(tenas_genotype_svg(NB, A, NULL, 0, &length));
    OK(tenas_genotype_svg(NB, A, svg, sizeof svg, &again));
    CHECK(length == again && strlen(svg) == length && strncmp(svg, "<svg ", 5) == 0);
    CHECK(strstr(svg, ">output</text>") != NULL && strstr(svg, "</svg>") != NULL);
    FAILS(tenas_genotype_svg(NB, "none", svg, sizeof svg, &length), TENAS_ERROR_FORMAT, "byte 0");
    FAILS(tenas_genotype_svg(9, A, svg, sizeof svg, &length), TENAS_ERROR_INVALID_ARGUMENT, "space");
    FAILS(tenas_genotype_svg(NB, "\xff", svg, sizeof svg, &length), TENAS_ERROR_INVALID_ARGUMENT,
          "genotype");
    FAILS(tenas_genotype_svg(NB, A, svg, 10, &length), TENAS_ERROR_BUFFER_TOO_SMALL, "found 10");
    CHECK(length == again);
    FAILS(tenas_genotype_svg(NB, NULL, svg, 10, &length), TENAS_ERROR_NULL_POINTER, "genotype");
    FAILS(tenas_genotype_svg(NB, A, NULL, 10, &length), TENAS_ERROR_NULL_POINTER, "buffer");
    FAILS(tenas_genotype_svg(NB, A, svg, 10, NULL), TENAS_ERROR_NULL_POINTER, "length");

    OK(tenas_scatter_svg("score", "accuracy", x, y, 4, svg, sizeof svg, &length));
    CHECK(strstr(svg, "accuracy and score: Spearman's") == NULL
          && strstr(svg, "accuracy and score: Spearman&#39;s \xcf\x81 = 0.6") != NULL);
    FAILS(tenas_scatter_svg("a", "b", x, y, 1, svg, sizeof svg, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "found 1", "at least 2");
    FAILS(tenas_scatter_svg("a", "b", x, wrong, 2, svg, sizeof svg, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "y[1]", "finite");
    FAILS(tenas_scatter_svg("a", "\xff", x, y, 2, svg, sizeof svg, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "y_title");
    FAILS(tenas_scatter_svg("a", "b", x, y, 2, svg, 10, &length), TENAS_ERROR_BUFFER_TOO_SMALL,
          "found 10");
    FAILS(tenas_scatter_svg(NULL, "b", x, y, 2, svg, 10, &length), TENAS_ERROR_NULL_POINTER,
          "x_title");
    FAILS(tenas_scatter_svg("a", NULL, x, y, 2, svg, 10, &length), TENAS_ERROR_NULL_POINTER,
          "y_title");
    FAILS(tenas_scatter_svg("a", "b", NULL, y, 2, svg, 10, &length), TENAS_ERROR_NULL_POINTER, "x");
    FAILS(tenas_scatter_svg("a", "b", x, NULL, 2, svg, 10, &length), TENAS_ERROR_NULL_POINTER, "y");
    FAILS(tenas_scatter_svg("a", "b", x, y, 2, NULL, 10, &length), TENAS_ERROR_NULL_POINTER,
          "buffer");
    FAILS(tenas_scatter_svg("a", "b", x, y, 2, svg, 10, NULL), TENAS_ERROR_NULL_POINTER, "length");
}

static void test_texts(void)
{
    char json[1024], text[1024] = "as it was", other[1024];
    size_t length;
    OK(tenas_genotype_convert(NB, " " A "\n", JSON, json, sizeof json, &length));
    OK(tenas_genotype_convert(NB, json, NATIVE, other, sizeof other, &length));
    CHECK(strcmp(other, A) == 0);
    FAILS(tenas_genotype_convert(NB, "{", NATIVE, text, sizeof text, &length), TENAS_ERROR_FORMAT,
          "byte 0", "JSON");
    FAILS(tenas_genotype_convert(DARTS, json, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_FORMAT, "\"space\"");
    FAILS(tenas_genotype_convert(9, A, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "space");
    FAILS(tenas_genotype_convert(NB, A, 0, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "format");
    FAILS(tenas_genotype_convert(NB, A, NATIVE, text, 10, &length), TENAS_ERROR_BUFFER_TOO_SMALL,
          "found 10");
    FAILS(tenas_genotype_convert(NB, NULL, NATIVE, text, 10, &length), TENAS_ERROR_NULL_POINTER,
          "genotype");
    FAILS(tenas_genotype_convert(NB, A, NATIVE, text, 10, NULL), TENAS_ERROR_NULL_POINTER,
          "length");
    CHECK(strcmp(text, "as it was") == 0);

    const char *same = "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|nor_conv_1x1~0|none~1|none~2|";
    const char *too = "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|";
    OK(tenas_genotype_canonical(NB, same, text, sizeof text, &length));
    OK(tenas_genotype_canonical(NB, too, other, sizeof other, &length));
    CHECK(strcmp(text, other) == 0);
    OK(tenas_genotype_canonical(NB, A, other, sizeof other, &length));
    CHECK(strcmp(text, other) != 0);
    FAILS(tenas_genotype_canonical(NB, "x", other, sizeof other, &length), TENAS_ERROR_FORMAT,
          "byte 0");
    FAILS(tenas_genotype_canonical(9, A, other, sizeof other, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "space");
    FAILS(tenas_genotype_canonical(NB, A, other, 1, &length), TENAS_ERROR_BUFFER_TOO_SMALL,
          "found 1");
    FAILS(tenas_genotype_canonical(NB, NULL, other, 1, &length), TENAS_ERROR_NULL_POINTER,
          "genotype");
    FAILS(tenas_genotype_canonical(NB, A, other, 1, NULL), TENAS_ERROR_NULL_POINTER, "length");
}

static void test_operations(void)
{
    uint32_t operations[28] = {9, 9, 9, 9, 9, 9, 9};
    const uint32_t expected[] = {4, 1, 0, 0, 0, 1};
    char text[1024] = "as it was";
    size_t count = 7, length;
    OK(tenas_genotype_to_operations(NB, A, NULL, 0, &count));
    CHECK(count == 6);
    FAILS(tenas_genotype_to_operations(NB, A, operations, 5, &count),
          TENAS_ERROR_BUFFER_TOO_SMALL, "found 5, expected at least 6");
    CHECK(count == 6 && operations[0] == 9);
    FAILS(tenas_genotype_to_operations(NB, "", operations, 6, &count), TENAS_ERROR_FORMAT,
          "byte 0");
    CHECK(count == 0 && operations[0] == 9);
    FAILS(tenas_genotype_to_operations(9, A, operations, 6, &count), TENAS_ERROR_INVALID_ARGUMENT,
          "space");
    FAILS(tenas_genotype_to_operations(DARTS, TWICE, operations, 28, &count), TENAS_ERROR_NOT_FOUND,
          "reads a state twice");
    CHECK(count == 0 && operations[0] == 9);
    FAILS(tenas_genotype_to_operations(NB, NULL, operations, 6, &count), TENAS_ERROR_NULL_POINTER,
          "genotype");
    FAILS(tenas_genotype_to_operations(NB, A, NULL, 6, &count), TENAS_ERROR_NULL_POINTER,
          "operations");
    FAILS(tenas_genotype_to_operations(NB, A, operations, 6, NULL), TENAS_ERROR_NULL_POINTER,
          "count");
    OK(tenas_genotype_to_operations(NB, A, operations, 28, &count));
    CHECK(memcmp(operations, expected, sizeof expected) == 0 && operations[6] == 9);

    FAILS(tenas_genotype_from_operations(NB, operations, 5, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "count: found 5, expected 6");
    FAILS(tenas_genotype_from_operations(NB, (uint32_t[]){5, 0, 0, 0, 0, 0}, 6, NATIVE, text,
                                         sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "1<-0", "found 5", "0 to 4");
    FAILS(tenas_genotype_from_operations(9, operations, 6, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "space");
    FAILS(tenas_genotype_from_operations(NB, operations, 6, 9, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "format");
    FAILS(tenas_genotype_from_operations(NB, operations, 6, NATIVE, text, 6, &length),
          TENAS_ERROR_BUFFER_TOO_SMALL, "found 6");
    FAILS(tenas_genotype_from_operations(NB, NULL, 6, NATIVE, text, 6, &length),
          TENAS_ERROR_NULL_POINTER, "operations");
    FAILS(tenas_genotype_from_operations(NB, operations, 6, NATIVE, text, 6, NULL),
          TENAS_ERROR_NULL_POINTER, "length");
    CHECK(strcmp(text, "as it was") == 0);
    OK(tenas_genotype_from_operations(NB, operations, 6, NATIVE, text, sizeof text, &length));
    CHECK(strcmp(text, A) == 0);

    uint32_t none[28] = {0};
    FAILS(tenas_genotype_from_operations(DARTS, none, 28, NATIVE, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "found 0 edges into node 0", "expected 2");
    char sampled[1024];
    OK(tenas_genotype_sample(DARTS, 1, 1, NATIVE, sampled, sizeof sampled, &length));
    OK(tenas_genotype_to_operations(DARTS, sampled, operations, 28, &count));
    CHECK(count == 28);
    OK(tenas_genotype_from_operations(DARTS, operations, 28, NATIVE, text, sizeof text, &length));
    CHECK(strcmp(text, sampled) == 0);
}

/* ---- Indicators ---- */

static bool same_scores(const tenas_indicators *a, const tenas_indicators *b)
{
    return a->ntk == b->ntk && a->ntk_spread == b->ntk_spread && a->regions == b->regions
           && a->regions_spread == b->regions_spread && a->naswot == b->naswot
           && a->naswot_spread == b->naswot_spread && a->swap == b->swap
           && a->swap_spread == b->swap_spread && a->multiply_adds == b->multiply_adds
           && a->parameters == b->parameters && a->connected == b->connected
           && a->repeats == b->repeats;
}

struct watch {
    uint32_t calls, stop_at;
};

static int32_t watch(const tenas_progress *p, void *user)
{
    struct watch *w = user;
    w->calls++;
    CHECK(p->round == 0 && p->rounds == 1 && p->candidate == w->calls && p->candidates == 4);
    CHECK(p->seconds >= 0);
    return w->calls == w->stop_at;
}

static void test_indicators(void)
{
    tenas_config *config = NULL, *darts = NULL;
    tenas_dataset *dataset = NULL;
    static uint8_t images[20 * 3 * 8 * 8];
    for (size_t i = 0; i < sizeof images; i++)
        images[i] = (uint8_t)(i * i * 7919 % 65521 % 256);
    OK(tenas_dataset_from_images(images, 20, 3, 8, 8, NULL, NULL, 10, &dataset));
    OK(tenas_config_new(NB, TENAS_DATASET_CUSTOM, &config));
    OK(tenas_config_set_batch_size(config, 6));
    OK(tenas_config_set_repeats(config, 2));
    OK(tenas_config_set_threads(config, 2));

    tenas_indicators one = {.struct_size = sizeof one};
    OK(tenas_indicators_of(config, dataset, B, &one));
    CHECK(one.struct_size == sizeof one && one.repeats == 2 && one.connected == 1);
    CHECK(one.ntk >= 1 && one.ntk < 16777216.0 / 6 && one.ntk_spread > 0);
    CHECK(one.regions > 1 && one.regions <= 3000);
    CHECK(one.naswot > 0 && isfinite(one.naswot_spread) && one.swap >= 1 && one.swap <= 64);
    CHECK(one.multiply_adds > 0 && one.seconds > 0);
    /* Parameters do not depend on the size of the images: by hand for C = 16, N = 5. */
    uint64_t parameters = 3 * 16 * 9 + 2 * 16 + 2 * 64 + 65 * 10;
    for (uint64_t c = 16; c <= 64; c *= 2) {
        parameters += 5 * (10 * c * c + 4 * c);
        if (c > 16)
            parameters += c / 2 * c * 9 + c * c * 9 + 4 * c + c / 2 * c;
    }
    CHECK(one.parameters == parameters);

    const char *genotypes[] = {A, NOTHING, B, A};
    tenas_indicators many[4] = {{.struct_size = sizeof *many}};
    struct watch w = {0, 0};
    OK(tenas_indicators_of_many(config, dataset, genotypes, 4, watch, &w, many));
    CHECK(w.calls == 4);
    CHECK(same_scores(&many[2], &one) && same_scores(&many[0], &many[3]));
    CHECK(!same_scores(&many[0], &one));
    CHECK(many[1].connected == 0 && many[1].ntk == 16777216.0 / 6 && many[1].regions == 1);
    CHECK(many[1].naswot == 0 && many[1].swap == 1 && many[1].ntk_spread == 0);
    OK(tenas_indicators_of_many(config, dataset, genotypes, 1, NULL, NULL, many));
    OK(tenas_indicators_of_many(config, dataset, NULL, 0, NULL, NULL, NULL));

    /* A caller with a larger struct: arrays stride by its size. */
    struct larger {
        tenas_indicators known;
        uint64_t later;
    } larger[2];
    memset(larger, 0x55, sizeof larger);
    larger[0].known.struct_size = sizeof *larger;
    OK(tenas_indicators_of_many(config, dataset, genotypes + 2, 2, NULL, NULL, &larger[0].known));
    CHECK(same_scores(&larger[0].known, &one) && same_scores(&larger[1].known, &many[0]));
    CHECK(larger[0].later == 0 && larger[1].later == 0);

    /* Cancelled: nothing is written. */
    tenas_indicators before[4] = {{.struct_size = sizeof *before, .ntk = -1}};
    w = (struct watch){0, 2};
    FAILS(tenas_indicators_of_many(config, dataset, genotypes, 4, watch, &w, before),
          TENAS_ERROR_CANCELLED, "cancelled");
    CHECK(w.calls == 2 && before[0].ntk == -1);

    const char *bad[] = {A, "|none~0|"}, *null[] = {A, NULL};
    FAILS(tenas_indicators_of_many(config, dataset, bad, 2, NULL, NULL, before),
          TENAS_ERROR_FORMAT, "genotypes[1]", "byte 8");
    FAILS(tenas_indicators_of_many(config, dataset, null, 2, NULL, NULL, before),
          TENAS_ERROR_NULL_POINTER, "genotypes[1]");
    FAILS(tenas_indicators_of_many(config, dataset, NULL, 2, NULL, NULL, before),
          TENAS_ERROR_NULL_POINTER, "genotypes");
    FAILS(tenas_indicators_of_many(config, dataset, genotypes, 2, NULL, NULL, NULL),
          TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_indicators_of_many(NULL, dataset, genotypes, 2, NULL, NULL, before),
          TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_indicators_of_many(config, NULL, genotypes, 2, NULL, NULL, before),
          TENAS_ERROR_NULL_POINTER, "dataset");
    FAILS(tenas_indicators_of(NULL, dataset, A, before), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_indicators_of(config, NULL, A, before), TENAS_ERROR_NULL_POINTER, "dataset");
    FAILS(tenas_indicators_of(config, dataset, NULL, before), TENAS_ERROR_NULL_POINTER,
          "genotype");
    FAILS(tenas_indicators_of(config, dataset, A, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_indicators_of(config, dataset, "\xff", before), TENAS_ERROR_INVALID_ARGUMENT,
          "UTF-8");
    FAILS(tenas_indicators_of(config, dataset, "?", before), TENAS_ERROR_FORMAT, "byte 0");
    FAILS(tenas_indicators_of((tenas_config *)dataset, dataset, A, before),
          TENAS_ERROR_INVALID_ARGUMENT, "expected a live tenas_config");
    CHECK(before[0].ntk == -1);
    before[0].struct_size = 8;
    FAILS(tenas_indicators_of(config, dataset, A, before), TENAS_ERROR_INVALID_ARGUMENT,
          "struct_size 8");
    FAILS(tenas_indicators_of_many(config, dataset, genotypes, 4, NULL, NULL, before),
          TENAS_ERROR_INVALID_ARGUMENT, "struct_size 8");
    before[0].struct_size = sizeof *before;
    OK(tenas_config_set_batch_size(config, 21));
    FAILS(tenas_indicators_of(config, dataset, A, before), TENAS_ERROR_INVALID_ARGUMENT,
          "batch_size: found 21", "20 images");

    OK(tenas_config_new(DARTS, TENAS_DATASET_CUSTOM, &darts));
    OK(tenas_config_set_repeats(darts, 1));
    FAILS(tenas_indicators_of(darts, dataset, A, &one), TENAS_ERROR_FORMAT, "Genotype");
    char sampled[1024];
    size_t length;
    OK(tenas_genotype_sample(DARTS, 1, 0, JSON, sampled, sizeof sampled, &length));
    OK(tenas_indicators_of(darts, dataset, sampled, &one));
    CHECK(one.connected == 1 && one.repeats == 1 && one.ntk_spread == 0 && one.ntk > 1);
    tenas_config_free(darts);
    tenas_config_free(config);
    tenas_dataset_free(dataset);
}

/* ---- Scores by name ---- */

static void test_proxies(void)
{
    size_t count = 7;
    tenas_proxy info = {.struct_size = sizeof info};
    OK(tenas_proxy_count(&count));
    CHECK(count >= 6);
    FAILS(tenas_proxy_count(NULL), TENAS_ERROR_NULL_POINTER, "out");
    bool ntk = false, flops = false, naswot = false;
    for (size_t i = 0; i < count; i++) {
        OK(tenas_proxy_info(i, &info));
        CHECK(strspn(info.name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(info.name));
        CHECK(strlen(info.title) > 3 && strlen(info.source) > 3);
        CHECK(info.direction == TENAS_DIRECTION_HIGHER || info.direction == TENAS_DIRECTION_LOWER);
        if (strcmp(info.name, "ntk") == 0)
            ntk = info.direction == TENAS_DIRECTION_LOWER && info.cost == TENAS_PROXY_COST_REVERSE;
        if (strcmp(info.name, "flops") == 0)
            flops = info.direction == TENAS_DIRECTION_HIGHER && info.cost == TENAS_PROXY_COST_COUNT;
        if (strcmp(info.name, "naswot") == 0)
            naswot = info.cost == TENAS_PROXY_COST_FORWARD;
    }
    CHECK(ntk && flops && naswot);
    const char *name = info.name;
    FAILS(tenas_proxy_info(count, &info), TENAS_ERROR_NOT_FOUND, "index: found", "below");
    CHECK(info.name == name);
    info.struct_size = 8;
    FAILS(tenas_proxy_info(0, &info), TENAS_ERROR_INVALID_ARGUMENT, "struct_size 8");
    FAILS(tenas_proxy_info(0, NULL), TENAS_ERROR_NULL_POINTER, "out");
}

static void test_scores(void)
{
    tenas_config *config = NULL;
    tenas_dataset *dataset = NULL;
    static uint8_t images[20 * 3 * 8 * 8];
    for (size_t i = 0; i < sizeof images; i++)
        images[i] = (uint8_t)(i * i * 7919 % 65521 % 256);
    OK(tenas_dataset_from_images(images, 20, 3, 8, 8, NULL, NULL, 10, &dataset));
    OK(tenas_config_new(NB, TENAS_DATASET_CUSTOM, &config));
    OK(tenas_config_set_batch_size(config, 6));
    OK(tenas_config_set_repeats(config, 2));
    OK(tenas_config_set_threads(config, 2));

    enum { N = 4, P = 5 };
    const char *names[P] = {"swap", "ntk", "flops", "regions", "parameters"};
    const char *genotypes[N] = {A, NOTHING, B, A};
    double means[N * P], spreads[N * P];
    int32_t connected[N];
    struct watch w = {0, 0};
    OK(tenas_scores_of_many(config, dataset, names, P, genotypes, N, watch, &w, means, spreads,
                            connected));
    CHECK(w.calls == N);
    tenas_indicators found[N] = {{.struct_size = sizeof *found}};
    OK(tenas_indicators_of_many(config, dataset, genotypes, N, NULL, NULL, found));
    for (int i = 0; i < N; i++) {
        const double *m = means + i * P, *s = spreads + i * P;
        CHECK(m[0] == found[i].swap && s[0] == found[i].swap_spread);
        CHECK(m[1] == found[i].ntk && s[1] == found[i].ntk_spread);
        CHECK(m[2] == (double)found[i].multiply_adds && s[2] == 0);
        CHECK(m[3] == found[i].regions && s[3] == found[i].regions_spread);
        CHECK(m[4] == (double)found[i].parameters && connected[i] == found[i].connected);
    }

    /* The size of the network is a setting, of all scores or of one. */
    double one[P];
    OK(tenas_config_set_proxy_network(config, "ntk", 0, 2, 4, 5));
    OK(tenas_scores_of_many(config, dataset, names, P, genotypes + 2, 1, NULL, NULL, one, NULL,
                            NULL));
    CHECK(one[1] != means[2 * P + 1] && one[0] == means[2 * P] && one[2] == means[2 * P + 2]);
    OK(tenas_config_set_proxy_network(config, "ntk", 0, 0, 0, 0));
    OK(tenas_config_set_proxy_network(config, NULL, 4, 0, 0, 0));
    OK(tenas_scores_of_many(config, dataset, names, P, genotypes + 2, 1, NULL, NULL, one, NULL,
                            NULL));
    CHECK(one[1] != means[2 * P + 1] && one[3] == means[2 * P + 3]);
    OK(tenas_config_set_proxy_network(config, NULL, 0, 0, 0, 0));
    OK(tenas_scores_of_many(config, dataset, names, 0, genotypes, N, NULL, NULL, NULL, NULL, NULL));
    OK(tenas_scores_of_many(config, dataset, names, P, NULL, 0, NULL, NULL, NULL, NULL, NULL));

    const char *psychic[] = {"ntk", "psychic"}, *null[] = {"ntk", NULL}, *bad[] = {A, "|none~0|"};
    double before[2 * P] = {-1};
    FAILS(tenas_scores_of_many(config, dataset, psychic, 2, genotypes, 2, NULL, NULL, before, NULL,
                               NULL), TENAS_ERROR_NOT_FOUND, "found \"psychic\"", "ntk");
    FAILS(tenas_scores_of_many(config, dataset, null, 2, genotypes, 2, NULL, NULL, before, NULL,
                               NULL), TENAS_ERROR_NULL_POINTER, "proxies[1]");
    FAILS(tenas_scores_of_many(config, dataset, NULL, 2, genotypes, 2, NULL, NULL, before, NULL,
                               NULL), TENAS_ERROR_NULL_POINTER, "proxies");
    FAILS(tenas_scores_of_many(config, dataset, names, P, bad, 2, NULL, NULL, before, NULL, NULL),
          TENAS_ERROR_FORMAT, "genotypes[1]", "byte 8");
    FAILS(tenas_scores_of_many(config, dataset, names, P, NULL, 2, NULL, NULL, before, NULL, NULL),
          TENAS_ERROR_NULL_POINTER, "genotypes");
    FAILS(tenas_scores_of_many(config, dataset, names, P, genotypes, 2, NULL, NULL, NULL, NULL,
                               NULL), TENAS_ERROR_NULL_POINTER, "means");
    FAILS(tenas_scores_of_many(NULL, dataset, names, P, genotypes, 2, NULL, NULL, before, NULL,
                               NULL), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_scores_of_many(config, NULL, names, P, genotypes, 2, NULL, NULL, before, NULL,
                               NULL), TENAS_ERROR_NULL_POINTER, "dataset");
    w = (struct watch){0, 2};
    FAILS(tenas_scores_of_many(config, dataset, names, P, genotypes, N, watch, &w, before, NULL,
                               NULL), TENAS_ERROR_CANCELLED, "cancelled");
    CHECK(before[0] == -1);
    OK(tenas_config_set_proxy_network(config, NULL, 0, 0, 3, 0));
    OK(tenas_scores_of_many(config, dataset, names, P, genotypes, 2, NULL, NULL, before, NULL,
                            NULL));
    tenas_config_free(config);
    tenas_dataset_free(dataset);
}

static void test_aggregate(void)
{
    const char *names[] = {"ntk", "flops"}, *psychic[] = {"psychic"};
    const double values[] = {1, 10, 2, 30, 3, 20};
    double totals[3] = {7, 7, 7};
    OK(tenas_aggregate(TENAS_AGGREGATION_RANKS, names, 2, values, 3, totals));
    CHECK(totals[0] == 4 && totals[1] == 3 && totals[2] == 5);
    OK(tenas_aggregate(TENAS_AGGREGATION_LOG_RANKS, names, 2, values, 3, totals));
    CHECK(fabs(totals[0] - log(1.0 / 3)) < 1e-12 && fabs(totals[1] - log(2.0 / 3)) < 1e-12);
    OK(tenas_aggregate(TENAS_AGGREGATION_RANKS, names, 2, NULL, 0, NULL));
    totals[0] = 7;
    const double wrong[] = {1, 10, 2, NAN};
    FAILS(tenas_aggregate(9, names, 2, values, 3, totals), TENAS_ERROR_INVALID_ARGUMENT,
          "aggregation: found 9");
    FAILS(tenas_aggregate(1, names, 2, wrong, 2, totals), TENAS_ERROR_INVALID_ARGUMENT,
          "values[3]: found NaN");
    FAILS(tenas_aggregate(1, psychic, 1, values, 3, totals), TENAS_ERROR_NOT_FOUND, "psychic");
    FAILS(tenas_aggregate(1, NULL, 2, values, 3, totals), TENAS_ERROR_NULL_POINTER, "proxies");
    FAILS(tenas_aggregate(1, names, 2, NULL, 3, totals), TENAS_ERROR_NULL_POINTER, "values");
    FAILS(tenas_aggregate(1, names, 2, values, 3, NULL), TENAS_ERROR_NULL_POINTER, "totals");
    CHECK(totals[0] == 7);
}

/* ---- Tables ---- */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void test_benchmark(const char *folder)
{
    char path[4096], text[256] = "as it was";
    tenas_benchmark *table = UNTOUCHED;
    snprintf(path, sizeof path, "%s/table.tsv", folder);
    FAILS(tenas_benchmark_open("/no/such/table", &table), TENAS_ERROR_IO, "/no/such/table");
    write_file(path, "arch_string\tmnist\n");
    FAILS(tenas_benchmark_open(path, &table), TENAS_ERROR_FORMAT, "table.tsv", "line 1", "mnist");
    write_file(path, "arch_string\tcifar10\n" A "\tx\n");
    FAILS(tenas_benchmark_open(path, &table), TENAS_ERROR_FORMAT, "line 2", "found \"x\"");
    FAILS(tenas_benchmark_open(folder, &table), TENAS_ERROR_IO, "meta.pickle.pbz2");
    FAILS(tenas_benchmark_open("\xff", &table), TENAS_ERROR_INVALID_ARGUMENT, "UTF-8");
    FAILS(tenas_benchmark_open(NULL, &table), TENAS_ERROR_NULL_POINTER, "path");
    FAILS(tenas_benchmark_open(path, NULL), TENAS_ERROR_NULL_POINTER, "out");
    CHECK(table == (tenas_benchmark *)UNTOUCHED);

    write_file(path, "arch_string\tcifar10_test\tcifar100_test\n" A "\t86.5\t58\n" B "\t90\t\n");
    OK(tenas_benchmark_open(path, &table));
    size_t count = 0, length, index = 7, rank = 7;
    int32_t space = 0;
    double accuracy = -1;
    OK(tenas_benchmark_count(table, &count));
    CHECK(count == 2);
    OK(tenas_benchmark_space(table, &space));
    CHECK(space == NB);
    OK(tenas_benchmark_genotype(table, 1, NULL, 0, &length));
    CHECK(length == strlen(B));
    FAILS(tenas_benchmark_genotype(table, 2, text, sizeof text, &length), TENAS_ERROR_NOT_FOUND,
          "index: found 2");
    FAILS(tenas_benchmark_genotype(table, 1, text, 3, &length), TENAS_ERROR_BUFFER_TOO_SMALL,
          "found 3");
    CHECK(strcmp(text, "as it was") == 0);
    OK(tenas_benchmark_genotype(table, 1, text, sizeof text, &length));
    CHECK(strcmp(text, B) == 0);

    FAILS(tenas_benchmark_find(table, NOTHING, &index), TENAS_ERROR_NOT_FOUND, "table.tsv",
          NOTHING);
    FAILS(tenas_benchmark_find(table, "x", &index), TENAS_ERROR_FORMAT, "byte 0");
    FAILS(tenas_benchmark_accuracy(table, NOTHING, TENAS_DATASET_CIFAR10, &accuracy),
          TENAS_ERROR_NOT_FOUND, NOTHING);
    FAILS(tenas_benchmark_accuracy(table, B, TENAS_DATASET_CIFAR100, &accuracy),
          TENAS_ERROR_NOT_FOUND, "cifar100");
    FAILS(tenas_benchmark_accuracy(table, B, TENAS_DATASET_IMAGENET, &accuracy),
          TENAS_ERROR_NOT_FOUND, "imagenet-1k", "cifar10, cifar100");
    FAILS(tenas_benchmark_accuracy(table, B, 99, &accuracy), TENAS_ERROR_INVALID_ARGUMENT,
          "dataset: found 99");
    FAILS(tenas_benchmark_accuracy(table, "\xff", 1, &accuracy), TENAS_ERROR_INVALID_ARGUMENT,
          "UTF-8");
    FAILS(tenas_benchmark_rank(table, NOTHING, TENAS_DATASET_CIFAR10, &rank),
          TENAS_ERROR_NOT_FOUND, NOTHING);
    FAILS(tenas_benchmark_rank(table, B, 99, &rank), TENAS_ERROR_INVALID_ARGUMENT, "dataset");
    FAILS(tenas_benchmark_best(table, TENAS_DATASET_IMAGENET, &index), TENAS_ERROR_NOT_FOUND,
          "imagenet-1k");
    FAILS(tenas_benchmark_best(table, 99, &index), TENAS_ERROR_INVALID_ARGUMENT, "dataset");
    CHECK(index == 7 && rank == 7 && accuracy == -1);

    OK(tenas_benchmark_find(table, B, &index));
    CHECK(index == 1);
    OK(tenas_benchmark_accuracy(table, A, TENAS_DATASET_CIFAR10, &accuracy));
    CHECK(accuracy == 86.5);
    OK(tenas_benchmark_rank(table, A, TENAS_DATASET_CIFAR10, &rank));
    CHECK(rank == 2);
    OK(tenas_benchmark_best(table, TENAS_DATASET_CIFAR100, &index));
    CHECK(index == 0);

    OK(tenas_benchmark_ignored(table, text, sizeof text, &length));
    CHECK(strcmp(text, "[]") == 0 && length == 2);
    tenas_benchmark *more = NULL;
    write_file(path, "index,arch,\"cifar10\",say \"\"it\"\"\n0,\"" A "\",86.5,x\n");
    OK(tenas_benchmark_open(path, &more));
    strcpy(text, "as it was");
    FAILS(tenas_benchmark_ignored(more, text, 3, &length), TENAS_ERROR_BUFFER_TOO_SMALL, "found 3");
    CHECK(strcmp(text, "as it was") == 0);
    OK(tenas_benchmark_ignored(more, text, sizeof text, &length));
    CHECK(strncmp(text, "[\"index\",\"say ", 14) == 0 && length == strlen(text));
    tenas_benchmark_free(more);
    FAILS(tenas_benchmark_ignored(NULL, text, 3, &length), TENAS_ERROR_NULL_POINTER, "benchmark");
    FAILS(tenas_benchmark_ignored(table, text, 3, NULL), TENAS_ERROR_NULL_POINTER, "length");
    FAILS(tenas_benchmark_ignored(table, NULL, 3, &length), TENAS_ERROR_NULL_POINTER, "buffer");
    write_file(path, "arch,cifar10\n" A ",0.865\n");
    FAILS(tenas_benchmark_open(path, &more), TENAS_ERROR_FORMAT, "line 2", "cifar10",
          "expected percent, not a fraction");

    FAILS(tenas_benchmark_count(NULL, &count), TENAS_ERROR_NULL_POINTER, "benchmark");
    FAILS(tenas_benchmark_count(table, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_benchmark_space(NULL, &space), TENAS_ERROR_NULL_POINTER, "benchmark");
    FAILS(tenas_benchmark_space(table, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_benchmark_genotype(NULL, 0, text, 3, &length), TENAS_ERROR_NULL_POINTER,
          "benchmark");
    FAILS(tenas_benchmark_genotype(table, 0, text, 3, NULL), TENAS_ERROR_NULL_POINTER, "length");
    FAILS(tenas_benchmark_genotype(table, 0, NULL, 3, &length), TENAS_ERROR_NULL_POINTER,
          "buffer");
    FAILS(tenas_benchmark_find(NULL, A, &index), TENAS_ERROR_NULL_POINTER, "benchmark");
    FAILS(tenas_benchmark_find(table, NULL, &index), TENAS_ERROR_NULL_POINTER, "genotype");
    FAILS(tenas_benchmark_find(table, A, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_benchmark_accuracy(NULL, A, 1, &accuracy), TENAS_ERROR_NULL_POINTER, "benchmark");
    FAILS(tenas_benchmark_accuracy(table, NULL, 1, &accuracy), TENAS_ERROR_NULL_POINTER,
          "genotype");
    FAILS(tenas_benchmark_accuracy(table, A, 1, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_benchmark_rank(NULL, A, 1, &rank), TENAS_ERROR_NULL_POINTER, "benchmark");
    FAILS(tenas_benchmark_rank(table, NULL, 1, &rank), TENAS_ERROR_NULL_POINTER, "genotype");
    FAILS(tenas_benchmark_rank(table, A, 1, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_benchmark_best(NULL, 1, &index), TENAS_ERROR_NULL_POINTER, "benchmark");
    FAILS(tenas_benchmark_best(table, 1, NULL), TENAS_ERROR_NULL_POINTER, "out");
    tenas_benchmark_free(table);
    tenas_benchmark_free(NULL);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("Usage: scores FOLDER\n", stderr);
        return 2;
    }
    test_numbers();
    test_drawings();
    test_texts();
    test_operations();
    test_indicators();
    test_proxies();
    test_scores();
    test_aggregate();
    test_benchmark(argv[1]);
    return finish("scores.c");
}
