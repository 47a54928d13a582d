#include "model/like_rows.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

const struct recollection_info recollection_infos[N_RECOLLECTIONS] = {
    [GAP_AFTER_REMOTE] = { LIKE_AFTER_REMOTE, ATTRIBUTE_GAP },
    [GAP_AFTER_SERVICE] = { LIKE_AFTER_SERVICE, ATTRIBUTE_GAP },
    [GAP_AFTER_GAP] = { LIKE_AFTER_GAP, ATTRIBUTE_GAP },
    [DIRECTION_OPENED] = { LIKE_OPENED, ATTRIBUTE_DIRECTION },
    [PROTOCOL_OPENED] = { LIKE_OPENED, ATTRIBUTE_PROTOCOL },
    [LOCAL_PORT_OPENED] = { LIKE_OPENED, ATTRIBUTE_LOCAL_PORT },
    [REMOTE_OPENED] = { LIKE_OPENED, ATTRIBUTE_REMOTE },
    [FLAGS_SERVICE_REMOTE] = { LIKE_SERVICE_REMOTE, ATTRIBUTE_FLAGS },
    [FLAGS_SERVICE_KIND] = { LIKE_SERVICE_KIND, ATTRIBUTE_FLAGS },
    [FLAGS_MATCH_BYTES] = { LIKE_SERVICE_MATCH_BYTES, ATTRIBUTE_FLAGS },
    [FLAGS_MATCH_PACKETS] = { LIKE_REMOTE_MATCH_PACKETS, ATTRIBUTE_FLAGS },
    [PACKETS_SERVICE_REMOTE] = { LIKE_SERVICE_REMOTE, ATTRIBUTE_PACKETS },
    [PACKETS_MATCH_BYTES] = { LIKE_SERVICE_MATCH_BYTES, ATTRIBUTE_PACKETS },
    [PACKETS_BYTES_BEFORE] = { LIKE_SERVICE_BYTES_BEFORE, ATTRIBUTE_PACKETS },
    [PACKETS_MATCH_PACKETS] = { LIKE_REMOTE_MATCH_PACKETS, ATTRIBUTE_PACKETS },
    [PACKETS_FLAGS] = { LIKE_FLAGS, ATTRIBUTE_PACKETS },
    [PACKETS_FLAGS_MATCH_PACKETS] = { LIKE_FLAGS_MATCH_PACKETS, ATTRIBUTE_PACKETS },
    [DURATION_SERVICE_REMOTE] = { LIKE_SERVICE_REMOTE, ATTRIBUTE_DURATION },
    [DURATION_PACKETS] = { LIKE_PACKETS, ATTRIBUTE_DURATION },
    [DURATION_PACKETS_REMOTE] = { LIKE_PACKETS_REMOTE, ATTRIBUTE_DURATION },
    [DURATION_FLAGS] = { LIKE_PACKETS_FLAGS, ATTRIBUTE_DURATION },
    [DURATION_REMOTE_MATCH_DURATION] = { LIKE_REMOTE_MATCH_DURATION, ATTRIBUTE_DURATION },
    [DURATION_MATCH_DURATION] = { LIKE_PACKETS_MATCH_DURATION, ATTRIBUTE_DURATION },
    [BYTES_PACKETS] = { LIKE_PACKETS, ATTRIBUTE_BYTES },
    [BYTES_PACKETS_REMOTE] = { LIKE_PACKETS_REMOTE, ATTRIBUTE_BYTES },
    [BYTES_REMOTE_MATCH_BYTES] = { LIKE_PACKETS_REMOTE_MATCH_BYTES, ATTRIBUTE_BYTES },
    [BYTES_FLAGS] = { LIKE_PACKETS_FLAGS, ATTRIBUTE_BYTES },
    [BYTES_FLAGS_MATCH_PACKETS] = { LIKE_PACKETS_FLAGS_MATCH_PACKETS, ATTRIBUTE_BYTES },
    [BYTES_MATCH_BYTES] = { LIKE_PACKETS_MATCH_BYTES, ATTRIBUTE_BYTES },
    [BYTES_BYTES_BEFORE] = { LIKE_PACKETS_BYTES_BEFORE, ATTRIBUTE_BYTES },
    [BYTES_DURATION] = { LIKE_PACKETS_DURATION, ATTRIBUTE_BYTES },
};

