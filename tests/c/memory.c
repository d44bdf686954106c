/*
 * Memory that runs out in what grows with the input. Each scenario runs in
 * processes of its own that may take so many MiB more than they have (of
 * address space: RLIMIT_AS). The call succeeds or returns
 * TENAS_ERROR_OUT_OF_MEMORY; nothing ends the process; with the limit lifted
 * the same handles give what an undisturbed process gives.
 *
 * Usage: memory FOLDER, a writable folder. Not for valgrind or sanitizers,
 * which need address space of their own.
 */

#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char folder[400], path[512];

/* ---- Limits ---- */

static rlim_t address_space(void)
{
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm == NULL || fscanf(statm, "%lu", &pages) != 1)
        exit(EXIT_FAILURE);
    fclose(statm);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* 0 lifts the limit. */
static void allow(size_t mib)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = mib == 0 ? limit.rlim_max : address_space() + ((rlim_t)mib << 20);
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

/* ---- Scenarios: each returns the status of the call under the limit ---- */

static tenas_status outcome(tenas_status limited)
{
    allow(0);
    CHECK(limited == TENAS_OK || limited == TENAS_ERROR_OUT_OF_MEMORY);
    if (limited != TENAS_OK)
        CHECK(strlen(tenas_last_error_message()) > 20);
    return limited;
}

static tenas_status images_from_memory(size_t mib)
{
    size_t count = 50000, bytes = count * 3072;
    uint8_t *pixels = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pixels != MAP_FAILED);
    tenas_dataset *dataset = NULL;
    allow(mib);
    tenas_status status = outcome(
        tenas_dataset_from_images(pixels, count, 3, 32, 32, NULL, NULL, 10, &dataset));
    CHECK((dataset != NULL) == (status == TENAS_OK));
    tenas_dataset_free(dataset);
    OK(tenas_dataset_from_images(pixels, count, 3, 32, 32, NULL, NULL, 10, &dataset));
    tenas_dataset_free(dataset);
    return status;
}

static tenas_status synthetic_images(size_t mib)
{
    tenas_dataset *dataset = NULL;
    allow(mib);
    tenas_status status = outcome(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 1, &dataset));
    tenas_dataset_free(dataset);
    OK(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 1, &dataset));
    tenas_dataset_free(dataset);
    return status;
}

/* 40,000 images of CIFAR-10's binary form, all labels and pixels 0. */
static tenas_status cifar_file(size_t mib)
{
    tenas_dataset *dataset = NULL;
    snprintf(path, sizeof path, "%s/large.bin", folder);
    int file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    CHECK(file >= 0 && ftruncate(file, 40000L * 3073) == 0 && close(file) == 0);
    allow(mib);
    tenas_status status = outcome(tenas_dataset_open(TENAS_DATASET_CIFAR10, path, &dataset));
    if (status != TENAS_OK)
        CHECK(strstr(tenas_last_error_message(), "large.bin") != NULL);
    tenas_dataset_free(dataset);
    OK(tenas_dataset_open(TENAS_DATASET_CIFAR10, path, &dataset));
    tenas_dataset_free(dataset);
    CHECK(remove(path) == 0);
    return status;
}

static tenas_context *search(int32_t space, uint32_t batch)
{
    tenas_config *config = NULL;
    tenas_dataset *dataset = NULL;
    tenas_context *context = NULL;
    OK(tenas_config_new(space, TENAS_DATASET_CIFAR10, &config));
    OK(tenas_config_set_device(config, TENAS_DEVICE_CPU, 0));
    OK(tenas_config_set_batch_size(config, batch));
    OK(tenas_config_set_repeats(config, 1));
    OK(tenas_config_set_threads(config, 2));
    OK(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 0, &dataset));
    OK(tenas_context_new(config, dataset, &context));
    tenas_config_free(config);
    tenas_dataset_free(dataset);
    if (context == NULL)
        exit(EXIT_FAILURE);
    return context;
}

/* The first candidate of a round. What a process without limit computes, the first one does. */
static tenas_score *undisturbed;

static tenas_status candidate(size_t mib, int32_t space, uint32_t batch)
{
    tenas_context *context = search(space, batch);
    tenas_score limited, whole;
    allow(mib);
    tenas_status status = outcome(tenas_context_evaluate(context, 0, 1, &limited));
    OK(tenas_context_evaluate(context, 0, 1, &whole));
    tenas_context_free(context);
    if (mib == 0)
        *undisturbed = whole;
    CHECK(memcmp(&whole, undisturbed, sizeof whole) == 0);
    if (status == TENAS_OK)
        CHECK(memcmp(&limited, undisturbed, sizeof limited) == 0);
    return status;
}

static tenas_status nas_bench_201(size_t mib)
{
    return candidate(mib, TENAS_SPACE_NAS_BENCH_201, 40);
}

static tenas_status darts(size_t mib)
{
    return candidate(mib, TENAS_SPACE_DARTS, 16);
}

static tenas_status many_indicators(size_t mib)
{
    enum { COUNT = 1 << 17 };
    tenas_config *config = NULL;
    tenas_dataset *dataset = NULL;
    OK(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CIFAR10, &config));
    OK(tenas_config_set_device(config, TENAS_DEVICE_CPU, 0));
    OK(tenas_config_set_threads(config, 2));
    OK(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 0, &dataset));
    const char **genotypes = malloc(COUNT * sizeof *genotypes);
    tenas_indicators *out = calloc(COUNT, sizeof *out);
    CHECK(genotypes != NULL && out != NULL);
    /* Without any path there is nothing to compute. */
    for (size_t i = 0; i < COUNT; i++)
        genotypes[i] = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|";
    out[0].struct_size = sizeof *out;
    allow(mib);
    tenas_status status =
        outcome(tenas_indicators_of_many(config, dataset, genotypes, COUNT, NULL, NULL, out));
    OK(tenas_indicators_of_many(config, dataset, genotypes, 2, NULL, NULL, out));
    CHECK(out[1].regions == 1);
    free(genotypes);
    free(out);
    tenas_dataset_free(dataset);
    tenas_config_free(config);
    return status;
}

