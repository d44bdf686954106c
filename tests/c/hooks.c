/*
 * What a program sees of bugs in the library and of a lack of memory, which
 * nothing else provokes: against a library with the feature test-hooks.
 *
 * Usage: hooks FOLDER, a writable folder. The last line of stdout counts the
 * checks; the exit status is 1 if one failed.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "refused.h"
#include "undisturbed.h"

/* src/ffi/test_hooks.rs, src/hooks.rs: the place-th of these fails once, when
 * it has been reached that often. Takes the last such order back, and returns
 * whether it was still to come. */
bool tenas_test_hook(int32_t place, bool panic, uint64_t after);

enum place { NOWHERE, CALL, CONTEXT, TASK, BLOCK, RANKING, MEMORY };
static const char *const CAUSES[] = {"",
                                     "asked for by a test: Call",
                                     "asked for by a test: Context",
                                     "asked for by a test: Task",
                                     "asked for by a test: Block",
                                     "asked for by a test: Ranking",
                                     "asked for by a test: Memory"};

static void panic_at(enum place place, uint64_t after)
{
    tenas_test_hook(place, true, after);
}

static void lack_memory_at(enum place place, uint64_t after)
{
    tenas_test_hook(place, false, after);
}

/* Whether the last fault that was asked for never came; none comes now. */
static bool untouched_hook(void)
{
    bool still = tenas_test_hook(NOWHERE, false, 0);
    tenas_test_hook(NOWHERE, false, 0);
    return still;
}

enum { IMAGES = 12, SIDE = 4, BYTES = IMAGES * 3 * SIDE * SIDE };
enum { FIRST = 24, SLOTS = 30 };

static uint8_t images[BYTES];
static char file[512];

static tenas_dataset *make_dataset(void)
{
    tenas_dataset *dataset = NULL;
    OK(tenas_dataset_from_images(images, IMAGES, 3, SIDE, SIDE, NULL, NULL, 10, &dataset));
    return dataset;
}

static tenas_config *make_config(uint32_t threads)
{
    tenas_config *config = NULL;
    OK(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CUSTOM, &config));
    OK(tenas_config_set_device(config, TENAS_DEVICE_CPU, 0));
    OK(tenas_config_set_batch_size(config, 2));
    OK(tenas_config_set_repeats(config, 1));
    OK(tenas_config_set_prune_per_edge(config, 2));
    OK(tenas_config_set_threads(config, threads));
    return config;
}

static tenas_context *make_context(void)
{
    tenas_config *config = make_config(2);
    tenas_dataset *dataset = make_dataset();
    tenas_context *context = NULL;
    OK(tenas_context_new(config, dataset, &context));
    tenas_config_free(config);
    tenas_dataset_free(dataset);
    if (context == NULL)
        exit(EXIT_FAILURE);
    return context;
}

/* ---- A panic in every function ---- */

/* The name, the kind and the text of the panic are in the message. */
#define PANICS(call)                                                              \
    do {                                                                          \
        panic_at(CALL, 0);                                                        \
        FAILS(call, TENAS_ERROR_INTERNAL, "internal error: ", CAUSES[CALL]);      \
        CHECK(!untouched_hook());                                                 \
    } while (0)

static void test_every_function(void)
{
#include "every_call.h" /* made by tests/python/every_call.py */
}

/* ---- A panic in a call on a context ---- */

static int32_t count_calls(const tenas_progress *progress, void *calls)
{
    (void)progress;
    ++*(int *)calls;
    return 0;
}

static void ignore_line(int32_t level, const char *text, void *user)
{
    (void)level;
    (void)text;
    (void)user;
}

/* Everything is refused, with the cause, but for what never waits. */
static void check_poisoned(tenas_context *context, const char *cause)
{
    check_refused(context, file, "earlier internal error", cause);

    tenas_progress progress = {.struct_size = sizeof progress};
    OK(tenas_context_progress(context, &progress));
    uint32_t done, all;
    OK(tenas_context_work(context, &done, &all));
    OK(tenas_context_cancel(context));
    FAILS(tenas_context_run(context), TENAS_ERROR_INVALID_STATE, cause); /* not: cancelled */
    OK(tenas_context_clear_cancel(context));
}

struct poisoned {
    tenas_context *context;
    const char *cause;
};

static void *check_poisoned_in_thread(void *user)
{
    struct poisoned *poisoned = user;
    check_poisoned(poisoned->context, poisoned->cause);
    return NULL;
}

