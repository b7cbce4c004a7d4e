/* Facts over a restart (interface.md section 1, "State"; protocol.md section 7, "Timestamps"). */
#include "mesh/past.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/defence.h"
#include "mesh/peer.h"

#define TAI_OF_1970     UINT64_C(0x400000000000000a) /* TAI64 label of 1970, as WireGuard has it */
#define SENT_MARGIN_S   61      /* the greatest sent is written down once a minute */
#define SET_AHEAD       SEC(30) /* a clock that gained so much since it was written down was set */
#define AHEAD_MOST_S    3600    /* further ahead of our clock a timestamp is somebody's mistake */
#define SECONDS_PER_DAY 86400

int past_init(struct past *p, const struct key_public *self, size_t room)
{
	*p = (struct past){.self = *self, .peers = calloc(room + 1, sizeof *p->peers)};
	return p->peers == NULL ? -ENOMEM : 0;
}

void past_free(struct past *p)
{
	free(p->peers);
	*p = (struct past){0};
}

static int by_key(const void *a, const void *b)
{
	return key_public_compare(&((const struct past_peer *)a)->key,
				  &((const struct past_peer *)b)->key);
}

size_t past_sort(struct past *p)
{
	size_t kept = 0, count = p->count;

	if (count > 0)
		qsort(p->peers, count, sizeof *p->peers, by_key);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || by_key(&p->peers[kept - 1], &p->peers[i]) != 0)
			p->peers[kept++] = p->peers[i];
	}
	p->count = kept;
	return count - kept;
}

struct past_peer *past_find(const struct past *p, const struct key_public *key)
{
	const struct past_peer wanted = {.key = *key};

	if (p->count == 0)
		return NULL;
	return bsearch(&wanted, p->peers, p->count, sizeof *p->peers, by_key);
}

/* --- one peer --------------------------------------------------------------------------------------------------- */

static const struct env *env_of(const struct peer *p)
{
	return p->tunnel.shared->env;
}

/* Seconds since 1970; 0 for a clock that stands before. */
static uint64_t wall(const struct peer *p, usec at)
{
	usec since_1970 = at + env_of(p)->wall_offset;

	return since_1970 > 0 ? (uint64_t)(since_1970 / SEC(1)) : 0;
}

static uint64_t tai(const uint8_t timestamp[static NOISE_TIMESTAMP_LEN])
{
	return load_be64(timestamp);
}

static uint64_t tai_latest(const struct peer *p, usec now)
{
	return TAI_OF_1970 + wall(p, now) + AHEAD_MOST_S;
}

static void recall_timestamps(struct peer *p, const struct past_peer *then, usec now)
{
	static const uint8_t none[NOISE_TIMESTAMP_LEN];
	uint8_t sent[NOISE_TIMESTAMP_LEN] = {0};

	if (memcmp(then->sent, none, sizeof none) != 0) {
		uint64_t margin = UINT64_MAX - tai(then->sent);
		memcpy(sent, then->sent, sizeof sent);
		store_be64(sent, tai(sent) + (margin < SENT_MARGIN_S ? margin : SENT_MARGIN_S));
	}
	if (tai(sent) > tai_latest(p, now))
		log_warn(env_of(p)->log,
			 "%s got handshakes dated %llu days ahead of this host's clock, which is "
			 "or was wrong: "
			 "they go on from there",
			 peer_label(p),
			 (unsigned long long)(tai(sent) - TAI_OF_1970 - wall(p, now)) /
				 SECONDS_PER_DAY);
	tunnel_recall(&p->tunnel, sent, then->received);
}

static bool is_recent(const struct peer *p, const struct past_peer *then, usec now)
{
	uint64_t at = wall(p, now), recent = PAST_RECENT_FOR / SEC(1);

	/* A clock that was set in between may say that it was after now. */
	return then->seen != 0 && then->seen <= at + recent && at <= then->seen + recent;
}

void past_recall(struct peer *p, const struct past_peer *then, usec now)
{
	bool same_given = !addr_is_set(&p->given) || addr_equal(&p->given, &then->given);

	recall_timestamps(p, then, now);
	p->known.seen = then->seen;
	memcpy(p->known.sent, p->tunnel.timestamp_sent, sizeof p->known.sent);
	memcpy(p->known.received, then->received, sizeof then->received);
	if (p->tunnel.stats.heard_at != USEC_NEVER)
		return;
	p->known.endpoint = then->endpoint;
	if (addr_is_set(&then->endpoint) && same_given)
		peer_send_to(p, &then->endpoint);
	if (p->via.kind != VIA_NONE && is_recent(p, then, now))
		tunnel_start(&p->tunnel, now + rand_jitter(env_of(p)->rand, PAST_JITTER_MAX));
}

void past_note(struct peer *p, usec now)
{
	const struct tunnel *t = &p->tunnel;

	past_note_place(p, now);
	p->known.given = p->given;
	memcpy(p->known.sent, t->timestamp_sent, sizeof p->known.sent);
	p->known_wall_offset = env_of(p)->wall_offset;
	if (!DEFENCE(44, tai(t->timestamp_received) > tai_latest(p, now)))
		memcpy(p->known.received, t->timestamp_received, sizeof p->known.received);
	if (t->stats.heard_at != USEC_NEVER)
		p->known.seen = wall(p, t->stats.heard_at);
}

/* True once an initiation left with a date that nobody would guess from what was written down: it is the first of this life, or the clock
 * was set ahead in between. Should that be set back, and this process die before the next note, the peer would take all that its successor
 * sends for replays. */
static bool note_date(struct peer *p)
{
	const uint8_t *sent = p->tunnel.timestamp_sent;

	if (env_of(p)->wall_offset - p->known_wall_offset <= SET_AHEAD ||
	    memcmp(p->known.sent, sent, sizeof p->known.sent) == 0)
		return false;
	memcpy(p->known.sent, sent, sizeof p->known.sent);
	p->known_wall_offset = env_of(p)->wall_offset;
	return true;
}

bool past_note_place(struct peer *p, usec now)
{
	bool there = tunnel_has_session(&p->tunnel, now);
	bool news = there != p->known_there;

	news = note_date(p) || news;
	p->known_there = there;
	if (p->tunnel.stats.heard_at == USEC_NEVER ||
	    addr_equal(&p->known.endpoint, &p->via.remote))
		return news;
	p->known.endpoint = p->via.remote;
	return true;
}
