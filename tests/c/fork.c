/*
 * What a process may do with the library after fork(), and that a child never
 * hangs: everything runs against an alarm.
 *
 * Usage: fork FOLDER [DEVICE [JPEGS]]: a writable folder; the tenas_device that
 * all searches compute on, TENAS_DEVICE_CPU by default; a folder of ImageNet's
 * layout. The last line of stdout counts the checks; the exit status is 1 if
 * one failed.
 */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "refused.h"
#include "undisturbed.h"

enum { IMAGES = 12, SIDE = 8, BYTES = IMAGES * 3 * SIDE * SIDE };
/* Forks beside a search that runs, and seconds that a process may take. */
enum { FORKS = 40, PATIENCE = 60 };

static uint8_t images[BYTES];
static char file[512];
static int32_t device = TENAS_DEVICE_CPU;

static int32_t load_images(const size_t *indices, size_t count, uint8_t *out, void *user)
{
    (void)user;
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * 3 * SIDE * SIDE, images + indices[i] * 3 * SIDE * SIDE, 3 * SIDE * SIDE);
    return 0;
}

static int released;

static void count_release(void *user)
{
    (void)user;
    released++;
}

static tenas_dataset *make_dataset(void)
{
    tenas_dataset *dataset = NULL;
    OK(tenas_dataset_from_images(images, IMAGES, 3, SIDE, SIDE, NULL, NULL, 10, &dataset));
    return dataset;
}

static tenas_config *make_config(void)
{
    tenas_config *config = NULL;
    OK(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CUSTOM, &config));
    OK(tenas_config_set_device(config, device, 0));
    OK(tenas_config_set_batch_size(config, 2));
    OK(tenas_config_set_repeats(config, 1));
    OK(tenas_config_set_prune_per_edge(config, 2));
    OK(tenas_config_set_threads(config, 4));
    return config;
}

static tenas_context *context_of(tenas_config *config, tenas_dataset *dataset)
{
    tenas_context *context = NULL;
    OK(tenas_context_new(config, dataset, &context));
    if (context == NULL)
        exit(EXIT_FAILURE);
    return context;
}

static tenas_context *make_context(void)
{
    tenas_config *config = make_config();
    tenas_dataset *dataset = make_dataset();
    tenas_context *context = context_of(config, dataset);
    tenas_config_free(config);
    tenas_dataset_free(dataset);
    return context;
}

/* ---- Children ---- */

/* What a child does with what its parent made. */
struct inherited {
    tenas_context *context;
    tenas_config *config;
    tenas_dataset *dataset;
    tenas_dataset *loaded; /* by load_images */
    tenas_benchmark *table;
};

typedef void child_body(const struct inherited *);

/* Runs it in a child. */
static pid_t start(child_body *body, const struct inherited *inherited)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(PATIENCE);
        failed = 0;
        body(inherited);
        fflush(stdout);
        _exit(failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    CHECK(child > 0);
    return child;
}

static void wait_for(pid_t child, const char *what)
{
    int status = -1;
    char text[64];
    CHECK(waitpid(child, &status, 0) == child);
    snprintf(text, sizeof text, "wait status %d%s", status,
             WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ": it hung" : "");
    check(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS, __FILE__, __LINE__, what, text);
}

#define IN_A_CHILD(body, inherited) wait_for(start((body), (inherited)), #body)

/* Every call on the parent's context says so. It can be freed. */
static void refuse_the_context(const struct inherited *mine)
{
    tenas_progress progress = {.struct_size = sizeof progress};
    uint32_t done = 0, all = 0;
    check_refused(mine->context, file, "in its forked child", "make it after the fork");
    FAILS(tenas_context_progress(mine->context, &progress), TENAS_ERROR_INVALID_STATE, "context",
          "spawn");
    FAILS(tenas_context_work(mine->context, &done, &all), TENAS_ERROR_INVALID_STATE, "context",
          "spawn");
    FAILS(tenas_context_clear_cancel(mine->context), TENAS_ERROR_INVALID_STATE, "fork");
    CHECK(tenas_context_cancel(mine->context) == TENAS_ERROR_INVALID_STATE);
    tenas_context_free(mine->context);
}

/* A search of the child's own on the parent's configuration and images. */
static void search_on_what_is_inherited(const struct inherited *mine)
{
    run_on(context_of(mine->config, mine->dataset));
    OK(tenas_config_set_seed(mine->config, 7));
    run_on(make_context());
}

