/*
 * The checks of the C tests: each is counted, and a failed one is named.
 * `finish` prints the count, as the last line, and appends the statuses that
 * were expected and came to the file that TENAS_TEST_SEEN names.
 */

#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tenas.h"

static int passed, failed;

/* Bit n: status n was expected and came. */
static unsigned seen;

static void check(bool good, const char *file, int line, const char *text, const char *more)
{
    if (good) {
        passed++;
        return;
    }
    failed++;
    printf("%s:%d: FAILED: %s: %s\n", file, line, text, more);
}

#define CHECK(condition) check((condition), __FILE__, __LINE__, #condition, "")

/* The call succeeds. */
#define OK(call)                                                                  \
    do {                                                                          \
        tenas_status status_ = (call);                                            \
        check(status_ == TENAS_OK, __FILE__, __LINE__, #call,                     \
              status_ == TENAS_OK ? "" : tenas_last_error_message());             \
        if (status_ == TENAS_OK)                                                  \
            seen |= 1u << TENAS_OK;                                               \
    } while (0)

/* The call fails with this status; its message begins with the function's name
 * and contains all the words. */
#define FAILS(call, expected, ...) FAILS_IN(#call, call, expected, __VA_ARGS__)

/* The same of a call by way of a helper: `function` names what fails in it. */
#define FAILS_IN(function, call, expected, ...)                                   \
    check_failure(__FILE__, __LINE__, #call, (function), (call), (expected),      \
                  (const char *[]){__VA_ARGS__, NULL})

static inline void check_failure(const char *file, int line, const char *call,
                                 const char *function, tenas_status found,
                                 tenas_status expected, const char **words)
{
    const char *message = tenas_last_error_message();
    char name[64] = "";
    size_t length = strcspn(function, "(");
    memcpy(name, function, length);
    strcpy(name + length, ": ");

    check(found == expected, file, line, call, tenas_status_name(found));
    if (found != expected)
        return;
    seen |= 1u << expected;
    check(strncmp(message, name, strlen(name)) == 0, file, line, call, message);
    for (; *words != NULL; words++)
        check(strstr(message, *words) != NULL, file, line, *words, message);
}

static int finish(const char *program)
{
    const char *path = getenv("TENAS_TEST_SEEN");
    FILE *file = path == NULL ? NULL : fopen(path, "a");
    for (int status = 0; file != NULL && status < 32; status++)
        if (seen & 1u << status)
            fprintf(file, "%s\n", tenas_status_name(status));
    if (file != NULL)
        fclose(file);
    printf("%s: %d checks passed, %d failed\n", program, passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What an output holds that a failing call must not touch. */
#define UNTOUCHED ((void *)&passed)

#endif
