/*
 * Every call of the core API, used well and badly.
 *
 * Usage: core FOLDER, a writable folder for data files. The last line of stdout
 * counts the checks; the exit status is 1 if one failed.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const int32_t NO_ENUMS[] = {-1, 99, INT32_MIN, INT32_MAX};
enum { NO_ENUM_COUNT = sizeof NO_ENUMS / sizeof *NO_ENUMS };

/* ---- Version, statuses, spaces ---- */

static void test_version(void)
{
    CHECK(strcmp(tenas_version(), TENAS_VERSION) == 0);
    CHECK(tenas_abi_version() == TENAS_ABI_VERSION);
    char parts[64];
    snprintf(parts, sizeof parts, "%d.%d.%d", TENAS_VERSION_MAJOR, TENAS_VERSION_MINOR,
             TENAS_VERSION_PATCH);
    CHECK(strcmp(parts, TENAS_VERSION) == 0);

    size_t length = 0, again = 0;
    OK(tenas_build_info(NULL, 0, &length));
    char info[512] = "";
    CHECK(length > 0 && length < sizeof info);
    FAILS(tenas_build_info(info, length, &again), TENAS_ERROR_BUFFER_TOO_SMALL, "capacity");
    CHECK(info[0] == '\0' && again == length);
    OK(tenas_build_info(info, sizeof info, &again));
    CHECK(again == length && strlen(info) == length);
    CHECK(strstr(info, "\"version\":\"" TENAS_VERSION "\"") != NULL);
    CHECK(strstr(info, "\"native\"") && strstr(info, "\"instruction_set\":"));
    CHECK(strstr(info, "\"libtorch\":") && strstr(info, "\"cuda_devices\":"));
    FAILS(tenas_build_info(NULL, 1, &again), TENAS_ERROR_NULL_POINTER, "buffer");
    FAILS(tenas_build_info(info, sizeof info, NULL), TENAS_ERROR_NULL_POINTER, "length");
}

static void test_statuses(void)
{
    static const struct {
        int32_t value;
        const char *name;
    } STATUSES[] = {
        {0, "TENAS_OK"},
        {1, "TENAS_ERROR_NULL_POINTER"},
        {2, "TENAS_ERROR_INVALID_ARGUMENT"},
        {3, "TENAS_ERROR_INVALID_STATE"},
        {4, "TENAS_ERROR_IO"},
        {5, "TENAS_ERROR_FORMAT"},
        {6, "TENAS_ERROR_DEVICE"},
        {7, "TENAS_ERROR_BUSY"},
        {8, "TENAS_ERROR_CANCELLED"},
        {9, "TENAS_ERROR_BUFFER_TOO_SMALL"},
        {10, "TENAS_ERROR_OUT_OF_MEMORY"},
        {11, "TENAS_ERROR_NOT_FOUND"},
        {12, "TENAS_ERROR_INTERNAL"},
        {13, "unknown status"},
        {-1, "unknown status"},
        {INT32_MIN, "unknown status"},
    };
    for (size_t i = 0; i < sizeof STATUSES / sizeof *STATUSES; i++)
        CHECK(strcmp(tenas_status_name(STATUSES[i].value), STATUSES[i].name) == 0);
    CHECK(sizeof(tenas_status) == 4);
}