/* Which like row each reference is. */
static const struct {
    enum likeness likeness;
    int nth;
} references[N_REFERENCES] = {
    [REFERENCE_REMOTE] = { LIKE_REMOTE, 0 },
    [REFERENCE_SERVICE] = { LIKE_SERVICE_REMOTE, 0 },
    [REFERENCE_SERVICE + 1] = { LIKE_SERVICE_REMOTE, 1 },
    [REFERENCE_SERVICE + 2] = { LIKE_SERVICE_REMOTE, 2 },
    [REFERENCE_SERVICE + 3] = { LIKE_SERVICE_REMOTE, 3 },
    [REFERENCE_LIKE] = { LIKE_SERVICE, 0 },
    [REFERENCE_LIKE + 1] = { LIKE_SERVICE, 1 },
    [REFERENCE_LIKE + 2] = { LIKE_SERVICE, 2 },
    [REFERENCE_LIKE + 3] = { LIKE_SERVICE, 3 },
    [REFERENCE_SERVICE_PACKETS] = { LIKE_PACKETS_REMOTE, 0 },
    [REFERENCE_LIKE_PACKETS] = { LIKE_PACKETS, 0 },
};
_Static_assert(RECENT == 4, "the last four of a service");

/* The last row of a chain, by what its rows have in common. */
struct chain {
    uint64_t key;
    int32_t end; /* number of the last row + 1; 0: no chain */
};

/* How often numbers came back in a chain, its last row included. */
struct level {
    uint16_t mean; /* in 65535ths, over the last LEVEL_ROWS or so */
    uint8_t last;  /* bits, the last row's first */
};
enum {
    LEVEL_ROWS = 32,
    LEVEL_REACH = 16, /* rows that the number may be that of */
    OF_LIKENESS = 4,  /* recollections, at most */
};

struct like_rows {
    bool recalls;
    uint32_t kept; /* bits: likenesses that are looked for */
    int32_t n;     /* rows so far */
    int32_t mask;  /* of places: all ones where every row has its own */
    size_t capacity;
    const struct row *rows;
    struct row *own_rows; /* where rows are kept */
    int64_t *clocks;
    int32_t (*found)[N_LIKENESSES];
    uint8_t (*n_alike)[N_LIKENESSES]; /* rows of the chain before it, up to LIKE_ROWS_MAX */
    struct level (*levels)[N_RECOLLECTIONS];
    uint8_t *kinds; /* of links */
    /* By likeness, and how many. */
    enum recollection recollections_of[N_LIKENESSES][OF_LIKENESS];
    size_t n_recollections_of[N_LIKENESSES];
    /* Chains by key, open addressing. */
    struct chain *chains;
    size_t n_chains, last_chain;
};

_Static_assert((int)REMOTES_KEPT >= (int)LIKE_HORIZON,
               "a new remote is in no row that is near enough");
_Static_assert(N_LIKENESSES < 32, "a bit each");
_Static_assert((LIKE_HORIZON & (LIKE_HORIZON - 1)) == 0, "places are found by a mask");

/* ---- rows ---------------------------------------------------------------------------------- */

static size_t place_of(const struct like_rows *past, int32_t number)
{
    return (size_t)(number & past->mask);
}

/* ---- chains by key ------------------------------------------------------------------------ */

enum { CHAINS_FIRST = 4096 };

/* The place of the row LIKE_HORIZON before is that of the next one. */
static int32_t oldest_before(int32_t next)
{
    return next >= LIKE_HORIZON ? next - LIKE_HORIZON + 1 : 0;
}

/* The chain of a key, or the empty place where it would go. */
static struct chain *chain_of(const struct like_rows *past, uint64_t key)
{
    size_t place = key & past->last_chain;
    while (past->chains[place].end != 0 && past->chains[place].key != key)
        place = (place + 1) & past->last_chain;
    return &past->chains[place];
}

