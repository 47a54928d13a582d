#include "model/masked_conv/links.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* What is kept of a row's context; rows of the past are numbers of rows, -1 for none. */
struct linked_row {
    int32_t match, last_new;
    int32_t references[N_REFERENCES];
    uint32_t match_flows;
    uint16_t n_exclusions;     /* kept ports or kept atoms */
    uint16_t n_full, n_octets; /* full and kept octets, which follow the atoms */
    size_t first_exclusion;    /* in exclusions */
    uint16_t rank, n_conversations, n_remotes;
    uint8_t kind;
    uint8_t is_icmp_kept;
    uint8_t shown[CONVERSATIONS_SHOWN];
    int32_t hour_end; /* number of the first row that ends after the hour of the clock before it */
    int32_t next;     /* see struct pace */
    uint32_t n_in_second; /* see struct row_context */
    /* The row before with the same remote, and how many there have been. */
    int32_t remote_before;
    uint32_t remote_flows;
    struct candidate_look look;
    uint32_t match_in_hour;         /* see struct row_context */
    int64_t room;                   /* likewise */
    uint32_t remote_before_in_hour; /* flows with its remote before it in its hour */
    struct pace_mark mark;
    struct beat beat, remote_beat;    /* of its conversation and its remote, with it */
    struct usual_period usual_period; /* of its service */
    struct beats_due beats[2];        /* before it: see struct row_context */
};

/* The last rows of the most recent conversations and remotes: numbers, most recent first. */
struct near_rows {
    uint16_t n_conversations, n_remotes;
    int32_t conversations[NEAR_CONVERSATIONS], remotes[NEAR_REMOTES];
};

struct linked_sequence {
    const struct sequence *sequence;
    const struct vocabulary *vocabulary;
    const struct service_lists *services;
    bool has_memory, recalls;
    /* Of one that begins anew: what sequence points to, its rows, and how many are of another host.
     */
    struct sequence part;
    struct row *own_rows;
    size_t n_lent;
    struct linked_row *rows;
    struct like_rows *past; /* NULL without memory */
    int64_t *clocks;        /* [n_rows + 1]: before each row, and after the last */
    uint16_t *exclusions;   /* of all rows, one after another; octets two a word */
    size_t n_exclusions, exclusions_capacity;
    struct near_rows *near;              /* before every NEAR_STEP-th row */
    struct pace_counts *counts;          /* of the rows before every COUNT_ROWS-th one */
    struct pace_counts rest;             /* of what comes after the last row in its hour */
    const struct linked_sequence *whole; /* of one that begins anew: what it is a part of */
};

#define COUNT_ROWS 16
#define NEAR_STEP  32

/* ---- exclusions --------------------------------------------------------------------------- */

size_t kept_atoms_of(const struct conversation_memory *memory, const struct vocabulary *vocabulary,
                     uint16_t *atoms)
{
    const struct value_list *remotes = &vocabulary->lists[ATTRIBUTE_REMOTE];
    size_t n = 0;
    for (size_t a = 0; a < remotes->n; a++)
        if (conversation_knows_remote(memory, (uint32_t)remotes->values[a]))
            atoms[n++] = (uint16_t)a;
    return n;
}

size_t full_octets_of(const struct conversation_memory *memory, const struct vocabulary *vocabulary,
                      uint32_t address, uint8_t *octets)
{
    const struct value_list *remotes = &vocabulary->lists[ATTRIBUTE_REMOTE];
    if (conversation_remote_count(memory) + remotes->n < 256)
        return 0;
    uint16_t counts[256];
    conversation_count_remotes(memory, address, counts);
    for (size_t a = 0; a < remotes->n; a++) {
        uint32_t atom = (uint32_t)remotes->values[a];
        if ((atom ^ address) >> 16 == 0 && !conversation_knows_remote(memory, atom))
            counts[atom >> 8 & 255]++;
    }
    size_t n = 0;
    for (uint32_t octet = 0; octet < 256; octet++)
        if (counts[octet] == 256)
            octets[n++] = (uint8_t)octet;
    return n;
}

