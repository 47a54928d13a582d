#include "eval/markup.h"

#include "base/error.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

/* The length of the UTF-8 sequence that the text begins with, or 0 where it is none (RFC 3629:
 * nothing overlong, no surrogates, nothing above U+10FFFF). */
static size_t utf8_length(const unsigned char *text)
{
    unsigned char first = text[0];
    size_t n = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (n == 0 || first > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool is_overlong = (first == 0xe0 && text[1] < 0xa0) || (first == 0xf0 && text[1] < 0x90);
    bool is_outside = (first == 0xed && text[1] > 0x9f) || (first == 0xf4 && text[1] > 0x8f);
    return is_overlong || is_outside ? 0 : n;
}

void markup_text(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)(text != NULL ? text : "");
    while (*at != '\0') {
        size_t n = utf8_length(at);
        bool is_control = n == 1 && (*at < 0x20 || *at == 0x7f) && *at != '\n' && *at != '\t';
        if (n == 0 || is_control)
            fputs("\xef\xbf\xbd", out);
        else if (*at == '&')
            fputs("&amp;", out);
        else if (*at == '<')
            fputs("&lt;", out);
        else if (*at == '>')
            fputs("&gt;", out);
        else if (*at == '"')
            fputs("&quot;", out);
        else if (*at == '\'')
            fputs("&#39;", out);
        else
            fwrite(at, 1, n, out);
        at += n > 0 ? n : 1;
    }
}

/* With one decimal at most, so that pages stay small. */
static void write_coordinate(FILE *out, double x)
{
    if (!isfinite(x))
        BUG("a coordinate that is no number");
    double tenths = nearbyint(10.0 * x);
    if (fmod(tenths, 10.0) == 0.0)
        fprintf(out, "%.0f", tenths / 10.0 + 0.0);
    else
        fprintf(out, "%.1f", tenths / 10.0);
}

void markup_format(FILE *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (const char *at = format; *at != '\0'; at++) {
        if (*at != '%') {
            fputc(*at, out);
            continue;
        }
        switch (*++at) {
        case 's':
            markup_text(out, va_arg(args, const char *));
            break;
        case 'd':
            fprintf(out, "%d", va_arg(args, int));
            break;
        case 'z':
            fprintf(out, "%zu", va_arg(args, size_t));
            break;
        case 'f':
            write_coordinate(out, va_arg(args, double));
            break;
        case '%':
            fputc('%', out);
            break;
        default:
            BUG("markup_format: %%%c", *at);
        }
    }
    va_end(args);
}

void number_format(double x, char text[NUMBER_TEXT_SIZE])
{
    if (!isfinite(x))
        snprintf(text, NUMBER_TEXT_SIZE, "-");
    else if (x == 0.0)
        snprintf(text, NUMBER_TEXT_SIZE, "0");
    else if (fabs(x) >= 1e15)
        snprintf(text, NUMBER_TEXT_SIZE, "%.3g", x);
    else if (fabs(x) >= 1000.0)
        count_format(x, text);
    else if (fabs(x) >= 100.0)
        snprintf(text, NUMBER_TEXT_SIZE, "%.1f", x);
    else if (fabs(x) >= 10.0)
        snprintf(text, NUMBER_TEXT_SIZE, "%.2f", x);
    else if (fabs(x) >= 1.0)
        snprintf(text, NUMBER_TEXT_SIZE, "%.3f", x);
    else
        snprintf(text, NUMBER_TEXT_SIZE, "%.4f", x); /* 0.0000 is not 0 */
}

void count_format(double n, char text[NUMBER_TEXT_SIZE])
{
    char digits[NUMBER_TEXT_SIZE];
    if (!isfinite(n) || fabs(n) >= 1e15) {
        snprintf(text, NUMBER_TEXT_SIZE, isfinite(n) ? "%.3g" : "-", n);
        return;
    }
    snprintf(digits, sizeof digits, "%.0f", n);
    size_t length = strlen(digits), at = 0;
    size_t sign = digits[0] == '-' ? 1 : 0;
    for (size_t i = 0; i < length; i++) {
        if (i > sign && (length - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
}