/* Makes room; what is too long ago is left out. */
static void renew_chains(struct like_rows *past)
{
    struct chain *old = past->chains;
    size_t n_old = old != NULL ? past->last_chain + 1 : 0, n_kept = 0, capacity = CHAINS_FIRST;
    int32_t oldest = oldest_before(past->n);
    for (size_t i = 0; i < n_old; i++)
        n_kept += old[i].end > oldest;
    while (capacity < 4 * n_kept)
        capacity *= 2;
    past->chains = memory_zalloc(capacity, sizeof *past->chains);
    past->last_chain = capacity - 1;
    past->n_chains = n_kept;
    for (size_t i = 0; i < n_old; i++)
        if (old[i].end > oldest)
            *chain_of(past, old[i].key) = old[i];
    free(old);
}

/* ---- keys --------------------------------------------------------------------------------- */

/* What rows that have nothing in common do not share. */
#define NO_KEY UINT64_C(0)

int64_t like_rows_service(const struct row *row)
{
    const int64_t *value = row->value;
    int64_t local_port = value[ATTRIBUTE_LOCAL_PORT], remote_port = value[ATTRIBUTE_REMOTE_PORT];
    bool is_local = local_port < remote_port;
    return (is_local ? local_port : remote_port) << 10 | (int64_t)is_local << 9 |
           value[ATTRIBUTE_PROTOCOL] << 1 | value[ATTRIBUTE_DIRECTION];
}

/* A gap of more than some seconds is one like another. */
static int64_t short_gap(const struct row *row)
{
    enum { LONG_GAP = 3 };
    return row->value[ATTRIBUTE_GAP] < LONG_GAP ? row->value[ATTRIBUTE_GAP] : LONG_GAP;
}

static int64_t remote_of(const struct row *row)
{
    return row->value[ATTRIBUTE_REMOTE];
}

static uint64_t key_after(const struct like_rows *past, const struct row *row, uint64_t key,
                          enum likeness likeness)
{
    if (past->n == 0)
        return NO_KEY;
    const struct row *last = like_rows_row(past, past->n - 1);
    const int64_t *value = last->value, kind = past->kinds[place_of(past, past->n - 1)];
    switch (likeness) {
    case LIKE_NEXT_OF_TWO:
        key = hash_with(key, short_gap(row));
        key = hash_with(key, past->n > 1 ? remote_of(like_rows_row(past, past->n - 2)) : -1);
        key = hash_with(key, value[ATTRIBUTE_REMOTE] << 2 | kind);
        break;
    case LIKE_NEXT:
        key = hash_with(key, short_gap(row));
        /* fall through */
    case LIKE_AFTER_REMOTE:
        key = hash_with(key, value[ATTRIBUTE_REMOTE] << 4 | kind << 1 | value[ATTRIBUTE_DIRECTION]);
        break;
    case LIKE_AFTER_SERVICE:
        key = hash_with(key, like_rows_service(last) << 4 | kind << 2 | short_gap(last));
        break;
    default: {
        bool stays = past->n > 1 &&
                     remote_of(like_rows_row(past, past->n - 2)) == value[ATTRIBUTE_REMOTE];
        key = hash_with(key, value[ATTRIBUTE_REMOTE] << 3 | short_gap(last) << 1 | stays);
    }
    }
    return key;
}

static int64_t of_match(const struct like_facts *facts, enum attribute attribute)
{
    bool has_match = facts->match != NULL && link_is_of_conversation(facts->kind);
    return has_match ? facts->match->value[attribute] : -1;
}

static int64_t bytes_before(const struct like_rows *past, const int32_t *found)
{
    int32_t before = found[LIKE_SERVICE_REMOTE];
    return before >= 0 ? like_rows_row(past, before)->value[ATTRIBUTE_BYTES] : -1;
}

