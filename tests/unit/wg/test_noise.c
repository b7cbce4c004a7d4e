/* The handshake against fixed transcripts and forgers (WireGuard paper, 5.4; reliability.md, 5:
 * rows 34, 45, 55). */
#include "support/env_fake.h"
#include "support/forge.h"
#include "support/hexdata.h"
#include "support/test.h"
#include "wg/noise.h"

#include "base/bytes.h"
#include "crypto/crypto.h"

#define INITIATOR_INDEX 0x11223344
#define RESPONDER_INDEX 0x55667788

static const uint8_t timestamp[NOISE_TIMESTAMP_LEN] = {0x40, 0,    0,    0, 0x6b, 0x01,
						       0x65, 0xca, 0x1e, 0, 0,    0};
static const struct key_shared no_psk;

/* Two ends that know each other, and where they are in a handshake. */
struct ends {
	struct env_fake env[2];
	struct noise_local local[2];
	struct noise_remote remote[2]; /* [0] is what the initiator knows of the responder */
	struct noise_initiator initiator;
	struct noise_responder responder;
	struct message_initiation initiation;
	struct message_response response;
	struct noise_keys keys[2];
};

static void fill(uint8_t *out, uint8_t from)
{
	for (size_t i = 0; i < KEY_LEN; i++)
		out[i] = (uint8_t)(from + i);
}