size_t kept_octets_of(const struct conversation_memory *memory, const struct vocabulary *vocabulary,
                      uint32_t address, uint8_t *octets)
{
    const struct value_list *remotes = &vocabulary->lists[ATTRIBUTE_REMOTE];
    const uint32_t first = address & ~UINT32_C(255);
    size_t n = 0, a = value_list_lower(remotes, first); /* atoms ascend */
    for (uint32_t octet = 0; octet < 256; octet++) {
        bool is_atom = a < remotes->n && remotes->values[a] == first + octet;
        a += is_atom;
        if (is_atom || conversation_knows_remote(memory, first + octet))
            octets[n++] = (uint8_t)octet;
    }
    return n;
}

uint8_t conversation_code(const struct past_row *past, int64_t clock)
{
    static const int64_t ages[] = { 0, 2, 10, 60, 300 };
    const int64_t *value = past->row.value;
    unsigned flows = past->n_flows < 4 ? past->n_flows - 1 : 3;
    unsigned protocol = transport_of(value[ATTRIBUTE_PROTOCOL]);
    unsigned age = 0;
    while (age < ARRAY_LEN(ages) && clock - past->clock > ages[age])
        age++;
    unsigned code = (unsigned)value[ATTRIBUTE_DIRECTION];
    code = code * 4 + flows;
    code = code * 3 + protocol;
    code = code * 6 + age;
    return (uint8_t)(1 + code);
}

/* ---- linking ------------------------------------------------------------------------------ */

static int32_t number_of(const struct past_row *past)
{
    return past != NULL ? (int32_t)past->index : -1;
}

static void note_exclusions(struct linked_sequence *linked, struct linked_row *linked_row,
                            const struct conversation_memory *memory,
                            const struct vocabulary *vocabulary, const struct row *row)
{
    uint16_t words[CONVERSATIONS_KEPT + 1024];
    uint8_t octets[512];
    size_t n_words = 0, n_full = 0, n_octets = 0;
    if (linked_row->kind == LINK_REMOTE) {
        n_words = conversation_remote_ports(memory, row, words);
        linked_row->is_icmp_kept = conversation_is_kept(
            memory, (uint32_t)row->value[ATTRIBUTE_REMOTE], PROTOCOL_ICMP, 0, 0);
    } else if (linked_row->kind == LINK_NEW) {
        n_words = kept_atoms_of(memory, vocabulary, words);
        uint32_t address = (uint32_t)row->value[ATTRIBUTE_REMOTE];
        n_full = full_octets_of(memory, vocabulary, address, octets);
        n_octets = kept_octets_of(memory, vocabulary, address, octets + n_full);
    }
    size_t n_bytes = n_full + n_octets;
    linked_row->first_exclusion = linked->n_exclusions;
    linked_row->n_exclusions = (uint16_t)n_words;
    linked_row->n_full = (uint16_t)n_full;
    linked_row->n_octets = (uint16_t)n_octets;
    if (n_words + n_bytes == 0)
        return;
    linked->exclusions = memory_grow(linked->exclusions, &linked->exclusions_capacity,
                                     linked->n_exclusions + n_words + (n_bytes + 1) / 2,
                                     sizeof *linked->exclusions);
    uint16_t *place = linked->exclusions + linked->n_exclusions;
    memcpy(place, words, n_words * sizeof *words);
    memcpy(place + n_words, octets, n_bytes);
    linked->n_exclusions += n_words + (n_bytes + 1) / 2;
}

