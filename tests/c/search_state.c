/*
 * Every call on the state of a search, used well and badly: checkpoints, rounds
 * in pieces, prunings of the host, history, log; configurations as JSON and
 * parameters by name; rankings.
 *
 * Usage: search_state FOLDER, a writable folder. The last line of stdout counts
 * the checks; the exit status is 1 if one failed.
 */

#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "check.h"
#include "undisturbed.h"

enum { IMAGES = 20, SIDE = 4, BYTES = IMAGES * 3 * SIDE * SIDE };
enum { FIRST = 24, SLOTS = 30 };

static uint8_t images[BYTES];
static char file[512], missing[600];

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
    OK(tenas_config_set_device(config, TENAS_DEVICE_CPU, 0));
    OK(tenas_config_set_batch_size(config, 4));
    OK(tenas_config_set_repeats(config, 1));
    OK(tenas_config_set_prune_per_edge(config, 2));
    OK(tenas_config_set_seed(config, 3));
    return config;
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
    return context;
}

static bool has_torch(void)
{
    char info[512];
    size_t length;
    OK(tenas_build_info(info, sizeof info, &length));
    return strstr(info, "\"libtorch\":null") == NULL;
}

static tenas_context *load(void)
{
    tenas_dataset *dataset = make_dataset();
    tenas_context *context = NULL;
    OK(tenas_context_load(file, dataset, NULL, &context));
    tenas_dataset_free(dataset);
    if (context == NULL)
        exit(EXIT_FAILURE);
    return context;
}

/* ---- Configurations as JSON, getters ---- */

