/* like_rows.h - which rows of a host's past are like the one at hand, in several ways.
 *
 * Two rows are alike in one way where they are of the same service, in another where they answer
 * requests of as many bytes. Of each way, a likeness, the rows of the past form chains: a row, the
 * last one before it that is like it, and so on. What like rows had is what the next one may have:
 * a page that a server sends again, the pause after a scanner's last port.
 *
 * Rows come to be known piece by piece, and their likenesses with them:
 *
 *     struct like_rows *past = like_rows_create(NULL, 0, true);
 *     int32_t found[N_LIKENESSES];                  // the last like row of each, by its number
 *     like_rows_find(past, &facts, 0, LIKE_NEXT, found);             // before the row
 *     ...
 *     like_rows_find(past, &facts, LIKE_REMOTE, LIKE_FLAGS, found);  // its ports are known
 *     ...
 *     like_rows_note(past, &facts, clock);
 *     like_rows_free(past);
 */
#ifndef FLOWTWIN_MODEL_LIKE_ROWS_H
#define FLOWTWIN_MODEL_LIKE_ROWS_H

#include "model/conversation.h"

/* The service of a row is its protocol, its direction, the lower one of its ports, and on whose
 * side that is. Its match is the last row of the same conversation, if there is one. */
enum likeness {
    /* In the row before them: */
    LIKE_AFTER_REMOTE,  /* remote, direction, kind of link of that row */
    LIKE_AFTER_SERVICE, /* its service, kind of link and gap */
    LIKE_AFTER_GAP, /* its remote and gap, and whether its remote is that of the row before it */
    LIKE_NEXT,      /* as LIKE_AFTER_REMOTE, and their gaps, which have to be known from here on */
    LIKE_NEXT_OF_TWO, /* remote and kind of link of that row, remote of the one before, gaps */
    LIKE_OPENED,      /* not of a conversation; the same remote, or all of them new ones */
    /* From here on, their ports have to be known: */
    LIKE_REMOTE,               /* remote, direction */
    LIKE_SERVICE,              /* service, as of all that follow */
    LIKE_SERVICE_REMOTE,       /* remote */
    LIKE_SERVICE_KIND,         /* kind of link */
    LIKE_SERVICE_MATCH_BYTES,  /* bytes of the match */
    LIKE_SERVICE_BYTES_BEFORE, /* bytes of the last row with the remote */
    LIKE_REMOTE_MATCH_PACKETS, /* remote, packets of the match */
    LIKE_REMOTE_MATCH_DURATION,
    LIKE_FLAGS, /* flags, which have to be known from here on */
    LIKE_FLAGS_MATCH_PACKETS,
    LIKE_PACKETS, /* packets, which have to be known from here on */
    LIKE_PACKETS_REMOTE,
    LIKE_PACKETS_REMOTE_MATCH_BYTES,
    LIKE_PACKETS_FLAGS,
    LIKE_PACKETS_FLAGS_MATCH_PACKETS,
    LIKE_PACKETS_MATCH_BYTES,
    LIKE_PACKETS_MATCH_DURATION,
    LIKE_PACKETS_BYTES_BEFORE,
    LIKE_PACKETS_DURATION, /* duration, which has to be known here */
    N_LIKENESSES,
};

enum {
    LIKE_ROWS_MAX = 64,  /* of a chain that are looked at */
    LIKE_HORIZON = 4096, /* how many rows ago they may be */
};

/* The rows of the past that features and routes look at one by one. */
enum { RECENT = 4 };
enum reference {
    REFERENCE_REMOTE,
    REFERENCE_SERVICE,                           /* of LIKE_SERVICE_REMOTE: the last, ... */
    REFERENCE_LIKE = REFERENCE_SERVICE + RECENT, /* of LIKE_SERVICE: the last, ... */
    REFERENCE_SERVICE_PACKETS = REFERENCE_LIKE + RECENT,
    REFERENCE_LIKE_PACKETS,
    N_REFERENCES,
};

/* What of like rows is recalled: a number of theirs that the row may have too. Those of one
 * attribute stand together. */