static uint64_t key_of(const struct like_rows *past, const struct like_facts *facts,
                       enum likeness likeness, const int32_t *found)
{
    const int64_t *value = facts->row->value;
    uint64_t key = hash_mix((uint64_t)likeness + 1);
    if (likeness < LIKE_OPENED)
        return key_after(past, facts->row, key, likeness);
    if (likeness == LIKE_OPENED) {
        if (facts->kind == LINK_NEW)
            return key;
        return facts->kind == LINK_REMOTE ? hash_with(key, value[ATTRIBUTE_REMOTE]) : NO_KEY;
    }
    if (likeness == LIKE_REMOTE)
        return hash_with(key, value[ATTRIBUTE_REMOTE] << 1 | value[ATTRIBUTE_DIRECTION]);
    key = hash_with(key, like_rows_service(facts->row));
    if (likeness >= LIKE_PACKETS)
        key = hash_with(key, value[ATTRIBUTE_PACKETS]);
    switch (likeness) {
    case LIKE_SERVICE_REMOTE:
    case LIKE_PACKETS_REMOTE:
        return hash_with(key, value[ATTRIBUTE_REMOTE]);
    case LIKE_SERVICE_KIND:
        return hash_with(key, facts->kind);
    case LIKE_PACKETS_REMOTE_MATCH_BYTES:
        key = hash_with(key, value[ATTRIBUTE_REMOTE]);
        /* fall through */
    case LIKE_SERVICE_MATCH_BYTES:
    case LIKE_PACKETS_MATCH_BYTES:
        return hash_with(key, of_match(facts, ATTRIBUTE_BYTES));
    case LIKE_SERVICE_BYTES_BEFORE:
    case LIKE_PACKETS_BYTES_BEFORE:
        return hash_with(key, bytes_before(past, found));
    case LIKE_REMOTE_MATCH_PACKETS:
        key = hash_with(key, value[ATTRIBUTE_REMOTE]);
        return hash_with(key, of_match(facts, ATTRIBUTE_PACKETS));
    case LIKE_REMOTE_MATCH_DURATION:
        key = hash_with(key, value[ATTRIBUTE_REMOTE]);
        return hash_with(key, of_match(facts, ATTRIBUTE_DURATION));
    case LIKE_FLAGS_MATCH_PACKETS:
    case LIKE_PACKETS_FLAGS_MATCH_PACKETS:
        key = hash_with(key, value[ATTRIBUTE_FLAGS]);
        return hash_with(key, of_match(facts, ATTRIBUTE_PACKETS));
    case LIKE_FLAGS:
    case LIKE_PACKETS_FLAGS:
        return hash_with(key, value[ATTRIBUTE_FLAGS]);
    case LIKE_PACKETS_MATCH_DURATION:
        return hash_with(key, of_match(facts, ATTRIBUTE_DURATION));
    case LIKE_PACKETS_DURATION:
        return hash_with(key, value[ATTRIBUTE_DURATION]);
    default:
        return key;
    }
}

static bool is_kept(const struct like_rows *past, enum likeness likeness)
{
    return past->kept >> likeness & 1;
}

static bool is_of_remote(enum likeness likeness)
{
    return likeness == LIKE_REMOTE || likeness == LIKE_SERVICE_REMOTE ||
           likeness == LIKE_PACKETS_REMOTE || likeness == LIKE_REMOTE_MATCH_PACKETS ||
           likeness == LIKE_REMOTE_MATCH_DURATION || likeness == LIKE_PACKETS_REMOTE_MATCH_BYTES;
}

/* ---- the past ----------------------------------------------------------------------------- */

enum { KEPT_FIRST = 64 };

/* Room for that many rows. */
static void reserve(struct like_rows *past, size_t capacity)
{
    past->capacity = capacity;
    past->found = memory_resize(past->found, capacity, sizeof *past->found);
    if (past->recalls) {
        past->n_alike = memory_resize(past->n_alike, capacity, sizeof *past->n_alike);
        past->levels = memory_resize(past->levels, capacity, sizeof *past->levels);
    }
    past->kinds = memory_resize(past->kinds, capacity, sizeof *past->kinds);
    if (past->mask < 0)
        return;
    past->mask = (int32_t)capacity - 1;
    past->own_rows = memory_resize(past->own_rows, capacity, sizeof *past->own_rows);
    past->clocks = memory_resize(past->clocks, capacity, sizeof *past->clocks);
    past->rows = past->own_rows;
}

struct like_rows *like_rows_create(const struct row *rows, size_t n_rows, bool recalls)
{
    struct like_rows *past = memory_zalloc(1, sizeof *past);
    past->recalls = recalls;
    past->rows = rows;
    past->mask = rows != NULL ? -1 : 0;
    reserve(past, rows != NULL ? n_rows : KEPT_FIRST);
    renew_chains(past);
    for (enum reference r = 0; r < N_REFERENCES; r++)
        past->kept |= UINT32_C(1) << references[r].likeness;
    if (!recalls)
        return past;
    past->kept = (UINT32_C(1) << N_LIKENESSES) - 1;
    for (enum recollection r = 0; r < N_RECOLLECTIONS; r++) {
        enum likeness likeness = recollection_infos[r].likeness;
        if (past->n_recollections_of[likeness] == OF_LIKENESS)
            BUG("more than %d recollections of likeness %d", OF_LIKENESS, (int)likeness);
        past->recollections_of[likeness][past->n_recollections_of[likeness]++] = r;
    }
    return past;
}