/* Finds what is like row i, of which kind and match are known. */
static void note_like(struct linked_sequence *linked, size_t i, const struct past_row *match)
{
    struct linked_row *row = &linked->rows[i];
    for (enum reference r = 0; r < N_REFERENCES; r++)
        row->references[r] = -1;
    if (linked->past == NULL)
        return;
    const struct like_facts facts = { .row = &linked->sequence->rows[i],
                                      .kind = (enum link_kind)row->kind,
                                      .match = match != NULL ? &match->row : NULL };
    like_rows_note(linked->past, &facts, linked->clocks[i] + facts.row->value[ATTRIBUTE_GAP]);
    const int32_t *found = like_rows_found(linked->past, (int32_t)i);
    for (enum reference r = 0; r < N_REFERENCES; r++)
        row->references[r] = like_rows_reference(linked->past, found, (int32_t)i, r);
}

static void link_row(struct linked_sequence *linked, size_t i, int32_t last_new,
                     const struct conversation_memory *memory, const struct beats beats[2])
{
    const struct vocabulary *vocabulary = linked->vocabulary;
    const struct row *row = &linked->sequence->rows[i];
    struct linked_row *linked_row = &linked->rows[i];
    struct link link = conversation_link(memory, row);
    const struct past_row *match = conversation_match(memory, &link);
    const struct past_row *conversation = link_is_of_conversation(link.kind) ? match : NULL;
    const struct past_row *remote = conversation_of_remote(memory,
                                                           (uint32_t)row->value[ATTRIBUTE_REMOTE]);
    bool is_same_second = i > 0 && row[-1].value[ATTRIBUTE_GAP] == 0;
    *linked_row = (struct linked_row){
        .kind = (uint8_t)link.kind,
        .rank = (uint16_t)link.rank,
        .n_conversations = (uint16_t)conversation_count(memory),
        .n_remotes = (uint16_t)conversation_remote_count(memory),
        .match = number_of(match),
        .match_flows = match != NULL ? match->n_flows : 0,
        .last_new = last_new,
        .remote_before = number_of(remote),
        .look = candidate_look(vocabulary, row),
        .remote_flows = remote != NULL ? remote->n_flows : 0,
        .n_in_second = (i > 0) + (is_same_second ? linked_row[-1].n_in_second : 0),
        .match_in_hour = past_row_in_hour(match, linked->clocks[i + 1]),
        .room = past_row_room(conversation, row->value[ATTRIBUTE_DIRECTION], linked->clocks[i + 1]),
        .remote_before_in_hour = past_row_in_hour(remote, linked->clocks[i + 1]),
        .beat = past_row_beat(conversation, linked->clocks[i + 1]),
        .remote_beat = past_row_beat(remote, linked->clocks[i + 1]),
        .usual_period = service_period(linked->services, row),
    };
    for (size_t is_known = 0; is_known < 2; is_known++)
        beats_find(&beats[is_known], linked->clocks[i], &linked_row->beats[is_known]);
    const struct pace_facts facts = { row, link.kind,
                                      i > 0 ? (enum link_kind)linked_row[-1].kind : LINK_NEW,
                                      linked_row->n_in_second, linked_row->match_in_hour };
    linked_row->mark = pace_mark(&facts, linked->services);
    note_like(linked, i, match);
    for (size_t s = 0; s < CONVERSATIONS_SHOWN && s < conversation_count(memory); s++)
        linked_row->shown[s] = conversation_code(conversation_at(memory, s), linked->clocks[i]);
    note_exclusions(linked, linked_row, memory, vocabulary, row);
}

