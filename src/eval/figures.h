/* figures.h - every figure of a comparison beside its floor, with a verdict in words (verdict.h).
 *
 * The floor is taken to the sizes that were compared: comparison_size_factor, and its root for
 * distances that are not squared.
 *
 * A verdict says whether the twin could be other users of the same network; it does not say that it
 * is. Few hosts have a high floor, below which much can hide.
 *
 *     struct figure figures[FIGURES_MAX];
 *     size_t n = figures_list(report, figures);
 *     struct finding finding = figure_find(&figures[0], report, &report->twins[0]);
 *     print(figures[0].words, finding.distance, finding.floor, verdict_words[finding.verdict]);
 */
#ifndef FLOWTWIN_EVAL_FIGURES_H
#define FLOWTWIN_EVAL_FIGURES_H

#include "eval/report.h"
#include "eval/verdict.h"

enum figure_group {
    GROUP_TWO_SAMPLE, /* judges, where they were asked: */
    GROUP_TASKS,
    GROUP_PRIVACY,
    GROUP_VALUES,        /* of single flows */
    GROUP_HOURS,         /* the same by the hour of the day */
    GROUP_HOSTS,         /* how much each host does */
    GROUP_ORDER,         /* how a flow depends on those before it */
    GROUP_CONVERSATIONS, /* whether flows belong together */
    GROUP_RULES,
    GROUP_NETSHARE,
    N_FIGURE_GROUPS,
};
extern const char *const figure_group_words[N_FIGURE_GROUPS];

struct finding {
    double real, synthetic;     /* NaN where the figure has no sides */
    double distance, deviation; /* over repeats; of judges the figure itself, and its error */
    double floor, floor_deviation;
    double ratio; /* distance / floor */
    enum verdict verdict;
};

struct figure {
    char key[64];   /* in JSON: "js.bytes.all_day" */
    char words[64]; /* for people, with the unit */
    enum figure_group group;
    bool is_key; /* among those that a summary shows */
    /* The distance in one comparison; `offset` is the figure's own. */
    double (*distance)(const struct comparison *comparison, size_t offset);
    size_t offset;
    /* Instead, of judges: all of it. */
    struct finding (*judge)(const struct report *report, const struct report_twin *twin,
                            size_t offset);
    bool is_squared;  /* JS: the size factor holds, not its root */
    bool is_of_hosts; /* each host counts alike: sizes are numbers of hosts, not effective ones */
    bool has_sides;   /* each side has a number, at `offset` in its portrait */
    double scale;     /* of numbers for people: 100 for per cent */
    double tolerance; /* in the figure's own unit */
};

#define FIGURES_MAX 96
/* Those that this report has, group by group. */
size_t figures_list(const struct report *report, struct figure figures[FIGURES_MAX]);

struct finding figure_find(const struct figure *figure, const struct report *report,
                           const struct report_twin *twin);

/* {key, group, words, ...} of every figure. Caller frees with json_decref. */
json_t *figures_json(const struct report *report, const struct report_twin *twin);

#endif