static void test_spaces(void)
{
    const char *name = UNTOUCHED;
    OK(tenas_space_name(TENAS_SPACE_NAS_BENCH_201, &name));
    CHECK(strcmp(name, "nas-bench-201") == 0);
    OK(tenas_space_name(TENAS_SPACE_DARTS, &name));
    CHECK(strcmp(name, "darts") == 0);
    OK(tenas_space_cell_name(TENAS_SPACE_NAS_BENCH_201, 0, &name));
    CHECK(strcmp(name, "normal") == 0);
    OK(tenas_space_cell_name(TENAS_SPACE_DARTS, 1, &name));
    CHECK(strcmp(name, "reduction") == 0);
    OK(tenas_space_edge_name(TENAS_SPACE_NAS_BENCH_201, 0, 0, &name));
    CHECK(strcmp(name, "1<-0") == 0);
    OK(tenas_space_edge_name(TENAS_SPACE_DARTS, 1, 13, &name));
    CHECK(strcmp(name, "3<-4") == 0);
    OK(tenas_space_operation_name(TENAS_SPACE_NAS_BENCH_201, 3, &name));
    CHECK(strcmp(name, "nor_conv_3x3") == 0);
    OK(tenas_space_operation_name(TENAS_SPACE_DARTS, 7, &name));
    CHECK(strcmp(name, "max_pool_3x3") == 0);

    const int32_t space = TENAS_SPACE_NAS_BENCH_201;
    name = UNTOUCHED;
    for (int i = 0; i < NO_ENUM_COUNT; i++) {
        char found[32];
        snprintf(found, sizeof found, "found %ld", (long)NO_ENUMS[i]);
        FAILS(tenas_space_name(NO_ENUMS[i], &name), TENAS_ERROR_INVALID_ARGUMENT, "space", found,
              "TENAS_SPACE_NAS_BENCH_201 (1)", "TENAS_SPACE_DARTS (2)");
        FAILS(tenas_space_cell_name(NO_ENUMS[i], 0, &name), TENAS_ERROR_INVALID_ARGUMENT,
              "space", found);
        FAILS(tenas_space_edge_name(NO_ENUMS[i], 0, 0, &name), TENAS_ERROR_INVALID_ARGUMENT,
              "space", found);
        FAILS(tenas_space_operation_name(NO_ENUMS[i], 0, &name), TENAS_ERROR_INVALID_ARGUMENT,
              "space", found);
    }
    FAILS(tenas_space_name(0, &name), TENAS_ERROR_INVALID_ARGUMENT, "space", "found 0");
    FAILS(tenas_space_cell_name(space, 1, &name), TENAS_ERROR_INVALID_ARGUMENT, "cell", "found 1",
          "expected 0 to 0");
    FAILS(tenas_space_edge_name(space, 1, 0, &name), TENAS_ERROR_INVALID_ARGUMENT, "cell",
          "found 1");
    FAILS(tenas_space_edge_name(space, 0, 6, &name), TENAS_ERROR_INVALID_ARGUMENT, "edge",
          "found 6", "expected 0 to 5");
    FAILS(tenas_space_operation_name(space, UINT32_MAX, &name), TENAS_ERROR_INVALID_ARGUMENT,
          "operation", "found 4294967295", "expected 0 to 4");
    CHECK(name == (const char *)UNTOUCHED);

    FAILS(tenas_space_name(space, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_space_cell_name(space, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_space_edge_name(space, 0, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_space_operation_name(space, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
}

/* ---- Last error ---- */

static void *empty_message(void *unused)
{
    (void)unused;
    return tenas_last_error_message()[0] == '\0' ? UNTOUCHED : NULL;
}

static void test_last_error(void)
{
    CHECK(tenas_last_error_message() != NULL);
    CHECK(tenas_last_error_message()[0] == '\0');
    FAILS(tenas_space_name(1, NULL), TENAS_ERROR_NULL_POINTER, "out", "NULL");

    /* A success leaves it, and other threads have their own. */
    const char *name;
    OK(tenas_space_name(1, &name));
    CHECK(strstr(tenas_last_error_message(), "out") != NULL);
    pthread_t thread;
    void *result = NULL;
    CHECK(pthread_create(&thread, NULL, empty_message, NULL) == 0);
    pthread_join(thread, &result);
    CHECK(result == UNTOUCHED);
}

/* ---- Configuration ---- */

static void test_config(void)
{
    tenas_config *config = UNTOUCHED;
    for (int i = 0; i < NO_ENUM_COUNT; i++) {
        FAILS(tenas_config_new(NO_ENUMS[i], TENAS_DATASET_CIFAR10, &config),
              TENAS_ERROR_INVALID_ARGUMENT, "space", "TENAS_SPACE_DARTS");
        FAILS(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, NO_ENUMS[i], &config),
              TENAS_ERROR_INVALID_ARGUMENT, "dataset", "TENAS_DATASET_CIFAR10 (1)",
              "TENAS_DATASET_CUSTOM (5)");
    }
    CHECK(config == (tenas_config *)UNTOUCHED);
    FAILS(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CIFAR10, NULL),
          TENAS_ERROR_NULL_POINTER, "out");

    for (int32_t dataset = TENAS_DATASET_CIFAR10; dataset <= TENAS_DATASET_CUSTOM; dataset++) {
        config = NULL;
        OK(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, dataset, &config));
        CHECK(config != NULL);
        if (dataset != TENAS_DATASET_CUSTOM)
            tenas_config_free(config);
    }

    OK(tenas_config_set_seed(config, 0));
    OK(tenas_config_set_seed(config, UINT64_MAX));

    static const struct {
        tenas_status (*set)(tenas_config *, uint32_t);
        const char *function, *name;
        uint32_t least, most;
    } SETTERS[] = {
        {tenas_config_set_repeats, "tenas_config_set_repeats: ", "repeats", 1, 1000},
        {tenas_config_set_batch_size, "tenas_config_set_batch_size: ", "batch_size", 2, 1024},
        {tenas_config_set_prune_per_edge, "tenas_config_set_prune_per_edge: ", "prune_per_edge",
         1, 16},
        {tenas_config_set_score_decimals, "tenas_config_set_score_decimals: ", "score_decimals",
         1, 15},
        {tenas_config_set_threads, "tenas_config_set_threads: ", "threads", 0, 1024},
    };
    for (size_t i = 0; i < sizeof SETTERS / sizeof *SETTERS; i++) {
        OK(SETTERS[i].set(config, SETTERS[i].most));
        OK(SETTERS[i].set(config, SETTERS[i].least));

        CHECK(SETTERS[i].set(NULL, SETTERS[i].least) == TENAS_ERROR_NULL_POINTER);
        CHECK(strstr(tenas_last_error_message(), SETTERS[i].function) != NULL);
        CHECK(strstr(tenas_last_error_message(), "config: found NULL") != NULL);

        const uint32_t refused[] = {SETTERS[i].least - 1, SETTERS[i].most + 1, UINT32_MAX};
        for (int j = 0; j < 3; j++) {
            char found[96];
            snprintf(found, sizeof found, "%s%s: found %lu, expected %lu to %lu",
                     SETTERS[i].function, SETTERS[i].name, (unsigned long)refused[j],
                     (unsigned long)SETTERS[i].least, (unsigned long)SETTERS[i].most);
            CHECK(SETTERS[i].set(config, refused[j]) == TENAS_ERROR_INVALID_ARGUMENT);
            check(strcmp(tenas_last_error_message(), found) == 0, __FILE__, __LINE__, found,
                  tenas_last_error_message());
        }
    }

    OK(tenas_config_set_init(config, TENAS_INIT_TORCH_DEFAULT));
    OK(tenas_config_set_init(config, TENAS_INIT_KAIMING_NORMAL));
    OK(tenas_config_set_sampling(config, TENAS_SAMPLING_INDEPENDENT));
    OK(tenas_config_set_sampling(config, TENAS_SAMPLING_COMMON));
    OK(tenas_config_set_device(config, TENAS_DEVICE_CPU, 0));
    OK(tenas_config_set_device(config, TENAS_DEVICE_AUTO, 0));
    for (int i = 0; i < NO_ENUM_COUNT; i++) {
        FAILS(tenas_config_set_init(config, NO_ENUMS[i]), TENAS_ERROR_INVALID_ARGUMENT, "init",
              "TENAS_INIT_KAIMING_NORMAL (1)", "TENAS_INIT_TORCH_DEFAULT (2)");
        FAILS(tenas_config_set_sampling(config, NO_ENUMS[i]), TENAS_ERROR_INVALID_ARGUMENT,
              "sampling", "TENAS_SAMPLING_COMMON (1)", "TENAS_SAMPLING_INDEPENDENT (2)");
        FAILS(tenas_config_set_device(config, NO_ENUMS[i], 0), TENAS_ERROR_INVALID_ARGUMENT,
              "kind", "TENAS_DEVICE_AUTO (0)", "TENAS_DEVICE_TORCH_CPU (3)");
    }
    FAILS(tenas_config_set_init(config, 0), TENAS_ERROR_INVALID_ARGUMENT, "init", "found 0");
    FAILS(tenas_config_set_sampling(config, 0), TENAS_ERROR_INVALID_ARGUMENT, "sampling",
          "found 0");
    FAILS(tenas_config_set_device(config, TENAS_DEVICE_CPU, 1), TENAS_ERROR_INVALID_ARGUMENT,
          "index", "found 1", "expected 0");
    FAILS(tenas_config_set_device(config, TENAS_DEVICE_CUDA, -1), TENAS_ERROR_INVALID_ARGUMENT,
          "index", "found -1");
    char info[512] = "";
    size_t length;
    OK(tenas_build_info(info, sizeof info, &length));
    if (strstr(info, "\"libtorch\":null")) {
        FAILS(tenas_config_set_device(config, TENAS_DEVICE_CUDA, 0), TENAS_ERROR_DEVICE,
              "found CUDA 0", "cargo build --release --features torch");
        FAILS(tenas_config_set_device(config, TENAS_DEVICE_TORCH_CPU, 0), TENAS_ERROR_DEVICE,
              "found TORCH_CPU", "cargo build --release --features torch");
    }

    FAILS(tenas_config_set_seed(NULL, 1), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_set_init(NULL, 1), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_set_sampling(NULL, 1), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_set_device(NULL, 0, 0), TENAS_ERROR_NULL_POINTER, "config");
    tenas_config_free(config);
    tenas_config_free(NULL);
}

/* ---- Data sets ---- */

enum { RECORD = 1 + 3 * 32 * 32 };

/* Writes a file of that many bytes and returns its path. */
static const char *make_file(const char *folder, const char *name, size_t bytes)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    for (size_t i = 0; i < bytes; i++)
        putc(i % RECORD == 0 ? (int)(i / RECORD % 10) : (int)(i * i / 7 % 256), file);
    fclose(file);
    return path;
}

static void test_dataset_open(const char *folder)
{
    tenas_dataset *dataset = NULL;
    OK(tenas_dataset_open(TENAS_DATASET_CIFAR10, make_file(folder, "five.bin", 5 * RECORD),
                          &dataset));
    CHECK(dataset != NULL);
    tenas_dataset_free(dataset);
    tenas_dataset_free(NULL);

    dataset = UNTOUCHED;
    const char *path = make_file(folder, "five.bin", 5 * RECORD);
    for (int i = 0; i < NO_ENUM_COUNT; i++)
        FAILS(tenas_dataset_open(NO_ENUMS[i], path, &dataset), TENAS_ERROR_INVALID_ARGUMENT,
              "dataset", "TENAS_DATASET_CIFAR10 (1)");
    FAILS(tenas_dataset_open(TENAS_DATASET_CUSTOM, path, &dataset), TENAS_ERROR_INVALID_ARGUMENT,
          "custom");
    FAILS(tenas_dataset_open(TENAS_DATASET_CIFAR10, NULL, &dataset), TENAS_ERROR_NULL_POINTER,
          "path");
    FAILS(tenas_dataset_open(TENAS_DATASET_CIFAR10, path, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_dataset_open(TENAS_DATASET_CIFAR10, "a\xff.bin", &dataset),
          TENAS_ERROR_INVALID_ARGUMENT, "path", "UTF-8");

    FAILS(tenas_dataset_open(TENAS_DATASET_CIFAR10, "/no/such/file.bin", &dataset), TENAS_ERROR_IO,
          "/no/such/file.bin", "No such file");
    FAILS(tenas_dataset_open(TENAS_DATASET_CIFAR10, "", &dataset), TENAS_ERROR_IO, "No such file");
    FAILS(tenas_dataset_open(TENAS_DATASET_CIFAR10, make_file(folder, "empty.bin", 0), &dataset),
          TENAS_ERROR_FORMAT, "empty.bin");
    FAILS(tenas_dataset_open(TENAS_DATASET_CIFAR10,
                             make_file(folder, "truncated.bin", 3 * RECORD - 100), &dataset),
          TENAS_ERROR_FORMAT, "truncated.bin");
    /* A folder without batches. */
    FAILS(tenas_dataset_open(TENAS_DATASET_CIFAR10, folder, &dataset), TENAS_ERROR_FORMAT, folder);
    CHECK(dataset == (tenas_dataset *)UNTOUCHED);
}

/* 40 images of 3 x 8 x 8, that a search takes a moment on. */
enum { IMAGES = 40, CHANNELS = 3, SIDE = 8, BYTES = IMAGES * CHANNELS * SIDE * SIDE };
static uint8_t images[BYTES];

static tenas_dataset *make_dataset(void)
{
    tenas_dataset *dataset = NULL;
    OK(tenas_dataset_from_images(images, IMAGES, CHANNELS, SIDE, SIDE, NULL, NULL, 10, &dataset));
    return dataset;
}

static void test_dataset_from_images(void)
{
    const float mean[] = {120, 121, 122}, stddev[] = {60, 61, 62};
    tenas_dataset *dataset = NULL;
    OK(tenas_dataset_from_images(images, IMAGES, 3, SIDE, SIDE, mean, stddev, 10, &dataset));
    CHECK(dataset != NULL);
    tenas_dataset_free(dataset);

    dataset = UNTOUCHED;
    FAILS(tenas_dataset_from_images(NULL, IMAGES, 3, SIDE, SIDE, mean, stddev, 10, &dataset),
          TENAS_ERROR_NULL_POINTER, "images");
    FAILS(tenas_dataset_from_images(images, IMAGES, 3, SIDE, SIDE, mean, stddev, 10, NULL),
          TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_dataset_from_images(images, IMAGES, 3, SIDE, SIDE, NULL, stddev, 10, &dataset),
          TENAS_ERROR_NULL_POINTER, "mean");
    FAILS(tenas_dataset_from_images(images, IMAGES, 3, SIDE, SIDE, mean, NULL, 10, &dataset),
          TENAS_ERROR_NULL_POINTER, "stddev");

    static const struct {
        size_t count, channels, height, width, classes;
        const char *name;
    } REFUSED[] = {
        {0, 3, SIDE, SIDE, 10, "count: found 0"},
        {IMAGES, 0, SIDE, SIDE, 10, "channels: found 0"},
        {IMAGES, 3, 0, SIDE, 10, "height: found 0"},
        {IMAGES, 3, SIDE, 0, 10, "width: found 0"},
        {IMAGES, 3, SIDE, SIDE, 0, "classes"},
        {SIZE_MAX, 3, SIDE, SIDE, 10, "count"},
        {IMAGES, SIZE_MAX / 2, SIDE, SIDE, 10, "channels"},
        {IMAGES, 3, SIZE_MAX, SIDE, 10, "height"},
        {IMAGES, 3, SIDE, SIZE_MAX / 8, 10, "width"},
    };
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++)
        FAILS(tenas_dataset_from_images(images, REFUSED[i].count, REFUSED[i].channels,
                                        REFUSED[i].height, REFUSED[i].width, NULL, NULL,
                                        REFUSED[i].classes, &dataset),
              TENAS_ERROR_INVALID_ARGUMENT, REFUSED[i].name);

    const float zero = 0, infinite = 1 / zero;
    const float no_mean[] = {120, infinite, 122}, no_stddev[] = {60, 0, 62};
    FAILS(tenas_dataset_from_images(images, IMAGES, 3, SIDE, SIDE, no_mean, stddev, 10, &dataset),
          TENAS_ERROR_INVALID_ARGUMENT, "mean", "1");
    FAILS(tenas_dataset_from_images(images, IMAGES, 3, SIDE, SIDE, mean, no_stddev, 10, &dataset),
          TENAS_ERROR_INVALID_ARGUMENT, "stddev", "1");
    CHECK(dataset == (tenas_dataset *)UNTOUCHED);
}

static void test_dataset_synthetic(void)
{
    tenas_dataset *dataset = UNTOUCHED;
    for (int i = 0; i < NO_ENUM_COUNT; i++)
        FAILS(tenas_dataset_synthetic(NO_ENUMS[i], 1, &dataset), TENAS_ERROR_INVALID_ARGUMENT,
              "dataset");
    FAILS(tenas_dataset_synthetic(TENAS_DATASET_CUSTOM, 1, &dataset),
          TENAS_ERROR_INVALID_ARGUMENT, "custom");
    FAILS(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 1, NULL), TENAS_ERROR_NULL_POINTER,
          "out");
    CHECK(dataset == (tenas_dataset *)UNTOUCHED);

    OK(tenas_dataset_synthetic(TENAS_DATASET_IMAGENET16_120, UINT64_MAX, &dataset));
    tenas_dataset_free(dataset);
}

