#include "conf/conf_lines.h"

#include "crypto/crypto.h"
#include "support/test.h"

#define ROOM 200 /* of inih as everybody builds it */

struct fixture {
	struct conf *conf;
	struct conf_errors errors;
	struct conf_lines lines;
	char out[ROOM];
	char value[CONF_LINE_MAX + 1];
	size_t value_len;
};

static struct fixture *begin_len(const char *text, size_t len)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->conf = conf_new();
	f->lines = (struct conf_lines){
		.text = text, .len = len, .conf = f->conf, .errors = &f->errors};
	return f;
}

static struct fixture *begin(const char *text)
{
	return begin_len(text, strlen(text));
}

static const char *next(struct fixture *f)
{
	return conf_lines_next(f->out, ROOM, &f->lines);
}

/* The next line is `key`, and its pieces together are `value`. */
static void value_follows(struct fixture *f, const char *key, const char *value)
{
	assert_non_null(next(f));
	assert_int_equal(strncmp(f->out, key, strlen(key)), 0);
	char *piece = strchr(f->out, '=') + 2;
	while (!conf_lines_gather(f->value, &f->value_len, piece)) {
		assert_non_null(next(f));
		assert_int_equal(f->out[0], ' '); /* what makes it a continuation for inih */
		piece = f->out + 1;
	}
	assert_string_equal(f->value, value);
}

static void line_follows(struct fixture *f, const char *want)
{
	assert_non_null(next(f));
	assert_string_equal(f->out, want);
}

static void end(struct fixture *f)
{
	assert_null(next(f));
	conf_free(f->conf);
	conf_errors_free(&f->errors);
	free(f);
}

static void expect_refused_len(const char *text, size_t len, const char *want)
{
	struct fixture *f = begin_len(text, len);

	assert_null(next(f));
	assert_int_equal(f->errors.total, 1);
	assert_string_equal(f->errors.items[0].text, want);
	end(f);
}

static void expect_refused(const char *text, const char *want)
{
	expect_refused_len(text, strlen(text), want);
}

TEST(numbers_peers_and_counts_empty_ones)
{
	struct fixture *f = begin("[Peer]\n\n[PEER] # again\n[interface]\n\n\n[Peer]");

	line_follows(f, "[peer 0]");
	line_follows(f, "[peer 1]");
	line_follows(f, "[interface]");
	line_follows(f, "[peer 2]");
	assert_int_equal(f->conf->peer_count, 3);
	assert_int_equal(f->conf->peers[0].line, 1);
	assert_int_equal(f->conf->peers[1].line, 3);
	assert_int_equal(f->conf->peers[2].line, 7);
	assert_int_equal(f->lines.interface_line, 4);
	end(f);
}

TEST(recognises_sections_strictly)
{
	static const char *const bad[] = {"[Peer",    "[ Peer ]", "[Peers]",    "[]",
					  "[Peer] x", "[Peer]]",  "[Peer] ; x", "[[Peer]]"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct fixture *f = begin(bad[i]);
		line_follows(f, "[other]");
		assert_int_equal(f->errors.total, 1);
		assert_int_equal(f->conf->peer_count, 0);
		end(f);
	}
}

TEST(keeps_semicolons_and_cuts_comments)
{
	struct fixture *f = begin("DNS = a ; b;c # d\n# whole\n   # indented\nx=#\n");

	value_follows(f, "DNS", "a ; b;c");
	assert_null(strchr(f->out, ';')); /* inih never sees one */
	value_follows(f, "x", "");
	end(f);
}

TEST(keeps_number_signs_in_hooks_only)
{
	struct fixture *f =
		begin("PostUp = echo '#1' # two\n pReDown=#\nPreUp # = x\nName = a # b");

	value_follows(f, "PostUp", "echo '#1' # two");
	value_follows(f, "pReDown", "#");
	value_follows(f, "Name", "a");
	assert_int_equal(f->errors.total, 1); /* PreUp, whose `=` is in a comment */
	assert_int_equal(f->errors.items[0].line, 3);
	end(f);
}

TEST(an_indented_line_is_a_line_of_its_own)
{
	struct fixture *f = begin("a = 1\n\t b = 2 \t\n");

	value_follows(f, "a = ", "1");
	value_follows(f, "b = ", "2");
	end(f);
}

TEST(an_equals_sign_ends_the_key_once)
{
	struct fixture *f = begin("key=a=b = c:d");

	value_follows(f, "key", "a=b = c:d");
	end(f);
}

TEST(long_values_come_in_pieces_and_whole)
{
	for (size_t len = ROOM - 60; len < 3 * ROOM; len++) {
		char text[4 * ROOM] = "PostUp = ", *value = text + strlen(text);
		for (size_t i = 0; i < len; i++)
			value[i] = "x y;z\t"[i * 7 % 5];
		value[0] = value[len - 1] = 'v'; /* the ends are trimmed */

		struct fixture *f = begin(text);
		value_follows(f, "PostUp", value);
		end(f);
	}
}

