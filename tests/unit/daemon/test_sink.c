/* The daemon's log: lines on a descriptor, so many of one kind and no more. */
#include "sink.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "support/test.h"

#define NOW SEC(1000)

/* Different kinds of records: their addresses count, eight bytes apart for hashes apart. */
static const char kinds[2][8] __attribute__((aligned(8))) = {"one %d", "two %d"};

static struct sink sink;
static int reader;

static int start(void **state)
{
	int fds[2];

	(void)state;
	if (pipe2(fds, O_NONBLOCK) < 0)
		return -1;
	reader = fds[0];
	sink = (struct sink){.interface = "wg0", .fd = fds[1]};
	return 0;
}

static int stop(void **state)
{
	(void)state;
	close(reader);
	if (sink.fd >= 0)
		close(sink.fd);
	return 0;
}

static void tell(const char *kind, const char *line, usec now)
{
	sink_write(&sink, now, LEVEL_INFO, kind, line);
}

/* All that was written since. */
static const char *told(void)
{
	static char text[65536];
	ssize_t len = read(reader, text, sizeof text - 1);

	text[len > 0 ? len : 0] = '\0';
	return text;
}

static size_t lines_told(void)
{
	size_t count = 0;

	for (const char *at = told(); (at = strchr(at, '\n')) != NULL; at++)
		count++;
	return count;
}

TEST(a_line_says_interface_and_level)
{
	sink_write(&sink, NOW, LEVEL_ERROR, kinds[0], "a");
	sink_write(&sink, NOW, LEVEL_WARN, kinds[0], "b");
	sink_write(&sink, NOW, LEVEL_INFO, kinds[0], "c");
	sink_write(&sink, NOW, LEVEL_DEBUG, kinds[0], "%s");
	assert_string_equal(told(),
			    "wg0: error: a\nwg0: warning: b\nwg0: info: c\nwg0: debug: %s\n");
}

TEST(lines_of_one_kind_are_limited_and_the_rest_is_counted)
{
	for (int i = 0; i < SINK_BURST + 7; i++)
		tell(kinds[0], "again", NOW);
	assert_int_equal(lines_told(), SINK_BURST);
	tell(kinds[0], "again", NOW + SINK_WINDOW - 1);
	assert_int_equal(lines_told(), 0);

	tell(kinds[0], "new", NOW + SINK_WINDOW);
	assert_string_equal(told(), "wg0: info: 8 more lines like one before were left out\n"
				    "wg0: info: new\n");
	tell(kinds[0], "new", NOW + SINK_WINDOW);
	assert_string_equal(told(), "wg0: info: new\n");
}

TEST(nothing_is_told_of_lines_that_were_not_left_out)
{
	for (int i = 0; i < SINK_BURST; i++)
		tell(kinds[0], "again", NOW);
	assert_int_equal(lines_told(), SINK_BURST);
	tell(kinds[0], "new", NOW + SINK_WINDOW);
	assert_string_equal(told(), "wg0: info: new\n");
}

TEST(a_flood_of_one_kind_silences_no_other)
{
	for (int i = 0; i < 1000; i++)
		tell(kinds[0], "again", NOW);
	told();
	tell(kinds[1], "other", NOW);
	assert_string_equal(told(), "wg0: info: other\n");
}

TEST(a_reader_that_reads_nothing_stops_nobody)
{
	char line[LOG_LINE_MAX];

	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	assert_int_equal(fcntl(sink.fd, F_SETFL, 0), 0); /* a write would block */
	alarm(5);
	for (int i = 0; i < 1000; i++)
		tell(kinds[0], line, NOW + i * SINK_WINDOW);
	alarm(0);
	assert_int_equal(lines_told() > 0, true); /* what there was room for */
}

TEST(a_reader_that_has_gone_stops_nobody)
{
	close(reader);
	tell(kinds[0], "a", NOW);
	reader = dup(STDIN_FILENO);
}

TEST(the_log_writes_to_its_sink_up_to_its_level)
{
	struct log log = sink_log(&sink, LEVEL_INFO);

	log_info(&log, "listening on port %d", 51820);
	log_debug(&log, "nobody asked");
	assert_string_equal(told(), "wg0: info: listening on port 51820\n");
}

TEST(remembers_the_last_error_only)
{
	assert_string_equal(sink.last_error, "");
	sink_write(&sink, NOW, LEVEL_ERROR, kinds[0], "no such host");
	sink_write(&sink, NOW, LEVEL_WARN, kinds[1], "perhaps");
	assert_string_equal(sink.last_error, "no such host");
	sink_write(&sink, NOW, LEVEL_ERROR, kinds[0], "no such port");
	assert_string_equal(sink.last_error, "no such port");
}

#define PIPED(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PIPED(a_line_says_interface_and_level),
		PIPED(lines_of_one_kind_are_limited_and_the_rest_is_counted),
		PIPED(nothing_is_told_of_lines_that_were_not_left_out),
		PIPED(a_flood_of_one_kind_silences_no_other),
		PIPED(a_reader_that_reads_nothing_stops_nobody),
		PIPED(a_reader_that_has_gone_stops_nobody),
		PIPED(remembers_the_last_error_only),
		PIPED(the_log_writes_to_its_sink_up_to_its_level),
	};

	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	return RUN_TESTS(tests);
}
