/* blas.h - the one place where src/nn calls BLAS, in float or in double.
 *
 * Only from inside `omp parallel`, where the OpenMP build of OpenBLAS computes on the calling
 * thread: the cut into pieces is ours, so that it does not depend on the number of threads.
 */
#ifndef FLOWTWIN_NN_BLAS_H
#define FLOWTWIN_NN_BLAS_H

#include "nn/tensor.h"

#include <cblas.h>

/* c += x^T y for row-major x [R, n_x], y [R, n_y], c [n_x, n_y]; strides are from row to row. */
static inline void blas_add_xt_y(real *c, size_t c_stride, const real *x, size_t x_stride,
                                 const real *y, size_t y_stride, size_t R, size_t n_x, size_t n_y)
{
#ifdef NN_DOUBLE
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)n_x, (blasint)n_y, (blasint)R,
                1.0, x, (blasint)x_stride, y, (blasint)y_stride, 1.0, c, (blasint)c_stride);
#else
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)n_x, (blasint)n_y, (blasint)R,
                1.0f, x, (blasint)x_stride, y, (blasint)y_stride, 1.0f, c, (blasint)c_stride);
#endif
}

#endif