TEST(accepts_crlf_a_byte_order_mark_and_a_last_line_without_end)
{
	struct fixture *f = begin("\xef\xbb\xbf[Peer]\r\na = 1\r\n\r\nb = 2");

	line_follows(f, "[peer 0]");
	value_follows(f, "a = ", "1");
	value_follows(f, "b = ", "2");
	assert_int_equal(f->lines.line, 4);
	assert_int_equal(f->errors.total, 0);
	end(f);
}

TEST(refuses_nul_bytes_even_in_comments)
{
	expect_refused_len("a\0 = 1\n", 7, "a NUL byte: this is not a text file");
	expect_refused_len("# \0\n", 4, "a NUL byte: this is not a text file");
}

TEST(refuses_control_characters_so_that_marks_cannot_be_forged)
{
	for (char c = 1; c < 0x20; c++) {
		char text[] = "PostUp = a?b";
		if (c == '\t' || c == '\n')
			continue;
		text[10] = c;
		expect_refused(text, "a control character: retype the line");
	}
	expect_refused("a = \x7f", "a control character: retype the line");
	expect_refused("a = b\rc", "a control character: retype the line");
}

TEST(refuses_what_is_neither_key_nor_section_nor_comment)
{
	expect_refused("PrivateKey", "not `Key = value`, a section or a # comment");
	expect_refused("= 1", "no key before the `=`");
	expect_refused("; c = d", "a `;` or `:` in a key: a comment begins with #");
	expect_refused("a:b = d", "a `;` or `:` in a key: a comment begins with #");
}

TEST(takes_a_line_of_64_KiB_and_no_longer)
{
	char *text = malloc(CONF_LINE_MAX + 2);
	memset(text, 'x', CONF_LINE_MAX + 1);
	memcpy(text, "a = ", 4);
	text[CONF_LINE_MAX] = '\0';

	struct fixture *f = begin(text);
	value_follows(f, "a", text + 4);
	end(f);

	text[CONF_LINE_MAX] = 'x';
	text[CONF_LINE_MAX + 1] = '\0';
	expect_refused(text, "longer than 65536 bytes");

	/* Within the limit only as long as nobody puts spaces around the `=`. */
	memcpy(text, "a=xx", 4);
	text[CONF_LINE_MAX] = '\0';
	expect_refused(text, "longer than 65536 bytes");
	free(text);
}

TEST(a_long_key_is_cut_and_stays_unknown)
{
	char text[300];
	memset(text, 'k', sizeof text);
	strcpy(text + 250, " = v");

	struct fixture *f = begin(text);
	assert_non_null(next(f));
	assert_int_equal(strchr(f->out, ' ') - f->out, 47);
	end(f);
}

TEST(wipes_the_line_buffer_of_inih_at_the_end)
{
	struct fixture *f = begin("PrivateKey = secret");
	static const char zero[ROOM];

	assert_non_null(next(f));
	assert_null(next(f));
	assert_memory_equal(f->out, zero, ROOM);
	end(f);
}

TEST(a_file_of_nothing_but_peers_has_a_limit)
{
	size_t len = (CONF_PEERS_MAX + 5) * 7;
	char *text = malloc(len + 1);
	for (size_t i = 0; i < len; i += 7)
		memcpy(text + i, "[Peer]\n", 8);

	struct fixture *f = begin(text);
	while (next(f))
		;
	assert_int_equal(f->conf->peer_count, CONF_PEERS_MAX);
	assert_int_equal(f->errors.total, 5);
	end(f);
	free(text);
}

static int start(void **state)
{
	(void)state;
	return crypto_init(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(numbers_peers_and_counts_empty_ones),
		RUN(recognises_sections_strictly),
		RUN(keeps_semicolons_and_cuts_comments),
		RUN(keeps_number_signs_in_hooks_only),
		RUN(an_indented_line_is_a_line_of_its_own),
		RUN(an_equals_sign_ends_the_key_once),
		RUN(long_values_come_in_pieces_and_whole),
		RUN(accepts_crlf_a_byte_order_mark_and_a_last_line_without_end),
		RUN(refuses_nul_bytes_even_in_comments),
		RUN(refuses_control_characters_so_that_marks_cannot_be_forged),
		RUN(refuses_what_is_neither_key_nor_section_nor_comment),
		RUN(takes_a_line_of_64_KiB_and_no_longer),
		RUN(a_long_key_is_cut_and_stays_unknown),
		RUN(wipes_the_line_buffer_of_inih_at_the_end),
		RUN(a_file_of_nothing_but_peers_has_a_limit),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
