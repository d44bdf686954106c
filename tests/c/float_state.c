/*
 * That a host's floating-point state changes no bit of a result, is what its
 * callbacks see, and comes back from every call, on each device that takes part.
 *
 * Usage: float_state [DEVICE]: a tenas_device, TENAS_DEVICE_CPU by default. The
 * last line of stdout counts the checks; the exit status is 1 if one failed.
 */

#define _GNU_SOURCE /* feenableexcept */

#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "undisturbed.h"

enum { IMAGES = 12, SIDE = 8, BYTES = IMAGES * 3 * SIDE * SIDE };

static const char *const GENOTYPE =
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_3x3~1|skip_connect~2|";

static uint8_t images[BYTES];
static int32_t device = TENAS_DEVICE_CPU;

/* ---- States ---- */

#if defined(__x86_64__)
#include <xmmintrin.h>

typedef unsigned state_t;
enum { FLUSH = 0x8000, ZEROS = 0x0040 };

static state_t get_state(void)
{
    return _mm_getcsr();
}

static void flush(unsigned which)
{
    _mm_setcsr(_mm_getcsr() | which);
}
#elif defined(__aarch64__)
typedef unsigned long state_t;
enum { FLUSH = 1, ZEROS = 2 };

static state_t get_state(void)
{
    state_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
}

/* One bit does both. */
static void flush(unsigned which)
{
    if (which != 0)
        __asm__ volatile("msr fpcr, %0" : : "r"(get_state() | 1ul << 24));
}
#endif

static const struct {
    const char *name;
    int rounding;
    unsigned flush;
    int traps;
} STATES[] = {
    {"default", FE_TONEAREST, 0, 0},
    {"FE_UPWARD", FE_UPWARD, 0, 0},
    {"FE_DOWNWARD", FE_DOWNWARD, 0, 0},
    {"FE_TOWARDZERO", FE_TOWARDZERO, 0, 0},
    {"FTZ", FE_TONEAREST, FLUSH, 0},
    {"DAZ", FE_TONEAREST, ZEROS, 0},
    {"FTZ and DAZ", FE_TONEAREST, FLUSH | ZEROS, 0},
    {"traps", FE_TONEAREST, 0, FE_ALL_EXCEPT},
};

static state_t host; /* what was set */
static int calls, changed;

static void note(void)
{
    calls++;
    changed += get_state() != host;
}

static int32_t on_progress(const tenas_progress *progress, void *user)
{
    (void)progress;
    (void)user;
    note();
    return 0;
}

static void on_line(int32_t level, const char *text, void *user)
{
    (void)level;
    (void)text;
    (void)user;
    note();
}

static int32_t load(const size_t *indices, size_t count, uint8_t *out, void *user)
{
    (void)user;
    note();
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * 3 * SIDE * SIDE, images + indices[i] * 3 * SIDE * SIDE, 3 * SIDE * SIDE);
    return 0;
}

static int32_t fail_to_load(const size_t *indices, size_t count, uint8_t *out, void *user)
{
    (void)indices;
    (void)count;
    (void)out;
    (void)user;
    note();
    return 7;
}

static void release(void *user)
{
    (void)user;
    note();
}

/* ---- What is computed ---- */

static tenas_config *make_config(void)
{
    tenas_config *config = NULL;
    OK(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CUSTOM, &config));
    OK(tenas_config_set_device(config, device, 0));
    OK(tenas_config_set_batch_size(config, 3));
    OK(tenas_config_set_repeats(config, 1));
    OK(tenas_config_set_prune_per_edge(config, 2));
    return config;
}

static tenas_dataset *make_dataset(void)
{
    tenas_dataset *dataset = NULL;
    /* Mean and deviation are computed. */
    OK(tenas_dataset_from_callback(IMAGES, 3, SIDE, SIDE, NULL, NULL, 10, load, release, NULL,
                                   "images", &dataset));
    return dataset;
}

static tenas_context *make_context(void)
{
    tenas_config *config = make_config();
    tenas_dataset *dataset = make_dataset();
    tenas_context *context = NULL;
    OK(tenas_context_new(config, dataset, &context));
    tenas_config_free(config);
    tenas_dataset_free(dataset);
    if (context == NULL)
        exit(EXIT_FAILURE);
    OK(tenas_context_set_progress(context, on_progress, NULL));
    OK(tenas_context_set_log(context, on_line, NULL));
    return context;
}

static tenas_indicators first_found;

static void measure(tenas_indicators *found)
{
    tenas_config *config = make_config();
    tenas_dataset *dataset = make_dataset();
    memset(found, 0, sizeof *found);
    found->struct_size = sizeof *found;
    OK(tenas_indicators_of(config, dataset, GENOTYPE, found));
    found->seconds = 0;
    tenas_config_free(config);
    tenas_dataset_free(dataset);
}

/* Nothing here may compute a floating-point number: it might trap. */
static void compute_all(tenas_indicators *found)
{
    tenas_context *context = make_context();
    tenas_dataset *dataset = UNTOUCHED;
    CHECK(get_state() == host);
    OK(tenas_context_run(context));
    CHECK(get_state() == host);
    check_result(context);
    FAILS(tenas_context_prune(context, 99, 0, 0), TENAS_ERROR_INVALID_ARGUMENT, "cell");
    CHECK(get_state() == host);
    tenas_context_free(context);
    FAILS(tenas_dataset_from_callback(IMAGES, 3, SIDE, SIDE, NULL, NULL, 10, fail_to_load, NULL, NULL,
                                      "images", &dataset),
          TENAS_ERROR_IO, "load returned 7");
    CHECK(get_state() == host);
    measure(found);
    CHECK(get_state() == host);
}

int main(int count, char **arguments)
{
    if (count > 1)
        device = atoi(arguments[1]);
    for (uint32_t i = 0, state = 1; i < BYTES; i++) {
        state = state * 1664525 + 1013904223;
        images[i] = (uint8_t)(state >> 24);
    }
    host = get_state();
    fill_expected();
    measure(&first_found);
    for (size_t i = 0; i < sizeof STATES / sizeof *STATES; i++) {
        tenas_indicators found;
        fenv_t before;
        calls = changed = 0;
        fegetenv(&before);
        fesetround(STATES[i].rounding);
        flush(STATES[i].flush);
        feclearexcept(FE_ALL_EXCEPT);
        feenableexcept(STATES[i].traps);
        host = get_state();
        compute_all(&found);
        fesetenv(&before);
        check(changed == 0 && calls > CANDIDATES, __FILE__, __LINE__, "callbacks", STATES[i].name);
        check(memcmp(&found, &first_found, sizeof found) == 0, __FILE__, __LINE__, "indicators",
              STATES[i].name);
    }
    return finish("float_state.c");
}
