/* Not of a file: every control-path operation of the pure rooms but mesh_apply (test_mesh.c), its n-th allocation failing, and all from the n-th on; for every n
 * until it succeeds (reliability.md, F60). starve.c fails those of jansson, OpenSSL and the C library too. */
#include <errno.h>
#include <unistd.h>

#include "conf/conf_file.h"
#include "conf/conf_read.h"
#include "conf/conf_write.h"
#include "conf/delta_text.h"
#include "crypto/crypto.h"
#include "ctl/answer.h"
#include "ctl/running.h"
#include "ctl/state.h"
#include "ctl/status.h"
#include "ctl/uapi.h"
#include "support/test.h"
#include "support/trio.h"
#include "tests/support/starve.h"

#define NOW TRIO_NOW

#define KEY_1 "mHEIBegLttgbpycj5ckI9wYrkzB3wsBwa4MH8bx7G3A="
#define KEY_2 "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define KEY_3 "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="

#define INTERFACE                                                                                  \
	"[Interface]\nPrivateKey = " KEY_1 "\nListenPort = 51820\nAddress = 10.66.0.1/24, "        \
	"fd66::1/64\nDNS = 10.66.0.53, example.org\nMTU = 1380\nPostUp = true; #\n"                \
	"PostDown = true\nSTUN = stun.example.org:3478\nTURN = turn:turn.example.org\n"            \
	"TurnUser = me\nTurnPassword = secret\n"
#define PEER_2                                                                                     \
	"[Peer]\nPublicKey = " KEY_2 "\nPresharedKey = " KEY_3 "\nName = two\nAllowedIPs = "       \
	"10.66.0.2/32, fd66::2/128, 10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16\n"                       \
	"Endpoint = two.example.org:51820\n"
#define PEER_3                                                                                     \
	"[Peer]\nPublicKey = " KEY_3                                                               \
	"\nAllowedIPs = 10.66.0.3/32\nEndpoint = 192.0.2.3:51820\nPersistentKeepalive = 25\n"

static const char old_text[] = INTERFACE PEER_2, new_text[] = INTERFACE PEER_2 PEER_3,
		  bad_text[] = INTERFACE "MTU = 7\nColour = red\n[Peer]\n";
static struct conf *old_conf, *new_conf;
static const struct stages stages = {.tun_super = 7};
static struct delta *change;                     /* from the old to the new */
static char reload_request[2 * sizeof new_text]; /* with the new */

/* --- operations -------------------------------------------------------------------------------------------------
 * Each is true when it did what it is for, and false when it was refused. Anything between fails the test. */

/* Takes the text: true when it is the wanted one, false when there is none. */
static bool is_text(char *text, const char *wanted, void (*release)(char *text))
{
	if (text == NULL)
		return false;
	assert_string_equal(text, wanted);
	release(text);
	return true;
}

static void release_key(char *text)
{
	key_free(text);
}

static void release_text(char *text)
{
	free(text);
}

/* Once with memory: the texts that the operations ought to give. */
static struct {
	char *conf, *get, *status, *metrics, *netcheck, *changes, *events, *event, *error,
		*stopping, *state;
} wanted;

static bool reads_a_configuration(void)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_read(new_text, strlen(new_text), &errors);
	bool done = c != NULL;

	assert_true(done ? errors.total == 0 && conf_equal(c, new_conf) : errors.total > 0);
	conf_errors_free(&errors);
	conf_free(c);
	return done;
}

static bool tells_what_is_wrong_with_a_configuration(void)
{
	struct conf_errors errors = {0};
	bool whole;

	assert_null(conf_read(bad_text, strlen(bad_text), &errors));
	assert_true(errors.total > 0);
	whole = errors.count == errors.total;
	conf_errors_free(&errors);
	return whole;
}

static bool reads_a_file(void)
{
	char path[] = "/tmp/test_starved_XXXXXX";
	int fd = mkstemp(path);
	struct conf_errors errors = {0};
	struct conf *c;
	bool done;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, new_text, strlen(new_text)), strlen(new_text));
	close(fd);
	c = conf_file_read(path, &errors);
	unlink(path);
	done = c != NULL;
	assert_true(done ? conf_equal(c, new_conf) : errors.total > 0);
	conf_errors_free(&errors);
	conf_free(c);
	return done;
}

static bool writes_a_configuration(void)
{
	return is_text(conf_write(new_conf, CONF_FORM_WARREN), wanted.conf, release_key);
}

static bool makes_a_change_of_a_configuration(void)
{
	struct delta *d = delta_from_conf(new_conf);
	bool done = d != NULL;

	assert_true(!done || d->peer_count == 2);
	delta_free(d);
	return done;
}

static bool compares_configurations(void)
{
	struct delta *d = delta_between(old_conf, new_conf);
	bool done = d != NULL;

	assert_true(!done || (d->peer_count == 1 && d->peers[0].allowed_count == 1));
	delta_free(d);
	return done;
}