/* Texts of 4 MiB. */
static tenas_status long_texts(size_t mib)
{
    enum { LENGTH = 4 << 20 };
    char *text = malloc(LENGTH + 1);
    tenas_config *config = NULL;
    char genotype[64];
    size_t length;
    CHECK(text != NULL);
    memset(text, '0', LENGTH);
    for (int i = 1; i < LENGTH; i += 2)
        text[i] = ',';
    memcpy(text, "{\"space\":[", 10);
    memcpy(text + LENGTH - 2, "]}", 3);
    allow(mib);
    tenas_status first = tenas_config_from_json(text, &config);
    tenas_status second = tenas_genotype_convert(TENAS_SPACE_DARTS, text, TENAS_GENOTYPE_NATIVE,
                                                 genotype, sizeof genotype, &length);
    allow(0);
    CHECK(first == TENAS_ERROR_FORMAT || first == TENAS_ERROR_OUT_OF_MEMORY);
    CHECK(second == TENAS_ERROR_FORMAT || second == TENAS_ERROR_OUT_OF_MEMORY);
    CHECK(config == NULL);
    free(text);
    return first == TENAS_ERROR_OUT_OF_MEMORY ? first : TENAS_OK;
}

/* A checkpoint of many values that fit nothing. */
static tenas_status large_checkpoint(size_t mib)
{
    tenas_context *context = search(TENAS_SPACE_NAS_BENCH_201, 4), *loaded = NULL;
    tenas_dataset *dataset = NULL;
    OK(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 0, &dataset));
    snprintf(path, sizeof path, "%s/large.json", folder);
    OK(tenas_context_save(context, path));
    tenas_context_free(context);
    FILE *file = fopen(path, "r+");
    CHECK(file != NULL);
    static char text[20000];
    size_t length = fread(text, 1, sizeof text - 1, file);
    char *records = strstr(text, "\"pruned_by_host\":[]");
    CHECK(length > 0 && records != NULL);
    long at = (long)(records - text) + 18;
    CHECK(fseek(file, at, SEEK_SET) == 0);
    for (int i = 0; i < 100000; i++)
        fprintf(file, "%s{\"round\":0,\"cell\":\"normal\",\"edge\":\"1<-0\",\"operation\":"
                      "\"skip_connect\"}", i == 0 ? "" : ",");
    fprintf(file, "%s", records + 18);
    CHECK(fclose(file) == 0);
    allow(mib);
    tenas_status status = tenas_context_load(path, dataset, NULL, &loaded);
    allow(0);
    CHECK(status == TENAS_ERROR_FORMAT || status == TENAS_ERROR_OUT_OF_MEMORY);
    CHECK(strstr(tenas_last_error_message(), "large.json") != NULL);
    CHECK(loaded == NULL && remove(path) == 0);
    tenas_dataset_free(dataset);
    return status == TENAS_ERROR_OUT_OF_MEMORY ? status : TENAS_OK;
}

static const struct scenario {
    const char *name;
    tenas_status (*run)(size_t mib);
    /* About what the call needs, in MiB. */
    size_t needs;
} SCENARIOS[] = {
    {"images from memory", images_from_memory, 147},
    {"synthetic images", synthetic_images, 60},
    {"a CIFAR file", cifar_file, 118},
    {"a candidate of NAS-Bench-201", nas_bench_201, 110},
    {"a candidate of DARTS", darts, 110},
    {"indicators of many genotypes", many_indicators, 200},
    {"long texts", long_texts, 260},
    {"a large checkpoint", large_checkpoint, 600},
};

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: memory FOLDER\n");
        return 2;
    }
    snprintf(folder, sizeof folder, "%s", argv[1]);
    /* Shared with the children. */
    undisturbed = mmap(NULL, sizeof *undisturbed, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (undisturbed == MAP_FAILED)
        return EXIT_FAILURE;
    for (size_t i = 0; i < sizeof SCENARIOS / sizeof *SCENARIOS; i++) {
        const struct scenario *s = &SCENARIOS[i];
        int refused = 0;
        /* First without a limit: the call itself works. */
        for (int tenth = 0; tenth <= 10; tenth++) {
            size_t mib = s->needs * (size_t)tenth / 10;
            fflush(stdout);
            pid_t child = fork();
            if (child == 0) {
                failed = 0;
                tenas_status status = s->run(mib);
                fflush(stdout);
                _exit(failed != 0 ? 2 : status == TENAS_OK ? 0 : 1);
            }
            int status = -1;
            CHECK(child > 0 && waitpid(child, &status, 0) == child);
            bool good = WIFEXITED(status) && WEXITSTATUS(status) <= (tenth == 0 ? 0 : 1);
            if (!good)
                printf("%s with %zu MiB: %s %d\n", s->name, mib,
                       WIFSIGNALED(status) ? "signal" : "exit status",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            CHECK(good);
            refused += good && WEXITSTATUS(status) == 1;
        }
        /* Else the limits have tested nothing. */
        CHECK(refused >= 1);
        printf("memory.c: %s: refused with %d of 10 limits up to %zu MiB\n", s->name, refused,
               s->needs);
    }
    return finish("memory.c");
}