/* Counts flows by class, and finds where hours end. */
static void count_pace(struct linked_sequence *linked)
{
    size_t n = linked->sequence->n_rows;
    struct pace_counts counts = { 0 };
    linked->counts = memory_alloc(n / COUNT_ROWS + 1, sizeof *linked->counts);
    for (size_t i = 0; i <= n; i++) {
        if (i % COUNT_ROWS == 0)
            linked->counts[i / COUNT_ROWS] = counts;
        if (i < n)
            pace_add(&counts, linked->rows[i].mark, 1);
    }
    size_t end = n, end_of_next = n; /* of the rows of an hour, and of the next one that has some */
    for (size_t i = n; i-- > 0;) {
        int64_t before = linked->clocks[i] / SECONDS_PER_HOUR;
        int64_t after = linked->clocks[i + 1] / SECONDS_PER_HOUR;
        if (i + 1 < n && linked->clocks[i + 2] / SECONDS_PER_HOUR != after) {
            end_of_next = end;
            end = i + 1;
        }
        size_t here = before == after ? end : i, next = before == after ? end_of_next : end;
        bool has_next = here < n && linked->clocks[here + 1] / SECONDS_PER_HOUR == before + 1;
        linked->rows[i].hour_end = (int32_t)here;
        linked->rows[i].next = has_next ? (int32_t)(next - here) : 0;
    }
}

/* counts += factor times the rows before row i */
static void add_rows_before(const struct linked_sequence *linked, size_t i, int32_t factor,
                            struct pace_counts *counts)
{
    pace_add_counts(counts, &linked->counts[i / COUNT_ROWS], factor);
    for (size_t row = i - i % COUNT_ROWS; row < i; row++)
        pace_add(counts, linked->rows[row].mark, factor);
}

static int64_t hour_at(const struct linked_sequence *linked, size_t i)
{
    return linked->clocks[i] / SECONDS_PER_HOUR;
}

/* Rows i .. end - 1, and what comes after the last row where they are of its hour. */
static void count_rows(const struct linked_sequence *linked, size_t i, size_t end, int64_t hour,
                       struct pace_counts *counts)
{
    bool is_last = hour == hour_at(linked, linked->sequence->n_rows);
    *counts = is_last ? linked->rest : (struct pace_counts){ 0 };
    if (end > i) {
        add_rows_before(linked, end, 1, counts);
        add_rows_before(linked, i, -1, counts);
    }
}

/* What is still to come, before row i, in the hour of its clock. */
static void count_left(const struct linked_sequence *linked, size_t i, struct pace_counts *left)
{
    count_rows(linked, i, (size_t)linked->rows[i].hour_end, hour_at(linked, i), left);
}

static void note_near(const struct conversation_memory *memory, struct near_rows *near)
{
    size_t n = conversation_count(memory), n_remotes = conversation_remote_count(memory);
    near->n_conversations = (uint16_t)(n < NEAR_CONVERSATIONS ? n : NEAR_CONVERSATIONS);
    near->n_remotes = (uint16_t)(n_remotes < NEAR_REMOTES ? n_remotes : NEAR_REMOTES);
    for (size_t rank = 0; rank < near->n_conversations; rank++)
        near->conversations[rank] = number_of(conversation_at(memory, rank));
    for (size_t rank = 0; rank < near->n_remotes; rank++)
        near->remotes[rank] = number_of(conversation_remote_at(memory, rank));
}

static void link_rows(struct linked_sequence *linked)
{
    const struct sequence *sequence = linked->sequence;
    linked->rows = memory_alloc(sequence->n_rows, sizeof *linked->rows);
    linked->clocks = memory_alloc(sequence->n_rows + 1, sizeof *linked->clocks);
    linked->near = memory_alloc(sequence->n_rows / NEAR_STEP + 1, sizeof *linked->near);
    struct conversation_memory *memory = conversation_memory_create();
    if (linked->has_memory)
        linked->past = like_rows_create(sequence->rows, sequence->n_rows, linked->recalls);
    struct beats beats[2] = { 0 }; /* by whether what is usual is known */
    const struct usual_period none = { 0 };
    int32_t last_new = -1;
    linked->clocks[0] = sequence->start;
    for (size_t i = 0; i < sequence->n_rows; i++) {
        const struct row *row = &sequence->rows[i];
        linked->clocks[i + 1] = linked->clocks[i] + row->value[ATTRIBUTE_GAP];
        link_row(linked, i, last_new, memory, beats);
        if (i % NEAR_STEP == 0)
            note_near(memory, &linked->near[i / NEAR_STEP]);
        struct linked_row *here = &linked->rows[i];
        if (i < linked->n_lent) { /* what another host was about to do again is not to come */
            here->beat = here->remote_beat = (struct beat){ .start = linked->clocks[i + 1] };
            here->usual_period = (struct usual_period){ 0 };
        }
        if (linked->has_memory) {
            conversation_note(memory, row, linked->clocks[i + 1]);
            beats_note(&beats[0], row, &here->beat, &here->remote_beat, none, here->look.service);
            beats_note(&beats[1], row, &here->beat, &here->remote_beat, here->usual_period,
                       here->look.service);
        }
        if (here->kind == LINK_REMOTE || here->kind == LINK_NEW)
            last_new = (int32_t)i;
    }
    if (linked->past != NULL)
        like_rows_seal(linked->past);
    conversation_memory_free(memory);
}