static bool tells_a_change(void)
{
	struct conf_list lines = {0};
	bool done = delta_text_host(&lines, old_conf, new_conf) &&
		    delta_text(&lines, change, old_conf, new_conf);

	assert_true(!done || lines.count == 2);
	conf_list_free(&lines);
	return done;
}

static bool tells_what_runs(void)
{
	struct conf *c = running_conf(one->m, old_conf);
	bool done = c != NULL;

	assert_true(!done || c->peer_count == 2);
	conf_free(c);
	return done;
}

static bool makes_a_mesh(void)
{
	struct mesh *m = mesh_new(&two->env.env);
	bool done = m != NULL;

	mesh_free(m);
	return done;
}

static bool reads_wg_set(void)
{
	static const char text[] =
		"set=1\nlisten_port=7\nreplace_peers=true\npublic_key="
		"1111111111111111111111111111111111111111111111111111111111111111\n"
		"allowed_ip=10.66.0.9/32\nallowed_ip=10.7.0.0/16\n\n";
	struct delta *d = NULL;
	int error = 0;
	bool done = uapi_read(text, strlen(text), &d, &error) == UAPI_SET;

	assert_int_equal(error, done ? 0 : ENOMEM);
	assert_true(!done || (d->peer_count == 1 && d->peers[0].allowed_count == 2));
	delta_free(d);
	return done;
}

static bool answers_wg_show(void)
{
	size_t len;

	return is_text(uapi_write_get(one->m, NOW, &len), wanted.get, release_key);
}

static bool asks(const char *text, enum answer_kind kind)
{
	struct answer_request r;
	bool done;

	answer_read(&r, text, 0);
	done = r.kind == kind;
	assert_true(done || r.kind == ANSWER_REFUSED);
	if (done && kind == ANSWER_RELOAD)
		assert_true(conf_equal(r.conf, new_conf)); /* not a character was lost */
	else
		assert_null(r.conf);
	conf_free(r.conf);
	free(r.refusal);
	return done;
}

static bool asks_for_status(void)
{
	return asks("{\"cmd\":\"status\"}\n", ANSWER_STATUS);
}

static bool asks_to_reload(void)
{
	return asks(reload_request, ANSWER_RELOAD);
}

static bool refuses_a_bad_reload(void)
{
	struct answer_request r;
	bool whole;

	answer_read(&r, "{\"cmd\":\"reload\",\"config\":\"[Interface]\\nMTU = 7\\n\"}\n", 0);
	assert_int_equal(r.kind, ANSWER_REFUSED);
	whole = r.refusal != NULL && strstr(r.refusal, "\"line\":2") != NULL;
	free(r.refusal);
	return whole;
}

/* True: it is all there. An error instead is a refusal. */
static bool answered(char *text, const char *whole)
{
	bool error = text != NULL && strstr(text, "\"error\":\"out of memory\"") != NULL;

	if (error && strcmp(text, whole) != 0) {
		free(text);
		return false;
	}
	return is_text(text, whole, release_text);
}

static bool answers_status(void)
{
	size_t len;

	return answered(answer_status(one->m, "warren0", "host", &stages, NOW, &len),
			wanted.status);
}

static bool answers_metrics(void)
{
	size_t len;

	return answered(answer_metrics(one->m, "warren0", &stages, NOW, &len), wanted.metrics);
}

static bool answers_netcheck(void)
{
	size_t len;

	return answered(answer_netcheck(one->m, 1, &len), wanted.netcheck);
}

static bool answers_changes(void)
{
	char *items[] = {(char *)"one", (char *)"two"};
	size_t len;

	return answered(answer_changes(&(struct conf_list){items, 2}, &len), wanted.changes);
}

static bool answers_a_listener(void)
{
	size_t len;

	return answered(answer_events(&len), wanted.events);
}

static char *event_line(void)
{
	const struct event e = {.wall = NOW,
				.took = 7,
				.peer = "two",
				.to = MESH_PEER_DIRECT,
				.reason = EVENT_HEARD};
	size_t len;

	return answer_event(&e, &len);
}

static bool tells_an_event(void)
{
	return answered(event_line(), wanted.event);
}

static bool answers_an_error(void)
{
	size_t len;

	return answered(answer_error("this and that", &len), wanted.error);
}

static bool answers_stop(void)
{
	size_t len;

	return answered(answer_stopping(&len), wanted.stopping);
}

static bool writes_the_state(void)
{
	struct past past = {0};
	size_t len;
	int err = mesh_past(one->m, NOW, &past);
	char *text = err == 0 ? state_write(&past, &len) : NULL;

	assert_true(err == 0 || err == -ENOMEM);
	past_free(&past);
	if (text != NULL)
		assert_memory_equal(text, wanted.state, len);
	free(text);
	return text != NULL;
}

static bool reads_the_state(void)
{
	struct past past = {0};
	struct state_skipped skipped;
	enum state_result result =
		state_read(&past, wanted.state, strlen(wanted.state), &one->key, &skipped);

	assert_true(result == STATE_OK || result == STATE_NO_MEMORY);
	assert_true(result != STATE_OK || past.count == 2);
	if (result == STATE_OK)
		past_free(&past);
	return result == STATE_OK;
}

