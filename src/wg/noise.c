/* Noise_IKpsk2 for WireGuard (WireGuard paper, 5.4.1 to 5.4.5). Names in comments are Noise's:
 * e, s are the ephemeral and static keys; "es" is the DH of the initiator's e and the
 * responder's s. */
#include "wg/noise.h"

#include <string.h>

#include "base/bytes.h"
#include "base/defence.h"

static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";

static void mix_hash(struct noise_state *s, const void *data, size_t len)
{
	blake2s(s->hash, s->hash, sizeof s->hash, data, len);
}

static void state_init(struct noise_state *s, const struct key_public *responder)
{
	blake2s(s->chaining, construction, sizeof construction - 1, NULL, 0);
	blake2s(s->hash, s->chaining, sizeof s->chaining, identifier, sizeof identifier - 1);
	mix_hash(s, responder->bytes, KEY_LEN);
}

static void mix_ephemeral(struct noise_state *s, const uint8_t e[static KEY_LEN])
{
	blake2s_kdf(s->chaining, NULL, NULL, s->chaining, e, KEY_LEN);
	mix_hash(s, e, KEY_LEN);
}

/* key may be NULL, where the next DH follows at once. */
static void mix_key(struct noise_state *s, const struct key_shared *input, struct aead_key *key)
{
	blake2s_kdf(s->chaining, key ? key->bytes : NULL, NULL, s->chaining, input->bytes, KEY_LEN);
}

static bool mix_dh(struct noise_state *s, const struct key_private *secret,
		   const struct key_public *public, struct aead_key *key)
{
	struct key_shared dh;
	bool ok = key_dh(&dh, secret, public);

	mix_key(s, &dh, key);
	key_wipe(&dh, sizeof dh);
	return ok;
}

static void mix_psk(struct noise_state *s, const struct key_shared *psk, struct aead_key *key)
{
	uint8_t tau[BLAKE2S_LEN];

	blake2s_kdf(s->chaining, tau, key->bytes, s->chaining, psk->bytes, KEY_LEN);
	mix_hash(s, tau, sizeof tau);
	key_wipe(tau, sizeof tau);
}

static void seal(struct noise_state *s, const struct aead_key *key, const void *text, size_t len,
		 uint8_t *sealed)
{
	aead_seal(sealed, key, 0, text, len, s->hash, sizeof s->hash);
	mix_hash(s, sealed, len + AEAD_TAG_LEN);
}

static bool open_sealed(struct noise_state *s, const struct aead_key *key, const uint8_t *sealed,
			size_t len, uint8_t *text)
{
	bool ok = aead_open(text, key, 0, sealed, len, s->hash, sizeof s->hash);

	mix_hash(s, sealed, len);
	return !DEFENCE(55, !ok);
}

static void split(const struct noise_state *s, struct aead_key *initiator_sends,
		  struct aead_key *responder_sends)
{
	blake2s_kdf(initiator_sends->bytes, responder_sends->bytes, NULL, s->chaining, NULL, 0);
}

static bool is_canonical(const struct key_public *key)
{
	struct key_public canonical = *key;

	key_public_canonical(&canonical);
	return key_public_equal(&canonical, key);
}

void noise_local_init(struct noise_local *l, const struct key_private *secret)
{
	*l = (struct noise_local){.secret = *secret, .has_secret = !key_private_is_zero(secret)};
	if (l->has_secret)
		key_public_from(&l->public, secret);
}

bool noise_remote_init(struct noise_remote *r, const struct noise_local *local,
		       const struct key_public *public, const struct key_shared *psk)
{
	r->public = *public;
	r->psk = *psk;
	return key_dh(&r->static_static, &local->secret, public);
}

void noise_remote_rekey(struct noise_remote *r, const struct noise_local *local)
{
	key_dh(&r->static_static, &local->secret, &r->public); /* its order was checked */
}

void noise_timestamp_next(uint8_t last[static NOISE_TIMESTAMP_LEN], usec wall)
{
	uint64_t since_1970 = wall > 0 ? (uint64_t)wall : 0;
	uint32_t nanoseconds = (uint32_t)(since_1970 % 1000000 * 1000) & ~UINT32_C(0xffffff);
	uint8_t clock[NOISE_TIMESTAMP_LEN];

	store_be64(clock, UINT64_C(0x400000000000000a) + since_1970 / 1000000);
	store_be32(clock + 8, nanoseconds);
	if (memcmp(clock, last, sizeof clock) > 0) {
		memcpy(last, clock, sizeof clock);
		return;
	}
	for (size_t i = NOISE_TIMESTAMP_LEN; i-- > 0 && ++last[i] == 0;)
		;
}