static void meet(struct ends *e, const struct key_shared *psk)
{
	static const uint8_t first[] = {0x01, 0x41};

	*e = (struct ends){0};
	for (unsigned i = 0; i < 2; i++) {
		struct key_private secret;
		fill(secret.bytes, first[i]);
		key_private_clamp(&secret);
		env_fake_init(&e->env[i], i + 1);
		noise_local_init(&e->local[i], &secret);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_true(noise_remote_init(&e->remote[i], &e->local[i], &e->local[1 - i].public,
					      psk));
}

static bool initiate(struct ends *e)
{
	return noise_write_initiation(&e->initiator, &e->local[0], &e->remote[0], INITIATOR_INDEX,
				      timestamp, &e->env[0].env, &e->initiation);
}

static bool take_initiation(struct ends *e)
{
	uint8_t got[NOISE_TIMESTAMP_LEN];

	if (!noise_read_initiation(&e->responder, &e->initiation, &e->local[1]) ||
	    !noise_prove_initiator(&e->responder, &e->remote[1], got))
		return false;
	assert_memory_equal(got, timestamp, sizeof got);
	assert_true(key_public_equal(&e->responder.remote_static, &e->local[0].public));
	return true;
}

static bool respond(struct ends *e)
{
	return noise_write_response(&e->responder, &e->remote[1], RESPONDER_INDEX, &e->env[1].env,
				    &e->response, &e->keys[1]);
}

static bool take_response(struct ends *e)
{
	return noise_read_response(&e->initiator, &e->response, &e->local[0], &e->remote[0],
				   &e->keys[0]);
}

/* --- transcripts ------------------------------------------------------------------------------------------------ */

/* Made by a program of its own (Python: X25519 and ChaCha20-Poly1305 written out after RFC 7748
 * and RFC 8439, hashlib's BLAKE2s and hmac), from: static keys 01..20 and 41..60, ephemeral keys
 * the first 32 bytes of rand_seeded(1) and of rand_seeded(2), all clamped; the timestamp and
 * indices above; PSK zero, then 81..a0. */
static const char *const ephemerals[] = {
	"c5d30a7ce1ec119378c84f487d775a8542f13ece238a9455e8229e888de85bbd",
	"6a1f3118f09e7c39421949f5995f01f5a56cbc4980148fa9c7290fc102cb585f",
};
static const char transcript_initiation[] =
	"01000000 44332211 7522df856dbc306095073a93b70b198623b0b3dde0f82ef32f665d8c6f6e203a"
	"0a20ed87dfe5bf8c1559bb37f004d87f777ee0d3e8f41746b57005900e50d20a091d923db19232a27c9ef84f2e"
	"24ea33"
	"afd2bb7d41693f3eb16e6d7037ce69f82335859815433d74eeefbe37";
static const struct {
	uint8_t psk_from; /* 0: none */
	const char *response, *initiator_sends, *responder_sends;
} transcripts[] = {
	{
		0,
		"02000000 88776655 44332211 "
		"9c84664a5e53bcc297f9d7ed72c9d52963a443086971295ea1d18d94aa37c37c"
		"8219af25a683a7295fbce9b64761b092",
		"7296da48696ea0cd32b0a90d341210ac87c4745fcbd349176df1485f16aa2064",
		"e3dec0ad58539d4e627da23a876ad72bd792714da5756dd50c1596cbc143bae4",
	},
	{
		0x81,
		"02000000 88776655 44332211 "
		"9c84664a5e53bcc297f9d7ed72c9d52963a443086971295ea1d18d94aa37c37c"
		"472e217921a22d942853ba5d65e77925",
		"e9c79a66a6c81735d87a379b7ed959a6b8341f599f8982bb322e614d45b4cc70",
		"49b0b5c72a7f36c75e4366d1cb226d7a3b06b1070a07539ba982716710a78f82",
	},
};

static void assert_hex(const void *got, const char *hex)
{
	uint8_t want[148];
	size_t len = hexdata(want, sizeof want, hex);

	assert_memory_equal(got, want, len);
}

TEST(speaks_as_an_independent_implementation_in_both_roles)
{
	for (size_t i = 0; i < sizeof transcripts / sizeof transcripts[0]; i++) {
		struct key_shared psk = no_psk;
		struct ends e;

		if (transcripts[i].psk_from != 0)
			fill(psk.bytes, transcripts[i].psk_from);
		meet(&e, &psk);
		for (uint64_t seed = 1; seed <= 2; seed++) {
			struct rand stream = rand_seeded(seed);
			uint8_t ephemeral[KEY_LEN];
			rand_bytes(&stream, ephemeral, sizeof ephemeral);
			assert_hex(
				ephemeral,
				ephemerals[seed -
					   1]); /* else the constants below are of another stream */
		}

		assert_true(initiate(&e));
		assert_hex(&e.initiation, transcript_initiation);
		assert_true(take_initiation(&e));
		assert_true(respond(&e));
		assert_hex(&e.response, transcripts[i].response);
		assert_true(take_response(&e));
		assert_hex(&e.keys[0].send, transcripts[i].initiator_sends);
		assert_hex(&e.keys[0].receive, transcripts[i].responder_sends);
		assert_hex(&e.keys[1].send, transcripts[i].responder_sends);
		assert_hex(&e.keys[1].receive, transcripts[i].initiator_sends);
	}
}

/* --- refused ---------------------------------------------------------------------------------------------------- */

TEST(refuses_another_psk)
{
	struct ends e;

	meet(&e, &no_psk);
	e.remote[1].psk.bytes[31] ^= 1;
	assert_true(initiate(&e) && take_initiation(&e) && respond(&e));
	assert_false(take_response(&e));
	assert_memory_equal(&e.keys[0], &(struct noise_keys){0}, sizeof e.keys[0]);
}

TEST(refuses_an_initiation_for_somebody_else)
{
	struct key_private secret;
	struct ends e;

	meet(&e, &no_psk);
	fill(secret.bytes, 0x42);
	noise_local_init(&e.local[1], &secret);
	assert_true(initiate(&e));
	assert_false(take_initiation(&e));
}

TEST(refuses_everything_without_an_identity)
{
	struct noise_remote remote;
	struct ends e;

	meet(&e, &no_psk);
	assert_true(initiate(&e));
	for (unsigned i = 0; i < 2; i++)
		noise_local_init(&e.local[i], &(struct key_private){{0}});
	assert_false(take_initiation(&e));
	assert_false(initiate(&e));
	assert_true(key_public_is_zero(&e.local[0].public));
	/* But a peer may be known before we have one. */
	assert_true(noise_remote_init(&remote, &e.local[1], &e.remote[1].public, &no_psk));
}

TEST(leaves_no_secret_of_a_refused_initiation)
{
	static const struct noise_responder empty;
	struct ends e;
	uint8_t got[NOISE_TIMESTAMP_LEN];

	meet(&e, &no_psk);
	assert_true(initiate(&e));
	e.initiation.static_sealed[0] ^= 1;
	assert_false(noise_read_initiation(&e.responder, &e.initiation, &e.local[1]));
	assert_memory_equal(&e.responder, &empty, sizeof empty);

	assert_true(initiate(&e));
	e.initiation.timestamp_sealed[0] ^= 1;
	assert_true(noise_read_initiation(&e.responder, &e.initiation, &e.local[1]));
	assert_false(noise_prove_initiator(&e.responder, &e.remote[1], got));
	assert_memory_equal(&e.responder, &empty, sizeof empty);

	assert_true(initiate(&e) && take_initiation(&e) && respond(&e));
	assert_memory_equal(&e.responder, &empty, sizeof empty);
}

TEST(goes_on_after_a_forged_response)
{
	struct ends e;

	meet(&e, &no_psk);
	assert_true(initiate(&e) && take_initiation(&e) && respond(&e));
	e.response.empty_sealed[3] ^= 4;
	assert_false(take_response(&e));
	e.response.empty_sealed[3] ^= 4;
	assert_true(take_response(&e));
}

TEST(vuln_55_refuses_each_byte_changed)
{
	struct ends e;

	for (size_t i = offsetof(struct message_initiation, ephemeral);
	     i < offsetof(struct message_initiation, mac1); i++) {
		for (unsigned bit = 0; bit < 8; bit += 7) {
			meet(&e, &no_psk);
			assert_true(initiate(&e));
			((uint8_t *)&e.initiation)[i] ^= (uint8_t)(1 << bit);
			assert_false(take_initiation(&e));
		}
	}
	for (size_t i = offsetof(struct message_response, ephemeral);
	     i < offsetof(struct message_response, mac1); i++) {
		meet(&e, &no_psk);
		assert_true(initiate(&e) && take_initiation(&e) && respond(&e));
		((uint8_t *)&e.response)[i] ^= 0x80;
		assert_false(take_response(&e));
	}
}

/* --- low order, and two names for one key ----------------------------------------------------------------------- */

static const struct key_shared zero; /* what every Diffie-Hellman with such a point gives */

TEST(vuln_45_refuses_low_order_points_wherever_they_meet_a_key)
{
	struct ends e;

	for (size_t i = 0; i < FORGE_LOW_ORDER_COUNT; i++) {
		struct key_public point;
		struct noise_remote remote;

		hexdata(point.bytes, sizeof point.bytes, forge_low_order[i]);
		meet(&e, &no_psk);
		assert_false(noise_remote_init(&remote, &e.local[0], &point,
					       &no_psk)); /* static-static */

		forge_initiation(&e.initiation, &e.local[0], &e.remote[0], timestamp, &point,
				 &zero); /* e of the initiator, at the responder: es */
		assert_false(noise_read_initiation(&e.responder, &e.initiation, &e.local[1]));

		assert_true(initiate(&e) &&
			    take_initiation(&e)); /* e of the responder, at the initiator: ee, se */
		forge_response(&e.response, &e.responder, &no_psk, &point, &zero, &zero);
		assert_false(take_response(&e));

		assert_true(take_initiation(&e)); /* e of the initiator, at the responder: ee */
		e.responder.remote_ephemeral = point;
		assert_false(respond(&e));

		assert_true(take_initiation(&e)); /* s of the initiator, at the responder: se */
		e.remote[1].public = point;
		assert_false(respond(&e));

		e.remote[0].public = point; /* s of the responder, at the initiator: es */
		assert_false(initiate(&e));
	}
}

/* Else the test above would prove nothing: with a proper point the forger is believed. */
TEST(takes_what_the_forger_makes_of_a_proper_point)
{
	struct key_private secret;
	struct key_public point;
	struct key_shared first, second;
	struct ends e;

	meet(&e, &no_psk);
	fill(secret.bytes, 0x48);
	key_private_clamp(&secret);
	key_public_from(&point, &secret);

	assert_true(key_dh(&first, &secret, &e.local[1].public));
	forge_initiation(&e.initiation, &e.local[0], &e.remote[0], timestamp, &point, &first);
	assert_true(take_initiation(&e));

	assert_true(initiate(&e) && take_initiation(&e));
	assert_true(key_dh(&first, &secret, &e.responder.remote_ephemeral));
	assert_true(key_dh(&second, &secret, &e.local[0].public));
	forge_response(&e.response, &e.responder, &no_psk, &point, &first, &second);
	assert_true(take_response(&e));
}

/* The initiator writes its own public key as it likes: other encodings of it are no second
 * identity. */
TEST(vuln_34_refuses_a_static_key_in_another_encoding)
{
	struct ends e;
	struct key_public nine = {{9}}, disguised;

	meet(&e, &no_psk);
	e.local[0].public.bytes[31] |= 0x80; /* X25519 does not read this bit */
	assert_true(initiate(&e));
	assert_false(noise_read_initiation(&e.responder, &e.initiation, &e.local[1]));

	memset(&disguised, 0xff, sizeof disguised); /* p + 9 = 2^255 - 10 */
	disguised.bytes[0] = 0xf6;
	disguised.bytes[31] = 0x7f;
	e.local[0].public = disguised;
	assert_true(initiate(&e));
	assert_false(noise_read_initiation(&e.responder, &e.initiation, &e.local[1]));

	e.local[0].public = nine;
	assert_true(initiate(&e));
	assert_true(noise_read_initiation(&e.responder, &e.initiation, &e.local[1]));
}

/* --- timestamps ------------------------------------------------------------------------------------------------- */

static uint64_t seconds_of(const uint8_t *t)
{
	return load_be64(t) - UINT64_C(0x400000000000000a);
}

TEST(timestamps_tell_the_time_but_not_exactly)
{
	uint8_t t[NOISE_TIMESTAMP_LEN] = {0};

	noise_timestamp_next(t, SEC(1795260000) + 999999);
	assert_int_equal(seconds_of(t), 1795260000);
	assert_int_equal(load_be32(t + 8), 59 << 24); /* 989855744 ns */
	memset(t, 0, sizeof t);
	noise_timestamp_next(t, SEC(1795260000) + 16777);
	assert_int_equal(load_be32(t + 8), 0);
	memset(t, 0, sizeof t);
	noise_timestamp_next(t, -SEC(5)); /* before 1970 */
	assert_int_equal(seconds_of(t), 0);
}

TEST(timestamps_only_grow_even_when_the_clock_is_set_back)
{
	uint8_t t[NOISE_TIMESTAMP_LEN] = {0}, before[NOISE_TIMESTAMP_LEN];
	static const usec clock[] = {SEC(100), SEC(100), SEC(100) + 1,  SEC(400000000),
				     SEC(100), SEC(101), SEC(400000001)};

	for (size_t i = 0; i < sizeof clock / sizeof clock[0]; i++) {
		memcpy(before, t, sizeof t);
		noise_timestamp_next(t, clock[i]);
		assert_true(memcmp(t, before, sizeof t) > 0);
	}
	assert_int_equal(seconds_of(t), 400000001);

	memset(t, 0xff, sizeof t);
	t[0] = 0x40;
	noise_timestamp_next(t, SEC(100));
	assert_int_equal(t[0], 0x41);
	assert_int_equal(t[11], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(speaks_as_an_independent_implementation_in_both_roles),
		RUN(refuses_another_psk),
		RUN(refuses_an_initiation_for_somebody_else),
		RUN(refuses_everything_without_an_identity),
		RUN(leaves_no_secret_of_a_refused_initiation),
		RUN(goes_on_after_a_forged_response),
		RUN(vuln_55_refuses_each_byte_changed),
		RUN(vuln_45_refuses_low_order_points_wherever_they_meet_a_key),
		RUN(takes_what_the_forger_makes_of_a_proper_point),
		RUN(vuln_34_refuses_a_static_key_in_another_encoding),
		RUN(timestamps_tell_the_time_but_not_exactly),
		RUN(timestamps_only_grow_even_when_the_clock_is_set_back),
	};

	return crypto_init(NULL) < 0 || RUN_TESTS(tests);
}