/* All other kinds of objects, and what is computed once a process. */
static void use_everything(const struct inherited *mine)
{
    uint64_t digest = 0, own = 0;
    double accuracy = 0;
    size_t place = 0, length = 0, count = 0;
    char text[1024];
    tenas_dataset *dataset = make_dataset();
    tenas_indicators found = {.struct_size = sizeof found};
    tenas_parameter parameter = {.struct_size = sizeof parameter};
    OK(tenas_dataset_digest(mine->dataset, &digest));
    OK(tenas_dataset_digest(dataset, &own));
    CHECK(digest == own);
    OK(tenas_benchmark_accuracy(mine->table, expected_genotype, TENAS_DATASET_CIFAR10, &accuracy));
    OK(tenas_benchmark_rank(mine->table, expected_genotype, TENAS_DATASET_CIFAR10, &place));
    CHECK(accuracy == 90 && place == 1);
    OK(tenas_indicators_of(mine->config, mine->loaded, expected_genotype, &found));
    CHECK(found.connected == 1 && found.ntk >= 1);
    OK(tenas_genotype_sample(TENAS_SPACE_DARTS, 1, 2, TENAS_GENOTYPE_JSON, text, sizeof text,
                             &length));
    OK(tenas_parameter_info(TENAS_SPACE_DARTS, TENAS_DATASET_CIFAR10, 0, &parameter));
    OK(tenas_parameter_count(&count));
    OK(tenas_config_to_json(mine->config, text, sizeof text, &length));

    tenas_benchmark_free(mine->table);
    tenas_config_free(mine->config);
    tenas_dataset_free(mine->dataset);
    tenas_dataset_free(dataset);
    /* The context has the images as well. */
    tenas_dataset_free(mine->loaded);
    CHECK(released == 0);
    tenas_context_free(mine->context);
    CHECK(released == 1);
}

/* The child's own context is its parent's in the grandchild. */
static void have_a_child(const struct inherited *mine)
{
    struct inherited own = *mine;
    own.context = context_of(mine->config, mine->dataset);
    OK(tenas_context_run(own.context));
    IN_A_CHILD(refuse_the_context, &own);
    IN_A_CHILD(refuse_the_context, mine);
    IN_A_CHILD(search_on_what_is_inherited, &own);
    check_result(own.context);
    tenas_context_free(own.context);
}

static void everything(const struct inherited *mine)
{
    search_on_what_is_inherited(mine);
    refuse_the_context(mine);
}

/* ---- Tests ---- */

static struct inherited make_inherited(void)
{
    struct inherited made = {NULL, make_config(), make_dataset(), NULL, NULL};
    FILE *table = fopen(file, "w");
    OK(tenas_dataset_from_callback(IMAGES, 3, SIDE, SIDE, NULL, NULL, 10, load_images, count_release,
                                   NULL, "images", &made.loaded));
    made.context = context_of(made.config, made.loaded);
    if (table == NULL)
        exit(EXIT_FAILURE);
    fprintf(table, "arch_string\tcifar10\n%s\t90\n", expected_genotype);
    fclose(table);
    OK(tenas_benchmark_open(file, &made.table));
    return made;
}

static void free_inherited(const struct inherited *made)
{
    tenas_context_free(made->context);
    tenas_config_free(made->config);
    tenas_dataset_free(made->dataset);
    tenas_dataset_free(made->loaded);
    tenas_benchmark_free(made->table);
}

static void test_idle_parent(void)
{
    struct inherited made = make_inherited();
    IN_A_CHILD(refuse_the_context, &made);
    OK(tenas_context_run(made.context));
    IN_A_CHILD(refuse_the_context, &made);
    IN_A_CHILD(search_on_what_is_inherited, &made);
    IN_A_CHILD(use_everything, &made);
    IN_A_CHILD(have_a_child, &made);
    /* The parent's are as they were. */
    check_result(made.context);
    free_inherited(&made);
    CHECK(released == 1);
    released = 0;
}

static volatile bool stop;

static void *search_again_and_again(void *user)
{
    const struct inherited *made = user;
    while (!stop) {
        tenas_context *context = context_of(made->config, made->dataset);
        tenas_context_run(context);
        tenas_context_free(context);
    }
    return NULL;
}

static void *change_the_config(void *config)
{
    for (uint64_t n = 0; !stop; n++)
        tenas_config_set_threads(config, 1 + n % 4);
    return NULL;
}

static void *run_in_thread(void *context)
{
    tenas_status status;
    do
        status = tenas_context_run(context);
    while (status == TENAS_OK && !stop);
    return NULL;
}

/*
 * The parent computes on other threads meanwhile, and takes every lock there is
 * but that of the configuration that its children go by: see test_config_in_use.
 */
