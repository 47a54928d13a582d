/* report_internal.h - what the text and the JSON of a report share: how a number is found in the
 * mean and in the deviation of a comparison, and beside it its floor. */
#ifndef FLOWTWIN_EVAL_REPORT_INTERNAL_H
#define FLOWTWIN_EVAL_REPORT_INTERNAL_H

#include "eval/report.h"

/* Offsets of a distance, and of a number of a portrait. */
#define DISTANCE_AT(member) offsetof(struct comparison, member)
#define PORTRAIT_AT(member) offsetof(struct portrait, member)

static inline double number_at(const struct comparison *comparison, size_t offset)
{
    return *(const double *)(const void *)((const char *)comparison + offset);
}

static inline double portrait_number(const struct portrait *portrait, size_t offset)
{
    return *(const double *)(const void *)((const char *)portrait + offset);
}

/* Offsets in a comparison of a portrait's number: on the real side, on the synthetic one, and of
 * their difference, which is what has a floor. */
static inline size_t real_at(size_t portrait_offset)
{
    return offsetof(struct comparison, real) + portrait_offset;
}

static inline size_t synthetic_at(size_t portrait_offset)
{
    return offsetof(struct comparison, synthetic) + portrait_offset;
}

static inline size_t difference_at(size_t portrait_offset)
{
    return offsetof(struct comparison, difference) + portrait_offset;
}

/* The numbers of struct conversations, by name. */
struct conversation_info {
    const char *name, *words;
    size_t offset; /* in a portrait */
    double scale;  /* for people: 100 for what is shown in per cent */
};
#define N_CONVERSATION_FIGURES 12
extern const struct conversation_info conversation_infos[N_CONVERSATION_FIGURES];

/* Whether the comparisons have a distribution distance of that attribute. */
bool report_has_distribution(const struct report *report, enum attribute attribute);
/* Whether both sides have the attribute. */
bool report_has_attribute(const struct report *report, enum attribute attribute);
/* Whether the attribute has an order, so that it can be correlated. */
bool report_has_correlation(const struct report *report, enum attribute attribute);

/* ---- parts of the text, in report_text.c -------------------------------------------------- */

/* The columns of every table: a name, then cells of a number with its deviation in brackets (NaN:
 * none). */
void report_print_name(FILE *out, const char *name);
void report_print_cell(FILE *out, double x, double deviation);
/* The file's name without its folder. */
const char *report_short_name(const char *path);
/* A line of headings: the floor, and each twin. */
void report_print_headings(FILE *out, const struct report *report);

/* ---- parts of the JSON, in report_json.c -------------------------------------------------- */

/* A number, or null where there is none. */
json_t *report_number(double x);
/* The same under the key `key` and `suffix` together. */
void report_set_number(json_t *object, const char *key, const char *suffix, double x);
/* The object under a key, which is made where it is not there. */
json_t *report_child(json_t *object, const char *key);

/* ---- what the judges of a twin found, in report_judges.c and report_judges_json.c ---------- */

void report_print_gains(FILE *out, const struct report *report);
void report_print_membership(FILE *out, const struct report *report);
void report_print_judges(FILE *out, const struct report *report);
/* The membership of a model, what its embeddings are worth, and all of a twin. */
void report_add_membership(json_t *object, const struct membership *membership);
void report_add_gain(json_t *object, const struct embedding_gain *gain);
void report_add_judges(json_t *object, const struct report *report, const struct report_twin *twin);

#endif
