/* mac1, mac2 and cookie replies (WireGuard paper, 5.4.4 and 5.4.7). */
#include "wg/cookie.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/defence.h"
#include "crypto/blake2s.h"

#define MAC_LEN BLAKE2S_MAC_LEN

/* |  signed by mac1 ...  | mac1 (16) | mac2 (16) |
 * |  signed by mac2 ...              | */
static size_t mac1_at(size_t len)
{
	assert(len >= sizeof(struct message_response));
	return len - 2 * MAC_LEN;
}

static size_t mac2_at(size_t len)
{
	return len - MAC_LEN;
}

static void derive_keys(uint8_t mac1_key[static 32], struct aead_key *cookie_key,
			const struct key_public *key)
{
	blake2s(mac1_key, "mac1----", 8, key->bytes, sizeof key->bytes);
	blake2s(cookie_key->bytes, "cookie--", 8, key->bytes, sizeof key->bytes);
}

/* --- our end --------------------------------------------------------------------------------------------------------- */

void cookie_checker_init(struct cookie_checker *c, const struct key_public *ours)
{
	*c = (struct cookie_checker){0};
	derive_keys(c->mac1_key, &c->cookie_key, ours);
}

/* The cookie of this source under the secret of now. */
static void make_cookie(struct cookie_checker *c, uint8_t cookie[static COOKIE_LEN],
			const struct addr *source, usec now, const struct env *env)
{
	uint8_t place[16 + 2];
	struct writer w = writer_of(place, sizeof place);

	if (usec_due(c->secret_until, now)) {
		env_rand(env, c->secret, sizeof c->secret);
		c->secret_until = now + COOKIE_LIFETIME;
	}

	write_bytes(&w, source->ip, addr_ip_len(source->family));
	store_be16(write_room(&w, 2), source->port);
	blake2s_mac(cookie, COOKIE_LEN, c->secret, sizeof c->secret, place, writer_len(&w));
}

enum cookie_verdict cookie_check(struct cookie_checker *c, const uint8_t *msg, size_t len,
				 const struct addr *source, usec now, const struct env *env)
{
	const uint8_t *mac1 = msg + mac1_at(len), *mac2 = msg + mac2_at(len);
	uint8_t cookie[COOKIE_LEN], mac[MAC_LEN];

	blake2s_mac(mac, MAC_LEN, c->mac1_key, sizeof c->mac1_key, msg, mac1_at(len));
	if (DEFENCE(55, !key_bytes_equal(mac, mac1, MAC_LEN)))
		return COOKIE_MAC1_BAD;

	make_cookie(c, cookie, source, now, env);
	blake2s_mac(mac, MAC_LEN, cookie, COOKIE_LEN, msg, mac2_at(len));
	if (DEFENCE(55, !key_bytes_equal(mac, mac2, MAC_LEN)))
		return COOKIE_MAC1_GOOD;
	return COOKIE_MAC2_GOOD;
}

void cookie_write_reply(struct cookie_checker *c, struct message_cookie *out, const uint8_t *msg,
			size_t len, const struct addr *source, usec now, const struct env *env)
{
	uint8_t cookie[COOKIE_LEN];

	/* An initiation and a response both have their sender index in the second word. */
	_Static_assert(offsetof(struct message_initiation, sender) == 4, "sender");
	_Static_assert(offsetof(struct message_response, sender) == 4, "sender");
	store_le32(out->type, MESSAGE_COOKIE);
	memcpy(out->receiver, msg + 4, sizeof out->receiver);
	env_rand(env, out->nonce, sizeof out->nonce);

	make_cookie(c, cookie, source, now, env);
	aead_xseal(out->cookie_sealed, &c->cookie_key, out->nonce, cookie, COOKIE_LEN,
		   msg + mac1_at(len), MAC_LEN);
}

/* --- the other end --------------------------------------------------------------------------------------------------- */

void cookie_jar_init(struct cookie_jar *j, const struct key_public *peer)
{
	*j = (struct cookie_jar){0};
	derive_keys(j->mac1_key, &j->cookie_key, peer);
}

void cookie_sign(struct cookie_jar *j, uint8_t *msg, size_t len, usec now)
{
	uint8_t *mac1 = msg + mac1_at(len), *mac2 = msg + mac2_at(len);

	blake2s_mac(mac1, MAC_LEN, j->mac1_key, sizeof j->mac1_key, msg, mac1_at(len));
	if (now < j->cookie_until)
		blake2s_mac(mac2, MAC_LEN, j->cookie, COOKIE_LEN, msg, mac2_at(len));
	else
		memset(mac2, 0, MAC_LEN);

	memcpy(j->last_mac1, mac1, MAC_LEN);
	j->awaits_reply = true;
}

bool cookie_read_reply(struct cookie_jar *j, const struct message_cookie *msg, usec now)
{
	uint8_t cookie[COOKIE_LEN] = {0};

	if (!j->awaits_reply)
		return false;
	if (DEFENCE(55, !aead_xopen(cookie, &j->cookie_key, msg->nonce, msg->cookie_sealed,
				    sizeof msg->cookie_sealed, j->last_mac1, MAC_LEN)))
		return false;

	memcpy(j->cookie, cookie, COOKIE_LEN);
	j->cookie_until = now + COOKIE_LIFETIME - COOKIE_LATENCY;
	j->awaits_reply = false;
	return true;
}
