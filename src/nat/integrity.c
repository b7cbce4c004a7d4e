/* MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 (RFC 8489, 14.5 and 14.6), keys of long-term credentials (9.2.2). */
#include "nat/integrity.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/defence.h"
#include "crypto/hmac.h"
#include "crypto/key.h"

#define CREDENTIAL_MAX 2048 /* username, realm and password, with two colons */

/* What differs between the two. */
static const struct {
	uint16_t type;
	size_t mac_len;
} kinds[] = {
	[INTEGRITY_SHA1] = {0x0008, HMAC_SHA1_LEN},
	[INTEGRITY_SHA256] = {0x001c, HMAC_SHA256_LEN},
};

/* Of the `at` bytes before the attribute; the length in the header is as if the message ended with it. */
static void make_mac(uint8_t mac[static HMAC_SHA256_LEN], const uint8_t *msg, size_t at,
		     const struct integrity_key *key)
{
	size_t end = at + 4 + kinds[key->kind].mac_len;
	uint8_t head[4] = {msg[0], msg[1]};

	store_be16(head + 2, (uint16_t)(end - STUN_HEADER_LEN));
	switch (key->kind) {
	case INTEGRITY_SHA1:
		hmac_sha1(mac, key->bytes, key->len, head, sizeof head, msg + 4, at - 4);
		return;
	case INTEGRITY_SHA256:
		hmac_sha256(mac, key->bytes, key->len, head, sizeof head, msg + 4, at - 4);
		return;
	}
}

size_t integrity_sign(uint8_t *msg, size_t len, size_t room, const struct integrity_key *key)
{
	size_t mac_len = kinds[key->kind].mac_len, new_len = len + 4 + mac_len;
	uint8_t mac[HMAC_SHA256_LEN];

	assert(key->len <= INTEGRITY_KEY_MAX);
	if (new_len > room || new_len - STUN_HEADER_LEN > UINT16_MAX)
		return 0;
	make_mac(mac, msg, len, key);
	store_be16(msg + 2, (uint16_t)(new_len - STUN_HEADER_LEN));
	store_be16(msg + len, kinds[key->kind].type);
	store_be16(msg + len + 2, (uint16_t)mac_len);
	memcpy(msg + len + 4, mac, mac_len);
	return new_len;
}

bool integrity_holds(const struct stun_message *m, const struct integrity_key *key)
{
	bool wide = key->kind == INTEGRITY_SHA256;
	size_t mac_len = kinds[key->kind].mac_len;
	size_t at = wide ? m->integrity256_at : m->integrity_at;
	uint8_t mac[HMAC_SHA256_LEN];

	if (!stun_has(m, wide ? STUN_MESSAGE_INTEGRITY_SHA256 : STUN_MESSAGE_INTEGRITY) ||
	    load_be16(m->start + at + 2) != mac_len)
		return false;
	make_mac(mac, m->start, at, key);
	return !DEFENCE(55, !key_bytes_equal(mac, m->start + at + 4, mac_len));
}

bool integrity_key_long_term(struct integrity_key *key, enum integrity_kind kind,
			     enum stun_algorithm hash, struct stun_bytes username,
			     struct stun_bytes realm, struct stun_bytes password)
{
	uint8_t text[CREDENTIAL_MAX];
	struct writer w = writer_of(text, sizeof text);

	write_bytes(&w, username.data, username.len);
	write_u8(&w, ':');
	write_bytes(&w, realm.data, realm.len);
	write_u8(&w, ':');
	write_bytes(&w, password.data, password.len);
	if (writer_ok(&w)) {
		*key = (struct integrity_key){.kind = kind};
		switch (hash) {
		case STUN_ALGORITHM_MD5:
			hmac_plain_md5(key->bytes, text, writer_len(&w));
			key->len = HMAC_MD5_LEN;
			break;
		case STUN_ALGORITHM_SHA256:
			hmac_plain_sha256(key->bytes, text, writer_len(&w));
			key->len = HMAC_SHA256_LEN;
			break;
		}
	}
	key_wipe(text, sizeof text);
	return writer_ok(&w);
}
