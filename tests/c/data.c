/*
 * Data sets through the C API: a host's own loader, what is told of a data set,
 * and what files are refused.
 *
 * Usage: data FOLDER, a writable folder for data files. The last line of stdout
 * counts the checks; the exit status is 1 if one failed.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* ---- A host's loader ---- */

/* What fails in open_loader. */
#define OPENING "tenas_dataset_from_callback"

enum { COUNT = 40, CHANNELS = 3, SIDE = 8, IMAGE = CHANNELS * SIDE * SIDE };

struct loader {
    pthread_t thread;           /* the only one that may call */
    int calls, images, released;
    int elsewhere, nested, out_of_range;
    size_t fail_at;             /* an index that cannot be loaded */
    tenas_context *context;     /* what its calls work for, once it is known */
    tenas_status inside;        /* what a call on it returned inside */
};

static void paint(size_t index, uint8_t *image)
{
    uint32_t state = (uint32_t)index * 2654435761u + 1;
    for (int i = 0; i < IMAGE; i++) {
        state = state * 1664525u + 1013904223u;
        image[i] = (uint8_t)(state >> 24);
    }
}

static int32_t load(const size_t *indices, size_t count, uint8_t *images, void *user)
{
    struct loader *l = user;
    static int depth;
    l->calls++;
    l->images += (int)count;
    l->elsewhere += !pthread_equal(pthread_self(), l->thread);
    l->nested += depth++ > 0;
    int32_t result = 0;
    for (size_t i = 0; i < count; i++) {
        l->out_of_range += indices[i] >= COUNT;
        if (indices[i] == l->fail_at)
            result = 7;
        paint(indices[i], images + i * IMAGE);
    }
    if (l->context != NULL) {
        bool finished;
        l->inside = tenas_context_run_round(l->context, &finished);
    }
    depth--;
    return result;
}

static void release(void *user)
{
    struct loader *l = user;
    l->released++;
}

static struct loader make_loader(void)
{
    struct loader l = {.thread = pthread_self(), .fail_at = SIZE_MAX, .inside = -1};
    return l;
}

static const float MEAN[CHANNELS] = {120, 121, 122}, STDDEV[CHANNELS] = {60, 61, 62};

static tenas_status open_loader(struct loader *l, const float *mean, const float *stddev,
                                const char *id, tenas_dataset **out)
{
    return tenas_dataset_from_callback(COUNT, CHANNELS, SIDE, SIDE, mean, stddev, 10, load,
                                       release, l, id, out);
}

static tenas_context *make_context(const tenas_dataset *dataset)
{
    tenas_config *config = NULL;
    tenas_context *context = NULL;
    OK(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CUSTOM, &config));
    OK(tenas_config_set_batch_size(config, 4));
    OK(tenas_config_set_repeats(config, 1));
    OK(tenas_config_set_threads(config, 3));
    OK(tenas_context_new(config, dataset, &context));
    tenas_config_free(config);
    return context;
}

static void genotype_of(tenas_context *context, char text[static 256])
{
    size_t length;
    text[0] = '\0';
    OK(tenas_context_run(context));
    OK(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, text, 256, &length));
}

/* The same search as on the same images in memory, on one thread, released once. */
static void test_loader(void)
{
    static uint8_t images[COUNT * IMAGE];
    for (size_t i = 0; i < COUNT; i++)
        paint(i, images + i * IMAGE);
    struct loader l = make_loader();
    tenas_dataset *lazy = NULL, *memory = NULL;
    OK(open_loader(&l, MEAN, STDDEV, "my images", &lazy));
    CHECK(l.calls == 0);
    OK(tenas_dataset_from_images(images, COUNT, CHANNELS, SIDE, SIDE, MEAN, STDDEV, 10, &memory));
    tenas_context *a = make_context(lazy), *b = make_context(memory), *c = make_context(lazy);
    tenas_dataset_free(lazy);
    tenas_dataset_free(memory);
    CHECK(l.released == 0);

    char found[256], expected[256];
    l.context = a;
    genotype_of(a, found);
    CHECK(l.calls > 0);
    CHECK(l.images >= 3000 + 4);
    CHECK(l.elsewhere == 0);
    CHECK(l.nested == 0);
    CHECK(l.out_of_range == 0);
    CHECK(l.inside == TENAS_ERROR_BUSY);
    l.context = NULL;
    genotype_of(b, expected);
    CHECK(strcmp(found, expected) == 0);
    genotype_of(c, found);
    CHECK(strcmp(found, expected) == 0);

    tenas_context_free(a);
    tenas_context_free(b);
    CHECK(l.released == 0);
    tenas_context_free(c);
    CHECK(l.released == 1);
}

