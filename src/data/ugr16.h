/* ugr16.h - lines of UGR'16 into flows, and flows into such lines.
 *
 *     te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label
 *     2016-04-11
 * 00:01:38,6.004,165.133.210.175,42.219.155.19,34921,161,UDP,.A....,0,64,12,864,background
 *
 * Maciá-Fernández et al., Computers & Security 73 (2018); docs/import.md says what each column may
 * hold. What is written is read back as the same flow.
 *
 *     struct ugr16_reader reader = { 0 };
 *     enum ugr16_column fault = ugr16_parse(&reader, line, length, &flow, &label);
 *     if (fault == UGR16_FINE)
 *         flow.label = (uint8_t)label_list_add(&labels, label.text, label.length);
 */
#ifndef FLOWTWIN_DATA_UGR16_H
#define FLOWTWIN_DATA_UGR16_H

#include "data/flow.h"

enum ugr16_column {
    UGR16_TE,
    UGR16_TD,
    UGR16_SA,
    UGR16_DA,
    UGR16_SP,
    UGR16_DP,
    UGR16_PR,
    UGR16_FLG,
    UGR16_FWD,
    UGR16_STOS,
    UGR16_PKT,
    UGR16_BYT,
    UGR16_LABEL,
    N_UGR16_COLUMNS,
    /* What ugr16_parse says besides the column that is wrong: */
    UGR16_COLUMN_COUNT = N_UGR16_COLUMNS, /* there are more or fewer than 13 */
    UGR16_FINE,
};

/* The names that a header has, and the line of them that is written where one is asked for. */
extern const char *const ugr16_column_names[N_UGR16_COLUMNS];
#define UGR16_HEADER "te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label\n"

/* ---- reading ------------------------------------------------------------------------------ */

/* "1970-01-01 00:00:00,0,0.0.0.0,0.0.0.0,0,0,0,0x40,0,0,1,0,x": no legal line is shorter. */
#define UGR16_LINE_MIN 58

/* Part of the line that was read; has no terminator. */
struct ugr16_label {
    const char *text;
    size_t length;
};

/* What the last line was like, as most lines are like the one before. Starts as zeros. */
struct ugr16_reader {
    char date[10];
    int64_t midnight; /* of that date */
    char label[LABEL_NAME_MAX + 1];
    size_t label_length;
    size_t n_label_changes; /* how often it was another one than in the line before */
};

/* Reads a line of `length` bytes, without its end; line[length] must be readable and be a control
 * character, as the end of the line is. Fills flow but for its label, and label; both are undefined
 * where the line is refused. Returns UGR16_FINE, or why it is refused. */
enum ugr16_column ugr16_parse(struct ugr16_reader *reader, const char *line, size_t length,
                              struct flow *flow, struct ugr16_label *label);

#define UGR16_FAULT_SIZE 256
/* What is wrong with a line that ugr16_parse refused, as words for people:
 * `column 5 (sp) is "70000", not a port 0..65535`. */
void ugr16_explain(enum ugr16_column fault, const char *line, size_t length,
                   char text[UGR16_FAULT_SIZE]);

/* Whether the line names the columns, in any case, with spaces around the names or not. */
bool ugr16_is_header(const char *line, size_t length);

/* ---- writing ------------------------------------------------------------------------------ */

/* No line is longer, with its newline. */
#define UGR16_LINE_MAX 256

/* Writes the flow as a line into text, which has at least UGR16_LINE_MAX bytes. Returns its length
 * with the newline; there is no terminator. */
size_t ugr16_format(const struct flow *flow, const struct label_list *labels, char *text);

#endif