static void test_poison(void)
{
    static const struct {
        enum place place;
        uint64_t after;
        int at_least, at_most; /* candidates that are finished before it */
    } PANICS_AT[] = {
        {CONTEXT, 0, 0, 0},  /* on the calling thread */
        {TASK, 0, 0, 0},     /* on a thread of the engine: the first task, */
        {TASK, 20, 1, 12},   /* one of the first round, */
        {TASK, 60, 24, 30},  /* one of the second */
        {BLOCK, 1, 0, 0},    /* a part of a task, */
        {BLOCK, 21, 1, 12},  /* a later one */
        {RANKING, 0, 24, 24}, /* the end of the first round, */
        {RANKING, 1, 36, 36}, /* of the second */
    };
    for (size_t i = 0; i < sizeof PANICS_AT / sizeof *PANICS_AT; i++) {
        tenas_context *context = make_context();
        const char *cause = CAUSES[PANICS_AT[i].place];
        int calls = 0;
        OK(tenas_context_set_progress(context, count_calls, &calls));
        OK(tenas_context_set_log(context, ignore_line, NULL));
        panic_at(PANICS_AT[i].place, PANICS_AT[i].after);
        FAILS(tenas_context_run(context), TENAS_ERROR_INTERNAL, "internal error: ", cause);
        CHECK(!untouched_hook());
        CHECK(calls >= PANICS_AT[i].at_least && calls <= PANICS_AT[i].at_most);

        struct poisoned poisoned = {context, cause};
        pthread_t thread;
        check_poisoned(context, cause);
        CHECK(pthread_create(&thread, NULL, check_poisoned_in_thread, &poisoned) == 0);
        pthread_join(thread, NULL);

        tenas_context_free(context);
    }
    run_on(make_context());
}

/* By way of the other calls that compute. */
static void test_poison_in_pieces(void)
{
    tenas_context *context = make_context();
    tenas_score scores[FIRST];
    memset(scores, 0x77, sizeof scores);
    panic_at(TASK, 3);
    FAILS(tenas_context_evaluate(context, 0, FIRST, scores), TENAS_ERROR_INTERNAL, CAUSES[TASK]);
    CHECK(scores[0].round == 0x77777777);
    check_poisoned(context, CAUSES[TASK]);
    tenas_context_free(context);

    context = make_context();
    bool finished = true;
    OK(tenas_context_evaluate(context, 0, FIRST, scores));
    panic_at(RANKING, 0);
    FAILS(tenas_context_apply(context, scores, FIRST, &finished), TENAS_ERROR_INTERNAL,
          CAUSES[RANKING]);
    CHECK(finished);
    check_poisoned(context, CAUSES[RANKING]);
    tenas_context_free(context);
}

/* The last checkpoint before it is whole. */
static void test_checkpoint_before_a_panic(void)
{
    static const enum place PLACES[] = {TASK, BLOCK, RANKING};
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
        tenas_context *context = make_context();
        tenas_dataset *dataset = make_dataset();
        tenas_progress progress = {.struct_size = sizeof progress};
        OK(tenas_context_set_checkpoint(context, file, 0));
        panic_at(PLACES[i], i == 2 ? 1 : 30);
        FAILS(tenas_context_run(context), TENAS_ERROR_INTERNAL, CAUSES[PLACES[i]]);
        tenas_context_free(context);
        context = NULL;
        OK(tenas_context_load(file, dataset, NULL, &context));
        tenas_dataset_free(dataset);
        if (context == NULL)
            exit(EXIT_FAILURE);
        OK(tenas_context_progress(context, &progress));
        CHECK(progress.candidate > 0 || progress.round > 0);
        run_on(context);
    }
}

static void *run_in_thread(void *context)
{
    return tenas_context_run(context) == TENAS_OK ? context : NULL;
}

/* Of two searches at once one has the panic; the other does not notice. */
static void test_panic_beside_a_search(void)
{
    tenas_context *a = make_context(), *b = make_context();
    pthread_t thread;
    void *result = NULL;
    panic_at(TASK, 40);
    CHECK(pthread_create(&thread, NULL, run_in_thread, a) == 0);
    bool b_well = tenas_context_run(b) == TENAS_OK;
    pthread_join(thread, &result);
    bool a_well = result != NULL;
    CHECK(a_well != b_well);
    check_poisoned(a_well ? b : a, CAUSES[TASK]);
    check_result(a_well ? a : b);
    tenas_context_free(a);
    tenas_context_free(b);
}