bool noise_write_initiation(struct noise_initiator *i, const struct noise_local *local,
			    const struct noise_remote *remote, uint32_t index,
			    const uint8_t timestamp[static NOISE_TIMESTAMP_LEN],
			    const struct env *env, struct message_initiation *msg)
{
	struct key_public ephemeral;
	struct aead_key key;

	*i = (struct noise_initiator){0};
	*msg = (struct message_initiation){0};
	if (!local->has_secret)
		return false;

	store_le32(msg->type, MESSAGE_INITIATION);
	store_le32(msg->sender, index);
	state_init(&i->state, &remote->public);

	key_private_generate(&i->ephemeral, env);
	key_public_from(&ephemeral, &i->ephemeral);
	memcpy(msg->ephemeral, ephemeral.bytes, KEY_LEN);
	mix_ephemeral(&i->state, msg->ephemeral);

	bool ok = mix_dh(&i->state, &i->ephemeral, &remote->public, &key); /* es */
	if (ok) {
		seal(&i->state, &key, local->public.bytes, KEY_LEN, msg->static_sealed);
		mix_key(&i->state, &remote->static_static, &key); /* ss */
		seal(&i->state, &key, timestamp, NOISE_TIMESTAMP_LEN, msg->timestamp_sealed);
	} else {
		key_wipe(i, sizeof *i);
	}
	key_wipe(&key, sizeof key);
	return ok;
}

bool noise_read_initiation(struct noise_responder *r, const struct message_initiation *msg,
			   const struct noise_local *local)
{
	struct aead_key key;

	*r = (struct noise_responder){.remote_index = load_le32(msg->sender)};
	if (!local->has_secret)
		return false;

	memcpy(r->remote_ephemeral.bytes, msg->ephemeral, KEY_LEN);
	memcpy(r->timestamp_sealed, msg->timestamp_sealed, sizeof r->timestamp_sealed);
	state_init(&r->state, &local->public);
	mix_ephemeral(&r->state, msg->ephemeral);

	bool ok = mix_dh(&r->state, &local->secret, &r->remote_ephemeral, &key) && /* es */
		  open_sealed(&r->state, &key, msg->static_sealed, sizeof msg->static_sealed,
			      r->remote_static.bytes) &&
		  is_canonical(&r->remote_static);
	key_wipe(&key, sizeof key);
	if (!ok)
		noise_responder_wipe(r);
	return ok;
}

bool noise_prove_initiator(struct noise_responder *r, const struct noise_remote *remote,
			   uint8_t timestamp[static NOISE_TIMESTAMP_LEN])
{
	struct aead_key key;

	mix_key(&r->state, &remote->static_static, &key); /* ss */
	bool ok = open_sealed(&r->state, &key, r->timestamp_sealed, sizeof r->timestamp_sealed,
			      timestamp);
	key_wipe(&key, sizeof key);
	if (!ok)
		noise_responder_wipe(r);
	return ok;
}

bool noise_write_response(struct noise_responder *r, const struct noise_remote *remote,
			  uint32_t index, const struct env *env, struct message_response *msg,
			  struct noise_keys *keys)
{
	struct key_private ephemeral;
	struct key_public ephemeral_public;
	struct aead_key key;

	*keys = (struct noise_keys){0};
	*msg = (struct message_response){0};
	store_le32(msg->type, MESSAGE_RESPONSE);
	store_le32(msg->sender, index);
	store_le32(msg->receiver, r->remote_index);

	key_private_generate(&ephemeral, env);
	key_public_from(&ephemeral_public, &ephemeral);
	memcpy(msg->ephemeral, ephemeral_public.bytes, KEY_LEN);
	mix_ephemeral(&r->state, msg->ephemeral);

	bool ok = mix_dh(&r->state, &ephemeral, &r->remote_ephemeral, NULL) && /* ee */
		  mix_dh(&r->state, &ephemeral, &remote->public, NULL);        /* se */
	if (ok) {
		mix_psk(&r->state, &remote->psk, &key);
		seal(&r->state, &key, NULL, 0, msg->empty_sealed);
		split(&r->state, &keys->receive, &keys->send);
	}
	key_wipe(&key, sizeof key);
	key_wipe(&ephemeral, sizeof ephemeral);
	noise_responder_wipe(r);
	return ok;
}

bool noise_read_response(const struct noise_initiator *i, const struct message_response *msg,
			 const struct noise_local *local, const struct noise_remote *remote,
			 struct noise_keys *keys)
{
	struct noise_state state = i->state;
	struct key_public ephemeral;
	struct aead_key key;
	uint8_t nothing[1]; /* the sealed text is empty */

	*keys = (struct noise_keys){0};
	memcpy(ephemeral.bytes, msg->ephemeral, KEY_LEN);
	mix_ephemeral(&state, msg->ephemeral);

	bool ok = mix_dh(&state, &i->ephemeral, &ephemeral, NULL) && /* ee */
		  mix_dh(&state, &local->secret, &ephemeral, NULL);  /* se */
	if (ok) {
		mix_psk(&state, &remote->psk, &key);
		ok = open_sealed(&state, &key, msg->empty_sealed, sizeof msg->empty_sealed,
				 nothing);
	}
	if (ok)
		split(&state, &keys->send, &keys->receive);
	key_wipe(&key, sizeof key);
	key_wipe(&state, sizeof state);
	return ok;
}

void noise_responder_wipe(struct noise_responder *r)
{
	key_wipe(r, sizeof *r);
}
