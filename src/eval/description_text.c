/* description_text.c - a description for people: one table a question. */
#include "data/calendar.h"
#include "eval/description_tables.h"

void description_print(const struct description *description, FILE *out)
{
    char from[CALENDAR_TEXT_SIZE], until[CALENDAR_TEXT_SIZE];
    char flows[NUMBER_TEXT_SIZE], bytes[NUMBER_TEXT_SIZE];
    calendar_format(description->from, from);
    calendar_format(description->until, until);
    count_format((double)description->n_flows, flows);
    count_format(description->n_bytes, bytes);
    fprintf(out, "%s: %s flows of %zu hosts, %s bytes, %s to %s\n", description->source, flows,
            description->n_hosts, bytes, from, until);
    for (int t = 0; t < N_DESCRIPTION_TABLES; t++) {
        struct table table = description_table(description, (enum description_table)t);
        table_print(&table, out);
        table_release(&table);
    }
}
