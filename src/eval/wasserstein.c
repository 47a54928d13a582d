#include "eval/wasserstein.h"

#include <math.h>

double wasserstein_distance(const int64_t *a, size_t n_a, const int64_t *b, size_t n_b)
{
    if (n_a == 0 || n_b == 0)
        return NAN;
    /* Walks over the values of both, in order; between one and the next, the distribution functions
     * are i / n_a and j / n_b. */
    size_t i = 0, j = 0;
    int64_t x = a[0] < b[0] ? a[0] : b[0];
    double area = 0.0;
    while (i < n_a || j < n_b) {
        int64_t next = j == n_b || (i < n_a && a[i] < b[j]) ? a[i] : b[j];
        area += fabs((double)i / (double)n_a - (double)j / (double)n_b) * (double)(next - x);
        x = next;
        while (i < n_a && a[i] == x)
            i++;
        while (j < n_b && b[j] == x)
            j++;
    }
    return area;
}