static void test_getters(void)
{
    tenas_config *config = NULL;
    OK(tenas_config_new(TENAS_SPACE_DARTS, TENAS_DATASET_IMAGENET, &config));
    int32_t number = 7, index = 7;
    uint32_t count = 7;
    uint64_t seed = 7;
    OK(tenas_config_space(config, &number));
    CHECK(number == TENAS_SPACE_DARTS);
    OK(tenas_config_dataset(config, &number));
    CHECK(number == TENAS_DATASET_IMAGENET);
    OK(tenas_config_seed(config, &seed));
    CHECK(seed == 0);
    OK(tenas_config_set_seed(config, UINT64_MAX));
    OK(tenas_config_seed(config, &seed));
    CHECK(seed == UINT64_MAX);
    OK(tenas_config_init(config, &number));
    CHECK(number == TENAS_INIT_KAIMING_NORMAL);
    OK(tenas_config_sampling(config, &number));
    CHECK(number == TENAS_SAMPLING_COMMON);
    OK(tenas_config_device(config, &number, &index));
    CHECK(number == TENAS_DEVICE_AUTO && index == 0);

    static const struct {
        tenas_status (*get)(const tenas_config *, uint32_t *);
        tenas_status (*set)(tenas_config *, uint32_t);
        uint32_t preset, value;
    } COUNTS[] = {
        {tenas_config_repeats, tenas_config_set_repeats, 3, 5},
        {tenas_config_batch_size, tenas_config_set_batch_size, 24, 7},
        {tenas_config_prune_per_edge, tenas_config_set_prune_per_edge, 2, 4},
        {tenas_config_score_decimals, tenas_config_set_score_decimals, 3, 9},
        {tenas_config_threads, tenas_config_set_threads, 0, 2},
    };
    for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++) {
        OK(COUNTS[i].get(config, &count));
        CHECK(count == COUNTS[i].preset);
        OK(COUNTS[i].set(config, COUNTS[i].value));
        OK(COUNTS[i].get(config, &count));
        CHECK(count == COUNTS[i].value);
        CHECK(COUNTS[i].get(NULL, &count) == TENAS_ERROR_NULL_POINTER);
        CHECK(strstr(tenas_last_error_message(), ": config: found NULL") != NULL);
        CHECK(COUNTS[i].get(config, NULL) == TENAS_ERROR_NULL_POINTER);
        CHECK(strstr(tenas_last_error_message(), ": out: found NULL") != NULL);
    }
    FAILS(tenas_config_space(NULL, &number), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_space(config, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_config_dataset(NULL, &number), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_dataset(config, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_config_seed(NULL, &seed), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_seed(config, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_config_init(NULL, &number), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_init(config, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_config_sampling(NULL, &number), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_sampling(config, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_config_device(NULL, &number, &index), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_device(config, NULL, &index), TENAS_ERROR_NULL_POINTER, "kind");
    FAILS(tenas_config_device(config, &number, NULL), TENAS_ERROR_NULL_POINTER, "index");
    tenas_config_free(config);
}

static void test_json(void)
{
    tenas_config *config = make_config(), *again = NULL;
    char text[512] = "", copy[512] = "";
    size_t length = 0;
    OK(tenas_config_set_seed(config, UINT64_MAX));
    OK(tenas_config_to_json(config, NULL, 0, &length));
    CHECK(length > 0 && length < sizeof text);
    FAILS(tenas_config_to_json(config, text, length, &length), TENAS_ERROR_BUFFER_TOO_SMALL,
          "capacity");
    CHECK(text[0] == '\0');
    OK(tenas_config_to_json(config, text, sizeof text, &length));
    CHECK(strstr(text, "\"space\":\"nas-bench-201\"") && strstr(text, "\"dataset\":\"custom\""));
    CHECK(strstr(text, "\"seed\":18446744073709551615") && strstr(text, "\"device\":\"cpu\""));
    OK(tenas_config_from_json(text, &again));
    OK(tenas_config_to_json(again, copy, sizeof copy, &length));
    CHECK(strcmp(text, copy) == 0);
    tenas_config_free(again);
    FAILS(tenas_config_to_json(NULL, text, sizeof text, &length), TENAS_ERROR_NULL_POINTER,
          "config");
    CHECK(length == 0);
    FAILS(tenas_config_to_json(config, NULL, 1, &length), TENAS_ERROR_NULL_POINTER, "buffer");
    FAILS(tenas_config_to_json(config, text, sizeof text, NULL), TENAS_ERROR_NULL_POINTER,
          "length");

    again = UNTOUCHED;
    FAILS(tenas_config_from_json(NULL, &again), TENAS_ERROR_NULL_POINTER, "json");
    FAILS(tenas_config_from_json(text, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_config_from_json("\xff", &again), TENAS_ERROR_INVALID_ARGUMENT, "json", "UTF-8");
    FAILS(tenas_config_from_json("{", &again), TENAS_ERROR_FORMAT, "json", "line 1");
    FAILS(tenas_config_from_json("{\"space\":\"darts\",\"dataset\":\"cifar10\",\"repeats\":0}",
                                 &again),
          TENAS_ERROR_FORMAT, "json: repeats: found 0, expected 1 to 1000");
    FAILS(tenas_config_from_json("{\"space\":\"darts\",\"dataset\":\"cifar10\",\"x\":0}", &again),
          TENAS_ERROR_FORMAT, "the key \"x\"");
    if (!has_torch())
        FAILS(tenas_config_from_json(
                  "{\"space\":\"darts\",\"dataset\":\"cifar10\",\"device\":\"cuda\"}", &again),
              TENAS_ERROR_DEVICE, "torch");
    CHECK(again == (tenas_config *)UNTOUCHED);
    tenas_config_free(config);
}

/* ---- Parameters: their ranges are what they say ---- */

static void test_parameters(void)
{
    tenas_config *config = NULL;
    OK(tenas_config_new(TENAS_SPACE_DARTS, TENAS_DATASET_CIFAR10, &config));
    size_t count = 0;
    uint64_t value;
    OK(tenas_parameter_count(&count));
    CHECK(count == 20);
    for (size_t i = 0; i < count; i++) {
        tenas_parameter p = {.struct_size = sizeof p};
        OK(tenas_parameter_info(TENAS_SPACE_DARTS, TENAS_DATASET_CIFAR10, i, &p));
        OK(tenas_config_parameter(config, p.name, &value));
        if (strncmp(p.name, "device", 6) != 0)
            CHECK(value == p.preset);
        /* A GPU has an index; the devices before it have none. */
        bool index = strcmp(p.name, "device_index") == 0;
        if (index)
            OK(tenas_config_set_parameter(config, "device", TENAS_DEVICE_CPU));
        uint64_t maximum = index ? 0 : p.maximum;

        OK(tenas_config_set_parameter(config, p.name, p.minimum));
        OK(tenas_config_parameter(config, p.name, &value));
        CHECK(value == p.minimum);
        OK(tenas_config_set_parameter(config, p.name, maximum));
        OK(tenas_config_parameter(config, p.name, &value));
        CHECK(value == maximum);
        if (p.minimum > 0)
            FAILS(tenas_config_set_parameter(config, p.name, p.minimum - 1),
                  TENAS_ERROR_INVALID_ARGUMENT, p.name);
        if (p.maximum < UINT64_MAX) {
            tenas_status status = tenas_config_set_parameter(config, p.name, p.maximum + 1);
            CHECK(status == TENAS_ERROR_INVALID_ARGUMENT
                  || (status == TENAS_ERROR_DEVICE && strcmp(p.name, "device") == 0));
        }
        OK(tenas_config_parameter(config, p.name, &value));
        CHECK(value == maximum);

        CHECK((p.choices != NULL) == (p.type == TENAS_PARAMETER_CHOICE));
        CHECK((p.type == TENAS_PARAMETER_UINT64) == (p.maximum > UINT32_MAX));
        CHECK(p.decides == (strcmp(p.name, "threads") != 0 && strncmp(p.name, "device", 6) != 0));
        if (strcmp(p.name, "batch_size") == 0)
            CHECK(p.preset == 14 && p.minimum == 2 && p.maximum == 1024);
        if (strcmp(p.name, "sampling") == 0)
            CHECK(strcmp(p.choices, "common,independent") == 0);
        /* Another strategy would have other presets. */
        OK(tenas_config_set_parameter(config, p.name, p.preset));
    }
    tenas_parameter p = {.struct_size = sizeof p};
    FAILS(tenas_parameter_count(NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_parameter_info(TENAS_SPACE_DARTS, TENAS_DATASET_CIFAR10, count, &p),
          TENAS_ERROR_NOT_FOUND, "index: found 20, expected below 20");
    FAILS(tenas_parameter_info(0, TENAS_DATASET_CIFAR10, 0, &p), TENAS_ERROR_INVALID_ARGUMENT,
          "space");
    FAILS(tenas_parameter_info(TENAS_SPACE_DARTS, 99, 0, &p), TENAS_ERROR_INVALID_ARGUMENT,
          "dataset");
    FAILS(tenas_parameter_info(TENAS_SPACE_DARTS, TENAS_DATASET_CIFAR10, 0, NULL),
          TENAS_ERROR_NULL_POINTER, "out");
    p.struct_size = 8;
    FAILS(tenas_parameter_info(TENAS_SPACE_DARTS, TENAS_DATASET_CIFAR10, 0, &p),
          TENAS_ERROR_INVALID_ARGUMENT, "struct_size 8");
    FAILS(tenas_config_set_parameter(config, "colour", 1), TENAS_ERROR_NOT_FOUND, "colour", "seed");
    FAILS(tenas_config_set_parameter(config, NULL, 1), TENAS_ERROR_NULL_POINTER, "name");
    FAILS(tenas_config_set_parameter(config, "\xff", 1), TENAS_ERROR_INVALID_ARGUMENT, "UTF-8");
    FAILS(tenas_config_set_parameter(NULL, "seed", 1), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_parameter(config, "colour", &value), TENAS_ERROR_NOT_FOUND, "colour");
    FAILS(tenas_config_parameter(config, NULL, &value), TENAS_ERROR_NULL_POINTER, "name");
    FAILS(tenas_config_parameter(config, "\xff", &value), TENAS_ERROR_INVALID_ARGUMENT, "UTF-8");
    FAILS(tenas_config_parameter(config, "seed", NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_config_parameter(NULL, "seed", &value), TENAS_ERROR_NULL_POINTER, "config");
    tenas_config_free(config);
}

/* ---- Cancelled, saved, resumed ---- */

static int32_t stop_at_20th(const tenas_progress *p, void *calls)
{
    (void)p;
    return ++*(int *)calls == 20;
}

static void *cancel_in_thread(void *context)
{
    return tenas_context_cancel(context) == TENAS_OK ? NULL : context;
}

static int32_t have_a_thread_cancel(const tenas_progress *p, void *context)
{
    pthread_t thread;
    if (p->candidate == 7) {
        CHECK(pthread_create(&thread, NULL, cancel_in_thread, context) == 0);
        pthread_join(thread, NULL);
    }
    return 0;
}

/* A thread that watches a search, and cancels it once that many candidates of a
 * round are finished, while others are being computed. */
struct watcher {
    tenas_context *context;
    uint32_t round, candidate;
};

static void *cancel_when_there(void *user)
{
    const struct watcher *watcher = user;
    tenas_progress p = {.struct_size = sizeof p};
    do {
        if (tenas_context_progress(watcher->context, &p) != TENAS_OK)
            return user;
        sched_yield();
    } while (p.round < watcher->round
             || (p.round == watcher->round && p.candidate < watcher->candidate));
    return tenas_context_cancel(watcher->context) == TENAS_OK ? NULL : user;
}

static tenas_context *volatile signalled;

static void on_alarm(int number)
{
    (void)number;
    tenas_context_cancel(signalled);
}

static void test_cancel_and_resume(void)
{
    /* By the callback. */
    tenas_context *context = make_context();
    int calls = 0;
    OK(tenas_context_set_progress(context, stop_at_20th, &calls));
    FAILS(tenas_context_run(context), TENAS_ERROR_CANCELLED, "cancelled");
    OK(tenas_context_save(context, file));
    tenas_context_free(context);
    run_on(load());

    /* By another thread, in the second round too. */
    context = make_context();
    OK(tenas_context_set_progress(context, have_a_thread_cancel, context));
    FAILS(tenas_context_run(context), TENAS_ERROR_CANCELLED, "cancelled");
    OK(tenas_context_save(context, file));
    tenas_context_free(context);
    context = load();
    OK(tenas_context_set_progress(context, have_a_thread_cancel, context));
    FAILS(tenas_context_run(context), TENAS_ERROR_CANCELLED, "cancelled");
    OK(tenas_context_save(context, file));
    tenas_context_free(context);
    run_on(load());

    /* By a thread that runs beside the search. The request may come too late for
     * a run, but no request is lost, and each counts once. */
    struct watcher watchers[] = {{NULL, 0, 1}, {NULL, 0, 9}, {NULL, 1, 3}};
    context = make_context();
    for (size_t i = 0; i < sizeof watchers / sizeof *watchers; i++) {
        pthread_t thread;
        void *result = context;
        watchers[i].context = context;
        CHECK(pthread_create(&thread, NULL, cancel_when_there, &watchers[i]) == 0);
        tenas_status first = tenas_context_run(context);
        pthread_join(thread, &result);
        CHECK(result == NULL);
        CHECK(first == TENAS_ERROR_CANCELLED || first == TENAS_OK);
        if (first == TENAS_OK)
            FAILS(tenas_context_run(context), TENAS_ERROR_CANCELLED, "cancelled");
        OK(tenas_context_save(context, file));
        tenas_context_free(context);
        context = load();
    }
    run_on(context);

    /* By a signal handler, at any moment. */
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, NULL);
    context = make_context();
    signalled = context;
    tenas_status status = TENAS_ERROR_CANCELLED;
    int cancelled = -1;
    for (long wait = 5000; status == TENAS_ERROR_CANCELLED && cancelled < 30; wait += wait / 2) {
        struct itimerval timer = {{0, 0}, {wait / 1000000, wait % 1000000}};
        setitimer(ITIMER_REAL, &timer, NULL);
        status = tenas_context_run(context);
        cancelled++;
        if (status == TENAS_ERROR_CANCELLED && cancelled % 2 == 1) {
            /* Its signal has come: no other is under way. */
            OK(tenas_context_save(context, file));
            tenas_context_free(context);
            signalled = context = load();
        }
    }
    struct itimerval off = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &off, NULL);
    signal(SIGALRM, SIG_IGN);
    OK(tenas_context_clear_cancel(context));
    CHECK(status == TENAS_OK && cancelled > 0);
    check_result(context);
    tenas_context_free(context);
}

/* Replaces a text in the file. */
static void edit_file(const char *from, const char *to)
{
    static char text[1 << 18];
    FILE *f = fopen(file, "rb");
    size_t length = f == NULL ? 0 : fread(text, 1, sizeof text - 1, f);
    text[length] = '\0';
    if (f != NULL)
        fclose(f);
    const char *place = strstr(text, from);
    CHECK(place != NULL);
    f = fopen(file, "wb");
    CHECK(f != NULL);
    if (place == NULL || f == NULL)
        exit(EXIT_FAILURE);
    CHECK(fwrite(text, 1, (size_t)(place - text), f) == (size_t)(place - text));
    CHECK(fputs(to, f) >= 0 && fputs(place + strlen(from), f) >= 0);
    fclose(f);
}

static void test_save_and_load(void)
{
    tenas_context *context = make_context(), *loaded = UNTOUCHED;
    tenas_dataset *dataset = make_dataset(), *other = NULL;
    tenas_config *machine = make_config();
    bool finished = true;
    OK(tenas_context_run_round(context, &finished));
    CHECK(!finished);

    FAILS(tenas_context_save(NULL, file), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_save(context, NULL), TENAS_ERROR_NULL_POINTER, "path");
    FAILS(tenas_context_save(context, "\xff"), TENAS_ERROR_INVALID_ARGUMENT, "path", "UTF-8");
    FAILS(tenas_context_save(context, missing), TENAS_ERROR_IO, missing);
    FAILS(tenas_context_save(context, ""), TENAS_ERROR_IO, "no file name");
    FAILS(tenas_context_save(context, "/dev/full"), TENAS_ERROR_IO, "/dev/full", "regular file");
    OK(tenas_context_save(context, file));

    FAILS(tenas_context_load(NULL, dataset, NULL, &loaded), TENAS_ERROR_NULL_POINTER, "path");
    FAILS(tenas_context_load(file, NULL, NULL, &loaded), TENAS_ERROR_NULL_POINTER, "dataset");
    FAILS(tenas_context_load(file, dataset, NULL, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_context_load("\xff", dataset, NULL, &loaded), TENAS_ERROR_INVALID_ARGUMENT, "path");
    FAILS(tenas_context_load(file, dataset, (tenas_config *)dataset, &loaded),
          TENAS_ERROR_INVALID_ARGUMENT, "machine", "tenas_config");
    FAILS(tenas_context_load(missing, dataset, NULL, &loaded), TENAS_ERROR_IO, missing);
    FAILS(tenas_context_load("/dev/null", dataset, NULL, &loaded), TENAS_ERROR_FORMAT,
          "/dev/null", "regular file");
    OK(tenas_dataset_from_images(images, IMAGES - 1, 3, SIDE, SIDE, NULL, NULL, 10, &other));
    FAILS(tenas_context_load(file, other, NULL, &loaded), TENAS_ERROR_INVALID_ARGUMENT, "dataset",
          "19 images", "20 images");
    CHECK(loaded == (tenas_context *)UNTOUCHED);

    /* Its configuration is that of the file. */
    tenas_context *again = load();
    tenas_config *copy = NULL;
    uint64_t seed = 0;
    OK(tenas_context_config(again, &copy));
    OK(tenas_config_seed(copy, &seed));
    CHECK(seed == 3);
    tenas_config_free(copy);
    copy = UNTOUCHED;
    FAILS(tenas_context_config(NULL, &copy), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_config(again, NULL), TENAS_ERROR_NULL_POINTER, "out");
    CHECK(copy == (tenas_config *)UNTOUCHED);
    tenas_context_free(again);

    /* On other threads. */
    OK(tenas_config_set_threads(machine, 3));
    OK(tenas_config_set_seed(machine, 99)); /* counts for nothing */
    OK(tenas_context_load(file, dataset, machine, &loaded));
    run_on(loaded);
    run_on(load());

    loaded = UNTOUCHED;
    edit_file("\"batch_size\":4", "\"batch_size\":0");
    FAILS(tenas_context_load(file, dataset, NULL, &loaded), TENAS_ERROR_FORMAT, file,
          "config.batch_size: found 0, expected 2 to 1024");
    edit_file("\"batch_size\":0", "\"batch_size\":5");
    FAILS(tenas_context_load(file, dataset, NULL, &loaded), TENAS_ERROR_FORMAT, "checksum");
    edit_file("\"device\":\"cpu\",", "\"device\":\"cud\",");
    FAILS(tenas_context_load(file, dataset, NULL, &loaded), TENAS_ERROR_FORMAT,
          "config.device: found \"cud\", expected one of");
    if (!has_torch()) {
        edit_file("\"device\":\"cud\"", "\"device\":\"cuda\"");
        FAILS(tenas_context_load(file, dataset, NULL, &loaded), TENAS_ERROR_DEVICE, "torch");
    }
    edit_file("\"schema\":2", "\"schema\":3");
    FAILS(tenas_context_load(file, dataset, NULL, &loaded), TENAS_ERROR_FORMAT, "schema: found 3",
          "newer");
    CHECK(truncate(file, 100) == 0);
    FAILS(tenas_context_load(file, dataset, NULL, &loaded), TENAS_ERROR_FORMAT, file, "column 100");
    CHECK(loaded == (tenas_context *)UNTOUCHED);

    tenas_context_free(context);
    tenas_config_free(machine);
    tenas_dataset_free(dataset);
    tenas_dataset_free(other);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void test_set_checkpoint(void)
{
    tenas_context *context = make_context();
    FAILS(tenas_context_set_checkpoint(NULL, file, 1), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_set_checkpoint(context, file, -1), TENAS_ERROR_INVALID_ARGUMENT,
          "seconds: found -1");
    FAILS(tenas_context_set_checkpoint(context, file, NAN), TENAS_ERROR_INVALID_ARGUMENT,
          "seconds: found NaN");
    FAILS(tenas_context_set_checkpoint(context, file, INFINITY), TENAS_ERROR_INVALID_ARGUMENT,
          "seconds: found inf");
    FAILS(tenas_context_set_checkpoint(context, "\xff", 1), TENAS_ERROR_INVALID_ARGUMENT, "path");
    FAILS(tenas_context_set_checkpoint(context, missing, 1), TENAS_ERROR_IO, missing);
    OK(tenas_context_set_checkpoint(context, NULL, -1));
    OK(tenas_context_set_checkpoint(context, file, 1e300));
    OK(tenas_context_set_checkpoint(context, file, 0));

    /* As long as the disk is full, the run stops; nothing is lost. */
    signal(SIGXFSZ, SIG_IGN);
    int calls = 0;
    OK(tenas_context_set_progress(context, stop_at_20th, &calls));
    limit_files(300);
    tenas_status status = tenas_context_run(context);
    char message[256];
    snprintf(message, sizeof message, "%s", tenas_last_error_message());
    limit_files(0);
    CHECK(status == TENAS_ERROR_IO);
    CHECK(strstr(message, file) != NULL);
    tenas_progress progress = {.struct_size = sizeof progress};
    OK(tenas_context_progress(context, &progress));
    CHECK(progress.round == 0 && progress.candidate > 0);
    tenas_context *old = load(); /* the file before it */
    OK(tenas_context_progress(old, &progress));
    CHECK(progress.candidate == 0);
    tenas_context_free(old);

    FAILS(tenas_context_run(context), TENAS_ERROR_CANCELLED, "cancelled");
    tenas_context_free(context); /* as if killed */
    context = load();
    OK(tenas_context_progress(context, &progress));
    CHECK(progress.round == 0 && progress.candidate >= 20);
    OK(tenas_context_set_checkpoint(context, file, 1e9));
    run_on(context);
    context = load();
    check_result(context);
    tenas_context_free(context);
}

/* ---- A round in pieces ---- */

/* The first line of a file begins with a text. */
static bool begins_with(const char *path, const char *text)
{
    char line[64] = "";
    FILE *f = fopen(path, "rb");
    bool found = f != NULL && fgets(line, sizeof line, f) != NULL
                 && strncmp(line, text, strlen(text)) == 0;
    if (f != NULL)
        fclose(f);
    return found;
}

static void test_trace_and_report(void)
{
    char table_path[sizeof file + 8], darts_path[sizeof file + 16], page[sizeof file + 8];
    snprintf(table_path, sizeof table_path, "%s.tsv", file);
    snprintf(darts_path, sizeof darts_path, "%s.darts.tsv", file);
    snprintf(page, sizeof page, "%s.html", file);
    tenas_context *context = make_context(), *other = NULL;
    tenas_benchmark *table = NULL, *darts = NULL;
    tenas_dataset *dataset = make_dataset();
    tenas_config *config = make_config();
    remove(file);
    OK(tenas_context_set_trace(context, file));
    CHECK(begins_with(file, "{"));
    OK(tenas_context_report(context, page));
    OK(tenas_context_run(context));
    OK(tenas_context_report(context, page));
    CHECK(begins_with(page, "<!DOCTYPE html>"));
    OK(tenas_context_set_trace(context, NULL));
    OK(tenas_context_set_trace(context, file));

    FILE *f = fopen(table_path, "wb");
    CHECK(f != NULL && fputs("arch\tcifar10\n|none~0|+|none~0|none~1|+|none~0|none~1|none~2|\t10\n", f) >= 0);
    if (f != NULL)
        fclose(f);
    f = fopen(darts_path, "wb");
    CHECK(f != NULL
          && fputs("arch\tcifar10\n\"Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
                   "('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), "
                   "('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
                   "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
                   "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), "
                   "('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])\"\t97\n",
                   f) >= 0);
    if (f != NULL)
        fclose(f);
    OK(tenas_benchmark_open(table_path, &table));
    OK(tenas_benchmark_open(darts_path, &darts));
    OK(tenas_context_report_with_table(context, table, page));
    FAILS(tenas_context_report_with_table(context, darts, page), TENAS_ERROR_INVALID_ARGUMENT,
          "table", "darts");
    FAILS(tenas_context_report_with_table(context, NULL, page), TENAS_ERROR_NULL_POINTER,
          "benchmark");
    FAILS(tenas_context_report_with_table(NULL, table, page), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_report_with_table(context, table, NULL), TENAS_ERROR_NULL_POINTER, "path");

    FAILS(tenas_context_report(NULL, page), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_report(context, NULL), TENAS_ERROR_NULL_POINTER, "path");
    FAILS(tenas_context_report(context, "\xff"), TENAS_ERROR_INVALID_ARGUMENT, "path", "UTF-8");
    FAILS(tenas_context_report(context, missing), TENAS_ERROR_IO, missing);
    FAILS(tenas_context_report(context, "/dev/full"), TENAS_ERROR_IO, "/dev/full", "regular file");

    FAILS(tenas_context_set_trace(NULL, file), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_set_trace(context, "\xff"), TENAS_ERROR_INVALID_ARGUMENT, "path", "UTF-8");
    FAILS(tenas_context_set_trace(context, missing), TENAS_ERROR_IO, missing);
    FAILS(tenas_context_set_trace(context, "/dev/full"), TENAS_ERROR_IO, "/dev/full",
          "regular file");
    FAILS(tenas_context_set_trace(context, page), TENAS_ERROR_FORMAT, page, "expected a trace");
    OK(tenas_config_set_seed(config, 77));
    OK(tenas_context_new(config, dataset, &other));
    FAILS(tenas_context_set_trace(other, file), TENAS_ERROR_INVALID_ARGUMENT, file,
          "another search");

    tenas_benchmark_free(table);
    tenas_benchmark_free(darts);
    tenas_dataset_free(dataset);
    tenas_config_free(config);
    tenas_context_free(other);
    tenas_context_free(context);
    remove(table_path);
    remove(darts_path);
    remove(page);
    remove(file);
}

/* Scores as JSON, in memory of the caller's. */
static char *text_of_scores(const tenas_score *scores, size_t count)
{
    size_t length = 7;
    OK(tenas_scores_to_json(scores, count, NULL, 0, &length));
    char *json = malloc(length + 1);
    OK(tenas_scores_to_json(scores, count, json, length + 1, &length));
    CHECK(strlen(json) == length);
    return json;
}

static void test_scores_as_json(void)
{
    tenas_score scores[2] = {{.digest = UINT64_MAX, .round = 3, .ntk_now = 0.1}, {.edge = 5}};
    tenas_score back[2] = {{.round = 9}, {.round = 9}};
    size_t length = 7, count = 7;
    char *json = text_of_scores(scores, 2);
    CHECK(strstr(json, "\"format\":\"tenas scores\",\"version\":1"));
    CHECK(strstr(json, "\"digest\":\"ffffffffffffffff\",\"round\":3,\"cell\":0"));
    OK(tenas_scores_from_json(json, NULL, 0, &count));
    CHECK(count == 2);
    FAILS(tenas_scores_from_json(json, back, 1, &count), TENAS_ERROR_BUFFER_TOO_SMALL,
          "capacity: found 1, expected at least 2");
    CHECK(count == 2 && back[0].round == 9);
    OK(tenas_scores_from_json(json, back, 2, &count));
    CHECK(memcmp(scores, back, sizeof scores) == 0);
    FAILS(tenas_scores_from_json(NULL, back, 2, &count), TENAS_ERROR_NULL_POINTER, "json");
    CHECK(count == 0);
    FAILS(tenas_scores_from_json(json, NULL, 2, &count), TENAS_ERROR_NULL_POINTER, "scores");
    FAILS(tenas_scores_from_json(json, back, 2, NULL), TENAS_ERROR_NULL_POINTER, "count");
    FAILS(tenas_scores_from_json("\xff", back, 2, &count), TENAS_ERROR_INVALID_ARGUMENT, "json",
          "UTF-8");
    FAILS(tenas_scores_from_json("", back, 2, &count), TENAS_ERROR_FORMAT, "found no whole JSON");
    FAILS(tenas_scores_from_json("{\"format\": \"tenas scores\", \"version\": 1, \"scores\": [{}]}",
                                 back, 2, &count),
          TENAS_ERROR_FORMAT, "scores[0]: found no key `digest`");
    free(json);

    char text[3] = "ab";
    FAILS(tenas_scores_to_json(scores, 2, text, 3, &length), TENAS_ERROR_BUFFER_TOO_SMALL,
          "found 3");
    CHECK(length > 2 && strcmp(text, "ab") == 0);
    FAILS(tenas_scores_to_json(scores, 2, NULL, 3, &length), TENAS_ERROR_NULL_POINTER, "buffer");
    FAILS(tenas_scores_to_json(scores, 2, NULL, 0, NULL), TENAS_ERROR_NULL_POINTER, "length");
    FAILS(tenas_scores_to_json(NULL, 2, NULL, 0, &length), TENAS_ERROR_NULL_POINTER, "scores");
    OK(tenas_scores_to_json(NULL, 0, NULL, 0, &length));
    scores[1].regions_now = INFINITY;
    FAILS(tenas_scores_to_json(scores, 2, NULL, 0, &length), TENAS_ERROR_INVALID_ARGUMENT,
          "scores[1].regions_now: found inf, expected a finite number");
}

static void test_workers(void)
{
    tenas_context *workers[2] = {make_context(), make_context()};
    tenas_score scores[FIRST];
    size_t count = 0, rounds = 0;
    bool finished = false;
    while (!finished && rounds++ < 5) {
        OK(tenas_context_candidate_count(workers[0], &count));
        size_t half = count / 2;
        OK(tenas_context_evaluate(workers[0], 0, half, scores));
        OK(tenas_context_evaluate(workers[1], half, count - half, scores + half));
        for (size_t i = 0; i < half; i++) { /* any order */
            tenas_score swap = scores[i];
            scores[i] = scores[count - 1 - i];
            scores[count - 1 - i] = swap;
        }
        /* The second worker has them as JSON. */
        char *json = text_of_scores(scores, count);
        tenas_score back[FIRST];
        size_t found = 0;
        OK(tenas_scores_from_json(json, back, FIRST, &found));
        CHECK(found == count && memcmp(back, scores, count * sizeof *scores) == 0);
        free(json);
        OK(tenas_context_apply(workers[0], scores, count, &finished));
        OK(tenas_context_apply(workers[1], back, count, &finished));
    }
    CHECK(finished && rounds == 2);
    OK(tenas_context_candidate_count(workers[0], &count));
    CHECK(count == 0);
    OK(tenas_context_evaluate(workers[0], 0, 0, NULL));
    finished = false;
    OK(tenas_context_apply(workers[0], NULL, 0, &finished));
    CHECK(finished);
    FAILS(tenas_context_evaluate(workers[0], 0, 1, scores), TENAS_ERROR_INVALID_ARGUMENT, "0");
    FAILS(tenas_context_apply(workers[0], scores, 1, &finished), TENAS_ERROR_INVALID_ARGUMENT,
          "scores[0]");
    check_result(workers[0]);
    check_result(workers[1]);
    tenas_context_free(workers[0]);
    tenas_context_free(workers[1]);
}

static void test_wrong_scores(void)
{
    tenas_context *context = make_context();
    tenas_score scores[FIRST + 1], good;
    size_t count = 7;
    bool finished = true;
    memset(scores, 0x77, sizeof scores);
    good = scores[0];

    FAILS(tenas_context_candidate_count(NULL, &count), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_candidate_count(context, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_context_evaluate(NULL, 0, 1, scores), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_evaluate(context, 0, 1, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_context_evaluate(context, 20, 5, scores), TENAS_ERROR_INVALID_ARGUMENT, "20",
          "25", "24");
    FAILS(tenas_context_evaluate(context, SIZE_MAX, SIZE_MAX, scores),
          TENAS_ERROR_INVALID_ARGUMENT, "first");
    OK(tenas_context_cancel(context));
    FAILS(tenas_context_evaluate(context, 0, FIRST, scores), TENAS_ERROR_CANCELLED, "cancelled");
    int calls = 0;
    OK(tenas_context_set_progress(context, stop_at_20th, &calls));
    FAILS(tenas_context_evaluate(context, 0, FIRST, scores), TENAS_ERROR_CANCELLED, "cancelled");
    CHECK(memcmp(&good, &scores[0], sizeof good) == 0); /* untouched */
    OK(tenas_context_evaluate(context, 0, FIRST, scores));
    CHECK(calls == FIRST); /* none twice */
    for (size_t i = 0; i < FIRST; i++) {
        CHECK(scores[i].round == 0 && scores[i].cell == expected[i].cell);
        CHECK(scores[i].edge == expected[i].edge && scores[i].operation == expected[i].operation);
        CHECK(memcmp(&scores[i].ntk_delta, &expected[i].ntk_delta, 6 * sizeof(double)) == 0);
        CHECK(scores[i].digest == scores[0].digest);
    }

    FAILS(tenas_context_apply(NULL, scores, FIRST, &finished), TENAS_ERROR_NULL_POINTER,
          "context");
    FAILS(tenas_context_apply(context, NULL, FIRST, &finished), TENAS_ERROR_NULL_POINTER,
          "scores");
    FAILS(tenas_context_apply(context, scores, FIRST, NULL), TENAS_ERROR_NULL_POINTER, "finished");
    FAILS(tenas_context_apply(context, scores, SIZE_MAX, &finished),
          TENAS_ERROR_INVALID_ARGUMENT, "scores");
    FAILS(tenas_context_apply(context, scores, 0, &finished), TENAS_ERROR_INVALID_ARGUMENT,
          "found 0 of 24", "normal 1<-0 skip_connect is missing");
    FAILS(tenas_context_apply(context, scores, FIRST - 1, &finished),
          TENAS_ERROR_INVALID_ARGUMENT, "avg_pool_3x3 is missing");
    scores[FIRST] = scores[3];
    FAILS(tenas_context_apply(context, scores, FIRST + 1, &finished),
          TENAS_ERROR_INVALID_ARGUMENT, "scores[24]", "again");
    good = scores[5];
    scores[5].digest++;
    FAILS(tenas_context_apply(context, scores, FIRST, &finished), TENAS_ERROR_INVALID_ARGUMENT,
          "scores[5].digest");
    scores[5] = good;
    scores[5].round = 1;
    FAILS(tenas_context_apply(context, scores, FIRST, &finished), TENAS_ERROR_INVALID_ARGUMENT,
          "scores[5].round: found 1, expected 0");
    scores[5] = good;
    scores[5].operation = UINT32_MAX;
    FAILS(tenas_context_apply(context, scores, FIRST, &finished), TENAS_ERROR_INVALID_ARGUMENT,
          "scores[5]", "4294967295");
    scores[5] = good;
    scores[5].regions_delta = NAN;
    FAILS(tenas_context_apply(context, scores, FIRST, &finished), TENAS_ERROR_INVALID_ARGUMENT,
          "scores[5].regions_delta: found NaN", "finite");
    scores[5] = good;
    CHECK(finished); /* untouched */
    OK(tenas_context_record_count(context, &count));
    CHECK(count == 0);

    /* A checkpoint that cannot be written leaves the round as it was. */
    OK(tenas_context_set_checkpoint(context, file, 1e9));
    limit_files(300);
    tenas_status status = tenas_context_apply(context, scores, FIRST, &finished);
    tenas_status pruned = tenas_context_prune(context, 0, 0, 1);
    limit_files(0);
    CHECK(status == TENAS_ERROR_IO && pruned == TENAS_ERROR_IO && finished);
    OK(tenas_context_candidate_count(context, &count));
    CHECK(count == FIRST);
    OK(tenas_context_apply(context, scores, FIRST, &finished));
    CHECK(!finished);
    run_on(context);
}

/* ---- The host's own ranking ---- */

static void test_mask_and_prune(void)
{
    tenas_context *context = make_context();
    uint8_t mask[SLOTS + 1];
    size_t count = 7;
    memset(mask, 9, sizeof mask);
    OK(tenas_context_mask(context, NULL, 0, &count));
    CHECK(count == SLOTS);
    FAILS(tenas_context_mask(context, mask, SLOTS - 1, &count), TENAS_ERROR_BUFFER_TOO_SMALL,
          "capacity: found 29, expected at least 30");
    CHECK(mask[0] == 9 && count == SLOTS);
    FAILS(tenas_context_mask(context, NULL, 1, &count), TENAS_ERROR_NULL_POINTER, "mask");
    FAILS(tenas_context_mask(context, mask, SLOTS, NULL), TENAS_ERROR_NULL_POINTER, "count");
    FAILS(tenas_context_mask(NULL, mask, SLOTS, &count), TENAS_ERROR_NULL_POINTER, "context");
    CHECK(count == 0);
    OK(tenas_context_mask(context, mask, SLOTS, &count));
    CHECK(mask[0] == 0 && mask[1] == 1 && mask[4] == 1 && mask[5] == 0 && mask[SLOTS] == 9);

    FAILS(tenas_context_prune(NULL, 0, 0, 1), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_prune(context, 1, 0, 1), TENAS_ERROR_INVALID_ARGUMENT, "cell: found 1");
    FAILS(tenas_context_prune(context, 0, 6, 1), TENAS_ERROR_INVALID_ARGUMENT, "edge: found 6");
    FAILS(tenas_context_prune(context, 0, 0, UINT32_MAX), TENAS_ERROR_INVALID_ARGUMENT,
          "operation: found 4294967295");
    FAILS(tenas_context_prune(context, 0, 0, 0), TENAS_ERROR_INVALID_STATE, "none", "not active");

    /* Greedily: of some candidates, whichever costs the fewest regions goes. */
    bool finished = false;
    int rounds = 0;
    while (!finished && rounds++ < 20) {
        tenas_score scores[2];
        OK(tenas_context_evaluate(context, 0, 2, scores));
        int best = scores[1].regions_delta < scores[0].regions_delta;
        CHECK(scores[best].round == (uint32_t)rounds - 1);
        OK(tenas_context_prune(context, scores[best].cell, scores[best].edge,
                               scores[best].operation));
        OK(tenas_context_is_finished(context, &finished));
    }
    CHECK(finished && rounds == 18);
    OK(tenas_context_mask(context, mask, SLOTS, &count));
    int active = 0;
    for (int i = 0; i < SLOTS; i++)
        active += mask[i];
    CHECK(active == 6);
    for (uint32_t edge = 0; edge < 6; edge++)
        for (uint32_t operation = 1; operation < 5; operation++)
            if (mask[edge * 5 + operation])
                FAILS(tenas_context_prune(context, 0, edge, operation),
                      TENAS_ERROR_INVALID_STATE, "the last one");
    char genotype[256];
    size_t length;
    OK(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, genotype, sizeof genotype,
                              &length));
    static char json[1 << 16];
    OK(tenas_context_records_json(context, json, sizeof json, &length));
    CHECK(strstr(json, "\"pruned_by_host\":[{") != NULL && strstr(json, "\"rounds\":[]") != NULL);
    OK(tenas_context_save(context, file));
    tenas_context_free(context);

    /* What the host pruned is saved too. */
    context = load();
    uint8_t again[SLOTS];
    OK(tenas_context_mask(context, again, SLOTS, &count));
    CHECK(memcmp(mask, again, SLOTS) == 0);
    tenas_context_free(context);
}

static void test_indicators_of_mask(void)
{
    tenas_context *context = make_context();
    tenas_config *config = make_config();
    tenas_dataset *dataset = make_dataset();
    uint8_t mask[SLOTS];
    size_t count;
    tenas_indicators found = {.struct_size = sizeof found};
    OK(tenas_context_mask(context, mask, SLOTS, &count));
    OK(tenas_indicators_of_mask(config, dataset, mask, SLOTS, &found));
    CHECK(found.ntk == expected[0].ntk_now && found.regions == expected[0].regions_now);
    mask[expected[0].edge * 5 + expected[0].operation] = 0;
    OK(tenas_indicators_of_mask(config, dataset, mask, SLOTS, &found));
    CHECK(found.ntk == expected[0].ntk_without && found.regions == expected[0].regions_without);
    CHECK(found.connected == 1 && found.multiply_adds > 0);

    FAILS(tenas_indicators_of_mask(NULL, dataset, mask, SLOTS, &found), TENAS_ERROR_NULL_POINTER,
          "config");
    FAILS(tenas_indicators_of_mask(config, NULL, mask, SLOTS, &found), TENAS_ERROR_NULL_POINTER,
          "dataset");
    FAILS(tenas_indicators_of_mask(config, dataset, NULL, SLOTS, &found), TENAS_ERROR_NULL_POINTER,
          "mask");
    FAILS(tenas_indicators_of_mask(config, dataset, mask, SLOTS, NULL), TENAS_ERROR_NULL_POINTER,
          "out");
    FAILS(tenas_indicators_of_mask(config, dataset, mask, SLOTS - 1, &found),
          TENAS_ERROR_INVALID_ARGUMENT, "found 29 values, expected 30");
    mask[0] = 1;
    FAILS(tenas_indicators_of_mask(config, dataset, mask, SLOTS, &found),
          TENAS_ERROR_INVALID_ARGUMENT, "none", "edge 1<-0");
    mask[0] = 2;
    FAILS(tenas_indicators_of_mask(config, dataset, mask, SLOTS, &found),
          TENAS_ERROR_INVALID_ARGUMENT, "mask[0]: found 2");
    /* Nothing is left: the worst scores there are. */
    memset(mask, 0, sizeof mask);
    OK(tenas_indicators_of_mask(config, dataset, mask, SLOTS, &found));
    CHECK(found.connected == 0 && found.regions == 1 && found.ntk == (1 << 24) / 4);
    found.struct_size = 0;
    FAILS(tenas_indicators_of_mask(config, dataset, mask, SLOTS, &found),
          TENAS_ERROR_INVALID_ARGUMENT, "struct_size 0");
    tenas_config_free(config);
    tenas_dataset_free(dataset);
    tenas_context_free(context);
}

/* ---- History and log ---- */

struct lines {
    tenas_context *context;
    int of_level[5];
    char last[256], rounds[256];
};

static void take_line(int32_t level, const char *text, void *user)
{
    struct lines *lines = user;
    if (level < 1 || level > 4) {
        CHECK(!"a level that there is not");
        return;
    }
    lines->of_level[level]++;
    snprintf(lines->last, sizeof lines->last, "%s", text);
    CHECK(text[0] != '\0' && strchr(text, '\n') == NULL);
    bool finished;
    FAILS(tenas_context_is_finished(lines->context, &finished), TENAS_ERROR_BUSY, "context");
}

static void test_history_and_log(void)
{
    tenas_context *context = make_context();
    struct lines lines;
    memset(&lines, 0, sizeof lines);
    lines.context = context;
    FAILS(tenas_context_set_log(NULL, take_line, &lines), TENAS_ERROR_NULL_POINTER, "context");
    OK(tenas_context_set_log(context, take_line, &lines));
    bool finished;
    OK(tenas_context_run_round(context, &finished));
    CHECK(lines.of_level[TENAS_LOG_INFO] == 2);
    CHECK(strncmp(lines.last, "round 1 of 2: pruned normal 1<-0 ", 33) == 0);
    OK(tenas_context_set_checkpoint(context, file, 0));
    OK(tenas_context_run_round(context, &finished));
    CHECK(lines.of_level[TENAS_LOG_DEBUG] == 12 + 1 && lines.of_level[TENAS_LOG_ERROR] == 0);
    OK(tenas_context_set_log(context, NULL, NULL));
    CHECK(finished);
    CHECK(lines.of_level[TENAS_LOG_INFO] == 4);

    size_t count = 7, length;
    FAILS(tenas_context_round_count(NULL, &count), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_round_count(context, NULL), TENAS_ERROR_NULL_POINTER, "out");
    OK(tenas_context_round_count(context, &count));
    CHECK(count == 2);
    static const uint32_t OF_ROUND[] = {24, 12}, PRUNED[] = {12, 6};
    size_t first = 0;
    tenas_round round = {.struct_size = sizeof round};
    for (uint32_t r = 0; r < 2; r++) {
        OK(tenas_context_round(context, r, &round));
        CHECK(round.round == r && round.candidates == OF_ROUND[r]
              && round.pruned == PRUNED[r]);
        CHECK(round.first_record == first && round.reserved == 0);
        /* The mean of equal numbers, but for rounding. */
        CHECK(fabs(round.ntk / expected[first].ntk_now - 1) < 1e-14);
        CHECK(fabs(round.regions / expected[first].regions_now - 1) < 1e-14);
        first += OF_ROUND[r];
    }
    FAILS(tenas_context_round(context, 2, &round), TENAS_ERROR_NOT_FOUND, "index: found 2");
    FAILS(tenas_context_round(NULL, 0, &round), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_round(context, 0, NULL), TENAS_ERROR_NULL_POINTER, "out");
    round.struct_size = 5000;
    FAILS(tenas_context_round(context, 0, &round), TENAS_ERROR_INVALID_ARGUMENT,
          "struct_size 5000");

    OK(tenas_context_records_json(context, NULL, 0, &length));
    char *json = malloc(length + 1);
    if (json == NULL)
        exit(EXIT_FAILURE);
    FAILS(tenas_context_records_json(context, json, length, &length),
          TENAS_ERROR_BUFFER_TOO_SMALL, "capacity");
    OK(tenas_context_records_json(context, json, length + 1, &length));
    CHECK(strlen(json) == length);
    /* The doubles read back as they are. */
    const char *place = strstr(json, "\"ntk_now\":");
    CHECK(place != NULL && strtod(place + 10, NULL) == expected[0].ntk_now);
    CHECK(strstr(json, "\"operation\":\"avg_pool_3x3\"") != NULL);
    free(json);
    FAILS(tenas_context_records_json(NULL, NULL, 0, &length), TENAS_ERROR_NULL_POINTER, "context");
    CHECK(length == 0);
    FAILS(tenas_context_records_json(context, NULL, 1, &length), TENAS_ERROR_NULL_POINTER,
          "buffer");
    FAILS(tenas_context_records_json(context, NULL, 0, NULL), TENAS_ERROR_NULL_POINTER, "length");
    run_on(context);
}

/* ---- A context in use ---- */

static int32_t use_meanwhile(const tenas_progress *p, void *user)
{
    (void)p;
    tenas_context *context = user;
    tenas_ranked ranked = {.struct_size = sizeof ranked};
    tenas_measurement measurement;
    tenas_score score;
    tenas_round round = {.struct_size = sizeof round};
    uint8_t mask[SLOTS];
    size_t count;
    bool finished;
    tenas_config *copy = NULL;
    FAILS(tenas_context_config(context, &copy), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_save(context, file), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_set_checkpoint(context, NULL, 0), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_set_trace(context, NULL), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_report(context, file), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_set_log(context, NULL, NULL), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_candidate_count(context, &count), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_evaluate(context, 0, 1, &score), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_apply(context, &score, 0, &finished), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_mask(context, mask, SLOTS, &count), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_ranking_count(context, &count), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_ranked(context, 0, &ranked, NULL, NULL, 0), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_ranked_genotype(context, 0, 1, NULL, 0, &count), TENAS_ERROR_BUSY,
          "context");
    FAILS(tenas_context_draws(context, &count), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_measure(context, 0, 1, &measurement), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_settle(context, NULL, 0, &finished), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_prune(context, 0, 0, 1), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_round_count(context, &count), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_round(context, 0, &round), TENAS_ERROR_BUSY, "context");
    FAILS(tenas_context_records_json(context, NULL, 0, &count), TENAS_ERROR_BUSY, "context");
    return 1;
}

static void test_busy(void)
{
    tenas_context *context = make_context();
    OK(tenas_context_set_progress(context, use_meanwhile, context));
    FAILS(tenas_context_run(context), TENAS_ERROR_CANCELLED, "cancelled");
    tenas_context_free(context);
}

/* ---- The strategy that ranks ---- */

static void test_strategy_settings(void)
{
    tenas_config *config = NULL;
    OK(tenas_config_new(TENAS_SPACE_NAS_BENCH_201, TENAS_DATASET_CUSTOM, &config));
    int32_t strategy = 7;
    char text[64] = "as it was";
    size_t length = 7;
    uint32_t channels = 7, cells = 7, size = 7, batch = 7;
    OK(tenas_config_strategy(config, &strategy));
    CHECK(strategy == TENAS_STRATEGY_PRUNE);
    OK(tenas_config_set_strategy(config, TENAS_STRATEGY_RANK));
    OK(tenas_config_strategy(config, &strategy));
    CHECK(strategy == TENAS_STRATEGY_RANK);
    /* The depth that is trained. */
    OK(tenas_config_proxy_network(config, NULL, &channels, &cells, &size, &batch));
    CHECK(cells == 5);
    FAILS(tenas_config_set_strategy(config, 3), TENAS_ERROR_INVALID_ARGUMENT, "strategy: found 3");
    FAILS(tenas_config_set_strategy(NULL, 1), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_strategy(NULL, &strategy), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_strategy(config, NULL), TENAS_ERROR_NULL_POINTER, "out");

    OK(tenas_config_proxies(config, NULL, 0, &length));
    CHECK(length > 2);
    OK(tenas_config_set_proxies(config, "swap, parameters"));
    FAILS(tenas_config_set_proxies(config, "ntk,psychic"), TENAS_ERROR_NOT_FOUND, "psychic");
    FAILS(tenas_config_set_proxies(config, "ntk,ntk"), TENAS_ERROR_INVALID_ARGUMENT, "twice");
    FAILS(tenas_config_set_proxies(config, ""), TENAS_ERROR_INVALID_ARGUMENT, "found 0");
    FAILS(tenas_config_set_proxies(config, "\xff"), TENAS_ERROR_INVALID_ARGUMENT, "UTF-8");
    FAILS(tenas_config_set_proxies(config, NULL), TENAS_ERROR_NULL_POINTER, "proxies");
    FAILS(tenas_config_set_proxies(NULL, "ntk"), TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_proxies(config, text, 4, &length), TENAS_ERROR_BUFFER_TOO_SMALL, "found 4");
    CHECK(strcmp(text, "as it was") == 0 && length == strlen("swap,parameters"));
    OK(tenas_config_proxies(config, text, sizeof text, &length));
    CHECK(strcmp(text, "swap,parameters") == 0);
    FAILS(tenas_config_proxies(NULL, text, sizeof text, &length), TENAS_ERROR_NULL_POINTER,
          "config");
    FAILS(tenas_config_proxies(config, text, sizeof text, NULL), TENAS_ERROR_NULL_POINTER,
          "length");

    OK(tenas_config_set_proxy_network(config, "swap", 4, 3, 8, 16));
    OK(tenas_config_proxy_network(config, "swap", &channels, &cells, &size, &batch));
    CHECK(channels == 4 && cells == 3 && size == 8 && batch == 16);
    OK(tenas_config_proxy_network(config, "ntk", &channels, &cells, &size, &batch));
    CHECK(channels == 0 && cells == 0 && size == 0 && batch == 0);
    FAILS(tenas_config_set_proxy_network(config, "swap", 257, 3, 8, 16),
          TENAS_ERROR_INVALID_ARGUMENT, "channels: found 257");
    FAILS(tenas_config_set_proxy_network(config, NULL, 0, 65, 8, 16),
          TENAS_ERROR_INVALID_ARGUMENT, "cells: found 65");
    FAILS(tenas_config_set_proxy_network(config, "psychic", 4, 3, 8, 16), TENAS_ERROR_NOT_FOUND,
          "psychic");
    FAILS(tenas_config_set_proxy_network(NULL, NULL, 4, 3, 8, 16), TENAS_ERROR_NULL_POINTER,
          "config");
    FAILS(tenas_config_proxy_network(config, "psychic", &channels, &cells, &size, &batch),
          TENAS_ERROR_NOT_FOUND, "psychic");
    FAILS(tenas_config_proxy_network(NULL, NULL, &channels, &cells, &size, &batch),
          TENAS_ERROR_NULL_POINTER, "config");
    FAILS(tenas_config_proxy_network(config, NULL, NULL, &cells, &size, &batch),
          TENAS_ERROR_NULL_POINTER, "channels");
    FAILS(tenas_config_proxy_network(config, NULL, &channels, NULL, &size, &batch),
          TENAS_ERROR_NULL_POINTER, "cells");
    FAILS(tenas_config_proxy_network(config, NULL, &channels, &cells, NULL, &batch),
          TENAS_ERROR_NULL_POINTER, "image_size");
    FAILS(tenas_config_proxy_network(config, NULL, &channels, &cells, &size, NULL),
          TENAS_ERROR_NULL_POINTER, "batch_size");
    CHECK(channels == 0);
    tenas_config_free(config);
}

static tenas_context *make_ranking(void)
{
    tenas_config *config = make_config();
    tenas_dataset *dataset = make_dataset();
    tenas_context *context = NULL;
    OK(tenas_config_set_strategy(config, TENAS_STRATEGY_RANK));
    OK(tenas_config_set_proxies(config, "flops,ntk"));
    OK(tenas_config_set_proxy_network(config, NULL, 0, 1, 0, 0));
    OK(tenas_config_set_parameter(config, "budget", 20));
    OK(tenas_config_set_parameter(config, "rungs", 2));
    OK(tenas_config_set_parameter(config, "draw_growth", 3));
    OK(tenas_context_new(config, dataset, &context));
    tenas_config_free(config);
    tenas_dataset_free(dataset);
    if (context == NULL)
        exit(EXIT_FAILURE);
    return context;
}

struct work {
    tenas_context *context;
    uint32_t done, all;
};

static int32_t watch_work(const tenas_progress *p, void *user)
{
    struct work *work = user;
    uint32_t before = work->done;
    (void)p;
    OK(tenas_context_work(work->context, &work->done, &work->all));
    CHECK(work->done > before && work->done <= work->all);
    return 0;
}

static void test_ranking(void)
{
    tenas_context *context = make_ranking();
    size_t count = 7, length;
    bool finished = true;
    double values[2] = {7, 7}, ranks[2];
    tenas_ranked ranked = {.struct_size = sizeof ranked, .rung = 7};
    char text[512], best[512];
    OK(tenas_context_ranking_count(context, &count));
    CHECK(count == 0);
    FAILS(tenas_context_ranked(context, 0, &ranked, values, ranks, 2), TENAS_ERROR_NOT_FOUND,
          "index: found 0", "below 0");
    OK(tenas_context_run_round(context, &finished));
    CHECK(!finished);
    OK(tenas_context_ranking_count(context, &count));
    CHECK(count == 5); /* a quarter of the budget */
    struct work work = {context, 0, 0};
    OK(tenas_context_set_progress(context, watch_work, &work));
    OK(tenas_context_run(context));
    CHECK(work.done > 20 && work.done == work.all);
    OK(tenas_context_set_progress(context, NULL, NULL));
    OK(tenas_context_is_finished(context, &finished));
    CHECK(finished);

    OK(tenas_context_ranking_count(context, &count));
    CHECK(count == 20);
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        OK(tenas_context_ranked(context, i, &ranked, values, ranks, 2));
        CHECK(ranked.number < 15625 && ranked.total <= 0 && ranked.reserved == 0);
        CHECK(ranked.draws == (!ranked.connected ? 0 : ranked.rung == 1 ? 3 : 1));
        CHECK(!ranked.connected || (ranks[0] >= 1 && ranks[1] >= 1 && values[1] >= 1));
        CHECK(i == 0 || ranked.total <= total || ranked.rung == 0);
        total = ranked.total;
        OK(tenas_context_ranked_genotype(context, i, TENAS_GENOTYPE_NATIVE, text, sizeof text,
                                         &length));
        uint64_t number;
        OK(tenas_genotype_index(TENAS_SPACE_NAS_BENCH_201, text, &number));
        CHECK(number == ranked.number);
    }
    OK(tenas_context_ranked(context, 0, &ranked, NULL, NULL, 0));
    OK(tenas_context_ranked_genotype(context, 0, TENAS_GENOTYPE_NATIVE, text, sizeof text, &length));
    OK(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, best, sizeof best, &length));
    CHECK(strcmp(text, best) == 0);
    OK(tenas_context_record_count(context, &count));
    CHECK(count == 0);

    values[0] = 7;
    FAILS(tenas_context_ranked(context, 20, &ranked, values, ranks, 2), TENAS_ERROR_NOT_FOUND,
          "found 20");
    FAILS(tenas_context_ranked(context, 0, &ranked, values, NULL, 3), TENAS_ERROR_INVALID_ARGUMENT,
          "count: found 3, expected 2");
    FAILS(tenas_context_ranked(context, 0, NULL, values, NULL, 2), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_context_ranked(NULL, 0, &ranked, values, NULL, 2), TENAS_ERROR_NULL_POINTER,
          "context");
    CHECK(values[0] == 7);
    ranked.struct_size = 8;
    FAILS(tenas_context_ranked(context, 0, &ranked, NULL, NULL, 0), TENAS_ERROR_INVALID_ARGUMENT,
          "struct_size 8");
    FAILS(tenas_context_ranked_genotype(context, 20, 1, text, sizeof text, &length),
          TENAS_ERROR_NOT_FOUND, "found 20");
    FAILS(tenas_context_ranked_genotype(context, 0, 9, text, sizeof text, &length),
          TENAS_ERROR_INVALID_ARGUMENT, "format: found 9");
    FAILS(tenas_context_ranked_genotype(context, 0, 1, text, 3, &length),
          TENAS_ERROR_BUFFER_TOO_SMALL, "found 3");
    FAILS(tenas_context_ranked_genotype(context, 0, 1, text, 3, NULL), TENAS_ERROR_NULL_POINTER,
          "length");
    FAILS(tenas_context_ranked_genotype(NULL, 0, 1, text, 3, &length), TENAS_ERROR_NULL_POINTER,
          "context");
    FAILS(tenas_context_ranking_count(NULL, &count), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_ranking_count(context, NULL), TENAS_ERROR_NULL_POINTER, "out");
    uint32_t done, all;
    FAILS(tenas_context_work(NULL, &done, &all), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_work(context, NULL, &all), TENAS_ERROR_NULL_POINTER, "done");
    FAILS(tenas_context_work(context, &done, NULL), TENAS_ERROR_NULL_POINTER, "all");
    tenas_context_free(context);
}

/* Measurements as JSON, in memory of the caller's. */
static char *text_of_measurements(const tenas_measurement *measurements, size_t count)
{
    size_t length = 7;
    OK(tenas_measurements_to_json(measurements, count, NULL, 0, &length));
    char *json = malloc(length + 1);
    OK(tenas_measurements_to_json(measurements, count, json, length + 1, &length));
    CHECK(strlen(json) == length);
    return json;
}

static void test_measurements_as_json(void)
{
    tenas_measurement one = {.digest = 10, .candidate = 3, .draw = 1, .count = 2, .values = {0.1, -3}};
    tenas_measurement back = {.round = 9};
    size_t length = 7, count = 7;
    char *json = text_of_measurements(&one, 1);
    CHECK(strcmp(json, "{\"format\":\"tenas measurements\",\"version\":1,\"measurements\":[{"
                       "\"digest\":\"000000000000000a\",\"round\":0,\"candidate\":3,\"draw\":1,"
                       "\"values\":[0.1,-3.0]}]}") == 0);
    OK(tenas_measurements_from_json(json, NULL, 0, &count));
    CHECK(count == 1);
    OK(tenas_measurements_from_json(json, &back, 1, &count));
    CHECK(memcmp(&one, &back, sizeof one) == 0);
    FAILS(tenas_measurements_from_json(NULL, &back, 1, &count), TENAS_ERROR_NULL_POINTER, "json");
    CHECK(count == 0);
    FAILS(tenas_measurements_from_json(json, NULL, 1, &count), TENAS_ERROR_NULL_POINTER,
          "measurements");
    FAILS(tenas_measurements_from_json(json, &back, 1, NULL), TENAS_ERROR_NULL_POINTER, "count");
    FAILS(tenas_measurements_from_json("{}", &back, 1, &count), TENAS_ERROR_FORMAT,
          "format: found nothing, expected \"tenas measurements\"");
    FAILS(tenas_measurements_from_json(
              "{\"format\": \"tenas measurements\", \"version\": 1, \"measurements\": [{"
              "\"digest\": \"000000000000000a\", \"round\": 0, \"candidate\": 0, \"draw\": 0, "
              "\"values\": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}]}",
              &back, 1, &count),
          TENAS_ERROR_FORMAT, "measurements[0].values: found 17, expected at most 16");
    FAILS(tenas_measurements_from_json("\xff", &back, 1, &count), TENAS_ERROR_INVALID_ARGUMENT,
          "UTF-8");
    FAILS(tenas_measurements_to_json(&one, 1, json, 3, &length), TENAS_ERROR_BUFFER_TOO_SMALL,
          "found 3");
    CHECK(length == strlen(json));
    FAILS(tenas_measurements_to_json(&one, 1, NULL, 3, &length), TENAS_ERROR_NULL_POINTER, "buffer");
    FAILS(tenas_measurements_to_json(&one, 1, NULL, 0, NULL), TENAS_ERROR_NULL_POINTER, "length");
    FAILS(tenas_measurements_to_json(NULL, 1, NULL, 0, &length), TENAS_ERROR_NULL_POINTER,
          "measurements");
    one.values[1] = NAN;
    FAILS(tenas_measurements_to_json(&one, 1, NULL, 0, &length), TENAS_ERROR_INVALID_ARGUMENT,
          "measurements[0].values[1]: found NaN");
    one.count = 17;
    FAILS(tenas_measurements_to_json(&one, 1, NULL, 0, &length), TENAS_ERROR_INVALID_ARGUMENT,
          "measurements[0].count: found 17, expected at most 16");
    free(json);
}

static void test_measurements(void)
{
    tenas_context *workers[2] = {make_ranking(), make_ranking()}, *whole = make_ranking();
    bool finished = false;
    size_t count = 7, draws = 7;
    while (!finished) {
        OK(tenas_context_candidate_count(workers[0], &count));
        OK(tenas_context_draws(workers[0], &draws));
        tenas_measurement *all = calloc(count * draws + 1, sizeof *all);
        size_t half = count / 2;
        OK(tenas_context_measure(workers[0], 0, half, all));
        OK(tenas_context_measure(workers[1], half, count - half, all + half * draws));
        CHECK(count == 0 || all[0].count == 2);
        FAILS(tenas_context_settle(workers[0], all, count * draws - 1, &finished),
              TENAS_ERROR_INVALID_ARGUMENT, "is missing");
        all[0].count = 17;
        FAILS(tenas_context_settle(workers[0], all, count * draws, &finished),
              TENAS_ERROR_INVALID_ARGUMENT, "measurements[0].count: found 17");
        all[0].count = 2;
        OK(tenas_context_settle(workers[0], all, count * draws, &finished));
        /* The second worker has them as JSON. */
        char *json = text_of_measurements(all, count * draws);
        tenas_measurement *back = calloc(count * draws + 1, sizeof *back);
        size_t found = 0;
        OK(tenas_measurements_from_json(json, back, count * draws, &found));
        CHECK(found == count * draws && memcmp(back, all, found * sizeof *all) == 0);
        OK(tenas_context_settle(workers[1], back, found, &finished));
        free(back);
        free(json);
        free(all);
    }
    OK(tenas_context_settle(workers[0], NULL, 0, &finished));
    OK(tenas_context_run(whole));
    for (size_t i = 0; i < 20; i++) {
        tenas_ranked a = {.struct_size = sizeof a}, b = a;
        OK(tenas_context_ranked(whole, i, &a, NULL, NULL, 0));
        OK(tenas_context_ranked(workers[1], i, &b, NULL, NULL, 0));
        CHECK(memcmp(&a, &b, sizeof a) == 0);
    }
    tenas_measurement one = {0};
    FAILS(tenas_context_measure(whole, 0, 1, &one), TENAS_ERROR_INVALID_ARGUMENT, "first and count");
    FAILS(tenas_context_measure(whole, 0, 1, NULL), TENAS_ERROR_NULL_POINTER, "out");
    FAILS(tenas_context_measure(NULL, 0, 1, &one), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_settle(whole, NULL, 1, &finished), TENAS_ERROR_NULL_POINTER,
          "measurements");
    FAILS(tenas_context_settle(whole, &one, 1, NULL), TENAS_ERROR_NULL_POINTER, "finished");
    FAILS(tenas_context_settle(NULL, &one, 1, &finished), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_draws(NULL, &draws), TENAS_ERROR_NULL_POINTER, "context");
    FAILS(tenas_context_draws(whole, NULL), TENAS_ERROR_NULL_POINTER, "out");

    /* Each strategy has pieces of its own. */
    tenas_score score = {0};
    tenas_context *pruning = make_context();
    FAILS(tenas_context_evaluate(whole, 0, 1, &score), TENAS_ERROR_INVALID_STATE, "found rank");
    FAILS(tenas_context_apply(whole, &score, 1, &finished), TENAS_ERROR_INVALID_STATE,
          "found rank");
    FAILS(tenas_context_prune(whole, 0, 0, 1), TENAS_ERROR_INVALID_STATE, "found rank");
    FAILS(tenas_context_measure(pruning, 0, 1, &one), TENAS_ERROR_INVALID_STATE, "found prune");
    FAILS(tenas_context_settle(pruning, &one, 1, &finished), TENAS_ERROR_INVALID_STATE,
          "found prune");
    OK(tenas_context_draws(pruning, &draws));
    CHECK(draws == 1);
    tenas_context_free(pruning);
    tenas_context_free(whole);
    tenas_context_free(workers[0]);
    tenas_context_free(workers[1]);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("Usage: search_state FOLDER\n", stderr);
        return 2;
    }
    snprintf(file, sizeof file, "%s/search-state.json", argv[1]);
    snprintf(missing, sizeof missing, "%s/no/such/folder.json", argv[1]);
    for (uint32_t i = 0, x = 1; i < BYTES; i++, x = 1664525 * x + 1013904223)
        images[i] = (uint8_t)(x >> 24);

    fill_expected();
    test_getters();
    test_json();
    test_parameters();
    test_cancel_and_resume();
    test_save_and_load();
    test_set_checkpoint();
    test_trace_and_report();
    test_scores_as_json();
    test_workers();
    test_wrong_scores();
    test_mask_and_prune();
    test_indicators_of_mask();
    test_history_and_log();
    test_busy();
    test_strategy_settings();
    test_ranking();
    test_measurements_as_json();
    test_measurements();

    return finish("search_state.c");
}
