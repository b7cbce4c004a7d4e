/* The configuration protocol under arbitrary bytes in arbitrary pieces (reliability.md 4.1). Beyond
 * no crash: every answer is a text that ends with errno and a blank line; how the bytes were cut
 * changes no answer; a change that fails changes nothing; and what get says, fed back as a set to a
 * fresh mesh, gives the same get. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "ctl/uapi.h"
#include "support/env_fake.h"

#define NOW        SEC(1000)
#define INPUT_MAX  65536
#define SERVED_MAX 64 /* requests of one input, to keep runs short */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct env_fake env;
static struct outbox outbox;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_uapi: not so: %s\n", what);
	abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	env_fake_init(&env, 1);
	must(crypto_init(NULL) == 0 && outbox_init(&outbox) == 0, "the host lets us start");
	return 0;
}

static char *get(const struct mesh *m)
{
	size_t len;
	char *text = uapi_write_get(m, NOW, &len);

	must(text != NULL && strlen(text) == len, "get has a text of the length it says");
	must(len >= 9 && strcmp(text + len - 9, "errno=0\n\n") == 0, "get ends with its errno");
	must(strstr(text, "\n\n") == text + len - 2, "get has one blank line, at its end");
	return text;
}

static void check_result(enum uapi_request what, int error)
{
	char answer[UAPI_RESULT_MAX];
	size_t len = uapi_write_result(answer, sizeof answer, what, error);
	int number, end = 0;

	must(error >= 0 && (error != 0 || what == UAPI_SET || what == UAPI_GET),
	     "what is refused has a reason");
	must(sscanf(answer, "errno=%d%n", &number, &end) == 1 &&
		     strcmp(answer + end, "\n\n") == 0 && len == strlen(answer),
	     "an answer is its errno and a blank line");
	must(what == UAPI_BAD_GET ? number > 0 : number <= 0, "errno has the sign the tools want");
}

/* Serve one whole request. Returns its errno. */
static int serve(struct mesh *m, const char *text, size_t len)
{
	struct delta *delta;
	int error;
	enum uapi_request what = uapi_read(text, len, &delta, &error);

	must((what == UAPI_SET) == (delta != NULL), "a set has a change, nothing else has");
	if (what == UAPI_SET) {
		char *before = get(m);
		error = -mesh_apply(m, delta, NOW, &outbox);
		outbox_clear(&outbox);
		char *after = get(m);
		must(error == 0 || strcmp(before, after) == 0,
		     "a change that fails changes nothing");
		key_free(before);
		key_free(after);
	}
	delta_free(delta);
	check_result(what, error);
	return error;
}

/* Serve a stream that comes in pieces of the lengths that `cuts` says (none: in one piece), as the
 * daemon does. Each request's errno goes to errors, EPROTO for what can never become one; returns
 * how many there were. */
static size_t serve_stream(struct mesh *m, const uint8_t *data, size_t len, const uint8_t *cuts,
			   size_t cut_count, int errors[static SERVED_MAX])
{
	char *buffer = malloc(len + 1);
	size_t have = 0, served = 0;

	must(buffer != NULL, "there is memory");
	for (size_t at = 0, piece = 0; at < len && served < SERVED_MAX; at += piece) {
		piece = cut_count != 0 ? cuts[at % cut_count] + (size_t)1 : len;
		if (piece > len - at)
			piece = len - at;
		memcpy(buffer + have, data + at, piece);
		have += piece;

		size_t request;
		while (have != 0 && served < SERVED_MAX &&
		       (request = uapi_frame(buffer, have)) != 0) {
			if (request == SIZE_MAX) {
				errors[served++] = EPROTO;
				free(buffer);
				return served;
			}
			must(request <= have, "a request lies in what came");
			errors[served++] = serve(m, buffer, request);
			have -= request;
			memmove(buffer, buffer + request, have);
		}
	}
	free(buffer);
	return served;
}

static bool is_of_set(const char *line)
{
	static const char *const facts[] = {"last_handshake_time_",
					    "tx_bytes=", "rx_bytes=", "errno="};

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
		if (strncmp(line, facts[i], strlen(facts[i])) == 0)
			return false;
	return true;
}

/* What get said, as the set that says the same. */
static char *as_set(const char *said)
{
	char *request = malloc(strlen(said) + 8), *at = request;

	must(request != NULL, "there is memory");
	at = stpcpy(at, "set=1\n");
	for (const char *line = said; *line != '\n'; line = strchr(line, '\n') + 1) {
		size_t len = (size_t)(strchr(line, '\n') + 1 - line);
		if (is_of_set(line))
			at = mempcpy(at, line, len);
	}
	stpcpy(at, "\n");
	return request;
}

static void check_round_trip(const char *said)
{
	struct mesh *m = mesh_new(&env.env);
	char *request = as_set(said);

	must(m != NULL, "there is memory");
	must(serve(m, request, strlen(request)) == 0, "what get says can be set");
	char *said_again = get(m), *request_again = as_set(said_again);
	must(strcmp(request, request_again) == 0, "what get said and was set is said again");
	free(request_again);
	key_free(said_again);
	free(request);
	mesh_free(m);
}

/* The first bytes say how the rest is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int whole_errors[SERVED_MAX], cut_errors[SERVED_MAX];
	size_t cut_count = len < 4 ? 0 : 4;

	if (len > INPUT_MAX)
		return 0;
	struct mesh *whole = mesh_new(&env.env), *cut = mesh_new(&env.env);
	must(whole != NULL && cut != NULL, "there is memory");
	size_t n = serve_stream(whole, data + cut_count, len - cut_count, NULL, 0, whole_errors);
	size_t k =
		serve_stream(cut, data + cut_count, len - cut_count, data, cut_count, cut_errors);
	must(n == k && memcmp(whole_errors, cut_errors, n * sizeof *cut_errors) == 0,
	     "how the bytes were cut changes no answer");

	char *said = get(whole), *cut_said = get(cut);
	must(strcmp(said, cut_said) == 0, "how the bytes were cut changes no mesh");
	check_round_trip(said);
	key_free(said);
	key_free(cut_said);
	mesh_free(whole);
	mesh_free(cut);
	return 0;
}
