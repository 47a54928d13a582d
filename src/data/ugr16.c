#include "data/ugr16.h"

#include "data/address_set.h"
#include "data/calendar.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *const ugr16_column_names[N_UGR16_COLUMNS] = {
    "te", "td", "sa", "da", "sp", "dp", "pr", "flg", "fwd", "stos", "pkt", "byt", "label",
};

static const char *const column_expects[N_UGR16_COLUMNS] = {
    "a time YYYY-MM-DD hh:mm:ss, in whole seconds, of a day that exists",
    "a duration in seconds, 0 to 4294967.295, with up to three decimals",
    "an IPv4 address",
    "an IPv4 address",
    "a port 0..65535",
    "a port 0..65535",
    "a protocol's name or number",
    "TCP flags as in .AP.SF or 0xd8",
    "a number 0..255",
    "a number 0..255",
    "a number of packets, 1 or more",
    "a number of bytes, 0 or more",
    "UTF-8 text of 1 to 63 bytes",
};

/* "YYYY-MM-DD hh:mm:ss" */
#define TIME_LENGTH 19

/* ---- reading: one function for each form of a column ---------------------------------------
 *
 * Each takes the start of its column and returns the byte after the last one that belongs to it, or
 * NULL where the value is not legal. They stop at the end of the line without looking for it, as it
 * is a byte that none of them takes. */

static inline unsigned digit_at(const char *text)
{
    return (unsigned)(unsigned char)*text - '0'; /* > 9 for anything else */
}

static inline const char *read_number(const char *text, uint64_t maximum, uint64_t *number)
{
    const char *first = text;
    uint64_t sum = 0;
    for (unsigned digit; (digit = digit_at(text)) <= 9; text++)
        sum = sum * 10 + digit;
    /* 19 digits do not overflow. */
    size_t n_digits = (size_t)(text - first);
    *number = sum;
    return n_digits >= 1 && n_digits <= 19 && sum <= maximum ? text : NULL;
}

/* "hh:mm:ss" as seconds; -1 where it is none. */
static inline int64_t clock_seconds(const char *text)
{
    unsigned h1 = digit_at(text), h0 = digit_at(text + 1);
    unsigned m1 = digit_at(text + 3), m0 = digit_at(text + 4);
    unsigned s1 = digit_at(text + 6), s0 = digit_at(text + 7);
    bool is_legal = h1 <= 2 && h0 <= (h1 == 2 ? 3 : 9) && m1 <= 5 && m0 <= 9 && s1 <= 5 &&
                    s0 <= 9 && text[2] == ':' && text[5] == ':';
    return is_legal ? (int64_t)((h1 * 10 + h0) * 3600 + (m1 * 10 + m0) * 60 + s1 * 10 + s0) : -1;
}

static inline const char *read_time(struct ugr16_reader *reader, const char *text, int64_t *ms)
{
    if (memcmp(text, reader->date, sizeof reader->date) != 0) {
        if (!calendar_parse(text, sizeof reader->date, &reader->midnight))
            return NULL;
        memcpy(reader->date, text, sizeof reader->date);
    }
    int64_t seconds = clock_seconds(text + 11);
    if (seconds < 0 || (text[10] != ' ' && text[10] != 'T'))
        return NULL;
    *ms = reader->midnight + seconds * MS_PER_SECOND;
    return text + TIME_LENGTH;
}

static inline const char *read_duration(const char *text, uint32_t *duration)
{
    uint64_t ms;
    text = read_number(text, UINT32_MAX / 1000, &ms);
    if (text == NULL)
        return NULL;
    ms *= 1000;
    if (*text == '.') {
        if (digit_at(++text) > 9)
            return NULL;
        for (unsigned unit = 100; unit > 0 && digit_at(text) <= 9; unit /= 10)
            ms += digit_at(text++) * unit;
    }
    *duration = (uint32_t)ms;
    return ms <= UINT32_MAX ? text : NULL;
}

/* 0..255 without leading zeros, which some programs take for octal; more than 255 where it is none.
 */
static inline const char *read_octet(const char *text, uint32_t *octet)
{
    unsigned a = digit_at(text), b, c;
    *octet = a <= 9 ? a : 256;
    if (a > 9 || (b = digit_at(text + 1)) > 9)
        return text + 1;
    *octet = a > 0 ? a * 10 + b : 256;
    if ((c = digit_at(text + 2)) > 9)
        return text + 2;
    *octet = *octet * 10 + c;
    return text + 3;
}

