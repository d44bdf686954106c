/*
 * Stops a search in the middle, and goes on from its checkpoint as another program
 * would, after a crash for example: to the same architecture.
 *
 *     resume [FILE]     the checkpoint; search.checkpoint.json without one
 *
 * The architecture is the last line of stdout.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenas.h>

static void check(tenas_status status)
{
    if (status == TENAS_OK)
        return;
    fprintf(stderr, "resume: %s\n", tenas_last_error_message());
    exit(EXIT_FAILURE);
}

static tenas_context *make_search(const tenas_dataset *dataset)
{
    tenas_config *config = NULL;
    tenas_context *context = NULL;
    check(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CIFAR10, &config));
    check(tenas_config_set_seed(config, 1));
    /* Small, to take seconds. Without these two lines: the published settings. */
    check(tenas_config_set_batch_size(config, 8));
    check(tenas_config_set_repeats(config, 1));
    check(tenas_context_new(config, dataset, &context));
    tenas_config_free(config);
    return context;
}

/* Called after each candidate. Anything but 0 cancels: here, in the second round. */
static int32_t stop_in_second_round(const tenas_progress *progress, void *user)
{
    (void)user;
    return progress->round == 1 && progress->candidate == 5;
}

static void finish(tenas_context *context, char genotype[256])
{
    size_t length;
    check(tenas_context_run(context));
    check(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, genotype, 256, &length));
    tenas_context_free(context);
}

int main(int argc, char **argv)
{
    const char *file = argc > 1 ? argv[1] : "search.checkpoint.json";
    char resumed[256], undisturbed[256];
    tenas_dataset *dataset = NULL;
    check(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 1, &dataset));

    /* It saves itself at once, after each round, and after a candidate every 10
     * seconds. 0 would save it after each candidate. */
    tenas_context *first = make_search(dataset);
    check(tenas_context_set_checkpoint(first, file, 10));
    check(tenas_context_set_progress(first, stop_in_second_round, NULL));
    tenas_status status = tenas_context_run(first);
    if (status != TENAS_ERROR_CANCELLED) {
        check(status);
        fputs("resume: found the end of the search, expected its cancellation\n", stderr);
        return EXIT_FAILURE;
    }
    check(tenas_context_save(first, file)); /* with the last candidates; after a crash
                                               they would be scored again */
    tenas_context_free(first);
    printf("stopped; the search is in %s\n", file);

    /* Only the images and the file are needed. Callbacks are to be set again. */
    tenas_context *second = NULL;
    check(tenas_context_load(file, dataset, NULL, &second));
    tenas_progress progress = {.struct_size = sizeof progress};
    check(tenas_context_progress(second, &progress));
    printf("resumed in round %u, with %u of %u candidates\n", progress.round + 1,
           progress.candidate, progress.candidates);
    finish(second, resumed);

    finish(make_search(dataset), undisturbed);
    tenas_dataset_free(dataset);
    if (strcmp(resumed, undisturbed) != 0) {
        fprintf(stderr, "resume: found %s, expected %s\n", resumed, undisturbed);
        return EXIT_FAILURE;
    }
    puts(resumed);
    return EXIT_SUCCESS;
}
