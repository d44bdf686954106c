/*
 * Every call on a context that cannot be used any more, but for cancel,
 * clear_cancel and progress: TENAS_ERROR_INVALID_STATE, a message with two
 * texts, outputs as they were. `file` is a place that can be written.
 */

#ifndef REFUSED_H
#define REFUSED_H

#include "check.h"

static int32_t refused_progress(const tenas_progress *progress, void *user)
{
    (void)progress;
    (void)user;
    return 0;
}

static void refused_line(int32_t level, const char *text, void *user)
{
    (void)level;
    (void)text;
    (void)user;
}

static void check_refused(tenas_context *context, const char *file, const char *first,
                          const char *second)
{
#define REFUSED(call) FAILS(call, TENAS_ERROR_INVALID_STATE, first, second)
    enum { SLOTS_OF_A_MASK = 30 };
    bool finished = true;
    char text[64] = "abc";
    uint8_t mask[SLOTS_OF_A_MASK] = {7};
    int32_t kind = -1, index = -1;
    size_t count = 7, length = 7;
    tenas_config *config = UNTOUCHED;
    tenas_benchmark *table = NULL;
    char accuracies[600];
    FILE *rows;
    tenas_score score;
    tenas_record record;
    tenas_round round;
    tenas_ranked ranked;
    tenas_measurement measurement;
    memset(&score, 0, sizeof score);
    memset(&record, 0, sizeof record);
    memset(&round, 0, sizeof round);
    memset(&ranked, 0, sizeof ranked);
    memset(&measurement, 0, sizeof measurement);
    ranked.struct_size = sizeof ranked;
    ranked.rung = measurement.round = 7;
    record.struct_size = sizeof record;
    round.struct_size = sizeof round;
    score.round = record.round = round.round = 7;

    snprintf(accuracies, sizeof accuracies, "%s.tsv", file);
    rows = fopen(accuracies, "w");
    CHECK(rows != NULL);
    fputs("arch_string\tcifar10\n"
          "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|\t80\n", rows);
    fclose(rows);
    OK(tenas_benchmark_open(accuracies, &table));
    remove(accuracies);

    REFUSED(tenas_context_run(context));
    REFUSED(tenas_context_run_round(context, &finished));
    REFUSED(tenas_context_is_finished(context, &finished));
    REFUSED(tenas_context_config(context, &config));
    REFUSED(tenas_context_device(context, &kind, &index));
    REFUSED(tenas_context_record_count(context, &count));
    REFUSED(tenas_context_record(context, 0, &record));
    REFUSED(tenas_context_round_count(context, &count));
    REFUSED(tenas_context_round(context, 0, &round));
    REFUSED(tenas_context_candidate_count(context, &count));
    REFUSED(tenas_context_ranking_count(context, &count));
    REFUSED(tenas_context_draws(context, &count));
    REFUSED(tenas_context_ranked(context, 0, &ranked, NULL, NULL, 0));
    REFUSED(tenas_context_measure(context, 0, 1, &measurement));
    REFUSED(tenas_context_settle(context, &measurement, 1, &finished));
    CHECK(count == 7);
    REFUSED(tenas_context_genotype(context, TENAS_GENOTYPE_NATIVE, text, sizeof text, &length));
    REFUSED(tenas_context_records_json(context, text, sizeof text, &length));
    REFUSED(tenas_context_ranked_genotype(context, 0, 1, text, sizeof text, &length));
    CHECK(length == 0);
    REFUSED(tenas_context_save(context, file));
    REFUSED(tenas_context_set_checkpoint(context, file, 0));
    REFUSED(tenas_context_set_checkpoint(context, NULL, 0));
    REFUSED(tenas_context_set_trace(context, file));
    REFUSED(tenas_context_report(context, file));
    REFUSED(tenas_context_report_with_table(context, table, file));
    REFUSED(tenas_context_evaluate(context, 0, 1, &score));
    REFUSED(tenas_context_apply(context, &score, 1, &finished));
    REFUSED(tenas_context_mask(context, mask, SLOTS_OF_A_MASK, &count));
    REFUSED(tenas_context_prune(context, 0, 0, 1));
    REFUSED(tenas_context_set_progress(context, refused_progress, NULL));
    REFUSED(tenas_context_set_log(context, refused_line, NULL));
    CHECK(ranked.rung == 7 && measurement.round == 7);
    CHECK(finished && strcmp(text, "abc") == 0 && mask[0] == 7 && kind == -1 && index == -1);
    CHECK(config == (tenas_config *)UNTOUCHED);
    CHECK(score.round == 7 && record.round == 7 && round.round == 7);
    tenas_benchmark_free(table);
#undef REFUSED
}

#endif
