/* markup.h - what HTML and SVG are made of: text that cannot break out, and numbers that are
 * numbers.
 *
 *     markup_text(out, file_name);               // & < > " ' are escaped
 *     markup_format(out, "<td>%s</td>", name);   // the same for every %s
 */
#ifndef FLOWTWIN_EVAL_MARKUP_H
#define FLOWTWIN_EVAL_MARKUP_H

#include <stdio.h>

/* As text or as the value of an attribute. Bytes that are no UTF-8, and control characters, which
 * no document may have, become U+FFFD. NULL is no text. */
void markup_text(FILE *out, const char *text);

/* A format of %s (escaped as above), %d (int), %z (size_t), %f (a coordinate: one decimal at most)
 * and %%. A coordinate that is no number is a BUG: a chart leaves such points out before. */
void markup_format(FILE *out, const char *format, ...);

/* For people, with as many digits as are worth reading: "0.0312", "45.60", "1,234,567"; "-" where
 * there is no number. */
#define NUMBER_TEXT_SIZE 40
void number_format(double x, char text[NUMBER_TEXT_SIZE]);
/* A count with commas between thousands: "1,234,567". */
void count_format(double n, char text[NUMBER_TEXT_SIZE]);

#endif