/* ---- Searches ---- */

/* Two operations an edge and round: a search has two rounds. */
enum { ROUNDS = 2, FIRST = 24, SECOND = 12, CANDIDATES = FIRST + SECOND, PRUNED = 18 };

static tenas_config *make_config(void)
{
    tenas_config *config = NULL;
    OK(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CUSTOM, &config));
    OK(tenas_config_set_seed(config, 7));
    OK(tenas_config_set_batch_size(config, 4));
    OK(tenas_config_set_repeats(config, 1));
    OK(tenas_config_set_prune_per_edge(config, 2));
    OK(tenas_config_set_threads(config, 2));
    return config;
}

static tenas_context *make_context(void)
{
    tenas_config *config = make_config();
    tenas_dataset *dataset = make_dataset();
    tenas_context *context = NULL;
    OK(tenas_context_new(config, dataset, &context));
    if (context == NULL) {
        printf("core.c: no context: %s\n", tenas_last_error_message());
        exit(EXIT_FAILURE);
    }
    /* The context needs neither any more. */
    tenas_config_free(config);
    tenas_dataset_free(dataset);
    return context;
}

static void test_context_new(void)
{
    tenas_config *config = make_config();
    tenas_dataset *dataset = make_dataset();
    tenas_context *context = UNTOUCHED;

    FAILS(tenas_context_new(NULL, dataset, &context), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_context_new(config, NULL, &context), TENAS_ERROR_NULL_POINTER, "dataset");
    FAILS(tenas_context_new(config, dataset, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_context_new((tenas_config *)dataset, dataset, &context),
          TENAS_ERROR_INVALID_ARGUMENT, "config", "tenas_config");
    FAILS(tenas_context_new(config, (tenas_dataset *)config, &context),
          TENAS_ERROR_INVALID_ARGUMENT, "dataset", "tenas_dataset");

    OK(tenas_config_set_batch_size(config, IMAGES + 1));
    FAILS(tenas_context_new(config, dataset, &context), TENAS_ERROR_INVALID_ARGUMENT,
          "batch", "41", "40");
    OK(tenas_config_set_batch_size(config, 4));

    tenas_dataset *odd = NULL;
    OK(tenas_dataset_from_images(images, IMAGES, 3, 6, 6, NULL, NULL, 10, &odd));
    FAILS(tenas_context_new(config, odd, &context), TENAS_ERROR_INVALID_ARGUMENT, "6", "4");
    tenas_dataset_free(odd);
    CHECK(context == (tenas_context *)UNTOUCHED);

    tenas_config_free(config);
    tenas_dataset_free(dataset);
    tenas_context_free(NULL);
}

static void test_null_contexts(void)
{
    bool answer;
    size_t length = 7;
    tenas_record record = {.struct_size = sizeof record};
    tenas_progress progress = {.struct_size = sizeof progress};

    FAILS(tenas_context_run_round(NULL, &answer), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_run(NULL), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_set_progress(NULL, NULL, NULL), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_clear_cancel(NULL), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_progress(NULL, &progress), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_is_finished(NULL, &answer), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_genotype(NULL, TENAS_GENOTYPE_NATIVE, NULL, 0, &length),
          TENAS_ERROR_NULL_POINTER, "context");
    CHECK(length == 0);
    FAILS(tenas_context_record_count(NULL, &length), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_record(NULL, 0, &record), TENAS_ERROR_NULL_POINTER, "context");

    /* For signal handlers: a status and no message. */
    char before[256];
    snprintf(before, sizeof before, "%s", tenas_last_error_message());
    CHECK(tenas_context_cancel(NULL) == TENAS_ERROR_NULL_POINTER);
    CHECK(strcmp(before, tenas_last_error_message()) == 0);
}

/* What a context answers before its first round. */
static void test_fresh_context(void)
{
    tenas_context *context = make_context();
    bool finished = true;
    OK(tenas_context_is_finished(context, &finished));
    CHECK(!finished);
    FAILS(tenas_context_is_finished(context, NULL), TENAS_ERROR_NULL_POINTER, "out");
    int32_t kind = -1, index = -1;
    OK(tenas_context_device(context, &kind, &index));
    CHECK((kind == TENAS_DEVICE_CPU || kind == TENAS_DEVICE_CUDA) && index == 0);
    FAILS(tenas_context_device(context, NULL, &index), TENAS_ERROR_NULL_POINTER, "kind");
    FAILS(tenas_context_device(context, &kind, NULL), TENAS_ERROR_NULL_POINTER, "index");
    FAILS(tenas_context_device(NULL, &kind, &index), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_run_round(context, NULL), TENAS_ERROR_NULL_POINTER, "finished");

    size_t count = 7;
    OK(tenas_context_record_count(context, &count));
    CHECK(count == 0);
    FAILS(tenas_context_record_count(context, NULL), TENAS_ERROR_NULL_POINTER, "out");
    tenas_record record = {.struct_size = sizeof record, .round = 7};
    FAILS(tenas_context_record(context, 0, &record), TENAS_ERROR_NOT_FOUND, "index", "found 0",
          "below 0");
    FAILS(tenas_context_record(context, SIZE_MAX, &record), TENAS_ERROR_NOT_FOUND, "index");
    CHECK(record.round == 7);
    FAILS(tenas_context_record(context, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");

    size_t length = 7;
    char buffer[8] = "abc";
    FAILS(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, buffer, sizeof buffer, &length),
          TENAS_ERROR_INVALID_STATE, "genotype");
    CHECK(length == 0);
    CHECK(strcmp(buffer, "abc") == 0);
    FAILS(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, NULL, 0, NULL),
          TENAS_ERROR_NULL_POINTER, "length");
    FAILS(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, NULL, 8, &length),
          TENAS_ERROR_NULL_POINTER, "buffer");
    for (int i = 0; i < NO_ENUM_COUNT; i++)
        FAILS(tenas_context_genotype(context, NO_ENUMS[i], NULL, 0, &length),
              TENAS_ERROR_INVALID_ARGUMENT, "format", "TENAS_GENOTYPE_NATIVE (1)",
              "TENAS_GENOTYPE_JSON (2)");
    FAILS(tenas_context_genotype(context, 0, NULL, 0, &length), TENAS_ERROR_INVALID_ARGUMENT,
          "format", "found 0");
    tenas_context_free(context);
}