static inline const char *read_address(const char *text, uint32_t *address)
{
    uint32_t a, b, c, d;
    text = read_octet(text, &a);
    if (a > 255 || *text++ != '.')
        return NULL;
    text = read_octet(text, &b);
    if (b > 255 || *text++ != '.')
        return NULL;
    text = read_octet(text, &c);
    if (c > 255 || *text++ != '.')
        return NULL;
    text = read_octet(text, &d);
    *address = a << 24 | b << 16 | c << 8 | d;
    return d <= 255 ? text : NULL;
}

static inline const char *read_protocol(const char *text, const char *end, uint8_t *protocol)
{
    if (end - text >= 4 && memcmp(text, "TCP,", 4) == 0) {
        *protocol = PROTOCOL_TCP;
        return text + 3;
    }
    if (end - text >= 4 && memcmp(text, "UDP,", 4) == 0) {
        *protocol = PROTOCOL_UDP;
        return text + 3;
    }
    const char *comma = memchr(text, ',', (size_t)(end - text));
    int number = comma != NULL ? protocol_number(text, (size_t)(comma - text)) : -1;
    *protocol = (uint8_t)number;
    return number >= 0 ? comma : NULL;
}

static inline const char *read_flags(const char *text, const char *end, uint8_t *flags)
{
    const char *comma = memchr(text, ',', (size_t)(end - text));
    int number = comma != NULL ? flags_parse(text, (size_t)(comma - text)) : -1;
    *flags = (uint8_t)number;
    return number >= 0 ? comma : NULL;
}

/* UTF-8 without control characters: shortest forms only, no surrogates, up to U+10FFFF
 * (Unicode 15, table 3-7). */