/* --- the sweep -------------------------------------------------------------------------------------------------- */

static const struct operation {
	const char *name;
	bool (*run)(void);
} operations[] = {
	{"conf_read", reads_a_configuration},
	{"conf_read of errors", tells_what_is_wrong_with_a_configuration},
	{"conf_file_read", reads_a_file},
	{"conf_write", writes_a_configuration},
	{"delta_from_conf", makes_a_change_of_a_configuration},
	{"delta_between", compares_configurations},
	{"delta_text", tells_a_change},
	{"running_conf", tells_what_runs},
	{"mesh_new", makes_a_mesh},
	{"uapi_read", reads_wg_set},
	{"uapi_write_get", answers_wg_show},
	{"answer_read status", asks_for_status},
	{"answer_read reload", asks_to_reload},
	{"answer_read bad reload", refuses_a_bad_reload},
	{"answer_status", answers_status},
	{"answer_metrics", answers_metrics},
	{"answer_netcheck", answers_netcheck},
	{"answer_changes", answers_changes},
	{"answer_events", answers_a_listener},
	{"answer_event", tells_an_event},
	{"answer_error", answers_an_error},
	{"answer_stopping", answers_stop},
	{"mesh_past and state_write", writes_the_state},
	{"state_read", reads_the_state},
};

/* Refused or done, and nothing changed on the way. */
static void sweep(const struct operation *o, uint64_t failures)
{
	uint64_t before = node_digest(one), failed = 1, refusals = 0;

	for (uint64_t n = 0; failed > 0; n++) {
		starve_after(n, failures);
		bool done = o->run();
		failed = starve_end();
		if (failed == 0 && !done)
			fail_msg("%s does not work with memory", o->name);
		refusals += !done;
		if (node_digest(one) != before)
			fail_msg("%s left something behind at allocation %lu", o->name,
				 (unsigned long)n);
	}
	if (refusals == 0)
		fail_msg("%s was never refused", o->name);
}

TEST(f60_is_refused_as_a_whole_when_one_allocation_fails)
{
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
		sweep(&operations[i], 1);
}

TEST(f60_is_refused_as_a_whole_when_memory_is_gone_for_good)
{
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
		sweep(&operations[i], UINT64_MAX);
}

static struct conf *read_conf(const char *text)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_read(text, strlen(text), &errors);

	if (c == NULL)
		fail_msg("line %u: %s", errors.items[0].line, errors.items[0].text);
	conf_errors_free(&errors);
	return c;
}

static void write_reload_request(void)
{
	size_t len = (size_t)sprintf(reload_request, "{\"cmd\":\"reload\",\"config\":\"");

	for (const char *at = new_text; *at != '\0'; at++) {
		if (*at == '\n')
			reload_request[len++] = '\\';
		reload_request[len++] = *at == '\n' ? 'n' : *at;
	}
	memcpy(reload_request + len, "\"}\n", sizeof "\"}\n");
}

static int start(void **state)
{
	char *items[] = {(char *)"one", (char *)"two"};
	struct past past;
	size_t len;

	if (trio_start(state) < 0)
		return -1;
	node_connect(two, one, NOW);
	outbox_clear(&one->out);
	answer_init();
	write_reload_request();
	old_conf = read_conf(old_text);
	new_conf = read_conf(new_text);
	change = delta_between(old_conf, new_conf);
	wanted.conf = conf_write(new_conf, CONF_FORM_WARREN);
	wanted.get = uapi_write_get(one->m, NOW, &len);
	wanted.status = answer_status(one->m, "warren0", "host", &stages, NOW, &len);
	wanted.metrics = answer_metrics(one->m, "warren0", &stages, NOW, &len);
	wanted.netcheck = answer_netcheck(one->m, 1, &len);
	wanted.changes = answer_changes(&(struct conf_list){items, 2}, &len);
	wanted.events = answer_events(&len);
	wanted.event = event_line();
	wanted.error = answer_error("this and that", &len);
	wanted.stopping = answer_stopping(&len);
	assert_int_equal(mesh_past(one->m, NOW, &past), 0);
	wanted.state = state_write(&past, &len);
	wanted.state[len] = '\0'; /* it has room for a line more */
	past_free(&past);
	return 0;
}

static int stop(void **state)
{
	key_free(wanted.conf);
	key_free(wanted.get);
	free(wanted.status);
	free(wanted.metrics);
	free(wanted.netcheck);
	free(wanted.changes);
	free(wanted.events);
	free(wanted.event);
	free(wanted.error);
	free(wanted.stopping);
	free(wanted.state);
	delta_free(change);
	conf_free(old_conf);
	conf_free(new_conf);
	return trio_stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(f60_is_refused_as_a_whole_when_one_allocation_fails),
		RUN(f60_is_refused_as_a_whole_when_memory_is_gone_for_good),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, start, stop);
}
