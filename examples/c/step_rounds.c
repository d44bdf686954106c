/*
 * Runs a search in pieces, as a scheduler or a cluster would: each round's
 * candidates are scored in parts, by two workers, and all scores go to both.
 *
 *     step_rounds
 *
 * Here the workers are two contexts of one program. On two machines, send the
 * bytes of the scores from one to the other: they stay in step as long as both
 * began with the same configuration and images.
 *
 * Each round and, as the last line, the architecture go to stdout.
 */

#include <stdio.h>
#include <stdlib.h>

#include <tenas.h>

enum { WORKERS = 2, MOST_CANDIDATES = 256 }; /* a round of DARTS has up to 196 */

static void check(tenas_status status)
{
    if (status == TENAS_OK)
        return;
    fprintf(stderr, "step_rounds: %s\n", tenas_last_error_message());
    exit(EXIT_FAILURE);
}

/* Any worker could be on a machine of its own. */
static tenas_context *make_worker(void)
{
    tenas_config *config = NULL;
    tenas_dataset *dataset = NULL;
    tenas_context *worker = NULL;
    check(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CIFAR10, &config));
    check(tenas_config_set_seed(config, 1));
    /* Small, to take seconds. Without these two lines: the published settings. */
    check(tenas_config_set_batch_size(config, 8));
    check(tenas_config_set_repeats(config, 1));
    check(tenas_dataset_synthetic(TENAS_DATASET_CIFAR10, 1, &dataset));
    check(tenas_context_new(config, dataset, &worker));
    tenas_dataset_free(dataset);
    tenas_config_free(config);
    return worker;
}

int main(void)
{
    tenas_context *workers[WORKERS];
    for (int w = 0; w < WORKERS; w++)
        workers[w] = make_worker();

    bool finished = false;
    for (int round = 1; !finished; round++) {
        tenas_score scores[MOST_CANDIDATES];
        size_t count;
        check(tenas_context_candidate_count(workers[0], &count));
        if (count > MOST_CANDIDATES) {
            fprintf(stderr, "step_rounds: found %zu candidates\n", count);
            return EXIT_FAILURE;
        }

        /* Worker w scores the candidates from w * count / WORKERS on. */
        for (size_t w = 0; w < WORKERS; w++) {
            size_t first = w * count / WORKERS, end = (w + 1) * count / WORKERS;
            check(tenas_context_evaluate(workers[w], first, end - first, scores + first));
        }

        /* All scores to each worker: they rank and prune alike. */
        for (int w = 0; w < WORKERS; w++)
            check(tenas_context_apply(workers[w], scores, count, &finished));

        tenas_round done = {.struct_size = sizeof done};
        check(tenas_context_round(workers[0], (size_t)round - 1, &done));
        printf("round %d: pruned %u of %u, NTK %.1f, regions %.1f\n", round, done.pruned,
               done.candidates, done.ntk, done.regions);
    }

    char genotype[256];
    size_t length;
    check(tenas_context_genotype(workers[WORKERS - 1], TENAS_GENOTYPE_NATIVE, genotype,
                                 sizeof genotype, &length));
    puts(genotype);
    for (int w = 0; w < WORKERS; w++)
        tenas_context_free(workers[w]);
    return EXIT_SUCCESS;
}