struct linked_sequence *linked_sequence_create(const struct sequence *sequence,
                                               const struct vocabulary *vocabulary, bool has_memory,
                                               bool recalls, const struct service_lists *services)
{
    if (sequence->n_rows > INT32_MAX)
        BUG("a sequence of %zu rows", sequence->n_rows);
    struct linked_sequence *linked = memory_zalloc(1, sizeof *linked);
    linked->sequence = sequence;
    linked->vocabulary = vocabulary;
    linked->has_memory = has_memory;
    linked->recalls = has_memory && recalls;
    linked->services = services;
    link_rows(linked);
    count_pace(linked);
    return linked;
}

struct linked_sequence *linked_sequence_restart(const struct linked_sequence *whole, size_t first,
                                                size_t n, const struct row *past, size_t n_past)
{
    struct linked_sequence *linked = memory_zalloc(1, sizeof *linked);
    linked->own_rows = memory_alloc(n_past + n, sizeof *linked->own_rows);
    if (n_past > 0)
        memcpy(linked->own_rows, past, n_past * sizeof *past);
    memcpy(linked->own_rows + n_past, whole->sequence->rows + first, n * sizeof *past);
    linked->part = (struct sequence){ .host = whole->sequence->host,
                                      .start = whole->clocks[first],
                                      .rows = linked->own_rows,
                                      .n_rows = n_past + n };
    for (size_t i = 0; i < n_past; i++)
        linked->part.start -= past[i].value[ATTRIBUTE_GAP];
    linked->sequence = &linked->part;
    linked->vocabulary = whole->vocabulary;
    linked->has_memory = whole->has_memory;
    linked->services = whole->services;
    linked->whole = whole;
    linked->n_lent = n_past;
    link_rows(linked);
    count_pace(linked);
    for (size_t i = 0; i < n_past + n; i++)
        linked->rows[i].next = whole->rows[i < n_past ? first : first + i - n_past].next;
    if (first + n < whole->sequence->n_rows)
        count_left(whole, first + n, &linked->rest);
    return linked;
}

void linked_sequence_free(struct linked_sequence *linked)
{
    if (linked == NULL)
        return;
    free(linked->own_rows);
    free(linked->rows);
    like_rows_free(linked->past);
    free(linked->clocks);
    free(linked->exclusions);
    free(linked->near);
    free(linked->counts);
    free(linked);
}

static struct seen_row seen(const struct linked_sequence *linked, int32_t number)
{
    if (number < 0)
        return (struct seen_row){ 0 };
    return (struct seen_row){ &linked->sequence->rows[number], linked->clocks[number + 1],
                              (uint64_t)number };
}

/* ---- candidates --------------------------------------------------------------------------- */

/* Puts a row in front; it takes the place of the one at `rank`, or, where that is no near one, of
 * the last one of a full list. */
