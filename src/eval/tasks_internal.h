/* tasks_internal.h - the two tasks, each in its own file, as tasks.c runs them.
 *
 * A task is made once, then one network a mix is trained and told to predict the test examples, in
 * any order and at once; then the scores are taken. */
#ifndef FLOWTWIN_EVAL_TASKS_INTERNAL_H
#define FLOWTWIN_EVAL_TASKS_INTERNAL_H

#include "eval/tasks.h"

enum { TASK_REAL, TASK_SYNTHETIC, N_TASK_SIDES };

struct task_sides {
    const struct traffic *train[N_TASK_SIDES];
    const struct traffic *test;
    uint64_t seed;
};

/* How many of n training examples of a mix come from a side. */
size_t mix_count(int mix, int side, size_t n);

/* protocol_task.c */
struct protocol_task;
struct protocol_task *protocol_task_create(const struct task_sides *sides);
enum status protocol_task_run(struct protocol_task *task, int mix, struct error *err);
void protocol_task_finish(const struct protocol_task *task, struct tasks *result);
void protocol_task_free(struct protocol_task *task);

/* forecast_task.c */
struct forecast_task;
struct forecast_task *forecast_task_create(const struct task_sides *sides);
enum status forecast_task_run(struct forecast_task *task, int mix, struct error *err);
void forecast_task_finish(const struct forecast_task *task, struct tasks *result);
void forecast_task_free(struct forecast_task *task);

#endif
