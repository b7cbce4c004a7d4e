/* STUN messages of strangers (reliability.md 4.1, harness 1): the codec against a second reader, which has to agree about what can be
 * read, what is in it and what counts; what was read is written and read again, and is the same; nothing that follows integrity
 * changes anything. In blocks of exactly the message's size, at odd addresses too.
 *
 * An input is a byte of flags and a message: 1: its cookie and length are made right; 2: it is signed, and given a
 * fingerprint: 4; 8: the second key and form of integrity; 112: offset in its block. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "nat/integrity.h"
#include "support/stun_twin.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define MESSAGE_MAX 70000

static const struct integrity_key keys[] = {
	{.kind = INTEGRITY_SHA1, .bytes = "VOkJxbRl1RmTxUk/WvJxBt", .len = 22}, /* of RFC 5769 */
	{.kind = INTEGRITY_SHA256, .bytes = "0123456789abcdef", .len = 16},
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

/* A block of its own, with nothing behind the last byte. */
static uint8_t *block_of(const uint8_t *data, size_t len, size_t offset)
{
	uint8_t *block = malloc(offset + len > 0 ? offset + len : 1);

	must(block != NULL, "memory");
	if (len > 0)
		memcpy(block + offset, data, len);
	return block;
}

/* Without what is no value, and is appended by others. */
static struct stun_message bare(const struct stun_message *m)
{
	struct stun_message b = *m;

	b.has &= STUN_HAS(STUN_MESSAGE_INTEGRITY) - 1;
	return b;
}

static void check_writing(const struct stun_message *m)
{
	static uint8_t again[MESSAGE_MAX], rest[MESSAGE_MAX];
	struct stun_message want = bare(m), read;
	size_t len = stun_write(again, sizeof again, m);

	/* Parameters of password algorithms are left out, so it may be shorter, but never longer. */
	must(len >= STUN_HEADER_LEN, "what was read can be written");
	must(stun_read(&read, again, len), "what was written can be read");
	must(stun_twin_equal(&read, &want), "it is the same");
	must(stun_write(rest, len - 1, m) == 0, "it is not written with a byte too few");
	must(stun_write(rest, len, m) == len && memcmp(rest, again, len) == 0,
	     "it is written the same way");
	len = stun_add_fingerprint(again, len, sizeof again);
	must(len == 0 || stun_read(&read, again, len), "it can be read with a fingerprint");
}

/* As far as its first integrity attribute it says all that it says. */
static void check_seal(const uint8_t *data, const struct stun_message *m)
{
	bool wide = !stun_has(m, STUN_MESSAGE_INTEGRITY);
	size_t at = wide ? m->integrity256_at : m->integrity_at;

	if (at == 0)
		return;
	size_t len = at + 4 + (size_t)load_be16(data + at + 2);
	uint8_t *cut = block_of(data, len, 0);
	struct stun_message read, want = bare(m);
	store_be16(cut + 2, (uint16_t)(len - STUN_HEADER_LEN));
	must(stun_read(&read, cut, len), "what follows integrity is not needed");
	must(read.unknown_count == m->unknown_count, "no unknown attribute follows integrity");
	read = bare(&read);
	must(stun_twin_equal(&read, &want), "what follows integrity changes nothing");
	free(cut);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(crypto_init(NULL) == 0, "crypto");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t msg[MESSAGE_MAX];
	struct stun_message m;

	if (len == 0 || len - 1 > MESSAGE_MAX - 64)
		return 0;
	uint8_t flags = data[0];
	memcpy(msg, data + 1, --len);
	if ((flags & 1) != 0 && len >= STUN_HEADER_LEN) {
		len &= ~(size_t)3;
		store_be32(msg + 4, STUN_MAGIC);
		store_be16(msg + 2, (uint16_t)(len - STUN_HEADER_LEN));
	}
	const struct integrity_key *key = &keys[(flags & 8) != 0];
	bool is_signed = (flags & 2) != 0 && len >= STUN_HEADER_LEN && len < UINT16_MAX - 64;
	size_t unsigned_len = len;
	if (is_signed)
		len = integrity_sign(msg, len, sizeof msg, key);
	if ((flags & 4) != 0 && len >= STUN_HEADER_LEN && len < UINT16_MAX - 64)
		len = stun_add_fingerprint(msg, len, sizeof msg);

	size_t offset = flags >> 4 & 7;
	uint8_t *block = block_of(msg, len, offset);
	const uint8_t *at = block + offset;
	bool ok = stun_read(&m, at, len);
	must(ok == (stun_twin_fault(at, len) == NULL), "both can read it, or neither");
	must(!ok || stun_is_message(at, len), "what can be read is a message");
	if (ok) {
		must(stun_twin_differs(at, len, &m) == NULL, "both read the same");
		check_writing(&m);
		check_seal(at, &m);
		bool held = integrity_holds(&m, key);
		size_t mac_at = key->kind == INTEGRITY_SHA256 ? m.integrity256_at : m.integrity_at;
		must(!is_signed || mac_at != unsigned_len || held, "what was signed holds");
	}
	free(block);
	return 0;
}
