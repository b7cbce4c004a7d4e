/* Reloads with a real worker and a real loop; overlay, mesh and clients are made up here. The overlay's changes wait at a gate where a
 * test wants the kernel to be slow. */
#include "config.h"

#include "reload.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "support/env_fake.h"
#include "support/test.h"

static struct env_fake env;
static struct loop *l;
static struct reload r;
static struct overlay overlay;
static struct conf *loaded;
static pthread_t loop_thread;
static int gate[2];
static bool slow; /* each change of the overlay waits for a byte */
static int choose_err, overlay_err, mesh_err;
static char story[512]; /* what was done, in order */
static unsigned answers, answers_until;

/* Configurations are told apart by their MTU. */
static void tell(const char *what, const struct conf *c)
{
	size_t len = strlen(story);

	snprintf(story + len, sizeof story - len, "%s %u, ", what, c->mtu);
}

static int change_overlay(const char *what, const struct conf *c)
{
	char byte;

	assert_false(pthread_equal(pthread_self(), loop_thread));
	if (slow)
		assert_int_equal(read(gate[0], &byte, 1), 1);
	tell(what, c);
	return overlay_err;
}

int overlay_choose_mark(struct overlay *o, struct conf *c, const struct log *log)
{
	(void)log;
	assert_ptr_equal(o, &overlay);
	assert_false(pthread_equal(pthread_self(), loop_thread));
	c->fwmark = 7;
	return choose_err;
}

int overlay_apply(struct overlay *o, const struct conf *c, const struct log *log)
{
	assert_ptr_equal(o, &overlay);
	if (overlay_err != 0)
		log_error(log, "the kernel says no");
	return change_overlay("overlay", c);
}

int overlay_renew(struct overlay *o, const struct conf *c, const struct log *log)
{
	(void)log;
	assert_ptr_equal(o, &overlay);
	return change_overlay("renew", c);
}

static void mark(void *ctx, const struct conf *c)
{
	size_t len = strlen(story);

	assert_ptr_equal(ctx, &env);
	assert_true(pthread_equal(pthread_self(), loop_thread));
	if (c != NULL)
		assert_int_equal(c->fwmark, 7);
	snprintf(story + len, sizeof story - len, c != NULL ? "mark, " : "unmark, ");
}

static int apply(void *ctx, struct conf *c, struct conf_list *changes)
{
	assert_ptr_equal(ctx, &env);
	assert_true(pthread_equal(pthread_self(), loop_thread));
	assert_int_equal(c->fwmark, 7);
	tell("mesh", c);
	if (mesh_err == 0)
		assert_true(conf_list_add(changes, "one change"));
	return mesh_err;
}

/* The client's number is its address. */
void local_finish(struct local_client *c, char *answer, size_t len)
{
	size_t used = strlen(story);

	assert_int_equal(strlen(answer), len);
	snprintf(story + used, sizeof story - used, "%s to %zu, ",
		 strstr(answer, "one change") != NULL            ? "changes"
		 : strstr(answer, "nothing was changed") != NULL ? "refusal"
								 : answer,
		 (size_t)c);
	free(answer);
	if (++answers == answers_until)
		loop_stop(l);
}

static struct conf *conf_of(uint16_t mtu)
{
	struct conf *c = conf_new();

	assert_non_null(c);
	c->mtu = mtu;
	return c;
}

static int set_up(void **state)
{
	(void)state;
	env_fake_init(&env, 1);
	loop_thread = pthread_self();
	choose_err = overlay_err = mesh_err = 0;
	story[0] = '\0';
	answers = answers_until = 0;
	slow = false;
	loaded = conf_of(1);
	l = loop_new();
	if (l == NULL || pipe(gate) < 0)
		return -1;
	return reload_open(&r, l, &overlay, &loaded,
			   (struct reload_calls){.mark = mark, .apply = apply, .ctx = &env},
			   &env.log);
}

static int tear_down(void **state)
{
	(void)state;
	reload_close(&r);
	conf_free(loaded);
	loaded = NULL;
	loop_free(l);
	close(gate[0]);
	close(gate[1]);
	return 0;
}

static void ask(uint16_t mtu)
{
	reload_ask(&r, conf_of(mtu), (struct local_client *)(uintptr_t)mtu);
}