/* A loader that fails, and then does not, gives the same search in the end. */
static void test_failing_loader(void)
{
    struct loader l = make_loader();
    tenas_dataset *dataset = NULL;
    OK(open_loader(&l, MEAN, STDDEV, "flaky images", &dataset));
    tenas_context *a = make_context(dataset), *b = make_context(dataset);
    char expected[256], found[256];
    genotype_of(b, expected);
    l.fail_at = 11;
    FAILS(tenas_context_run(a), TENAS_ERROR_IO, "flaky images: load returned 7 for images ", "more");
    l.fail_at = SIZE_MAX;
    genotype_of(a, found);
    CHECK(strcmp(found, expected) == 0);
    tenas_context_free(a);
    tenas_context_free(b);
    CHECK(l.released == 0);
    tenas_dataset_free(dataset);
    CHECK(l.released == 1);
}

/* Without a normalisation all images are loaded once, by the call that opens. */
static void test_measuring_loader(void)
{
    struct loader l = make_loader();
    tenas_dataset *dataset = UNTOUCHED;
    l.fail_at = 3;
    FAILS_IN(OPENING, open_loader(&l, NULL, NULL, "n", &dataset), TENAS_ERROR_IO,
          "n: load returned 7 for images 3", "tenas_dataset_from_callback");
    CHECK(l.released == 0);
    CHECK(dataset == UNTOUCHED);
    l = make_loader();
    OK(open_loader(&l, NULL, NULL, "n", &dataset));
    CHECK(l.images == COUNT);
    CHECK(l.elsewhere == 0);
    tenas_dataset_free(dataset);
    CHECK(l.released == 1);

    /* Nothing to release. */
    OK(tenas_dataset_from_callback(COUNT, CHANNELS, SIDE, SIDE, MEAN, STDDEV, 10, load, NULL, &l,
                                   "n", &dataset));
    tenas_dataset_free(dataset);
    CHECK(l.released == 1);
}

static void test_refused_loaders(void)
{
    struct loader l = make_loader();
    tenas_dataset *dataset = UNTOUCHED;
    const float no_stddev[CHANNELS] = {1, 0, 1};
    static const struct {
        size_t count, channels, height, width, classes;
        const char *word, *other;
    } REFUSED[] = {
        {0, 3, 8, 8, 10, "count", "found 0"},
        {40, 0, 8, 8, 10, "channels", "found 0"},
        {40, 17, 8, 8, 10, "channels", "found 17"},
        {40, 3, 2, 8, 10, "height", "found 2"},
        {40, 3, 8, 2000, 10, "width", "found 2000"},
        {40, 3, SIZE_MAX, SIZE_MAX, 10, "height", "memory"},
        {40, 3, 8, 8, 0, "classes", "found 0"},
    };
    static const float seventeen[17] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++)
        FAILS(tenas_dataset_from_callback(REFUSED[i].count, REFUSED[i].channels,
                                          REFUSED[i].height, REFUSED[i].width, seventeen,
                                          seventeen, REFUSED[i].classes, load, release, &l, "n",
                                          &dataset),
              TENAS_ERROR_INVALID_ARGUMENT, REFUSED[i].word, REFUSED[i].other);
    FAILS_IN(OPENING, open_loader(&l, MEAN, no_stddev, "n", &dataset), TENAS_ERROR_INVALID_ARGUMENT, "stddev",
          "found 0");
    FAILS_IN(OPENING, open_loader(&l, MEAN, STDDEV, "", &dataset), TENAS_ERROR_INVALID_ARGUMENT, "id",
          "empty");
    FAILS_IN(OPENING, open_loader(&l, MEAN, STDDEV, "\xff", &dataset), TENAS_ERROR_INVALID_ARGUMENT, "id",
          "UTF-8");
    FAILS_IN(OPENING, open_loader(&l, MEAN, STDDEV, NULL, &dataset), TENAS_ERROR_NULL_POINTER, "id", "NULL");
    FAILS_IN(OPENING, open_loader(&l, MEAN, NULL, "n", &dataset), TENAS_ERROR_NULL_POINTER, "stddev", "NULL");
    FAILS_IN(OPENING, open_loader(&l, NULL, STDDEV, "n", &dataset), TENAS_ERROR_NULL_POINTER, "mean", "NULL");
    FAILS_IN(OPENING, open_loader(&l, MEAN, STDDEV, "n", NULL), TENAS_ERROR_NULL_POINTER, "out", "NULL");
    FAILS(tenas_dataset_from_callback(COUNT, CHANNELS, SIDE, SIDE, MEAN, STDDEV, 10, NULL, release,
                                      &l, "n", &dataset),
          TENAS_ERROR_NULL_POINTER, "load", "NULL");
    CHECK(dataset == UNTOUCHED);
    CHECK(l.calls == 0);
    CHECK(l.released == 0);
}

