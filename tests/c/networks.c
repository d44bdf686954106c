/*
 * Networks of genotypes and of ONNX files, used well and badly: sizes, names, logits, files,
 * scores.
 *
 * Usage: networks FOLDER, a writable folder. The last line of stdout counts the
 * checks; the exit status is 1 if one failed.
 */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const char CELL[] =
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|avg_pool_3x3~1|none~2|";

static const char *folder;
static char path[4096];

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static tenas_search_space *nas_bench_201(void)
{
    tenas_search_space *space = NULL;
    OK(tenas_search_space_new(TENAS_SPACE_NAS_BENCH_201, &space));
    return space;
}

/* 2 channels, one cell a stage, images of 3 x 8 x 8. */
static tenas_network_settings small(void)
{
    tenas_network_settings settings = {.struct_size = sizeof settings};
    settings.dataset = TENAS_DATASET_CUSTOM;
    settings.channels = 2;
    settings.cells = 1;
    settings.classes = 5;
    settings.image_channels = 3;
    settings.image_height = 8;
    settings.image_width = 8;
    settings.seed = 4;
    return settings;
}

static tenas_network *network_of(const tenas_network_settings *settings)
{
    tenas_search_space *space = nas_bench_201();
    tenas_network *network = NULL;
    OK(tenas_network_from_genotype(space, CELL, settings, &network));
    tenas_search_space_free(space);
    return network;
}

static tenas_network_facts facts_of(const tenas_network *network)
{
    tenas_network_facts facts = {.struct_size = sizeof facts};
    OK(tenas_network_info(network, &facts));
    return facts;
}

static void test_sizes(void)
{
    /* What papers train: the numbers of tenas_indicators_of. */
    tenas_network *network = network_of(NULL);
    tenas_network_facts facts = facts_of(network);
    CHECK(facts.channels == 3 && facts.height == 32 && facts.width == 32);
    CHECK(facts.classes == 10);
    tenas_config *config = NULL;
    tenas_dataset *images = NULL;
    tenas_indicators indicators = {.struct_size = sizeof indicators};
    OK(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CIFAR10, &config));
    OK(tenas_config_set_repeats(config, 1));
    OK(tenas_config_set_batch_size(config, 2));
    OK(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 0, &images));
    OK(tenas_indicators_of(config, images, CELL, &indicators));
    CHECK(facts.multiply_adds == indicators.multiply_adds);
    CHECK(facts.parameters == indicators.parameters);
    tenas_dataset_free(images);
    tenas_config_free(config);
    tenas_network_free(network);

    /* A data set's classes and images. */
    tenas_network_settings settings = {.struct_size = sizeof settings};
    settings.dataset = TENAS_DATASET_IMAGENET16_120;
    network = network_of(&settings);
    facts = facts_of(network);
    CHECK(facts.classes == 120 && facts.height == 16);
    tenas_network_free(network);

    /* Ours. */
    settings = small();
    network = network_of(&settings);
    facts = facts_of(network);
    CHECK(facts.channels == 3 && facts.height == 8 && facts.width == 8 && facts.classes == 5);
    const char *name = NULL;
    OK(tenas_network_name(network, &name));
    CHECK(strcmp(name, "nas-bench-201") == 0);
    OK(tenas_network_parameter_name(network, 0, &name));
    CHECK(strcmp(name, "stem.0.weight") == 0);
    OK(tenas_network_parameter_name(network, facts.named_parameters - 1, &name));
    CHECK(strcmp(name, "classifier.bias") == 0);

    name = UNTOUCHED;
    FAILS(tenas_network_parameter_name(network, facts.named_parameters, &name),
          TENAS_ERROR_NOT_FOUND, "parameter: found", "below");
    FAILS(tenas_network_parameter_name(NULL, 0, &name), TENAS_ERROR_NULL_POINTER, "network");
    FAILS(tenas_network_parameter_name(network, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_network_name(NULL, &name), TENAS_ERROR_NULL_POINTER, "network");
    FAILS(tenas_network_name(network, NULL), TENAS_ERROR_NULL_POINTER, "out");
    CHECK(name == UNTOUCHED);
    FAILS(tenas_network_info(NULL, &facts), TENAS_ERROR_NULL_POINTER, "network");
    FAILS(tenas_network_info(network, NULL), TENAS_ERROR_NULL_POINTER, "out");
    facts.struct_size = 0;
    FAILS(tenas_network_info(network, &facts), TENAS_ERROR_INVALID_ARGUMENT, "struct_size 0");
    tenas_network_free(network);
    tenas_network_free(NULL);
}

