/*
 * What a search comes to that nothing disturbs, and whether another has come to
 * the same, to the last bit.
 */

#ifndef UNDISTURBED_H
#define UNDISTURBED_H

#include "check.h"

enum { CANDIDATES = 24 + 12 };

/* The program's: a search of so many candidates, before its first round. */
static tenas_context *make_context(void);

static tenas_record expected[CANDIDATES];
static char expected_genotype[256];

static void fill_expected(void)
{
    tenas_context *context = make_context();
    size_t length;
    OK(tenas_context_run(context));
    OK(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, expected_genotype,
                              sizeof expected_genotype, &length));
    for (size_t i = 0; i < CANDIDATES; i++) {
        expected[i].struct_size = sizeof expected[i];
        OK(tenas_context_record(context, i, &expected[i]));
    }
    tenas_context_free(context);
}

/* To the last bit. */
static void check_result(tenas_context *context)
{
    char genotype[256] = "";
    size_t length, count = 0;
    OK(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, genotype, sizeof genotype,
                              &length));
    CHECK(strcmp(genotype, expected_genotype) == 0);
    OK(tenas_context_record_count(context, &count));
    CHECK(count == CANDIDATES);
    for (size_t i = 0; i < count && i < CANDIDATES; i++) {
        tenas_record record;
        memset(&record, 0, sizeof record);
        record.struct_size = sizeof record;
        OK(tenas_context_record(context, i, &record));
        CHECK(record.cell == expected[i].cell && record.edge == expected[i].edge);
        CHECK(record.operation == expected[i].operation);
        CHECK(record.pruned == expected[i].pruned);
        CHECK(record.ntk_rank == expected[i].ntk_rank);
        CHECK(record.regions_rank == expected[i].regions_rank);
        CHECK(memcmp(&record.ntk_delta, &expected[i].ntk_delta, 6 * sizeof(double)) == 0);
    }
}

static inline void run_on(tenas_context *context)
{
    OK(tenas_context_run(context));
    check_result(context);
    tenas_context_free(context);
}

#endif