/* A program that was compiled with a larger struct. */
struct larger_progress {
    tenas_progress known;
    uint64_t later[3];
};

static void test_struct_size(void)
{
    tenas_context *context = make_context();
    struct larger_progress p;
    memset(&p, 0xff, sizeof p);

    static const size_t REFUSED[] = {0, 8, sizeof(tenas_progress) - 1, 4097, SIZE_MAX};
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        tenas_record record = {.struct_size = i == 2 ? sizeof record - 1 : REFUSED[i]};
        p.known.struct_size = REFUSED[i];
        FAILS(tenas_context_progress(context, &p.known), TENAS_ERROR_INVALID_ARGUMENT, "out",
              "struct_size");
        FAILS(tenas_context_record(context, 0, &record), TENAS_ERROR_INVALID_ARGUMENT, "out",
              "struct_size");
        CHECK(p.known.rounds == UINT32_MAX);
    }
    FAILS(tenas_context_progress(context, NULL), TENAS_ERROR_NULL_POINTER, "out");

    p.known.struct_size = sizeof p.known;
    OK(tenas_context_progress(context, &p.known));
    CHECK(p.known.struct_size == sizeof p.known);
    CHECK(p.known.round == 0 && p.known.rounds == ROUNDS);
    CHECK(p.known.candidate == 0 && p.known.candidates == FIRST);
    CHECK(p.known.seconds == 0);
    CHECK(p.later[0] == UINT64_MAX);

    p.known.struct_size = sizeof p - sizeof p.later[2];
    OK(tenas_context_progress(context, &p.known));
    CHECK(p.known.struct_size == sizeof p - sizeof p.later[2]);
    CHECK(p.known.rounds == ROUNDS);
    CHECK(p.later[0] == 0 && p.later[1] == 0 && p.later[2] == UINT64_MAX);
    tenas_context_free(context);
}