static void front_near(int32_t *rows, uint16_t *n, size_t n_max, size_t rank, size_t row)
{
    if (rank >= *n)
        rank = *n < n_max ? (*n)++ : n_max - 1;
    memmove(rows + 1, rows, rank * sizeof *rows);
    rows[0] = (int32_t)row;
}

static size_t rank_of(const int32_t *rows, size_t n, int32_t row)
{
    size_t rank = 0;
    while (rank < n && rows[rank] != row)
        rank++;
    return rank;
}

static bool is_of_conversation(const struct linked_row *row)
{
    return link_is_of_conversation((enum link_kind)row->kind);
}

/* What row i leaves in front. */
static void front_row(const struct linked_sequence *linked, size_t i, struct near_rows *near)
{
    const struct linked_row *row = &linked->rows[i];
    front_near(near->conversations, &near->n_conversations, NEAR_CONVERSATIONS,
               is_of_conversation(row) ? row->rank : NEAR_CONVERSATIONS, i);
    front_near(near->remotes, &near->n_remotes, NEAR_REMOTES,
               rank_of(near->remotes, near->n_remotes, row->remote_before), i);
}

static int64_t clock_of(const struct linked_sequence *linked, int32_t number)
{
    return linked->clocks[number + 1];
}

/* How the ports of a row went on from the one before with its remote. */
static uint8_t steps_of(const struct linked_sequence *linked, size_t i)
{
    const struct row *rows = linked->sequence->rows;
    int32_t before = linked->rows[i].remote_before;
    return before >= 0 ? candidate_steps(&rows[before], &rows[i]) : 0;
}

/* A candidate by its last row, which came n_flows rows and one after another, the last of them
 * being number `before`. */
static struct candidate candidate_at(const struct linked_sequence *linked, int32_t number,
                                     int32_t before, uint32_t n_flows, uint32_t n_in_hour,
                                     const struct beat *beat)
{
    int64_t clock = clock_of(linked, number);
    return (struct candidate){
        .clock = clock,
        .interval = before >= 0 ? clock - clock_of(linked, before) : 0,
        .index = (uint64_t)number,
        .n_flows = n_flows + 1,
        .n_in_hour = n_in_hour + 1,
        .slot = pace_slot(linked->rows[number].mark),
        .look = linked->rows[number].look,
        .remote = (uint32_t)linked->sequence->rows[number].value[ATTRIBUTE_REMOTE],
        .level = like_rows_level(linked->past, number, PACKETS_SERVICE_REMOTE),
        .beat = *beat,
        .usual_period = linked->rows[number].usual_period,
    };
}

void linked_sequence_candidates(const struct linked_sequence *linked, size_t i,
                                struct candidate_list *conversations,
                                struct candidate_list *remotes)
{
    struct near_rows near = linked->near[i / NEAR_STEP];
    for (size_t j = i - i % NEAR_STEP; linked->has_memory && j < i; j++)
        front_row(linked, j, &near);
    conversations->n = near.n_conversations;
    for (size_t rank = 0; rank < near.n_conversations; rank++) {
        int32_t number = near.conversations[rank];
        const struct linked_row *row = &linked->rows[number];
        conversations->items[rank] = is_of_conversation(row)
                                         ? candidate_at(linked, number, row->match,
                                                        row->match_flows, row->match_in_hour,
                                                        &row->beat)
                                         : candidate_at(linked, number, -1, 0, 0, &row->beat);
    }
    remotes->n = near.n_remotes;
    for (size_t rank = 0; rank < near.n_remotes; rank++) {
        const struct linked_row *row = &linked->rows[near.remotes[rank]];
        remotes->items[rank] = candidate_at(linked, near.remotes[rank], row->remote_before,
                                            row->remote_flows, row->remote_before_in_hour,
                                            &row->remote_beat);
        remotes->items[rank].steps = steps_of(linked, (size_t)near.remotes[rank]);
    }
}

/* ---- contexts ----------------------------------------------------------------------------- */