static bool is_clean_text(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + length;
    while (at < end) {
        unsigned char lead = *at++;
        if (lead < 0x80) {
            if (lead < 0x20 || lead == 0x7f)
                return false;
            continue;
        }
        int n_more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || end - at < n_more)
            return false;
        unsigned char second = *at;
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
            (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
            return false;
        for (int i = 0; i < n_more; i++)
            if ((*at++ & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static inline bool label_is_legal(struct ugr16_reader *reader, const char *text, size_t length)
{
    if (length == reader->label_length && memcmp(text, reader->label, length) == 0)
        return length > 0;
    if (length == 0 || length > LABEL_NAME_MAX || memchr(text, ',', length) != NULL ||
        !is_clean_text(text, length))
        return false;
    memcpy(reader->label, text, length);
    reader->label_length = length;
    reader->n_label_changes++;
    return true;
}

/* ---- reading: a line ---------------------------------------------------------------------- */

static size_t count_columns(const char *line, size_t length)
{
    size_t n = 1;
    for (size_t i = 0; i < length; i++)
        n += line[i] == ',';
    return n;
}

/* The column that is wrong, where there are 13 of them. */
static enum ugr16_column refuse(enum ugr16_column column, const char *line, size_t length)
{
    return count_columns(line, length) == N_UGR16_COLUMNS ? column : UGR16_COLUMN_COUNT;
}

/* Moves over a column and the comma after it, or leaves ugr16_parse. */
#define READ(column, call)                                                                         \
    do {                                                                                           \
        at = (call);                                                                               \
        if (at == NULL || *at++ != ',')                                                            \
            return refuse(column, line, length);                                                   \
    } while (0)

enum ugr16_column ugr16_parse(struct ugr16_reader *reader, const char *line, size_t length,
                              struct flow *flow, struct ugr16_label *label)
{
    if (length < TIME_LENGTH)
        return refuse(UGR16_TE, line, length);
    const char *at = line, *end = line + length;
    uint64_t source_port, destination_port, forwarding, tos;
    READ(UGR16_TE, read_time(reader, at, &flow->end));
    READ(UGR16_TD, read_duration(at, &flow->duration));
    READ(UGR16_SA, read_address(at, &flow->source));
    READ(UGR16_DA, read_address(at, &flow->destination));
    READ(UGR16_SP, read_number(at, UINT16_MAX, &source_port));
    READ(UGR16_DP, read_number(at, UINT16_MAX, &destination_port));
    READ(UGR16_PR, read_protocol(at, end, &flow->protocol));
    READ(UGR16_FLG, read_flags(at, end, &flow->flags));
    READ(UGR16_FWD, read_number(at, UINT8_MAX, &forwarding));
    READ(UGR16_STOS, read_number(at, UINT8_MAX, &tos));
    READ(UGR16_PKT, read_number(at, INT64_MAX, &flow->packets));
    if (flow->packets == 0)
        return refuse(UGR16_PKT, line, length);
    READ(UGR16_BYT, read_number(at, INT64_MAX, &flow->bytes));
    label->text = at;
    label->length = (size_t)(end - at);
    if (!label_is_legal(reader, label->text, label->length))
        return refuse(UGR16_LABEL, line, length);

    flow->source_port = (uint16_t)source_port;
    flow->destination_port = (uint16_t)destination_port;
    flow->forwarding = (uint8_t)forwarding;
    flow->tos = (uint8_t)tos;
    flow->label = 0;
    return UGR16_FINE;
}

/* The n-th column of the line. */
static const char *find_column(const char *line, size_t length, size_t n, size_t *column_length)
{
    const char *end = line + length;
    for (; n > 0; n--)
        line = (const char *)memchr(line, ',', (size_t)(end - line)) + 1;
    const char *comma = memchr(line, ',', (size_t)(end - line));
    *column_length = (size_t)((comma != NULL ? comma : end) - line);
    return line;
}

void ugr16_explain(enum ugr16_column fault, const char *line, size_t length,
                   char text[UGR16_FAULT_SIZE])
{
    if (fault >= N_UGR16_COLUMNS) {
        size_t n = count_columns(line, length);
        snprintf(text, UGR16_FAULT_SIZE,
                 "%zu column%s, not the 13 of UGR'16 (te, td, sa, ..., "
                 "label)",
                 n, n == 1 ? "" : "s");
        return;
    }
    enum { SHOWN = 64 };
    size_t value_length, n_shown = 0;
    const char *value = find_column(line, length, fault, &value_length);
    char shown[SHOWN + 4];
    for (; n_shown < value_length && n_shown < SHOWN; n_shown++) {
        bool is_plain = value[n_shown] >= 0x20 && value[n_shown] <= 0x7e;
        shown[n_shown] = is_plain ? value[n_shown] : '?';
    }
    memcpy(shown + n_shown, n_shown < value_length ? "..." : "", n_shown < value_length ? 4 : 1);
    snprintf(text, UGR16_FAULT_SIZE, "column %d (%s) is \"%s\", not %s", fault + 1,
             ugr16_column_names[fault], shown, column_expects[fault]);
}

bool ugr16_is_header(const char *line, size_t length)
{
    if (count_columns(line, length) != N_UGR16_COLUMNS)
        return false;
    for (size_t c = 0; c < N_UGR16_COLUMNS; c++) {
        size_t n;
        const char *name = find_column(line, length, c, &n);
        for (; n > 0 && isspace((unsigned char)name[0]); n--)
            name++;
        while (n > 0 && isspace((unsigned char)name[n - 1]))
            n--;
        if (n != strlen(ugr16_column_names[c]) || strncasecmp(name, ugr16_column_names[c], n) != 0)
            return false;
    }
    return true;
}

/* ---- writing ------------------------------------------------------------------------------ */

static char *put_number(char *to, uint64_t number)
{
    char digits[20];
    int n = 0;
    do {
        digits[n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (n > 0)
        *to++ = digits[--n];
    *to++ = ',';
    return to;
}

static char *put_address(char *to, uint32_t address)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        to = put_number(to, address >> shift & 255);
        to[-1] = shift > 0 ? '.' : ',';
    }
    return to;
}

static char *put_text(char *to, const char *text, char after)
{
    size_t length = strlen(text);
    memcpy(to, text, length);
    to[length] = after;
    return to + length + 1;
}

size_t ugr16_format(const struct flow *flow, const struct label_list *labels, char *text)
{
    char *to = text;
    calendar_format(flow->end, to);
    to[19] = ',';
    to = put_number(to + 20, flow->duration / 1000);
    uint32_t ms = flow->duration % 1000;
    to[-1] = '.';
    to[0] = (char)('0' + ms / 100);
    to[1] = (char)('0' + ms / 10 % 10);
    to[2] = (char)('0' + ms % 10);
    to[3] = ',';
    to = put_address(to + 4, flow->source);
    to = put_address(to, flow->destination);
    to = put_number(to, flow->source_port);
    to = put_number(to, flow->destination_port);
    to = put_text(to, protocol_name(flow->protocol), ',');
    char flags[FLAGS_TEXT_SIZE];
    flags_format(flow->flags, flags);
    to = put_text(to, flags, ',');
    to = put_number(to, flow->forwarding);
    to = put_number(to, flow->tos);
    to = put_number(to, flow->packets);
    to = put_number(to, flow->bytes);
    bool has_name = flow->label < labels->n;
    to = put_text(to, has_name ? labels->names[flow->label] : LABEL_UNKNOWN, '\n');
    return (size_t)(to - text);
}