static void test_busy_parent(void)
{
    struct inherited made = make_inherited(), busy = made;
    tenas_config *changing = make_config();
    pthread_t threads[4];
    busy.config = make_config();
    stop = false;
    CHECK(pthread_create(&threads[0], NULL, search_again_and_again, &busy) == 0);
    CHECK(pthread_create(&threads[1], NULL, search_again_and_again, &busy) == 0);
    CHECK(pthread_create(&threads[2], NULL, run_in_thread, made.context) == 0);
    CHECK(pthread_create(&threads[3], NULL, change_the_config, changing) == 0);
    for (int n = 0; n < FORKS; n++) {
        struct timespec some = {0, 1000000L * (n % 17)};
        nanosleep(&some, NULL);
        IN_A_CHILD(everything, &made);
    }
    stop = true;
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    tenas_config_free(changing);
    tenas_config_free(busy.config);
    run_on(context_of(made.config, made.dataset));
    free_inherited(&made);
    released = 0;
}

/* A configuration that a thread of the parent was changing is refused; any other works. */
static void ask_for_the_seed(const struct inherited *mine)
{
    uint32_t threads = 0;
    tenas_status status = tenas_config_threads(mine->config, &threads);
    CHECK(status == TENAS_OK || status == TENAS_ERROR_INVALID_STATE);
    if (status == TENAS_OK)
        CHECK(threads >= 1 && threads <= 4);
    else
        CHECK(strstr(tenas_last_error_message(), "config: found one that a thread of process"));
    tenas_config_free(mine->config);
}

static void test_config_in_use(void)
{
    struct inherited made = {NULL, make_config(), NULL, NULL, NULL};
    pthread_t thread;
    stop = false;
    CHECK(pthread_create(&thread, NULL, change_the_config, made.config) == 0);
    for (int n = 0; n < FORKS; n++)
        IN_A_CHILD(ask_for_the_seed, &made);
    stop = true;
    pthread_join(thread, NULL);
    tenas_config_free(made.config);
}

/* From inside a run: the child ends before the callback returns. */
static int32_t fork_at_third(const tenas_progress *progress, void *user)
{
    if (progress->candidate == 3)
        IN_A_CHILD(everything, user);
    return 0;
}

static void test_fork_in_a_callback(void)
{
    struct inherited made = make_inherited();
    OK(tenas_context_set_progress(made.context, fork_at_third, &made));
    OK(tenas_context_run(made.context));
    check_result(made.context);
    free_inherited(&made);
    released = 0;
}

/* Images that are read as they are needed, and kept in a cache under a lock. */
static tenas_dataset *jpegs;

static void search_on_jpegs(const struct inherited *mine)
{
    OK(tenas_config_set_seed(mine->config, 0));
    tenas_context *context = context_of(mine->config, jpegs);
    OK(tenas_context_run(context));
    check_result(context);
    tenas_context_free(context);
    tenas_dataset_free(jpegs);
}

static void *open_and_search(void *user)
{
    const struct inherited *made = user;
    while (!stop) {
        tenas_context *context = context_of(made->config, jpegs);
        tenas_context_run(context);
        tenas_context_free(context);
    }
    return NULL;
}

static void test_jpegs(const char *folder)
{
    struct inherited made = {NULL, make_config(), NULL, NULL, NULL};
    pthread_t thread;
    size_t length;
    OK(tenas_dataset_open(TENAS_DATASET_IMAGENET, folder, &jpegs));
    if (jpegs == NULL)
        return;
    tenas_context *context = context_of(made.config, jpegs);
    OK(tenas_context_run(context));
    OK(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, expected_genotype,
                              sizeof expected_genotype, &length));
    for (size_t i = 0; i < CANDIDATES; i++)
        OK(tenas_context_record(context, i, &expected[i]));
    tenas_context_free(context);

    stop = false;
    CHECK(pthread_create(&thread, NULL, open_and_search, &made) == 0);
    for (int n = 0; n < FORKS / 4; n++) {
        struct timespec some = {0, 3000000L * n};
        nanosleep(&some, NULL);
        IN_A_CHILD(search_on_jpegs, &made);
    }
    stop = true;
    pthread_join(thread, NULL);
    tenas_dataset_free(jpegs);
    tenas_config_free(made.config);
}

int main(int count, char **arguments)
{
    if (count < 2) {
        fprintf(stderr, "usage: fork FOLDER [DEVICE [JPEGS]]\n");
        return 2;
    }
    if (count > 2)
        device = atoi(arguments[2]);
    snprintf(file, sizeof file, "%s/fork.tsv", arguments[1]);
    alarm(10 * PATIENCE);
    for (uint32_t i = 0, state = 1; i < BYTES; i++) {
        state = state * 1664525 + 1013904223;
        images[i] = (uint8_t)(state >> 24);
    }
    fill_expected();
    test_idle_parent();
    test_fork_in_a_callback();
    test_config_in_use();
    test_busy_parent();
    if (count > 3)
        test_jpegs(arguments[3]);
    return finish("fork.c");
}
