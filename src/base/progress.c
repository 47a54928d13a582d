#include "base/progress.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#define BAR_WIDTH             20
#define SECONDS_BETWEEN_DRAWS 0.1

static FILE *terminal;

void progress_enable(FILE *out)
{
    terminal = out;
}

double progress_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct progress progress_start(const char *label, double total, const char *unit)
{
    double now = progress_clock();
    return (struct progress){
        .label = label, .unit = unit, .total = total, .started = now, .drawn = now
    };
}

static void format_rate(char *text, size_t size, double rate, const char *unit)
{
    if (rate >= 1e6)
        snprintf(text, size, "%.1f M %s/s", rate / 1e6, unit);
    else if (rate >= 1e3)
        snprintf(text, size, "%.1f k %s/s", rate / 1e3, unit);
    else
        snprintf(text, size, "%.1f %s/s", rate, unit);
}

void progress_update(struct progress *progress, double done, const char *format, ...)
{
    if (terminal == NULL)
        return;
    double now = progress_clock();
    if (now - progress->drawn < SECONDS_BETWEEN_DRAWS)
        return;
    progress->drawn = now;

    double elapsed = now - progress->started;
    char rate[64], line[256], note[128] = "";
    format_rate(rate, sizeof rate, elapsed > 0.0 ? done / elapsed : 0.0, progress->unit);
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(note, sizeof note, format, args);
        va_end(args);
    }
    if (progress->total > 0.0) {
        double share = done < progress->total ? done / progress->total : 1.0;
        char bar[BAR_WIDTH + 1];
        memset(bar, '.', BAR_WIDTH);
        memset(bar, '#', (size_t)(share * BAR_WIDTH));
        bar[BAR_WIDTH] = '\0';
        int left = done > 0.0 ? (int)(elapsed / share * (1.0 - share) + 0.5) : 0;
        snprintf(line, sizeof line, "%-8s [%s] %3.0f%%  %s  %d:%02d left  %s", progress->label, bar,
                 100.0 * share, rate, left / 60, left % 60, note);
    } else {
        snprintf(line, sizeof line, "%-8s %.0f %s  %s  %s", progress->label, done, progress->unit,
                 rate, note);
    }
    fprintf(terminal, "\r%-*s", progress->width, line);
    fflush(terminal);
    progress->width = (int)strlen(line);
}

void progress_finish(struct progress *progress)
{
    if (terminal == NULL || progress->width == 0)
        return;
    fprintf(terminal, "\r%*s\r", progress->width, "");
    fflush(terminal);
    progress->width = 0;
}
