/* The state file on disk: what the mesh is to know again after a restart (interface.md section 1, "State"). The tunnel never depends
 * on it: what cannot be read or written is told once, and the daemon goes on (reliability.md, F61). */
#ifndef STORE_H
#define STORE_H

#include <sys/types.h>

#include "base/log.h"
#include "crypto/blake2s.h"
#include "mesh/mesh.h"

#define STORE_PLACES_EVERY                                                                         \
	SEC(1) /* at most so often when endpoints or the set of live peers change */
#define STORE_STAMPS_EVERY SEC(60) /* timestamps and last seen */
#define STORE_NAME_MAX     64

struct store {
	const struct log *log;
	const char *path; /* of the folder */
	int folder;       /* -1: there is none, nothing is kept */
	char name[STORE_NAME_MAX],
		fresh[STORE_NAME_MAX]; /* the file, and the one that replaces it */
	char *text; /* what the file said at start, until an identity comes; NULL: nothing */
	size_t text_len;
	usec wrote_at;                /* the last attempt */
	uint64_t places;              /* mesh_places() then */
	uint8_t written[BLAKE2S_LEN]; /* hash of what the file holds; zero: not known */
	bool told;                    /* that it cannot be written */
};

/* Make the folder if need be, keep it open, and read the file: while privileges last, for the daemon is to be uid:gid. The path must
 * outlive the store. */
void store_open(struct store *s, const char *folder, const char *interface, uid_t uid, gid_t gid,
		const struct log *log);
/* Before a change is applied: should it bring the first identity, hand the mesh what the file says for it. */
void store_recall(struct store *s, struct mesh *m, const struct delta *change);

void store_tick(struct store *s, struct mesh *m, usec now);
usec store_deadline(const struct store *s, const struct mesh *m);

/* The last words, this time down to the disk. m may be NULL. */
void store_close(struct store *s, struct mesh *m, usec now);

#endif