enum recollection {
    GAP_AFTER_REMOTE,
    GAP_AFTER_SERVICE,
    GAP_AFTER_GAP,
    DIRECTION_OPENED,
    PROTOCOL_OPENED,
    LOCAL_PORT_OPENED,
    REMOTE_OPENED,
    FLAGS_SERVICE_REMOTE,
    FLAGS_SERVICE_KIND,
    FLAGS_MATCH_BYTES,
    FLAGS_MATCH_PACKETS,
    PACKETS_SERVICE_REMOTE,
    PACKETS_MATCH_BYTES,
    PACKETS_BYTES_BEFORE,
    PACKETS_MATCH_PACKETS,
    PACKETS_FLAGS,
    PACKETS_FLAGS_MATCH_PACKETS,
    DURATION_SERVICE_REMOTE,
    DURATION_PACKETS,
    DURATION_PACKETS_REMOTE,
    DURATION_FLAGS,
    DURATION_REMOTE_MATCH_DURATION,
    DURATION_MATCH_DURATION,
    BYTES_PACKETS,
    BYTES_PACKETS_REMOTE,
    BYTES_REMOTE_MATCH_BYTES,
    BYTES_FLAGS,
    BYTES_FLAGS_MATCH_PACKETS,
    BYTES_MATCH_BYTES,
    BYTES_BYTES_BEFORE,
    BYTES_DURATION,
    N_RECOLLECTIONS,
};
struct recollection_info {
    enum likeness likeness;
    enum attribute attribute;
};
extern const struct recollection_info recollection_infos[N_RECOLLECTIONS];

/* The service of a row whose ports are known, as one number. */
int64_t like_rows_service(const struct row *row);

/* What the likenesses of a row go by. */
struct like_facts {
    const struct row *row;
    enum link_kind kind;
    const struct row *match; /* the link's, or NULL; counts where that is of a conversation */
};

struct like_rows;

/* rows: those that will be noted, borrowed; or NULL, and the last LIKE_HORIZON are kept. Where it
 * does not recall, only the likenesses of references are looked for, and there are no levels.
 * Caller frees with like_rows_free. */
struct like_rows *like_rows_create(const struct row *rows, size_t n_rows, bool recalls);
void like_rows_free(struct like_rows *past);

/* The last rows that are like the one at hand, of the likenesses from .. to - 1, or -1; found [to].
 * Looks at what they need to be known of it, and at what found has of the ones before. */
void like_rows_find(const struct like_rows *past, const struct like_facts *facts,
                    enum likeness from, enum likeness to, int32_t *found);
/* Puts a row in front of its chains. clock: s, when it ended. */
void like_rows_note(struct like_rows *past, const struct like_facts *facts, int64_t clock);
/* No row will be noted or found any more; the chains stay. */
void like_rows_seal(struct like_rows *past);

/* Of a row that was noted: what was found for it. [N_LIKENESSES] */
const int32_t *like_rows_found(const struct like_rows *past, int32_t number);
const struct row *like_rows_row(const struct like_rows *past, int32_t number);
enum link_kind like_rows_kind(const struct like_rows *past, int32_t number);
/* s; only where rows are kept */
int64_t like_rows_clock(const struct like_rows *past, int32_t number);
/* The number of a reference of the row number `next` that has these like rows, or -1. */
int32_t like_rows_reference(const struct like_rows *past, const int32_t *found, int32_t next,
                            enum reference reference);

/* Like rows one after another, most recent first:
 *     struct like_walk walk = like_walk_begin(past, found, next, LIKE_SERVICE);
 *     for (const struct row *row; (row = like_walk_next(&walk)) != NULL;)
 */
struct like_walk {
    const struct like_rows *past;
    enum likeness likeness;
    int32_t number, oldest;
    int n_left;
    int32_t last; /* number of the row that came last */
};
struct like_walk like_walk_begin(const struct like_rows *past, const int32_t *found, int32_t next,
                                 enum likeness likeness);
const struct row *like_walk_next(struct like_walk *walk);

/* How many like rows there are, how often each of them had a number that one before it had, and
 * which of the last two did: in one code below RECALL_CODES; -1 where there are none. */
enum { RECALL_CODES = 5 * 8 * 4 };
int like_rows_code(const struct like_rows *past, const int32_t *found,
                   enum recollection recollection);
/* Whether a row that was noted had the number of one of its like rows. */
bool like_rows_is_back(const struct like_rows *past, int32_t number,
                       enum recollection recollection);
/* How often a number came back in the chain that a row that was noted is in, that row included: a
 * code below LEVEL_CODES, 0 where it was the first one of its chain. */
enum { LEVEL_CODES = 9 };
uint8_t like_rows_level(const struct like_rows *past, int32_t number,
                        enum recollection recollection);

#endif