void like_rows_seal(struct like_rows *past)
{
    free(past->chains);
    past->chains = NULL;
}

void like_rows_free(struct like_rows *past)
{
    if (past == NULL)
        return;
    free(past->own_rows);
    free(past->clocks);
    free(past->found);
    free(past->n_alike);
    free(past->levels);
    free(past->kinds);
    free(past->chains);
    free(past);
}

const struct row *like_rows_row(const struct like_rows *past, int32_t number)
{
    return &past->rows[place_of(past, number)];
}

int64_t like_rows_clock(const struct like_rows *past, int32_t number)
{
    return past->clocks[place_of(past, number)];
}

enum link_kind like_rows_kind(const struct like_rows *past, int32_t number)
{
    return (enum link_kind)past->kinds[place_of(past, number)];
}

const int32_t *like_rows_found(const struct like_rows *past, int32_t number)
{
    return past->found[place_of(past, number)];
}

void like_rows_find(const struct like_rows *past, const struct like_facts *facts,
                    enum likeness from, enum likeness to, int32_t *found)
{
    int32_t oldest = oldest_before(past->n);
    for (enum likeness likeness = from; likeness < to; likeness++) {
        found[likeness] = -1;
        if (!is_kept(past, likeness) || (facts->kind == LINK_NEW && is_of_remote(likeness)))
            continue;
        uint64_t key = key_of(past, facts, likeness, found);
        if (key == NO_KEY)
            continue;
        int32_t end = chain_of(past, key)->end;
        found[likeness] = end > oldest ? end - 1 : -1;
    }
}

/* Of a row, by the last one that is like it. */
static uint8_t n_alike(const struct like_rows *past, enum likeness likeness, int32_t last)
{
    uint8_t n = past->n_alike[place_of(past, last)][likeness];
    return n < LIKE_ROWS_MAX ? n + 1 : n;
}

/* Finds what is like the row, and puts the row in front of it. */
static void join_chains(struct like_rows *past, const struct like_facts *facts, size_t place)
{
    int32_t oldest = oldest_before(past->n), *found = past->found[place];
    for (enum likeness likeness = 0; likeness < N_LIKENESSES; likeness++) {
        found[likeness] = -1;
        if (!is_kept(past, likeness))
            continue;
        if (past->recalls)
            past->n_alike[place][likeness] = 0;
        uint64_t key = key_of(past, facts, likeness, found);
        if (key == NO_KEY)
            continue;
        struct chain *chain = chain_of(past, key);
        past->n_chains += chain->end == 0;
        if (chain->end > oldest) {
            found[likeness] = chain->end - 1;
            if (past->recalls)
                past->n_alike[place][likeness] = n_alike(past, likeness, found[likeness]);
        }
        *chain = (struct chain){ key, past->n + 1 };
    }
}

/* n: rows of the chain so far. The first one had none before it. */
static struct level next_level(struct level level, bool is_back, int n)
{
    int n_rows = n < LEVEL_ROWS ? n : LEVEL_ROWS;
    level.mean += (uint16_t)(((is_back ? UINT16_MAX : 0) - level.mean) / n_rows);
    level.last = (uint8_t)(level.last << 1 | is_back);
    return level;
}

/* Which attributes of the row are those of one of the like rows, as bits of the recollections of a
 * likeness. */
static unsigned which_are_back(const struct like_rows *past, const struct row *row, size_t place,
                               enum likeness likeness)
{
    size_t n = past->n_recollections_of[likeness];
    unsigned back = 0, all = (1u << n) - 1;
    struct like_walk walk = like_walk_begin(past, past->found[place], past->n, likeness);
    walk.n_left = LEVEL_REACH;
    for (const struct row *like; back != all && (like = like_walk_next(&walk)) != NULL;)
        for (size_t i = 0; i < n; i++) {
            enum recollection r = past->recollections_of[likeness][i];
            enum attribute attribute = recollection_infos[r].attribute;
            back |= (unsigned)(like->value[attribute] == row->value[attribute]) << i;
        }
    return back;
}