/* Nothing but a context can be left half changed. */
static void test_panic_without_a_context(void)
{
    tenas_config *config = make_config(2);
    tenas_dataset *dataset = make_dataset(), *none = UNTOUCHED;
    tenas_context *context = UNTOUCHED;
    tenas_indicators found = {.struct_size = sizeof found, .repeats = 7};
    panic_at(TASK, 1);
    FAILS(tenas_indicators_of(config, dataset, expected_genotype, &found), TENAS_ERROR_INTERNAL,
          CAUSES[TASK]);
    CHECK(found.repeats == 7);
    OK(tenas_indicators_of(config, dataset, expected_genotype, &found));
    CHECK(found.repeats == 1);
    panic_at(MEMORY, 0);
    FAILS(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 1, &none), TENAS_ERROR_INTERNAL,
          CAUSES[MEMORY]);
    CHECK(none == (tenas_dataset *)UNTOUCHED);
    panic_at(CALL, 0);
    FAILS(tenas_context_new(config, dataset, &context), TENAS_ERROR_INTERNAL, CAUSES[CALL]);
    CHECK(context == (tenas_context *)UNTOUCHED);
    OK(tenas_context_new(config, dataset, &context));
    tenas_config_free(config);
    tenas_dataset_free(dataset);
    run_on(context);
}

/* ---- A lack of memory ---- */

/* The call, again and again: memory is lacking the first time that it is asked
 * for, then later and later, until it is not any more. `failures` counts. */
#define WITHOUT_MEMORY(call, failures)                                            \
    do {                                                                          \
        failures = 0;                                                             \
        for (uint64_t after_ = 0;; after_ += 1 + after_ / 4, failures++) {        \
            lack_memory_at(MEMORY, after_);                                       \
            tenas_status status_ = (call);                                        \
            if (untouched_hook()) {                                               \
                OK(status_);                                                      \
                break;                                                            \
            }                                                                     \
            FAILS_IN(#call, status_, TENAS_ERROR_OUT_OF_MEMORY, "out of memory",  \
                     CAUSES[MEMORY]);                                             \
        }                                                                         \
        CHECK(failures > 0);                                                      \
    } while (0)

/* What was scored is kept: each run goes on, to the same result. */
static void test_run_without_memory(void)
{
    tenas_context *context = make_context();
    int failures;
    WITHOUT_MEMORY(tenas_context_run(context), failures);
    CHECK(failures > 20);
    check_result(context);
    tenas_context_free(context);

    static const enum place PLACES[] = {CONTEXT, TASK, BLOCK, RANKING};
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
        context = make_context();
        int calls = 0;
        OK(tenas_context_set_progress(context, count_calls, &calls));
        lack_memory_at(PLACES[i], i == 0 || i == 3 ? 0 : 20);
        FAILS(tenas_context_run(context), TENAS_ERROR_OUT_OF_MEMORY, CAUSES[PLACES[i]]);
        CHECK(!untouched_hook());
        OK(tenas_context_run(context));
        CHECK(calls == CANDIDATES); /* none twice */
        check_result(context);
        tenas_context_free(context);
    }
}

static void test_calls_without_memory(void)
{
    tenas_config *config = make_config(1);
    tenas_dataset *dataset = make_dataset(), *synthetic = UNTOUCHED;
    tenas_context *context = UNTOUCHED, *loaded = UNTOUCHED;
    tenas_indicators found = {.struct_size = sizeof found};
    uint8_t mask[SLOTS];
    size_t count;
    int failures;

    lack_memory_at(MEMORY, 0);
    FAILS(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 1, &synthetic),
          TENAS_ERROR_OUT_OF_MEMORY, CAUSES[MEMORY]);
    CHECK(synthetic == (tenas_dataset *)UNTOUCHED);
    OK(tenas_context_new(config, dataset, &context));
    OK(tenas_context_mask(context, mask, SLOTS, &count));
    WITHOUT_MEMORY(tenas_indicators_of(config, dataset, expected_genotype, &found), failures);
    WITHOUT_MEMORY(tenas_indicators_of_mask(config, dataset, mask, SLOTS, &found), failures);
    WITHOUT_MEMORY(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 1, &synthetic), failures);
    tenas_dataset_free(synthetic);

    tenas_score scores[FIRST];
    WITHOUT_MEMORY(tenas_context_evaluate(context, 0, 3, scores), failures);
    OK(tenas_context_save(context, file));
    WITHOUT_MEMORY(tenas_context_load(file, dataset, NULL, &loaded), failures);
    run_on(loaded);
    run_on(context);
    tenas_config_free(config);
    tenas_dataset_free(dataset);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("Usage: hooks FOLDER\n", stderr);
        return 2;
    }
    snprintf(file, sizeof file, "%s/hooks.json", argv[1]);
    for (uint32_t i = 0, x = 1; i < BYTES; i++, x = 1664525 * x + 1013904223)
        images[i] = (uint8_t)(x >> 24);

    fill_expected();
    test_every_function();
    test_poison();
    test_poison_in_pieces();
    test_checkpoint_before_a_panic();
    test_panic_beside_a_search();
    test_panic_without_a_context();
    test_run_without_memory();
    test_calls_without_memory();

    return finish("hooks.c");
}
