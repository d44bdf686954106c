/*
 * A week's work in a minute: a thousand searches made, stepped, cancelled and
 * freed in one process, and what memory stays behind.
 *
 * Usage: many_contexts [COUNT]. The last line of stdout counts the checks; the
 * line before it has the figures.
 *
 * To be run with MALLOC_ARENA_MAX=1: glibc gives threads arenas of their own,
 * whose fragments hide what the library keeps. (Without it the peak crept from
 * 35 to 44 MiB over 2,000 searches, ever more slowly; with it, it stays.)
 */

#define _POSIX_C_SOURCE 200809L

#include <time.h>
#include <unistd.h>

#include "check.h"

/* Resident memory in KiB. */
static long resident(void)
{
    long size = 0, pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm == NULL || fscanf(statm, "%ld %ld", &size, &pages) != 2)
        exit(EXIT_FAILURE);
    fclose(statm);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int threads(void)
{
    char line[256];
    int count = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Threads: %d", &count) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return count;
}

static int countdown(const tenas_progress *progress, void *user)
{
    (void)progress;
    return --*(int *)user < 0;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1000;
    long early = 0, late = 0;
    int before = threads();
    static uint8_t images[20 * 3 * 8 * 8];
    for (size_t i = 0; i < sizeof images; i++)
        images[i] = (uint8_t)((i * 2654435761u) >> 13);

    for (int i = 0; i < count; i++) {
        tenas_config *config = NULL;
        tenas_dataset *dataset = NULL;
        tenas_context *context = NULL;
        int32_t space = i % 4 == 3 ? TENAS_SPACE_DARTS : TENAS_SPACE_NAS_BENCH_201;
        OK(tenas_config_new(space, TENAS_DATASET_CUSTOM, &config));
        OK(tenas_config_set_device(config, TENAS_DEVICE_CPU, 0));
        OK(tenas_config_set_batch_size(config, 2));
        OK(tenas_config_set_repeats(config, 1));
        OK(tenas_config_set_threads(config, 1 + (uint32_t)i % 3));
        OK(tenas_config_set_seed(config, (uint64_t)i));
        OK(tenas_dataset_from_images(images, 20, 3, 8, 8, NULL, NULL, 10, &dataset));
        OK(tenas_context_new(config, dataset, &context));
        tenas_config_free(config);
        tenas_dataset_free(dataset);

        /* Some stop in a round, some between two, some from outside, some never. */
        int left = i % 5;
        bool finished = false;
        OK(tenas_context_set_progress(context, countdown, &left));
        FAILS(tenas_context_run(context), TENAS_ERROR_CANCELLED, "cancelled");
        OK(tenas_context_set_progress(context, NULL, NULL));
        if (i % 8 == 0 && space == TENAS_SPACE_NAS_BENCH_201) {
            OK(tenas_context_run_round(context, &finished));
            CHECK(!finished);
        }
        OK(tenas_context_cancel(context));
        if (i % 2 == 0)
            FAILS(tenas_context_run_round(context, &finished), TENAS_ERROR_CANCELLED, "cancelled");
        tenas_context_free(context);

        long now = resident();
        /* Peaks of the second tenth and of the last. */
        if (i >= count / 10 && i < count / 10 * 2 && now > early)
            early = now;
        if (i >= count - count / 10 && now > late)
            late = now;
    }
    /* A thread that was waited for may take a moment to leave the list. */
    for (int i = 0; i < 1000 && threads() != before; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    CHECK(threads() == before);
    /* A leak of one search's images alone would be 3.8 KiB each, 2.9 MiB in all. */
    CHECK(early > 0 && late - early < 2048);
    printf("many_contexts.c: %d searches; resident at most %ld KiB in the second tenth of them, "
           "%ld KiB in the last\n", count, early, late);
    return finish("many_contexts.c");
}
