/*
 * The same two searches as its siblings in other languages, printed to the last bit: same_search IMAGES,
 * a file of 16 x 3 x 8 x 8 bytes. Of each search the genotype, then a line for each candidate.
 */

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenas.h>

static void ok(tenas_status status)
{
    if (status != TENAS_OK) {
        fprintf(stderr, "%s\n", tenas_last_error_message());
        exit(1);
    }
}

static uint64_t bits(double value)
{
    uint64_t out;
    memcpy(&out, &value, sizeof out);
    return out;
}

static void search(const tenas_dataset *dataset, int32_t space, uint32_t batch_size,
                   uint32_t prune_per_edge)
{
    tenas_config *config = NULL;
    tenas_context *context = NULL;
    char genotype[1024];
    size_t length, count;
    tenas_record r;

    ok(tenas_config_new(space, TENAS_DATASET_CUSTOM, &config));
    ok(tenas_config_set_seed(config, 5));
    ok(tenas_config_set_repeats(config, 2));
    ok(tenas_config_set_batch_size(config, batch_size));
    ok(tenas_config_set_prune_per_edge(config, prune_per_edge));
    ok(tenas_context_new(config, dataset, &context));
    ok(tenas_context_run(context));
    ok(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, genotype, sizeof genotype, &length));
    printf("%s\n", genotype);

    r.struct_size = sizeof r;
    ok(tenas_context_record_count(context, &count));
    for (size_t index = 0; index < count; index++) {
        ok(tenas_context_record(context, index, &r));
        printf("%" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRId32,
               r.round, r.cell, r.edge, r.operation, r.ntk_rank, r.regions_rank, r.pruned);
        printf(" %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64
               " %016" PRIx64 "\n",
               bits(r.ntk_delta), bits(r.regions_delta), bits(r.ntk_now), bits(r.ntk_without),
               bits(r.regions_now), bits(r.regions_without));
    }
    tenas_context_free(context);
    tenas_config_free(config);
}

int main(int argc, char **argv)
{
    static uint8_t images[16 * 3 * 8 * 8];
    tenas_dataset *dataset = NULL;
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL || fread(images, 1, sizeof images, file) != sizeof images) {
        fprintf(stderr, "usage: same_search IMAGES\n");
        return 2;
    }
    fclose(file);
    ok(tenas_dataset_from_images(images, 16, 3, 8, 8, NULL, NULL, 4, &dataset));
    search(dataset, TENAS_SPACE_NAS_BENCH_201, 4, 1);
    search(dataset, TENAS_SPACE_DARTS, 2, 7);
    tenas_dataset_free(dataset);
    return 0;
}