/* What an undisturbed search found: the other searches must find the same. */
static tenas_record expected_records[CANDIDATES];
static char expected_genotype[256];

static bool same_record(const tenas_record *a, const tenas_record *b)
{
    return a->round == b->round && a->cell == b->cell && a->edge == b->edge
        && a->operation == b->operation && a->ntk_rank == b->ntk_rank
        && a->regions_rank == b->regions_rank && a->pruned == b->pruned
        && a->ntk_delta == b->ntk_delta && a->regions_delta == b->regions_delta
        && a->ntk_now == b->ntk_now && a->ntk_without == b->ntk_without
        && a->regions_now == b->regions_now && a->regions_without == b->regions_without;
}

static void check_result(const tenas_context *context)
{
    char genotype[256];
    size_t length = 0, count = 0;
    OK(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, genotype, sizeof genotype, &length));
    CHECK(strcmp(genotype, expected_genotype) == 0);
    OK(tenas_context_record_count(context, &count));
    CHECK(count == CANDIDATES);
    for (size_t i = 0; i < count && i < CANDIDATES; i++) {
        tenas_record record = {.struct_size = sizeof record};
        OK(tenas_context_record(context, i, &record));
        CHECK(same_record(&record, &expected_records[i]));
    }
}

static void test_search(void)
{
    tenas_context *context = make_context();
    OK(tenas_context_run(context));

    bool finished = false;
    OK(tenas_context_is_finished(context, &finished));
    CHECK(finished);

    /* A finished search has nothing to do. */
    OK(tenas_context_run(context));
    finished = false;
    OK(tenas_context_run_round(context, &finished));
    CHECK(finished);
    tenas_progress p = {.struct_size = sizeof p};
    OK(tenas_context_progress(context, &p));
    CHECK(p.round == ROUNDS && p.rounds == ROUNDS && p.seconds > 0);

    size_t count = 0;
    OK(tenas_context_record_count(context, &count));
    CHECK(count == CANDIDATES);
    int pruned = 0;
    for (size_t i = 0; i < count && i < CANDIDATES; i++) {
        tenas_record *r = &expected_records[i];
        r->struct_size = sizeof *r;
        OK(tenas_context_record(context, i, r));
        CHECK(r->round == (i < FIRST ? 0 : 1));
        CHECK(r->cell == 0 && r->edge < 6 && r->operation >= 1 && r->operation < 5);
        CHECK(r->ntk_rank >= 1 && r->ntk_rank <= FIRST);
        CHECK(r->regions_rank >= 1 && r->regions_rank <= FIRST);
        CHECK(r->ntk_now >= 1 && r->ntk_without >= 1);
        CHECK(r->regions_now >= 1 && r->regions_now <= 3000);
        CHECK(r->regions_without >= 1 && r->regions_without <= 3000);
        CHECK(r->pruned == 0 || r->pruned == 1);
        pruned += r->pruned;
    }
    CHECK(pruned == PRUNED);
    tenas_record none = {.struct_size = sizeof none};
    FAILS(tenas_context_record(context, CANDIDATES, &none), TENAS_ERROR_NOT_FOUND, "index",
          "found 36", "below 36");

    /* Text: the length, a buffer that is too short by one, one that fits. */
    size_t length = 0;
    OK(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, NULL, 0, &length));
    CHECK(length > 0 && length < sizeof expected_genotype);
    memset(expected_genotype, 'x', sizeof expected_genotype);
    size_t again = 0;
    FAILS(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, expected_genotype, length,
                                 &again),
          TENAS_ERROR_BUFFER_TOO_SMALL, "capacity", "expected at least");
    CHECK(again == length && expected_genotype[0] == 'x');
    FAILS(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, expected_genotype, 0, &again),
          TENAS_ERROR_BUFFER_TOO_SMALL, "found 0");
    CHECK(expected_genotype[0] == 'x');
    OK(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, expected_genotype, length + 1,
                              &again));
    CHECK(strlen(expected_genotype) == length && expected_genotype[length + 1] == 'x');

    /* |op~0|+|op~0|op~1|+|op~0|op~1|op~2| */
    int bars = 0, nodes = 1;
    for (const char *c = expected_genotype; *c != '\0'; c++) {
        bars += *c == '|';
        nodes += *c == '+';
    }
    CHECK(bars == 9 && nodes == 3);
    CHECK(strstr(expected_genotype, "none") == NULL);

    char json[1024];
    OK(tenas_context_genotype(context, TENAS_GENOTYPE_JSON, json, sizeof json, &length));
    CHECK(json[0] == '{' && json[length - 1] == '}');
    CHECK(strstr(json, expected_genotype) != NULL);
    tenas_context_free(context);
}

