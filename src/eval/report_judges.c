/* report_judges.c - what the judges of a twin found, for people. */
#include "eval/report_internal.h"

#include <math.h>

static void print_figure_rows(FILE *out, const struct report *report, const char *name,
                              double floor, double floor_deviation,
                              struct host_ratio figure(const struct report_twin *twin))
{
    report_print_name(out, name);
    report_print_cell(out, floor, floor_deviation);
    for (size_t t = 0; t < report->n_twins; t++) {
        struct host_ratio ratio = figure(&report->twins[t]);
        report_print_cell(out, ratio.mean, ratio.standard_error);
    }
    fputc('\n', out);
}

static struct host_ratio auc_of_windows(const struct report_twin *twin)
{
    return twin->two_sample.windows.auc;
}

static struct host_ratio auc_of_flows(const struct report_twin *twin)
{
    return twin->two_sample.flows.auc;
}

static void print_two_sample(FILE *out, const struct report *report)
{
    const struct two_sample *first = &report->twins[0].two_sample;
    const struct two_sample_floor *floor = &report->two_sample_floor;
    bool has_floor = floor->n_halvings > 0;
    char name[64];
    fprintf(out, "\nTwo-sample test: area under the ROC curve of a network that tells the twin's "
                 "flows from real ones,\non hosts that it has not seen (error over hosts; of the "
                 "floor: deviation over halvings)\n\n");
    report_print_headings(out, report);
    snprintf(name, sizeof name, "%d consecutive flows", TWO_SAMPLE_WINDOW);
    print_figure_rows(out, report, name, has_floor ? floor->windows : (double)NAN,
                      floor->windows_deviation, auc_of_windows);
    print_figure_rows(out, report, "single flows", has_floor ? floor->flows : (double)NAN,
                      floor->flows_deviation, auc_of_flows);
    fprintf(out, "  Of %zu real and %zu synthetic windows. %s\n", first->windows.n_windows[0],
            first->windows.n_windows[1], two_sample_meaning);
}

void report_print_judges(FILE *out, const struct report *report)
{
    if (report->twins[0].two_sample.is_measured)
        print_two_sample(out, report);
}
