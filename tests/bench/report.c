#include "bench/report.h"

#include "base/memory.h"
#include "base/progress.h"
#include "base/rng.h"

#include <cblas.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

struct report {
    char *path;
    json_t *root;
};

struct report *report_open(const char *path)
{
    struct report *report = memory_alloc(1, sizeof *report);
    report->path = memory_strdup(path);
    FILE *file = fopen(path, "re");
    report->root = json_object();
    if (file != NULL) {
        json_decref(report->root);
        report->root = json_loadf(file, 0, NULL);
        fclose(file);
    }
    if (!json_is_object(report->root)) {
        fprintf(stderr, "%s is not what a benchmark wrote\n", path);
        exit(1);
    }
    return report;
}

void report_set(struct report *report, const char *key, double value)
{
    json_t *object = report->root;
    for (const char *dot; (dot = strchr(key, '.')) != NULL; key = dot + 1) {
        json_t *inner = json_object_getn(object, key, (size_t)(dot - key));
        if (inner == NULL) {
            inner = json_object();
            json_object_setn_new(object, key, (size_t)(dot - key), inner);
        }
        object = inner;
    }
    json_object_set_new(object, key, json_real(value));
}

double report_get(const struct report *report, const char *key)
{
    const json_t *object = report->root;
    for (const char *dot; (dot = strchr(key, '.')) != NULL; key = dot + 1)
        object = json_object_getn(object, key, (size_t)(dot - key));
    object = json_object_get(object, key);
    return json_is_number(object) ? json_number_value(object) : (double)NAN;
}

void report_close(struct report *report)
{
    if (json_dump_file(report->root, report->path, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0) {
        fprintf(stderr, "%s cannot be written\n", report->path);
        exit(1);
    }
    json_decref(report->root);
    free(report->path);
    free(report);
}

double report_best_time(void (*work)(void *context), void *context, int repeats)
{
    double best = (double)INFINITY;
    work(context);
    for (int i = 0; i < repeats; i++) {
        double start = progress_clock();
        work(context);
        best = fmin(best, progress_clock() - start);
    }
    return best;
}

/* ---- the yardstick ---------------------------------------------------------------------- */

enum { LARGE = 2048 };

struct square {
    float *a, *b, *c;
};

static void multiply(void *context)
{
    const struct square *square = context;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, LARGE, LARGE, LARGE, 1.0f, square->a,
                LARGE, square->b, LARGE, 0.0f, square->c, LARGE);
}

double report_sgemm_rate(void)
{
    size_t n = (size_t)LARGE * LARGE;
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    struct square square = { memory_alloc(n, sizeof(float)), memory_alloc(n, sizeof(float)),
                             memory_alloc(n, sizeof(float)) };
    for (size_t i = 0; i < n; i++) {
        square.a[i] = (float)rng_uniform(&rng);
        square.b[i] = (float)rng_uniform(&rng);
    }
    double seconds = report_best_time(multiply, &square, 3);
    free(square.a);
    free(square.b);
    free(square.c);
    return 2.0 * LARGE * LARGE * LARGE / seconds;
}