/* ---- What is told of a data set ---- */

static void check_source(const tenas_dataset *dataset, const char *expected)
{
    char text[512] = "x";
    size_t length = 99;
    OK(tenas_dataset_source(dataset, NULL, 0, &length));
    CHECK(length == strlen(expected));
    FAILS(tenas_dataset_source(dataset, text, length, &length), TENAS_ERROR_BUFFER_TOO_SMALL,
          "capacity", "tenas_dataset_source");
    CHECK(strcmp(text, "x") == 0 && length == strlen(expected));
    OK(tenas_dataset_source(dataset, text, sizeof text, &length));
    check(strcmp(text, expected) == 0, __FILE__, __LINE__, expected, text);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

static void test_info(const char *folder)
{
    struct loader l = make_loader();
    tenas_dataset *custom = NULL, *synthetic = NULL, *file = NULL;
    OK(open_loader(&l, MEAN, STDDEV, "my images", &custom));
    OK(tenas_dataset_synthetic(TENAS_DATASET_IMAGENET16_120, 5, &synthetic));
    static uint8_t records[6 * 3074];
    records[1] = 99;
    char path[400], expected[450];
    snprintf(path, sizeof path, "%s/hundred.bin", folder);
    write_file(path, records, sizeof records);
    OK(tenas_dataset_open(TENAS_DATASET_CIFAR100, path, &file));

    tenas_dataset_facts facts = {.struct_size = sizeof facts};
    OK(tenas_dataset_info(custom, &facts));
    CHECK(facts.struct_size == sizeof facts);
    CHECK(facts.count == COUNT && facts.channels == CHANNELS && facts.height == SIDE);
    CHECK(facts.width == SIDE && facts.classes == 10 && facts.skipped == 0);
    CHECK(facts.kind == TENAS_DATASET_CUSTOM);
    OK(tenas_dataset_info(synthetic, &facts));
    CHECK(facts.count == 10000 && facts.height == 16 && facts.classes == 120);
    CHECK(facts.kind == TENAS_DATASET_IMAGENET16_120);
    OK(tenas_dataset_info(file, &facts));
    CHECK(facts.count == 6 && facts.channels == 3 && facts.width == 32 && facts.classes == 100);
    CHECK(facts.kind == TENAS_DATASET_CIFAR100);
    check_source(custom, "callback: my images");
    check_source(synthetic, "synthetic images, seed 5");
    snprintf(expected, sizeof expected, "binary version: %s", path);
    check_source(file, expected);

    uint64_t a = 0, b = 0, c = 0;
    OK(tenas_dataset_digest(custom, &a));
    OK(tenas_dataset_digest(file, &b));
    CHECK(a != b);
    CHECK(l.calls == 0);
    tenas_dataset *same = NULL, *other = NULL;
    struct loader l2 = make_loader();
    OK(open_loader(&l2, MEAN, STDDEV, "my images", &same));
    OK(open_loader(&l2, MEAN, STDDEV, "my other images", &other));
    OK(tenas_dataset_digest(same, &c));
    CHECK(a == c);
    OK(tenas_dataset_digest(other, &c));
    CHECK(a != c);

    size_t length = 1;
    facts.struct_size = 8;
    FAILS(tenas_dataset_info(custom, &facts), TENAS_ERROR_INVALID_ARGUMENT, "struct_size 8",
          "tenas_dataset_info");
    FAILS(tenas_dataset_info(NULL, &facts), TENAS_ERROR_NULL_POINTER, "dataset", "NULL");
    FAILS(tenas_dataset_info(custom, NULL), TENAS_ERROR_NULL_POINTER, "out", "NULL");
    FAILS(tenas_dataset_source(NULL, NULL, 0, &length), TENAS_ERROR_NULL_POINTER, "dataset",
          "NULL");
    CHECK(length == 0);
    FAILS(tenas_dataset_source(custom, NULL, 0, NULL), TENAS_ERROR_NULL_POINTER, "length", "NULL");
    FAILS(tenas_dataset_source(custom, NULL, 9, &length), TENAS_ERROR_NULL_POINTER, "buffer",
          "NULL");
    FAILS(tenas_dataset_digest(NULL, &a), TENAS_ERROR_NULL_POINTER, "dataset", "NULL");
    FAILS(tenas_dataset_digest(custom, NULL), TENAS_ERROR_NULL_POINTER, "out", "NULL");

    tenas_dataset_free(custom);
    tenas_dataset_free(synthetic);
    tenas_dataset_free(file);
    tenas_dataset_free(same);
    tenas_dataset_free(other);
    CHECK(l.released == 1 && l2.released == 2);
}

/* ---- Files ---- */

static void test_files(const char *folder)
{
    tenas_dataset *dataset = UNTOUCHED;
    char path[400];
    static uint8_t record[3074];

    snprintf(path, sizeof path, "%s/label.bin", folder);
    record[1] = 100;
    write_file(path, record, sizeof record);
    FAILS(tenas_dataset_open(TENAS_DATASET_CIFAR100, path, &dataset), TENAS_ERROR_FORMAT,
          "label.bin", "fine label 100 in record 0 at offset 0");
    FAILS(tenas_dataset_open(TENAS_DATASET_IMAGENET16_120, path, &dataset), TENAS_ERROR_FORMAT,
          "label.bin", "not a pickle");
    FAILS(tenas_dataset_open(TENAS_DATASET_IMAGENET, path, &dataset), TENAS_ERROR_FORMAT,
          "label.bin", "folder of JPEG files");
    FAILS(tenas_dataset_open(TENAS_DATASET_CUSTOM, path, &dataset), TENAS_ERROR_INVALID_ARGUMENT,
          "custom", "callback");

    /* Each begins as one of the formats and then breaks off. */
    static const struct {
        const char *name;
        const char *bytes;
        size_t size;
        const char *word;
    } BROKEN[] = {
        {"a.pickle", "\x80\x02}q\x01(U\x04" "data", 12, "at offset"},
        {"b.npy", "\x93NUMPY\x01\x00\x76\x00{", 11, "expected an array's header"},
        {"c.npz", "PK\x03\x04\x14\x00", 6, "zip archive"},
        {"d.safetensors", "\x02\x00\x00\x00\x00\x00\x00\x00{", 9, "safetensors"},
        {"e.tar.gz", "\x1f\x8b\x08\x00\x00\x00\x00\x00", 8, "tar archive"},
    };
    for (size_t i = 0; i < sizeof BROKEN / sizeof *BROKEN; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, BROKEN[i].name);
        write_file(path, BROKEN[i].bytes, BROKEN[i].size);
        FAILS(tenas_dataset_open(TENAS_DATASET_CIFAR10, path, &dataset), TENAS_ERROR_FORMAT,
              BROKEN[i].name, BROKEN[i].word);
    }
    FAILS(tenas_dataset_open(TENAS_DATASET_IMAGENET, "/no/such/folder", &dataset), TENAS_ERROR_IO,
          "/no/such/folder", "No such file");
    CHECK(dataset == UNTOUCHED);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: data FOLDER\n", stderr);
        return 2;
    }
    test_loader();
    test_failing_loader();
    test_measuring_loader();
    test_refused_loaders();
    test_info(argv[1]);
    test_files(argv[1]);
    return finish("data.c");
}
