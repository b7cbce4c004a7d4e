/* The daemon's log: lines on a descriptor, so many of one kind and no more. */
#include "sink.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
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

TEST(f62_what_was_lost_is_counted)
{
	char line[LOG_LINE_MAX];
	size_t fitted, tried = 1000;

	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	for (size_t i = 0; i < tried; i++)
		tell(kinds[0], line, NOW + (usec)i * SINK_WINDOW);
	fitted = lines_told();
	assert_in_range(fitted, 1, tried - 1);
	while (lines_told() > 0)
		continue;

	char expected[128];
	snprintf(expected, sizeof expected,
		 "wg0: warning: %zu lines were lost: nobody took them\nwg0: info: here again\n",
		 tried - fitted);
	tell(kinds[0], "here again", NOW + SEC(100000));
	assert_string_equal(told(), expected);
	tell(kinds[0], "and again", NOW + SEC(200000));
	assert_string_equal(told(), "wg0: info: and again\n");
}

/* A syslog daemon in this folder, which reads when it is asked to. */
static char folder[64];
static struct sockaddr_un syslog_at;

static void syslog_start(void)
{
	reader = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(reader, (struct sockaddr *)&syslog_at, sizeof syslog_at), 0);
}

static void syslog_stop(void)
{
	close(reader);
	unlink(syslog_at.sun_path);
}

static int start_syslog(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/warren-sink-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	syslog_at = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(syslog_at.sun_path, sizeof syslog_at.sun_path, "%s/log", folder);
	sink = (struct sink){.interface = "wg0"};
	sink_to_syslog(&sink, syslog_at.sun_path);
	return 0;
}

static int stop_syslog(void **state)
{
	(void)state;
	rmdir(folder);
	close(sink.fd);
	return 0;
}

/* Behind the time, which is fifteen characters. */
static void assert_syslog_told(const char *priority, const char *line)
{
	char expected[128];
	const char *text = told();

	snprintf(expected, sizeof expected, " warrend[%d]: %s", (int)getpid(), line);
	assert_memory_equal(text, priority, strlen(priority));
	assert_string_equal(text + strlen(priority) + 15, expected);
}

TEST(syslog_is_told_as_syslog_tells)
{
	syslog_start();
	sink_write(&sink, NOW, LEVEL_ERROR, kinds[0], "a %s");
	assert_syslog_told("<27>", "wg0: a %s");
	sink_write(&sink, NOW, LEVEL_DEBUG, kinds[0], "b");
	assert_syslog_told("<31>", "wg0: b");
	syslog_stop();
}

TEST(f62_a_syslog_daemon_that_hangs_stops_nobody)
{
	unsigned fitted = 0;

	syslog_start();
	alarm(5);
	for (int i = 0; i < 2000; i++)
		tell(kinds[0], "again", NOW + i * SINK_WINDOW);
	alarm(0);
	assert_int_equal(sink.lost > 0, true);
	while (*told() != '\0')
		fitted++;
	assert_int_equal(fitted + sink.lost, 2000);
	tell(kinds[0], "here again", NOW + SEC(100000));
	assert_non_null(strstr(told(), "lines were lost"));
	assert_syslog_told("<30>", "wg0: here again");
	syslog_stop();
}

TEST(f62_a_syslog_daemon_that_comes_late_or_anew_is_found)
{
	tell(kinds[0], "nobody", NOW);
	for (int round = 0; round < 2; round++) {
		syslog_start();
		tell(kinds[1], "you", NOW);
		assert_non_null(strstr(told(), "1 lines were lost"));
		assert_syslog_told("<30>", "wg0: you");
		syslog_stop();
		tell(kinds[0], "nobody", NOW);
	}
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

#define SYSLOG(name) cmocka_unit_test_setup_teardown(name, start_syslog, stop_syslog)
#define PIPED(name)  cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PIPED(a_line_says_interface_and_level),
		PIPED(lines_of_one_kind_are_limited_and_the_rest_is_counted),
		PIPED(nothing_is_told_of_lines_that_were_not_left_out),
		PIPED(a_flood_of_one_kind_silences_no_other),
		PIPED(a_reader_that_reads_nothing_stops_nobody),
		PIPED(f62_what_was_lost_is_counted),
		SYSLOG(syslog_is_told_as_syslog_tells),
		SYSLOG(f62_a_syslog_daemon_that_hangs_stops_nobody),
		SYSLOG(f62_a_syslog_daemon_that_comes_late_or_anew_is_found),
		PIPED(a_reader_that_has_gone_stops_nobody),
		PIPED(remembers_the_last_error_only),
		PIPED(the_log_writes_to_its_sink_up_to_its_level),
	};

	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	return RUN_TESTS(tests);
}