static void note_levels(struct like_rows *past, const struct row *row, size_t place)
{
    for (enum likeness likeness = 0; likeness < N_LIKENESSES; likeness++) {
        size_t n = past->n_recollections_of[likeness];
        int32_t last = past->found[place][likeness];
        unsigned back = n > 0 && last >= 0 ? which_are_back(past, row, place, likeness) : 0;
        for (size_t i = 0; i < n; i++) {
            enum recollection r = past->recollections_of[likeness][i];
            past->levels[place][r] = (struct level){ 0 };
            if (last >= 0)
                past->levels[place][r] = next_level(past->levels[place_of(past, last)][r],
                                                    back >> i & 1, past->n_alike[place][likeness]);
        }
    }
}

void like_rows_note(struct like_rows *past, const struct like_facts *facts, int64_t clock)
{
    if (past->n == INT32_MAX)
        BUG("a host of more than %d rows", past->n);
    if (past->mask >= 0 && (size_t)past->n == past->capacity && past->capacity < LIKE_HORIZON)
        reserve(past, 2 * past->capacity);
    if (2 * (past->n_chains + N_LIKENESSES) > past->last_chain)
        renew_chains(past);
    size_t place = place_of(past, past->n);
    join_chains(past, facts, place);
    if (past->recalls)
        note_levels(past, facts->row, place);
    if (past->mask >= 0) {
        past->own_rows[place] = *facts->row;
        past->clocks[place] = clock;
    }
    past->kinds[place] = (uint8_t)facts->kind;
    past->n++;
}

/* ---- what is like a row ------------------------------------------------------------------- */

struct like_walk like_walk_begin(const struct like_rows *past, const int32_t *found, int32_t next,
                                 enum likeness likeness)
{
    return (struct like_walk){
        .past = past,
        .likeness = likeness,
        .number = found[likeness],
        .oldest = oldest_before(next),
        .n_left = LIKE_ROWS_MAX,
    };
}

const struct row *like_walk_next(struct like_walk *walk)
{
    if (walk->number < walk->oldest || walk->n_left == 0)
        return NULL;
    size_t place = place_of(walk->past, walk->number);
    walk->last = walk->number;
    walk->number = walk->past->found[place][walk->likeness];
    walk->n_left--;
    return &walk->past->rows[place];
}

int32_t like_rows_reference(const struct like_rows *past, const int32_t *found, int32_t next,
                            enum reference reference)
{
    enum likeness likeness = references[reference].likeness;
    int32_t number = found[likeness], oldest = oldest_before(next);
    for (int nth = references[reference].nth; nth > 0 && number >= oldest; nth--)
        number = past->found[place_of(past, number)][likeness];
    return number >= oldest ? number : -1;
}

static int level_code(const struct level *level)
{
    static const double means[] = { 0.1, 0.3, 0.5, 0.7, 0.85, 0.95, 0.985 };
    int code = 0;
    while (code < (int)ARRAY_LEN(means) && level->mean >= means[code] * UINT16_MAX)
        code++;
    return code;
}

int like_rows_code(const struct like_rows *past, const int32_t *found,
                   enum recollection recollection)
{
    static const uint8_t counts[] = { 2, 4, 8, 32 };
    enum likeness likeness = recollection_infos[recollection].likeness;
    int32_t last = found[likeness];
    if (last < 0)
        return -1;
    size_t place = place_of(past, last);
    const struct level *level = &past->levels[place][recollection];
    int n_alike = past->n_alike[place][likeness] + 1, code = 0;
    while (code < (int)ARRAY_LEN(counts) && n_alike >= counts[code])
        code++;
    return (code * 8 + level_code(level)) * 4 + (level->last & 3);
}

uint8_t like_rows_level(const struct like_rows *past, int32_t number,
                        enum recollection recollection)
{
    size_t place = place_of(past, number);
    if (!past->recalls || past->found[place][recollection_infos[recollection].likeness] < 0)
        return 0;
    return (uint8_t)(1 + level_code(&past->levels[place][recollection]));
}

bool like_rows_is_back(const struct like_rows *past, int32_t number, enum recollection recollection)
{
    return past->levels[place_of(past, number)][recollection].last & 1;
}
