/* verdict.h - what is good, and where to worry: every limit that a report judges by stands here.
 *
 * A verdict compares a distance with the same distance between two halves of the real hosts:
 *
 *   like real  not above the floor and twice its deviation over halvings
 *   close      up to VERDICT_CLOSE_TIMES the floor
 *   apart      up to VERDICT_APART_TIMES
 *   far off    beyond
 *
 * Judges (a classifier, tasks, membership) have scales of their own, with fixed limits.
 * docs/report.md lists all of them.
 */
#ifndef FLOWTWIN_EVAL_VERDICT_H
#define FLOWTWIN_EVAL_VERDICT_H

#include "eval/privacy.h"

enum verdict { VERDICT_LIKE_REAL, VERDICT_CLOSE, VERDICT_APART, VERDICT_FAR, VERDICT_NONE };
extern const char *const verdict_names[]; /* in JSON: "like_real", ... */
extern const char *const verdict_words[]; /* for people: "like real", ... */

#define VERDICT_CLOSE_TIMES 2
#define VERDICT_APART_TIMES 5

/* tolerance: a distance that nobody would mind, whatever the floor. Without a floor (NaN), or
 * without a distance, there is no verdict. */
enum verdict verdict_of(double distance, double floor, double floor_deviation, double tolerance);

/* From where on texts say to worry, which is the end of one of the judge's verdicts. */
#define WORRY_TWO_SAMPLE       0.75 /* AUC */
#define WORRY_MACRO_F1         0.02 /* lost */
#define WORRY_FORECAST_PERCENT 5    /* added to the error */
#define WORRY_NEARER           0.6  /* share */
#define WORRY_MEMBERSHIP       0.55 /* AUC */
/* The same as parts of a text. */
#define LIMIT_TEXT(limit)           LIMIT_TEXT_EXPANDED(limit)
#define LIMIT_TEXT_EXPANDED(limit)  #limit
#define WORRY_TWO_SAMPLE_TEXT       LIMIT_TEXT(WORRY_TWO_SAMPLE)
#define WORRY_MACRO_F1_TEXT         LIMIT_TEXT(WORRY_MACRO_F1)
#define WORRY_FORECAST_PERCENT_TEXT LIMIT_TEXT(WORRY_FORECAST_PERCENT)
#define WORRY_NEARER_TEXT           LIMIT_TEXT(WORRY_NEARER)
#define WORRY_MEMBERSHIP_TEXT       LIMIT_TEXT(WORRY_MEMBERSHIP)

enum verdict verdict_of_two_sample(double auc);
enum verdict verdict_of_macro_f1(double change); /* from real flows to the twin */
enum verdict verdict_of_forecast(double change); /* of its error, as a share of it */
/* Held-out hosts are the floor, and both standard errors its deviation. */
enum verdict verdict_of_copies(const struct copies *copies);
/* Less twice its error. */
enum verdict verdict_of_nearest(const struct nearest *nearest);
enum verdict verdict_of_membership(const struct inference *inference);

#endif