/* ---- Progress, cancelling, other threads ---- */

/* What a callback knows, and what it shall do. */
struct watch {
    tenas_context *context;
    int calls;         /* so far */
    int stop_at;       /* the call that cancels, 0 for none */
    int stop_how;      /* 0: return value, 1: tenas_context_cancel, 2: that in a thread */
    bool misuse;       /* whether the first call tries what is forbidden */
    tenas_progress last;
};

/* Everything that must be refused while a call works on the context. */
static void misuse(tenas_context *context)
{
    bool answer;
    size_t length = 7;
    tenas_record record = {.struct_size = sizeof record};
    FAILS(tenas_context_run(context), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_run_round(context, &answer), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_is_finished(context, &answer), TENAS_ERROR_BUSY, "context");
    int32_t kind = -1, index = -1;
    FAILS(tenas_context_device(context, &kind, &index), TENAS_ERROR_BUSY, "context");
    CHECK(kind == -1 && index == -1);
    FAILS(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, NULL, 0, &length),
          TENAS_ERROR_BUSY, "context");
    CHECK(length == 0);
    FAILS(tenas_context_record_count(context, &length), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_record(context, 0, &record), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_set_progress(context, NULL, NULL), TENAS_ERROR_BUSY, "context");
}

static void *misuse_in_thread(void *user)
{
    struct watch *w = user;
    misuse(w->context);
    tenas_progress p = {.struct_size = sizeof p};
    OK(tenas_context_progress(w->context, &p));
    CHECK(p.round == w->last.round && p.rounds == w->last.rounds);
    CHECK(p.candidate == w->last.candidate && p.candidates == w->last.candidates);
    CHECK(p.seconds == w->last.seconds);
    return NULL;
}

