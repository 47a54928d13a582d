/* threads.h - how many threads work, and which BLAS does.
 *
 * One level of parallelism at a time: either OpenBLAS inside a matrix product, or our own
 * `omp parallel for` around code that calls no BLAS. Both take their count from OpenMP, which is
 * why the OpenMP build of OpenBLAS is the one to link: with the pthread build two pools compete.
 */
#ifndef FLOWTWIN_BASE_THREADS_H
#define FLOWTWIN_BASE_THREADS_H

/* Sets the number of threads; 0 leaves what OpenMP chose (the cores, or OMP_NUM_THREADS). */
void threads_set(int n);
int threads_count(void);

/* "OpenBLAS 0.3.21 (OpenMP, Zen)": version, kind of threading and kernel of the linked BLAS. */
const char *threads_blas_description(void);
/* Whether that BLAS takes its threads from OpenMP. */
int threads_blas_is_openmp(void);

#endif