/* The call fails with these settings. */
#define REFUSED(settings, status, ...) \
    FAILS(tenas_network_from_genotype(space, CELL, &settings, &network), status, __VA_ARGS__)

static void test_settings(void)
{
    tenas_search_space *space = nas_bench_201();
    tenas_network *network = UNTOUCHED;
    FAILS(tenas_network_from_genotype(NULL, CELL, NULL, &network), TENAS_ERROR_NULL_POINTER, "space");
    FAILS(tenas_network_from_genotype(space, NULL, NULL, &network), TENAS_ERROR_NULL_POINTER,
          "genotype");
    FAILS(tenas_network_from_genotype(space, CELL, NULL, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_network_from_genotype(space, "|none~0|", NULL, &network), TENAS_ERROR_FORMAT,
          "genotype");
    FAILS(tenas_network_from_genotype(space, "\xff", NULL, &network), TENAS_ERROR_INVALID_ARGUMENT,
          "genotype", "UTF-8");

    tenas_network_settings s = small();
    s.struct_size = 7;
    REFUSED(s, TENAS_ERROR_INVALID_ARGUMENT, "settings: found struct_size 7");
    s = small();
    s.dataset = 77;
    REFUSED(s, TENAS_ERROR_INVALID_ARGUMENT, "dataset: found 77");
    s = small();
    s.init = 9;
    REFUSED(s, TENAS_ERROR_INVALID_ARGUMENT, "settings->init: found 9", "TENAS_INIT_TORCH_DEFAULT");
    s = small();
    s.channels = 4097;
    REFUSED(s, TENAS_ERROR_INVALID_ARGUMENT, "channels: found 4097, expected 1 to 4096");
    s = small();
    s.cells = 65;
    REFUSED(s, TENAS_ERROR_INVALID_ARGUMENT, "cells: found 65, expected 1 to 64");
    s = small();
    s.classes = 100001;
    REFUSED(s, TENAS_ERROR_INVALID_ARGUMENT, "classes: found 100001, expected 1 to 100000");
    s.classes = 0;
    REFUSED(s, TENAS_ERROR_INVALID_ARGUMENT, "classes: found none, expected a value");
    s = small();
    s.image_channels = 17;
    REFUSED(s, TENAS_ERROR_INVALID_ARGUMENT, "image channels: found 17, expected 1 to 16");
    s = small();
    s.image_width = 0;
    REFUSED(s, TENAS_ERROR_INVALID_ARGUMENT, "found images of 3 x 8 x 0");
    s.image_channels = s.image_height = 0;
    REFUSED(s, TENAS_ERROR_INVALID_ARGUMENT, "image: found none, expected a value");
    s = small();
    s.image_height = 6;
    REFUSED(s, TENAS_ERROR_INVALID_ARGUMENT, "found 6 x 8", "divisible by 4");
    CHECK(network == UNTOUCHED);
    tenas_search_space_free(space);
}

static void test_logits(void)
{
    enum { COUNT = 3, IMAGE = 3 * 8 * 8, CLASSES = 5 };
    static float images[COUNT * IMAGE], logits[COUNT * CLASSES], again[COUNT * CLASSES];
    for (int i = 0; i < COUNT * IMAGE; i++)
        images[i] = (float)sin(0.7 * i);
    tenas_network_settings settings = small();
    tenas_network *network = network_of(&settings), *same = network_of(&settings);
    OK(tenas_network_logits(network, images, COUNT, logits, COUNT * CLASSES));
    OK(tenas_network_logits(same, images, COUNT, again, COUNT * CLASSES));
    CHECK(memcmp(logits, again, sizeof logits) == 0);

    /* In evaluation an image's logits do not depend on the others of its batch. */
    OK(tenas_network_logits(network, images + IMAGE, 1, again, CLASSES));
    for (int i = 0; i < CLASSES; i++)
        CHECK(fabsf(again[i] - logits[CLASSES + i]) < 1e-4f * (1 + fabsf(logits[CLASSES + i])));
    CHECK(logits[0] != logits[CLASSES]);

    /* Another draw, and another way to draw. */
    tenas_network_free(same);
    settings.seed++;
    same = network_of(&settings);
    OK(tenas_network_logits(same, images, COUNT, again, COUNT * CLASSES));
    CHECK(memcmp(logits, again, sizeof logits) != 0);
    tenas_network_free(same);
    settings = small();
    settings.init = TENAS_INIT_TORCH_DEFAULT;
    same = network_of(&settings);
    OK(tenas_network_logits(same, images, COUNT, again, COUNT * CLASSES));
    CHECK(memcmp(logits, again, sizeof logits) != 0);
    tenas_network_free(same);

    memcpy(again, logits, sizeof logits);
    FAILS(tenas_network_logits(NULL, images, 1, logits, CLASSES), TENAS_ERROR_NULL_POINTER, "network");
    FAILS(tenas_network_logits(network, NULL, 1, logits, CLASSES), TENAS_ERROR_NULL_POINTER, "images");
    FAILS(tenas_network_logits(network, images, 1, NULL, CLASSES), TENAS_ERROR_NULL_POINTER, "logits");
    FAILS(tenas_network_logits(network, images, 0, logits, CLASSES), TENAS_ERROR_INVALID_ARGUMENT,
          "images: found 0 values, expected a multiple of 192, 3 x 8 x 8 for each");
    FAILS(tenas_network_logits(network, images, SIZE_MAX, logits, CLASSES),
          TENAS_ERROR_INVALID_ARGUMENT, "images", "fits in memory");
    FAILS(tenas_network_logits(network, images, COUNT, logits, COUNT * CLASSES - 1),
          TENAS_ERROR_BUFFER_TOO_SMALL, "found 14, expected at least 15");
    CHECK(memcmp(logits, again, sizeof logits) == 0);
    tenas_network_free(network);
}

/* Whether a file has a text. */
static bool has(const char *name, const char *text)
{
    static char content[1 << 20];
    FILE *file = fopen(in_folder(name), "rb");
    if (file == NULL)
        return false;
    const size_t length = fread(content, 1, sizeof content - 1, file), wanted = strlen(text);
    fclose(file);
    for (size_t i = 0; i + wanted <= length; i++)
        if (memcmp(content + i, text, wanted) == 0)
            return true;
    return false;
}

static void test_files(void)
{
    tenas_network_settings settings = small();
    tenas_network *network = network_of(&settings);
    /* Over an older file, and twice. */
    FILE *old = fopen(in_folder("network.py"), "w");
    CHECK(old != NULL && fputs("old", old) >= 0 && fclose(old) == 0);
    OK(tenas_network_write_pytorch(network, in_folder("network.py")));
    OK(tenas_network_write_pytorch(network, in_folder("network.py")));
    CHECK(has("network.py", "class Network(nn.Module):") && has("network.py", CELL));
    OK(tenas_network_write_onnx(network, in_folder("network.onnx")));
    CHECK(has("network.onnx", "cells.0.edges.1<-0.3.op.1.weight"));
    OK(tenas_network_write_weights(network, in_folder("network.safetensors")));
    CHECK(has("network.safetensors", "cells.0.edges.1<-0.3.op.2.running_var"));

    /* No file of that name, and what stands beside stays as it is. */
    snprintf(path, sizeof path, "%s/no/such/folder", folder);
    FAILS(tenas_network_write_onnx(network, path), TENAS_ERROR_IO, "no/such/folder");
    FAILS(tenas_network_write_pytorch(network, path), TENAS_ERROR_IO, "no/such/folder");
    FAILS(tenas_network_write_weights(network, path), TENAS_ERROR_IO, "no/such/folder");
    FAILS(tenas_network_write_onnx(network, folder), TENAS_ERROR_IO, "expected a regular file");
    FAILS(tenas_network_write_onnx(network, NULL), TENAS_ERROR_NULL_POINTER, "path");
    FAILS(tenas_network_write_pytorch(network, NULL), TENAS_ERROR_NULL_POINTER, "path");
    FAILS(tenas_network_write_weights(network, NULL), TENAS_ERROR_NULL_POINTER, "path");
    FAILS(tenas_network_write_onnx(NULL, path), TENAS_ERROR_NULL_POINTER, "network");
    FAILS(tenas_network_write_pytorch(NULL, path), TENAS_ERROR_NULL_POINTER, "network");
    FAILS(tenas_network_write_weights(NULL, path), TENAS_ERROR_NULL_POINTER, "network");
    FAILS(tenas_network_write_onnx(network, "\xff"), TENAS_ERROR_INVALID_ARGUMENT, "path", "UTF-8");
    FAILS(tenas_network_write_pytorch(network, "\xff"), TENAS_ERROR_INVALID_ARGUMENT, "UTF-8");
    FAILS(tenas_network_write_weights(network, "\xff"), TENAS_ERROR_INVALID_ARGUMENT, "UTF-8");
    FAILS(tenas_network_write_onnx((const tenas_network *)(const void *)"not a network at all", path),
          TENAS_ERROR_INVALID_ARGUMENT, "network: found something else");
    tenas_network_free(network);
}

/* A network, out and in again. */
static void test_read(void)
{
    tenas_network_settings settings = small();
    tenas_network *network = network_of(&settings), *back = NULL;
    OK(tenas_network_write_onnx(network, in_folder("back.onnx")));
    OK(tenas_network_from_onnx(path, 0, 0, 0, &back));
    tenas_network_facts first = facts_of(network), second = facts_of(back);
    CHECK(first.parameters == second.parameters && first.multiply_adds == second.multiply_adds);
    CHECK(second.height == 8 && second.classes == 5);
    const char *name = NULL;
    OK(tenas_network_name(back, &name));
    CHECK(strcmp(name, "back") == 0);
    /* Nothing reads the cell's node 2. */
    OK(tenas_network_note(back, 0, &name));
    CHECK(strstr(name, "of its layers do not reach its output") != NULL);
    FAILS(tenas_network_note(back, 1, &name), TENAS_ERROR_NOT_FOUND, "note: found 1");
    FAILS(tenas_network_note(back, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_network_note(NULL, 0, &name), TENAS_ERROR_NULL_POINTER, "network");
    tenas_network_free(back);

    /* From memory, for another size. */
    FILE *file = fopen(in_folder("back.onnx"), "rb");
    static uint8_t bytes[1 << 20];
    CHECK(file != NULL);
    const size_t length = fread(bytes, 1, sizeof bytes, file);
    CHECK(fclose(file) == 0 && length > 0 && length < sizeof bytes);
    OK(tenas_network_from_onnx_bytes(bytes, length, 3, 32, 32, &back));
    CHECK(facts_of(back).height == 32);

    tenas_network *none = UNTOUCHED;
    FAILS(tenas_network_from_onnx("/no/such/file", 0, 0, 0, &none), TENAS_ERROR_IO, "/no/such/file");
    FAILS(tenas_network_from_onnx(folder, 0, 0, 0, &none), TENAS_ERROR_FORMAT, "a regular file");
    FAILS(tenas_network_from_onnx(NULL, 0, 0, 0, &none), TENAS_ERROR_NULL_POINTER, "path");
    FAILS(tenas_network_from_onnx("\xff", 0, 0, 0, &none), TENAS_ERROR_INVALID_ARGUMENT, "UTF-8");
    FAILS(tenas_network_from_onnx(in_folder("back.onnx"), 3, 0, 8, &none),
          TENAS_ERROR_INVALID_ARGUMENT, "image: found 3 x 0 x 8");
    FAILS(tenas_network_from_onnx(path, 1, 8, 8, &none), TENAS_ERROR_INVALID_ARGUMENT,
          "image channels: found 1, expected 3");
    FAILS(tenas_network_from_onnx(path, 0, 0, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_network_from_onnx_bytes(NULL, 3, 0, 0, 0, &none), TENAS_ERROR_NULL_POINTER, "bytes");
    FAILS(tenas_network_from_onnx_bytes(bytes, 3, 0, 0, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_network_from_onnx_bytes(bytes, length / 2, 0, 0, 0, &none), TENAS_ERROR_FORMAT,
          "ONNX: found a message that is cut short");
    CHECK(none == UNTOUCHED);

    /* Scores. */
    enum { NETWORKS = 2, SCORES = 2 };
    const char *const proxies[SCORES] = {"ntk", "parameters"}, *const regions[] = {"regions"};
    const char *const unknown[] = {"beauty"};
    const tenas_network *const networks[NETWORKS] = {back, back}, *const nothing[] = {NULL};
    const tenas_network *const small_images[] = {network};
    double means[NETWORKS * SCORES] = {0}, spreads[NETWORKS * SCORES], fresh[SCORES];
    int32_t connected[NETWORKS];
    const int32_t kept = TENAS_NETWORK_WEIGHTS_KEPT;
    tenas_config *config = NULL;
    tenas_dataset *images = NULL;
    OK(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CIFAR10, &config));
    OK(tenas_config_set_repeats(config, 2));
    OK(tenas_config_set_batch_size(config, 4));
    OK(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 0, &images));
#define REFUSES(names, of, weights, out, status, ...) \
    FAILS(tenas_networks_score(config, images, names, 1, of, 1, weights, NULL, NULL, out, NULL, NULL), \
          status, __VA_ARGS__)
    OK(tenas_networks_score(config, images, proxies, SCORES, networks, NETWORKS, kept, NULL, NULL,
                            means, spreads, connected));
    CHECK(means[0] > 1 && means[0] == means[SCORES] && spreads[0] > 0 && connected[1] == 1);
    CHECK(means[1] == (double)first.parameters && spreads[1] == 0);
    OK(tenas_networks_score(config, images, proxies, SCORES, networks, 1, TENAS_NETWORK_WEIGHTS_FRESH,
                            NULL, NULL, fresh, NULL, NULL));
    CHECK(fresh[0] != means[0] && fresh[1] == means[1]);
    REFUSES(regions, networks, kept, means, TENAS_ERROR_INVALID_ARGUMENT, "proxy regions",
            "network 0");
    REFUSES(unknown, networks, kept, means, TENAS_ERROR_NOT_FOUND, "beauty");
    REFUSES(proxies, small_images, kept, means, TENAS_ERROR_INVALID_ARGUMENT,
            "for images of 3 x 8 x 8, expected 3 x 32 x 32");
    REFUSES(proxies, networks, 7, means, TENAS_ERROR_INVALID_ARGUMENT, "weights: found 7");
    REFUSES(proxies, nothing, kept, means, TENAS_ERROR_NULL_POINTER, "networks[0]");
    REFUSES(proxies, networks, kept, NULL, TENAS_ERROR_NULL_POINTER, "means");
    REFUSES(NULL, networks, kept, means, TENAS_ERROR_NULL_POINTER, "proxies");
    FAILS(tenas_networks_score(config, images, proxies, 1, NULL, 1, kept, NULL, NULL, means, NULL, NULL),
          TENAS_ERROR_NULL_POINTER, "networks");
    FAILS(tenas_networks_score(NULL, images, proxies, 1, networks, 1, kept, NULL, NULL, means, NULL,
                               NULL),
          TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_networks_score(config, NULL, proxies, 1, networks, 1, kept, NULL, NULL, means, NULL,
                               NULL),
          TENAS_ERROR_NULL_POINTER, "dataset");
    tenas_dataset_free(images);
    tenas_config_free(config);
    tenas_network_free(back);
    tenas_network_free(network);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "Usage: networks FOLDER\n");
        return 2;
    }
    folder = argv[1];
    test_sizes();
    test_settings();
    test_logits();
    test_files();
    test_read();
    return finish("networks.c");
}