static void *cancel_in_thread(void *context)
{
    OK(tenas_context_cancel(context));
    return NULL;
}

static void in_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, function, argument) == 0);
    pthread_join(thread, NULL);
}

static int32_t watch(const tenas_progress *p, void *user)
{
    struct watch *w = user;
    w->calls++;
    CHECK(p->struct_size == sizeof *p);
    CHECK(p->rounds == ROUNDS && p->round < ROUNDS);
    CHECK(p->candidates == (p->round == 0 ? FIRST : SECOND));
    CHECK(p->candidate >= 1 && p->candidate <= p->candidates);
    CHECK(p->round > w->last.round || p->candidate == w->last.candidate + 1);
    CHECK(p->seconds >= w->last.seconds);
    w->last = *p;
    if (w->misuse && w->calls == 1) {
        misuse(w->context);
        in_thread(misuse_in_thread, w);
    }
    if (w->calls == w->stop_at) {
        if (w->stop_how == 0)
            return -1;
        if (w->stop_how == 1)
            OK(tenas_context_cancel(w->context));
        else
            in_thread(cancel_in_thread, w->context);
    }
    return 0;
}

/* Round by round, and watched. */
static void test_progress(void)
{
    tenas_context *context = make_context();
    struct watch w = {.context = context, .misuse = true};
    size_t count = 0;
    bool finished = true;
    OK(tenas_context_set_progress(context, watch, &w));
    OK(tenas_context_run_round(context, &finished));
    CHECK(!finished);
    CHECK(w.calls == FIRST);
    OK(tenas_context_record_count(context, &count));
    CHECK(count == FIRST);

    /* NULL clears it. */
    OK(tenas_context_set_progress(context, NULL, NULL));
    OK(tenas_context_run_round(context, &finished));
    CHECK(finished);
    CHECK(w.calls == FIRST);
    check_result(context);
    tenas_context_free(context);
}

