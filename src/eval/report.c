#include "eval/report.h"

#include "eval/report_internal.h"

#include <math.h>
#include <stdlib.h>

#define CONVERSATION_AT(member) PORTRAIT_AT(conversations.member)
const struct conversation_info conversation_infos[N_CONVERSATION_FIGURES] = {
    { "reply_8", "reply to one of the last 8", CONVERSATION_AT(reply[0]), 100.0 },
    { "reply_64", "reply to one of the last 64", CONVERSATION_AT(reply[1]), 100.0 },
    { "reply_512", "reply to one of the last 512", CONVERSATION_AT(reply[2]), 100.0 },
    { "repeat_8", "repeats one of the last 8", CONVERSATION_AT(repeat[0]), 100.0 },
    { "repeat_64", "repeats one of the last 64", CONVERSATION_AT(repeat[1]), 100.0 },
    { "repeat_512", "repeats one of the last 512", CONVERSATION_AT(repeat[2]), 100.0 },
    { "remote_8", "remote among the last 8", CONVERSATION_AT(remote[0]), 100.0 },
    { "remote_64", "remote among the last 64", CONVERSATION_AT(remote[1]), 100.0 },
    { "remote_512", "remote among the last 512", CONVERSATION_AT(remote[2]), 100.0 },
    { "remotes_per_host", "remotes of a host", CONVERSATION_AT(remotes_per_host), 1.0 },
    { "flows_per_conversation", "flows of a conversation", CONVERSATION_AT(flows_per_conversation),
      1.0 },
    { "fan_out", "remotes sent to in an hour", CONVERSATION_AT(fan_out), 1.0 },
};

void report_release(struct report *report)
{
    for (size_t m = 0; m < report->n_models; m++) {
        nll_release(&report->models[m].nll);
        embedding_maps_release(&report->models[m].maps);
    }
    for (size_t t = 0; t < report->n_twins; t++) {
        comparison_average_release(&report->twins[t].average);
        profile_free(report->twins[t].profile);
    }
    profile_free(report->profile);
    comparison_average_release(&report->floor);
    free(report->models);
    free(report->twins);
    *report = (struct report){ 0 };
}

bool report_has_distribution(const struct report *report, enum attribute attribute)
{
    return !isnan(report->twins[0].average.mean.distributions[attribute].js);
}

bool report_has_attribute(const struct report *report, enum attribute attribute)
{
    return !isnan(report->twins[0].average.mean.real.dependence.nmi[attribute][attribute]);
}

bool report_has_correlation(const struct report *report, enum attribute attribute)
{
    return !isnan(report->twins[0].average.mean.real.dependence.correlation[attribute][attribute]);
}
