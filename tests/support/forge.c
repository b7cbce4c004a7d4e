#include "support/forge.h"

#include <string.h>

#include "base/bytes.h"
#include "wg/cookie.h"

const char *const forge_low_order[FORGE_LOW_ORDER_COUNT] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void mix(struct noise_state *s, const struct key_shared *dh, struct aead_key *key)
{
	blake2s_kdf(s->chaining, key ? key->bytes : NULL, NULL, s->chaining, dh, KEY_LEN);
}

static void mix_hash(struct noise_state *s, const void *data, size_t len)
{
	blake2s(s->hash, s->hash, BLAKE2S_LEN, data, len);
}

static void mix_ephemeral(struct noise_state *s, const struct key_public *e)
{
	blake2s_kdf(s->chaining, NULL, NULL, s->chaining, e, KEY_LEN);
	mix_hash(s, e, KEY_LEN);
}

void forge_initiation(struct message_initiation *msg, const struct noise_local *local,
		      const struct noise_remote *remote,
		      const uint8_t timestamp[static NOISE_TIMESTAMP_LEN],
		      const struct key_public *ephemeral, const struct key_shared *es)
{
	static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
	static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
	struct noise_state s;
	struct aead_key key;

	*msg = (struct message_initiation){.type = {MESSAGE_INITIATION}, .sender = {7}};
	memcpy(msg->ephemeral, ephemeral, KEY_LEN);
	blake2s(s.chaining, construction, strlen(construction), NULL, 0);
	blake2s(s.hash, s.chaining, BLAKE2S_LEN, identifier, strlen(identifier));
	mix_hash(&s, &remote->public, KEY_LEN);
	mix_ephemeral(&s, ephemeral);
	mix(&s, es, &key);
	aead_seal(msg->static_sealed, &key, 0, &local->public, KEY_LEN, s.hash, BLAKE2S_LEN);
	mix_hash(&s, msg->static_sealed, sizeof msg->static_sealed);
	mix(&s, &remote->static_static, &key);
	aead_seal(msg->timestamp_sealed, &key, 0, timestamp, NOISE_TIMESTAMP_LEN, s.hash,
		  BLAKE2S_LEN);
}

void forge_response(struct message_response *msg, const struct noise_responder *r,
		    const struct key_shared *psk, const struct key_public *ephemeral,
		    const struct key_shared *ee, const struct key_shared *se)
{
	struct noise_state s = r->state;
	struct aead_key key;
	uint8_t tau[BLAKE2S_LEN];

	*msg = (struct message_response){.type = {MESSAGE_RESPONSE}, .sender = {7}};
	store_le32(msg->receiver, r->remote_index);
	memcpy(msg->ephemeral, ephemeral, KEY_LEN);
	mix_ephemeral(&s, ephemeral);
	mix(&s, ee, NULL);
	mix(&s, se, NULL);
	blake2s_kdf(s.chaining, tau, key.bytes, s.chaining, psk, KEY_LEN);
	mix_hash(&s, tau, sizeof tau);
	aead_seal(msg->empty_sealed, &key, 0, NULL, 0, s.hash, BLAKE2S_LEN);
}

void forge_sign(void *msg, size_t len, const struct key_public *receiver, usec now)
{
	struct cookie_jar jar;

	cookie_jar_init(&jar, receiver);
	cookie_sign(&jar, msg, len, now);
}
