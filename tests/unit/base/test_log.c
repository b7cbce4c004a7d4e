/* The log: levels, one line per record, and text that strangers supplied. */
#include "base/log.h"
#include "base/text.h"
#include "support/test.h"

struct heard {
	unsigned count;
	enum log_level level;
	const char *event;
	char line[2 * LOG_LINE_MAX];
};

static void hear(void *ctx, enum log_level level, const char *event, const char *line)
{
	struct heard *h = ctx;

	h->count++;
	h->level = level;
	h->event = event;
	snprintf(h->line, sizeof h->line, "%s", line);
}

TEST(formats_a_record_and_names_it_by_its_format)
{
	static const char fmt[] = "peer %s: %u packets";
	struct heard h = {0};
	struct log log = {.level = LEVEL_INFO, .sink = hear, .ctx = &h};

	log_info(&log, fmt, "blue", 3u);
	assert_string_equal(h.line, "peer blue: 3 packets");
	assert_int_equal(h.level, LEVEL_INFO);
	assert_ptr_equal(h.event, fmt);
}

TEST(leaves_out_what_is_above_its_level)
{
	static const enum log_level levels[] = {LEVEL_SILENT, LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO,
						LEVEL_DEBUG};

	for (unsigned i = 0; i < 5; i++) {
		struct heard h = {0};
		struct log log = {.level = levels[i], .sink = hear, .ctx = &h};
		log_error(&log, "e");
		log_warn(&log, "w");
		log_info(&log, "i");
		log_debug(&log, "d");
		assert_int_equal(h.count, i);
	}
}

TEST(a_zero_log_is_silent_and_needs_no_sink)
{
	log_error(&(struct log){0}, "nobody hears");
}

TEST(vuln_13_text_of_strangers_is_never_a_format_and_never_a_second_line)
{
	static const struct {
		const char *text, *line;
	} rows[] = {
		{"%n%s%x%99999d", "%n%s%x%99999d"},
		{"a\nerror: forged", "a\\x0aerror: forged"},
		{"a\rb\tc\bd", "a\\x0db\\x09c\\x08d"},
		{"\033[2Jgone", "\\x1b[2Jgone"},
		{"\x7f", "\\x7f"},
		{"\xc2\x9b"
		 "31m",
		 "\\xc2\\x9b31m"},
		{"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},
		{"\xe2\x80\xae"
		 "evil",
		 "\\xe2\\x80\\xaeevil"},
		{"\xff\xc0\x80", "\\xff\\xc0\\x80"},
		{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x87",
		 "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x87"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct heard h = {0};
		struct log log = {.level = LEVEL_DEBUG, .sink = hear, .ctx = &h};
		log_warn(&log, "%s", rows[i].text);
		assert_string_equal(h.line, rows[i].line);
		assert_int_equal(h.count, 1);
	}
}

TEST(escapes_every_byte_that_does_not_print)
{
	for (unsigned byte = 1; byte < 256; byte++) {
		char text[2] = {(char)byte}, out[8], want[8];
		log_escape(out, sizeof out, text);
		if (byte >= 0x20 && byte < 0x7f)
			snprintf(want, sizeof want, "%c", byte);
		else
			snprintf(want, sizeof want, "\\x%02x", byte);
		assert_string_equal(out, want);
	}
}

TEST(cuts_between_characters_at_any_room)
{
	static const char text[] = "a\n\xe2\x82\xac\n";
	static const char whole[] = "a\\x0a\xe2\x82\xac\\x0a";
	static const size_t cuts[] = {0, 1, 5, 8, 12};

	for (size_t room = 0; room <= sizeof whole; room++) {
		char *out = malloc(room + 1);
		size_t want = 0;
		out[room] = 'x';
		for (size_t i = 0; i < 5; i++)
			if (cuts[i] < room)
				want = cuts[i];
		log_escape(out, room, text);
		if (room > 0) {
			assert_int_equal(strlen(out), want);
			assert_memory_equal(out, whole, want);
		}
		assert_int_equal(out[room], 'x');
		free(out);
	}
}

TEST(keeps_every_line_within_its_limit)
{
	struct heard h = {0};
	struct log log = {.level = LEVEL_DEBUG, .sink = hear, .ctx = &h};
	char text[3 * LOG_LINE_MAX];

	for (size_t len = 0; len < sizeof text; len++) {
		memset(text, len % 2 ? '\n' : 'x', len);
		text[len] = '\0';
		log_debug(&log, "%s", text);
		assert_true(strlen(h.line) < LOG_LINE_MAX);
		if (len % 2 == 0 && len < LOG_LINE_MAX)
			assert_int_equal(strlen(h.line), len);
		assert_true(text_is_printable_utf8(h.line, strlen(h.line)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(formats_a_record_and_names_it_by_its_format),
		RUN(leaves_out_what_is_above_its_level),
		RUN(a_zero_log_is_silent_and_needs_no_sink),
		RUN(vuln_13_text_of_strangers_is_never_a_format_and_never_a_second_line),
		RUN(escapes_every_byte_that_does_not_print),
		RUN(cuts_between_characters_at_any_room),
		RUN(keeps_every_line_within_its_limit),
	};
	return RUN_TESTS(tests);
}
