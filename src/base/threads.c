#include "base/threads.h"

#include <cblas.h>
#include <omp.h>
#include <stdio.h>

void threads_set(int n)
{
    if (n > 0)
        omp_set_num_threads(n);
}

int threads_count(void)
{
    return omp_get_max_threads();
}

int threads_blas_is_openmp(void)
{
    return openblas_get_parallel() == OPENBLAS_OPENMP;
}

const char *threads_blas_description(void)
{
    static char text[160];
    const char *threading = "single-threaded";
    if (openblas_get_parallel() == OPENBLAS_OPENMP)
        threading = "OpenMP";
    else if (openblas_get_parallel() == OPENBLAS_THREAD)
        threading = "pthread";
    /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ...": the first two words are what people know. */
    char name[32] = "", version[32] = "";
    if (sscanf(openblas_get_config(), "%31s %31s", name, version) != 2)
        snprintf(name, sizeof name, "OpenBLAS");
    snprintf(text, sizeof text, "%s %s (%s, %s)", name, version, threading,
             openblas_get_corename());
    return text;
}