static void test_cancel(void)
{
    tenas_context *context = make_context();
    struct watch w = {.context = context};
    bool finished = true;

    /* Before it runs: the next run, and only that, returns at once. */
    OK(tenas_context_cancel(context));
    FAILS(tenas_context_run_round(context, &finished), TENAS_ERROR_CANCELLED, "cancelled");
    CHECK(finished);
    OK(tenas_context_cancel(context));
    OK(tenas_context_clear_cancel(context));
    OK(tenas_context_clear_cancel(context));

    /* Three ways in the first round, and in the second. */
    static const int STOP_AT[] = {3, 4, 11, FIRST + 2};
    OK(tenas_context_set_progress(context, watch, &w));
    for (int i = 0; i < 4; i++) {
        w.stop_at = STOP_AT[i];
        w.stop_how = i % 3;
        FAILS(tenas_context_run(context), TENAS_ERROR_CANCELLED, "cancelled");
        CHECK(w.calls == STOP_AT[i]);
        OK(tenas_context_is_finished(context, &finished));
        CHECK(!finished);
        size_t count = 7;
        OK(tenas_context_record_count(context, &count));
        CHECK(count == (STOP_AT[i] < FIRST ? 0 : FIRST));
    }

    /* It goes on as if nothing had been: no candidate is scored twice. */
    OK(tenas_context_run(context));
    CHECK(w.calls == CANDIDATES);
    check_result(context);
    tenas_context_free(context);
}

/* Contexts are independent: two searches at once. */
static void *search_in_thread(void *context)
{
    return tenas_context_run(context) == TENAS_OK ? context : NULL;
}

static void test_two_contexts(void)
{
    tenas_config *config = make_config();
    tenas_dataset *dataset = make_dataset();
    OK(tenas_config_set_prune_per_edge(config, 16)); /* one round */
    tenas_context *a = NULL, *b = NULL;
    OK(tenas_context_new(config, dataset, &a));
    OK(tenas_context_new(config, dataset, &b));

    pthread_t thread;
    void *result = NULL;
    CHECK(pthread_create(&thread, NULL, search_in_thread, a) == 0);
    OK(tenas_context_run(b));
    pthread_join(thread, &result);
    CHECK(result == a);
    for (size_t i = 0; i < FIRST; i++) {
        tenas_record in_a = {.struct_size = sizeof in_a}, in_b = {.struct_size = sizeof in_b};
        OK(tenas_context_record(a, i, &in_a));
        OK(tenas_context_record(b, i, &in_b));
        CHECK(same_record(&in_a, &in_b));
    }
    tenas_context_free(a);
    tenas_context_free(b);
    tenas_config_free(config);
    tenas_dataset_free(dataset);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("Usage: core FOLDER\n", stderr);
        return 2;
    }
    for (uint32_t i = 0, x = 1; i < BYTES; i++, x = 1664525 * x + 1013904223)
        images[i] = (uint8_t)(x >> 24);

    test_last_error(); /* first: there is no message yet */
    test_version();
    test_statuses();
    test_spaces();
    test_config();
    test_dataset_open(argv[1]);
    test_dataset_from_images();
    test_dataset_synthetic();
    test_context_new();
    test_null_contexts();
    test_fresh_context();
    test_struct_size();
    test_search();
    test_progress();
    test_cancel();
    test_two_contexts();

    return finish("core.c");
}
