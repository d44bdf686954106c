/*
 * Searches on images of your own, in two ways: from an array in memory, and by a
 * loader that the library calls when it needs images.
 *
 *     own_images
 *
 * Both have the same images, so both find the same architecture, which is the
 * last line of stdout.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenas.h>

/* NAS-Bench-201 needs sides that are multiples of 4. */
enum { COUNT = 256, CHANNELS = 3, SIDE = 16, CLASSES = 10 };
enum { IMAGE = CHANNELS * SIDE * SIDE };

static void check(tenas_status status)
{
    if (status == TENAS_OK)
        return;
    fprintf(stderr, "own_images: %s\n", tenas_last_error_message());
    exit(EXIT_FAILURE);
}

/*
 * Image number index, in the order that the library wants: all rows of the first
 * channel, then those of the next one. Yours would come from a file or a camera;
 * these are coloured stripes.
 */
static void draw(size_t index, uint8_t image[IMAGE])
{
    for (size_t c = 0; c < CHANNELS; c++)
        for (size_t y = 0; y < SIDE; y++)
            for (size_t x = 0; x < SIDE; x++)
                image[(c * SIDE + y) * SIDE + x] =
                    (uint8_t)((index * (c + 3) + x * (index % 7) * 16 + y * (index % 5) * 24) % 256);
}

/* What a loader is handed as `user`: whatever it needs to find images. */
struct library {
    size_t loaded;
};

/*
 * Called when a search needs images, on the thread that called in. The same index
 * must give the same image. Anything but 0 says that they could not be had.
 */
static int32_t load(const size_t *indices, size_t count, uint8_t *images, void *user)
{
    struct library *library = user;
    for (size_t i = 0; i < count; i++)
        draw(indices[i], images + i * IMAGE);
    library->loaded += count;
    return 0;
}

/* Searches on images, prints where they came from, and takes the architecture. */
static void search(const tenas_dataset *dataset, char genotype[256])
{
    tenas_config *config = NULL;
    tenas_context *context = NULL;
    char source[256];
    size_t length;
    check(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CUSTOM, &config));
    /* Small, to take seconds. Without these two lines: the published settings. */
    check(tenas_config_set_batch_size(config, 8));
    check(tenas_config_set_repeats(config, 1));
    check(tenas_context_new(config, dataset, &context));
    check(tenas_context_run(context));
    check(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, genotype, 256, &length));
    check(tenas_dataset_source(dataset, source, sizeof source, &length));
    printf("%s: %s\n", source, genotype);
    tenas_context_free(context);
    tenas_config_free(config);
}

int main(void)
{
    /* What images are normalised by, a value a channel, in units of the bytes. With
     * NULL for both the library computes it, which loads every image once. */
    const float mean[CHANNELS] = {127.5F, 127.5F, 127.5F};
    const float stddev[CHANNELS] = {64.0F, 64.0F, 64.0F};
    char from_memory[256], from_loader[256];
    tenas_dataset *dataset = NULL;

    static uint8_t images[COUNT * IMAGE];
    for (size_t i = 0; i < COUNT; i++)
        draw(i, images + i * IMAGE);
    check(tenas_dataset_from_images(images, COUNT, CHANNELS, SIDE, SIDE, mean, stddev, CLASSES,
                                    &dataset));
    search(dataset, from_memory); /* the array was copied: it may go */
    tenas_dataset_free(dataset);

    struct library library = {0};
    check(tenas_dataset_from_callback(COUNT, CHANNELS, SIDE, SIDE, mean, stddev, CLASSES, load, NULL,
                                      &library, "stripes", &dataset));
    search(dataset, from_loader);
    tenas_dataset_free(dataset);
    printf("%zu images were loaded\n", library.loaded);

    if (strcmp(from_memory, from_loader) != 0) {
        fputs("own_images: the same images gave two architectures\n", stderr);
        return EXIT_FAILURE;
    }
    puts(from_loader);
    return EXIT_SUCCESS;
}
