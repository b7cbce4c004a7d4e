/* WireGuard's configuration protocol as its tests speak it: lines of text to a real mesh, and the answer they expect. */
#ifndef UNIT_CTL_UAPI_TEXT_H
#define UNIT_CTL_UAPI_TEXT_H

#include "crypto/crypto.h"
#include "ctl/uapi.h"
#include "support/env_fake.h"
#include "support/nodes.h"
#include "support/test.h"

#define NOW  SEC(1000)
#define PRIV "4040404040404040404040404040404040404040404040404040404040404041"
#define OWN  "16cc47ba4376ea9de41e2e0d41d924292b54c74b2a9b76201b3aa51a6906654e" /* of PRIV, public */
#define P    "1111111111111111111111111111111111111111111111111111111111111111"
#define Q    "2222222222222222222222222222222222222222222222222222222222222222"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define PEER "public_key=" P "\n"

static struct env_fake env;
static struct outbox outbox;

static inline int start(void **state)
{
	(void)state;
	env_fake_init(&env, 1);
	return crypto_init(NULL) != 0 || outbox_init(&outbox) != 0;
}

static inline int stop(void **state)
{
	(void)state;
	outbox_free(&outbox);
	return 0;
}

static inline struct mesh *new_mesh(void)
{
	struct mesh *m = mesh_new(&env.env);

	assert_non_null(m);
	return m;
}

/* What the daemon does with one whole request. Free the answer with key_free. */
static inline char *ask(struct mesh *m, const char *text, size_t len)
{
	struct delta *delta;
	int error;
	enum uapi_request what = uapi_read(text, len, &delta, &error);
	char *answer;

	if (what == UAPI_GET) {
		answer = uapi_write_get(m, NOW, &len);
		assert_non_null(answer);
		assert_int_equal(len, strlen(answer));
		return answer;
	}
	if (what == UAPI_SET) {
		error = -mesh_apply(m, delta, NOW, &outbox);
		outbox_clear(&outbox);
	}
	delta_free(delta);
	answer = key_alloc(UAPI_RESULT_MAX);
	assert_non_null(answer);
	len = uapi_write_result(answer, UAPI_RESULT_MAX, what, error);
	assert_int_equal(len, strlen(answer));
	return answer;
}

#define assert_answer(m, request, expected) assert_answer_at(m, request, expected, __LINE__)
static inline void assert_answer_at(struct mesh *m, const char *request, const char *expected,
				    int line)
{
	size_t len = strlen(request);

	if (uapi_frame(request, len) != len)
		fail_msg("line %d: not one request: %s", line, request);
	char *answer = ask(m, request, len);
	if (strcmp(answer, expected) != 0)
		fail_msg("line %d: %s answered %s instead of %s", line, request, answer, expected);
	key_free(answer);
}

static inline void assert_set(struct mesh *m, const char *lines)
{
	char request[4096];

	snprintf(request, sizeof request, "set=1\n%s\n", lines);
	assert_answer(m, request, "errno=0\n\n");
}

/* What get says, without its errno line. */
static inline void assert_get(struct mesh *m, const char *lines)
{
	char expected[4096];

	snprintf(expected, sizeof expected, "%serrno=0\n\n", lines);
	assert_answer(m, "get=1\n\n", expected);
}

/* A set read by itself, which must be well formed. */
static inline struct delta *read_set(const char *lines)
{
	char request[4096];
	struct delta *d;
	int error;

	snprintf(request, sizeof request, "set=1\n%s\n", lines);
	assert_int_equal(uapi_read(request, strlen(request), &d, &error), UAPI_SET);
	assert_int_equal(error, 0);
	assert_non_null(d);
	return d;
}

#define PEER_LINES(key, psk, endpoint, tx, keepalive, allowed)                                     \
	"public_key=" key "\npreshared_key=" psk "\nprotocol_version=1\n" endpoint                 \
	"last_handshake_time_sec=0\nlast_handshake_time_nsec=0\ntx_bytes=" tx "\nrx_bytes=0\n"     \
	"persistent_keepalive_interval=" keepalive "\n" allowed
/* A peer about which nothing was said but its allowed IPs. */
#define BARE_PEER(key, allowed) PEER_LINES(key, ZERO, "", "0", "0", allowed)

#endif