void linked_sequence_pace(const struct linked_sequence *linked, size_t i, struct pace *pace)
{
    int64_t hour = hour_at(linked, i + 1);
    size_t n = linked->sequence->n_rows;
    pace->seconds = (int32_t)(SECONDS_PER_HOUR - linked->clocks[i] % SECONDS_PER_HOUR);
    pace->next = linked->rows[i].next;
    count_left(linked, i, &pace->left);
    pace->is_next_hour = hour != hour_at(linked, i);
    if (!pace->is_next_hour)
        pace->due = pace->left;
    else /* the rows of that hour begin with this one */
        count_rows(linked, i, i + 1 < n ? (size_t)linked->rows[i + 1].hour_end : n, hour,
                   &pace->due);
}

/* The first row that ends in an hour or later; n_rows where there is none. */
static size_t first_of_hour(const struct linked_sequence *linked, int64_t hour)
{
    size_t low = 0, high = linked->sequence->n_rows;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (hour_at(linked, middle + 1) < hour)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void linked_sequence_hour(const struct linked_sequence *linked, int64_t hour,
                          struct pace_counts *counts)
{
    if (linked->whole != NULL)
        linked = linked->whole;
    count_rows(linked, first_of_hour(linked, hour), first_of_hour(linked, hour + 1), hour, counts);
}

void linked_sequence_context(const struct linked_sequence *linked, size_t i,
                             struct row_context *context)
{
    const struct linked_row *linked_row = &linked->rows[i];
    const uint16_t *exclusions = linked->exclusions + linked_row->first_exclusion;
    const uint8_t *octets = (const uint8_t *)(exclusions + linked_row->n_exclusions);
    const struct linked_row *previous = linked->has_memory && i > 0 ? linked_row - 1 : NULL;
    bool is_remote = linked_row->kind == LINK_REMOTE, is_new = linked_row->kind == LINK_NEW;
    *context = (struct row_context){
        .row = &linked->sequence->rows[i],
        .clock = linked->clocks[i],
        .index = i,
        .n_in_second = linked_row->n_in_second,
        .previous = seen(linked, (int32_t)i - 1),
        .previous_flows = previous != NULL ? previous->remote_flows + 1 : 0,
        .previous_steps = previous != NULL ? steps_of(linked, i - 1) : 0,
        .last_new = seen(linked, linked_row->last_new),
        .link = { linked_row->kind, linked_row->rank },
        .n_conversations = linked_row->n_conversations,
        .n_remotes = linked_row->n_remotes,
        .match = seen(linked, linked_row->match),
        .match_flows = linked_row->match_flows,
        .match_in_hour = linked_row->match_in_hour,
        .room = linked_row->room,
        .before_match = seen(linked,
                             is_remote ? linked->rows[linked_row->match].remote_before : -1),
        .kept_ports = exclusions,
        .n_kept_ports = is_remote ? linked_row->n_exclusions : 0,
        .is_icmp_kept = linked_row->is_icmp_kept,
        .kept_atoms = exclusions,
        .n_kept_atoms = is_new ? linked_row->n_exclusions : 0,
        .full_octets = octets,
        .n_full_octets = linked_row->n_full,
        .kept_octets = octets + linked_row->n_full,
        .n_kept_octets = linked_row->n_octets,
    };
    for (size_t r = 0; r < N_REFERENCES; r++)
        context->references[r] = seen(linked, linked_row->references[r]);
    context->beats = linked_row->beats;
    context->past = linked->past;
    if (linked->recalls)
        context->like = like_rows_found(linked->past, (int32_t)i);
    memcpy(context->shown, linked_row->shown, sizeof context->shown);
}

const struct sequence *linked_sequence_source(const struct linked_sequence *linked)
{
    return linked->sequence;
}

int64_t linked_sequence_clock(const struct linked_sequence *linked, size_t i)
{
    return linked->clocks[i];
}