static void run_until_answered(unsigned count)
{
	answers_until = answers + count;
	loop_run(l);
}

TEST(first_the_overlay_then_the_mesh_then_the_answer)
{
	ask(2);
	run_until_answered(1);
	assert_string_equal(story, "mark, overlay 2, mesh 2, changes to 2, ");
	assert_int_equal(loaded->mtu, 2);
}

static void open_gate(void *ctx)
{
	(void)ctx;
	assert_true(aside_busy(r.aside));
	assert_null(strstr(story, "overlay"));
	assert_int_equal(write(gate[1], "", 1), 1);
}

TEST(f09_packets_go_on_while_the_kernel_takes_its_time)
{
	slow = true;
	ask(2);
	loop_on_deadline(l, open_gate,
			 NULL); /* in a turn of the loop, while the change is under way */
	loop_wake_at(l, loop_now(l));
	run_until_answered(1);
	assert_string_equal(story, "mark, overlay 2, mesh 2, changes to 2, ");
}

TEST(f10_what_the_mesh_refuses_is_put_back_in_the_overlay)
{
	mesh_err = -EADDRINUSE;
	ask(2);
	run_until_answered(1);
	assert_string_equal(story, "mark, overlay 2, mesh 2, overlay 1, unmark, refusal to 2, ");
	assert_int_equal(loaded->mtu, 1);
}

TEST(f10_what_the_kernel_refuses_never_reaches_the_mesh)
{
	overlay_err = -EPERM;
	ask(2);
	run_until_answered(1);
	assert_string_equal(story, "mark, overlay 2, overlay 1, unmark, refusal to 2, ");
	assert_int_equal(loaded->mtu, 1);
	assert_string_equal(env.last_line, "the kernel says no");
}

TEST(without_a_mark_nothing_begins)
{
	choose_err = -ENOSPC;
	ask(2);
	run_until_answered(1);
	assert_string_equal(story, "unmark, refusal to 2, ");
	assert_int_equal(loaded->mtu, 1);
}

TEST(who_asks_meanwhile_waits_for_its_turn)
{
	ask(2);
	ask(3);
	reload_renew(&r);
	ask(4);
	run_until_answered(3);
	assert_string_equal(
		story, "mark, overlay 2, mesh 2, changes to 2, renew 2, mark, overlay 3, mesh 3, "
		       "changes to 3, mark, overlay 4, mesh 4, changes to 4, ");
}

TEST(all_clients_there_are_may_ask_at_once)
{
	for (uint16_t i = 0; i < LOCAL_CLIENTS; i++)
		ask((uint16_t)(10 + i));
	run_until_answered(LOCAL_CLIENTS);
	assert_int_equal(loaded->mtu, 10 + LOCAL_CLIENTS - 1);
}

TEST(the_end_waits_for_the_kernel_and_answers_nobody)
{
	slow = true;
	reload_renew(&r);
	ask(2);
	ask(3);
	assert_int_equal(write(gate[1], "", 1), 1);
	reload_close(&r);
	assert_string_equal(story, "renew 1, ");
	assert_int_equal(answers, 0);
	assert_int_equal(loaded->mtu, 1);
}

TEST(without_a_file_there_is_nothing_to_renew)
{
	conf_free(loaded);
	loaded = NULL;
	reload_renew(&r);
	assert_false(aside_busy(r.aside));
	reload_close(&r);
	loaded = conf_of(1);
	reload_renew(&r); /* nor before the worker is there */
	assert_string_equal(story, "");
}

#define RUN_WITH_WORKER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_WORKER(first_the_overlay_then_the_mesh_then_the_answer),
		RUN_WITH_WORKER(f09_packets_go_on_while_the_kernel_takes_its_time),
		RUN_WITH_WORKER(f10_what_the_mesh_refuses_is_put_back_in_the_overlay),
		RUN_WITH_WORKER(f10_what_the_kernel_refuses_never_reaches_the_mesh),
		RUN_WITH_WORKER(without_a_mark_nothing_begins),
		RUN_WITH_WORKER(who_asks_meanwhile_waits_for_its_turn),
		RUN_WITH_WORKER(all_clients_there_are_may_ask_at_once),
		RUN_WITH_WORKER(the_end_waits_for_the_kernel_and_answers_nobody),
		RUN_WITH_WORKER(without_a_file_there_is_nothing_to_renew),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
