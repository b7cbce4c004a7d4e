/* Requests on the control socket (reliability.md, 4.1): whatever comes, the answer is one line of JSON of our schema; nobody but
 * root changes anything; a configuration that is taken holds together and brings a mesh to where it says, and whatever its peers are
 * called, status and metrics of that are a line of JSON. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "ctl/answer.h"
#include "ctl/running.h"
#include "support/env_fake.h"

#define NOW       SEC(100)
#define INPUT_MAX 65536

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct env_fake env;
static struct outbox outbox;
static struct mesh *mesh;
static const struct stages stages;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_answer: not so: %s\n", what);
	abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	env_fake_init(&env, 1);
	must(crypto_init(NULL) == 0 && outbox_init(&outbox) == 0, "the host lets us start");
	answer_init();
	return 0;
}

/* Takes the line. */
static void check_line(char *line, size_t len)
{
	must(line != NULL && strlen(line) == len && strchr(line, '\n') == line + len - 1,
	     "an answer is one line");
	json_t *reply = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	const char *schema = json_string_value(json_object_get(reply, "schema"));
	must(schema != NULL && strcmp(schema, ANSWER_SCHEMA) == 0, "it has our schema");
	json_decref(reply);
	free(line);
}

static void look(void)
{
	size_t len;
	char *line = answer_status(mesh, "warren0", "host", &stages, NOW, &len);

	check_line(line, len);
	line = answer_metrics(mesh, "warren0", &stages, NOW, &len);
	check_line(line, len);
	line = answer_netcheck(mesh, mesh_nat_want(mesh, NOW), &len);
	check_line(line, len);
}

static void reload(const struct conf *c)
{
	struct conf *running = running_conf(mesh, c), *after;
	struct delta *change = running == NULL ? NULL : delta_between(running, c);

	must(change != NULL, "there is memory");
	int err = mesh_apply(mesh, change, NOW, &outbox);
	outbox_clear(&outbox);
	must(err == 0 || err == -E2BIG || err == -EINVAL, "it is applied, or has a reason");
	delta_free(change);
	conf_free(running);
	if (err < 0)
		return;
	after = running_conf(mesh, c);
	change = after == NULL ? NULL : delta_between(after, c);
	must(change != NULL, "there is memory");
	for (size_t i = 0; i < change->peer_count; i++)
		must(change->peers[i].host != NULL && change->peers[i].allowed_count == 0,
		     "what was taken up is there, but for names nobody looked up");
	delta_free(change);
	conf_free(after);
	look();
}

static enum answer_kind ask(const char *text, uid_t uid)
{
	struct answer_request request;

	answer_read(&request, text, uid);
	must((request.kind == ANSWER_REFUSED) == (request.refusal != NULL), "a refusal is said");
	must((request.kind == ANSWER_RELOAD) == (request.conf != NULL),
	     "a reload has what to load");
	if (request.refusal != NULL)
		check_line(request.refusal, request.refusal_len);
	if (request.conf != NULL)
		reload(request.conf);
	conf_free(request.conf);
	return request.kind;
}

/* The input as the text of a configuration in a proper request, which few inputs would ever become. NULL when it cannot be. */
static char *wrap(const uint8_t *data, size_t len)
{
	json_t *request = json_pack("{s:s, s:s%}", "cmd", "reload", "config", data, len);
	char *text = NULL;

	if (request != NULL) {
		size_t room = json_dumpb(request, NULL, 0, 0);
		text = calloc(1, room + 1);
		must(text != NULL && json_dumpb(request, text, room, 0) == room, "there is memory");
	}
	json_decref(request);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > INPUT_MAX)
		return 0;
	char *text = malloc(len + 1);
	mesh = mesh_new(&env.env);
	must(text != NULL && mesh != NULL, "there is memory");
	memcpy(text, data, len);
	text[len] = '\0';

	size_t line = answer_frame(text, len);
	must(line == 0 || (line <= len && text[line - 1] == '\n'), "a request lies in what came");
	enum answer_kind other = ask(text, 1000);
	must(other == ANSWER_REFUSED || other == ANSWER_STATUS || other == ANSWER_METRICS ||
		     other == ANSWER_NETCHECK || other == ANSWER_EVENTS,
	     "others change nothing");
	enum answer_kind root = ask(text, 0);
	must(other == ANSWER_REFUSED || other == root, "root may what others may");
	free(text);

	text = wrap(data, len);
	if (text != NULL)
		ask(text, 0);
	free(text);
	mesh_free(mesh);
	return 0;
}
